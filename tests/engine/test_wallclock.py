"""The host's wall clock is set in mid-call (R22): durations do not notice, and the record shows."""

from __future__ import annotations

import pytest

from ivr.engine.wallclock import JUMP_MS, LOOK_MS
from ivr.lab import CallScript, Destination

HOUR_MS = 3_600_000
TALKS = CallScript(destination=Destination.talks(20_000))


def jumps(logged) -> list[int]:
    return [one["by_ms"] for one in logged if one["event"] == "the wall clock was set"]


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS])
def test_a_clock_that_is_set_in_mid_call(house, logged, by_ms):
    call = house.place(TALKS)
    house.until(call, "connected")
    house.clock.run(1000)
    house.clock.step_wall(by_ms)
    told = house.over(call)
    told.assert_heard(20_000)
    durations = told.record["durations"]
    assert durations["connected_ms"] == durations["joined_ms"] == 20_000
    assert durations["wall_ms"] - durations["total_ms"] == by_ms
    assert told.record["ended"]["by"] == "agent"
    assert jumps(logged) == [by_ms]
    assert house.metric("ivr_clock_jumps_total") == 1


def test_a_clock_that_stands_right_is_not_reported(house, logged):
    told = house.call(TALKS)
    durations = told.record["durations"]
    assert durations["wall_ms"] == durations["total_ms"]
    assert jumps(logged) == []
    assert house.metric("ivr_clock_jumps_total") == 0


def test_a_clock_that_is_steered_is_not_reported(house, logged):
    """As NTP does it, a little at a time."""
    for _ in range(10):
        house.clock.step_wall(JUMP_MS // 2)
        house.clock.run(LOOK_MS)
    assert jumps(logged) == []


def test_pauses_hold_where_they_were_whatever_the_clock_says(house):
    """Their spans are of the monotonic clock (R6)."""
    call = house.place(TALKS)
    house.until(call, "connected")
    house.clock.run(2000)
    house.engine.ongoing.keyed(call.other.uuid, "pause")
    house.clock.run(1000)
    house.clock.step_wall(-HOUR_MS)
    house.clock.run(2000)
    house.engine.ongoing.keyed(call.other.uuid, "resume")
    told = house.over(call)
    (pause,) = told.record["recording"]["pauses"]
    assert (pause["how"], pause["leaked_peak"]) == ("masked", 0)
    assert 1500 <= pause["start_ms"] <= 2000
    assert 5000 <= pause["end_ms"] <= 5600


@pytest.mark.parametrize("by_ms", [HOUR_MS, -HOUR_MS])
def test_a_clock_that_is_set_between_two_engines(house, by_ms):
    """The one that takes the call up reckons by the host's monotonic clock, too."""
    call = house.place(TALKS)
    house.until(call, "connected")
    house.clock.run(5000)
    house.stop()
    house.clock.step_wall(by_ms)
    house.start()
    told = house.over(call)
    told.assert_heard(20_000)
    assert told.record["durations"]["connected_ms"] == 20_000
    assert told.record["durations"]["wall_ms"] - told.record["durations"]["total_ms"] == by_ms
