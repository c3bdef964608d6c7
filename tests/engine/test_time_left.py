"""How long a call may last that lost its socket, or its engine (R22)."""

from __future__ import annotations

import pytest

from ivr.engine.driver import LEAST_LEFT_MS
from ivr.lab import CallScript, Destination, LabCall
from tests.engine.house import House

LONGEST_MS = 600_000
"""The team's ``longest_call``."""


def connected(house: House) -> LabCall:
    call = house.place(CallScript(destination=Destination()))
    house.until(call, "connected")
    return call


def ended(house: House, call: LabCall) -> int:
    """Wait until the engine ends it; when that was, in milliseconds since its connection."""
    told = house.over(call)
    end = told.record["ended"]
    assert (end["by"], end["reason"]) == ("engine", "longest-call")
    assert end["cause"] == "ALLOTTED_TIMEOUT"
    assert told.record["recording"]["state"] == "kept"
    return int(told.record["durations"]["connected_ms"])


def test_a_call_that_is_followed_is_ended_over_the_engines_own_line(house):
    call = connected(house)
    house.clock.run(60_000)
    house.lose(call)
    sent = len(house.commands)
    house.clock.run(60_000)
    assert LONGEST_MS <= ended(house, call) <= 60_000 + LONGEST_MS + 1000
    hung_up = [one for one in house.commands[sent:] if "execute-app-name: hangup" in one]
    assert [one.splitlines()[0] for one in hung_up] == [f"sendmsg {call.uuid}"]


@pytest.mark.parametrize("restarts", [1, 3])
def test_a_call_that_is_taken_up_has_what_is_left_of_its_time(house, restarts):
    call = connected(house)
    for _ in range(restarts):
        house.clock.run(100_000)
        house.stop()
        house.start()
    assert LONGEST_MS - 1000 <= ended(house, call) <= LONGEST_MS + 1000


def test_a_call_whose_time_is_over_has_a_moment_all_the_same(house):
    """Its people are not cut off by the very engine that has come back."""
    call = connected(house)
    house.stop()
    house.clock.run(LONGEST_MS + 50_000)
    house.start()
    came_ms = LONGEST_MS + 50_000
    assert came_ms + LEAST_LEFT_MS - 1000 <= ended(house, call) <= came_ms + LEAST_LEFT_MS + 2000
