"""Calls on hold: what the caller says then, and what becomes of pauses (R5, R6; docs/freeswitch.md
54 to 57)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.lab import CallScript, Destination, LabCall, faults
from ivr.lab.expect import AGENT_HZ, CALLER_HZ
from ivr.lab.script import (
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Hold,
    Keys,
    Unhold,
    Wait,
    WhenConnected,
)
from tests.engine.house import AGENT, CALLER, Call
from tests.leaks import stories
from tests.leaks.payments import STAFF_CALL, Payments

PAUSED_HZ = "tone_stream://%(150,50,500);%(150,0,400)"
TALKS = Destination(steps=(WhenConnected(), Wait(60_000)))


@pytest.fixture(params=[""])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Payments]:
    """The parameter is what the team's file says besides."""
    house = Payments(tmp_path)
    team = tmp_path / "dialplan/teams/customer-services.yaml"
    team.write_text(f"{team.read_text()}{request.param}")
    house.begin()
    yield house
    house.close()


def talks(*agent: Any, caller: Any = (), last_ms: int = 2000, **more: Any) -> CallScript:
    """From a second after the connection the agent does this, talks on, and hangs up."""
    return CallScript(
        steps=(WhenConnected(), *caller),
        destination=Destination(steps=(WhenConnected(1000), *agent, Wait(last_ms), HangUp())),
        **more,
    )


def spans(call: Call) -> list[tuple[str, str]]:
    return [(one["by"], one["how"]) for one in call.record["recording"]["pauses"]]


def heard(call: Call, begin_ms: int, end_ms: int) -> tuple[bool, bool]:
    """Whether the caller, and the agent, are heard in this stretch."""
    return (
        call.loudness(CALLER, CALLER_HZ, begin_ms, end_ms) > 1000,
        call.loudness(AGENT, AGENT_HZ, begin_ms, end_ms) > 1000,
    )


def paused(house: Payments, call: LabCall) -> bool:
    return house.engine.context.calls[call.uuid].state.pause.value != "off"


def test_what_a_caller_says_on_hold_is_masked(house):
    told = house.call(talks(Hold(), Wait(4000), Unhold(), Wait(1000)))
    assert spans(told) == [("hold", "masked")]
    (pause,) = told.record["recording"]["pauses"]
    assert (pause["ended_by"], pause["leaked_peak"]) == ("hold", 0)
    assert 500 <= pause["start_ms"] <= 1100
    assert 4900 <= pause["end_ms"] <= 6000
    assert heard(told, 0, 500) == (True, True)
    assert told.loudness(CALLER, CALLER_HZ, 1100, 4900) == 0
    assert heard(told, 6200, 7000) == (True, True)
    assert house.metric("ivr_pauses_total", by="hold") == 1
    assert not [one for one in house.commands if PAUSED_HZ in one], "who holds hears no tone"


RECORD = "pause:\n  on_hold: record\n"


@pytest.mark.parametrize("house", [RECORD], indirect=True)
def test_a_team_may_have_it_recorded(house):
    told = house.call(talks(Hold(), Wait(4000), Unhold(), Wait(1000)))
    assert spans(told) == []
    assert told.loudness(CALLER, CALLER_HZ, 1500, 4500) > 1000
    assert not [one for one in house.commands if " mask " in one]


def test_a_hold_in_a_pause_ends_nothing(house):
    """The pause was asked for, and takes a person to end."""
    agent = (
        Keys("*7"),
        Wait(1000),
        Hold(),
        Wait(2000),
        Unhold(),
        Wait(1500),
        Keys("*8"),
        Wait(1000),
    )
    call = house.place(talks(*agent))
    house.until(call, "connected")
    house.clock.run(5500)
    assert not house.engine.context.calls[call.uuid].state.held
    assert paused(house, call), "back from hold"
    told = house.over(call)
    assert spans(told) == [("agent", "masked")]
    assert told.record["recording"]["pauses"][0]["ended_by"] == "agent"


def test_a_pause_that_is_asked_for_on_hold_outlasts_it(house):
    call = house.place(talks(Hold(), Wait(4000), Unhold(), Wait(3000), last_ms=3000))
    house.until(call, "connected")
    house.clock.run(2500)
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/pause")
    assert status == 200, body
    house.clock.run(3500)
    assert not house.engine.context.calls[call.uuid].state.held
    assert paused(house, call)
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/resume")
    assert status == 200, body
    assert not paused(house, call)
    told = house.over(call)
    assert {by for by, _how in spans(told)} <= {"hold", "page"}
    assert told.loudness(CALLER, CALLER_HZ, 1500, 6000) == 0


def test_nobody_ends_a_hold_from_outside(house):
    """The agent comes back from it by the telephone."""
    call = house.place(talks(Hold(), Wait(6000), Unhold(), Wait(2000)))
    house.until(call, "connected")
    house.clock.run(2500)
    status, _body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/resume")
    assert status != 200
    assert paused(house, call)
    told = house.over(call)
    assert spans(told) == [("hold", "masked")]
    assert told.loudness(CALLER, CALLER_HZ, 1500, 6500) == 0


def test_a_mask_that_is_refused_on_hold_stops_the_recording_until_its_end(house):
    house.switch.faults.refuse_mask()
    told = house.call(talks(Hold(), Wait(4000), Unhold(), Wait(2000)))
    assert {how for _by, how in spans(told)} == {"stopped"}
    assert [part["path"].partition(".")[2] for part in told.record["recording"]["parts"]] == [
        "wav",
        "2.wav",
    ]
    assert house.metric("ivr_recordings_stalled_total", outcome="renewed") == 0


def test_a_hold_that_ends_before_its_mask_is_confirmed_ends_when_it_is(house):
    house.switch.faults.delay(faults.MASK, 1500)
    call = house.place(talks(Hold(), Wait(500), Unhold(), Wait(4000)))
    house.until(call, "connected")
    house.clock.run(4000)
    assert not paused(house, call)
    assert spans(house.over(call)) == [("hold", "masked")]


# With transfers: one call stays one recording and one record.


def test_an_attended_transfer_is_masked_while_the_caller_waits(house):
    there = Destination(steps=(WhenConnected(), WhenConnected(3000), HangUp()), hz=620)
    agent = (AttendedTransfer(stories.COLLEAGUE, consult_ms=3000),)
    call = house.place(
        CallScript(
            destinations={
                "desk": Destination(steps=(WhenConnected(1000), *agent)),
                "colleague": there,
            }
        )
    )
    told = house.over(call)
    assert spans(told) == [("hold", "masked")]
    assert [leg["number"] for leg in told.record["legs"]] == ["desk", "colleague"]
    assert len(told.record["recording"]["parts"]) == 1
    ms = told.record["recording"]["duration_ms"]
    assert told.loudness(CALLER, CALLER_HZ, 1500, 3500) == 0, "on hold"
    assert told.loudness(CALLER, CALLER_HZ, ms - 1500, ms) > 1000, "with the colleague"
    assert told.loudness(AGENT, 620, ms - 1500, ms) > 1000


def test_a_blind_transfer_out_of_a_hold_ends_it(house):
    agent = (Hold(), Wait(2000), BlindTransfer(stories.COLLEAGUE))
    there = Destination(steps=(WhenConnected(3000), HangUp()))
    call = house.place(
        CallScript(
            destinations={
                "desk": Destination(steps=(WhenConnected(1000), *agent)),
                "colleague": there,
            }
        )
    )
    told = house.over(call)
    assert spans(told) == [("hold", "masked")]
    ms = told.record["recording"]["duration_ms"]
    assert told.loudness(CALLER, CALLER_HZ, ms - 1500, ms) > 1000


def test_a_transfer_in_a_pause_that_was_asked_for_stays_paused(house):
    """The colleague takes the card number, and ends the pause."""
    agent = (Keys("*7"), Wait(1500), BlindTransfer(stories.COLLEAGUE))
    there = Destination(steps=(WhenConnected(3000), Keys("*8"), Wait(2000), HangUp()))
    call = house.place(
        CallScript(
            destinations={
                "desk": Destination(steps=(WhenConnected(1000), *agent)),
                "colleague": there,
            }
        )
    )
    told = house.over(call)
    assert spans(told) == [("agent", "masked")]
    assert told.record["recording"]["pauses"][0]["ended_by"] == "agent"
    assert told.loudness(CALLER, CALLER_HZ, 1500, 5000) == 0
    assert len(told.record["legs"]) == 2


# Who holds.


def test_the_customers_own_hold_is_no_pause_and_no_gap(house):
    """The recording stands still, and what comes after lies where it belongs (fact 56)."""
    caller = (Wait(1000), Hold(), Wait(3000), Unhold())
    agent = (Wait(5000), Keys("*7"), Wait(2000), Keys("*8"), Wait(1000))
    told = house.call(talks(*agent, caller=caller))
    assert spans(told) == [("agent", "masked")]
    recording, durations = told.record["recording"], told.record["durations"]
    assert durations["connected_ms"] - durations["joined_ms"] >= 2900
    assert abs(recording["duration_ms"] - durations["joined_ms"]) <= 100
    (pause,) = recording["pauses"]
    assert pause["leaked_peak"] == 0
    assert 2500 <= pause["start_ms"] <= 3800, "by the recording's time, not by the call's"
    ended = [one for one in told.steps if one.startswith("customer-")]
    assert ended == ["customer-held", "customer-back"]


def test_of_a_call_that_staff_make_the_staffs_hold_masks(house):
    """They are at the A leg, and the customer is recorded at the other."""
    steps = (WhenConnected(1000), Hold(), Wait(3000), Unhold(), Wait(2000), HangUp())
    call = house.place(
        CallScript(
            steps=steps, number="2001", dialled=STAFF_CALL, context="default", destination=TALKS
        )
    )
    told = house.over(call)
    assert spans(told) == [("hold", "masked")]
