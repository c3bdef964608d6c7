"""The engine's own line to FreeSWITCH is away, or FreeSWITCH does not answer: what cannot be done
is answered as not done, and nobody waits for ever (R6, R22; docs/freeswitch.md 71)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.lab import CallScript, Destination, LabCall, faults
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from tests.leaks.payments import Payments

NOT_DONE = "tone_stream://%(400,100,200);%(400,0,200)"
TALKS = 60_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Payments]:
    house = Payments(tmp_path)
    house.begin()
    yield house
    house.close()


def connected(house: Payments, *agent: object) -> LabCall:
    steps = (WhenConnected(), *agent, Wait(TALKS), HangUp())
    call = house.place(CallScript(destination=Destination(steps=steps)))
    house.until(call, "connected")
    house.clock.run(500)
    return call


def away(house: Payments) -> None:
    house.switch.password = "other, for now"
    house.inbound()[0].drop()
    house.clock.settle()
    assert house.metric("ivr_freeswitch_connected") == 0


def asked(house: Payments, call: LabCall, what: str) -> tuple[int, str, int]:
    """Status and kind of the answer, and how long it took."""
    began_ms = house.clock.monotonic_ms()
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/{what}")
    kind = json.loads(body).get("type", "")
    return status, kind, house.clock.monotonic_ms() - began_ms


@pytest.mark.parametrize("what", ["pause", "resume"])
def test_a_call_that_cannot_be_reached_at_all_is_answered_at_once(house, what):
    """The page does not ask for the card then."""
    call = connected(house)
    house.lose(call)
    away(house)
    status, kind, ms = asked(house, call, what)
    assert (status, kind) == (503, "urn:ivr:problem:away")
    assert ms < 100
    house.switch.password = "ClueCon"
    house.clock.run_until(lambda: house.engine.control.connected)
    assert asked(house, call, "pause")[0] == 200
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    assert [one["by"] for one in told.record["recording"]["pauses"]] == ["page"]


def test_a_call_with_a_socket_of_its_own_is_paused_without_the_engines_line(house):
    call = connected(house)
    away(house)
    assert asked(house, call, "pause")[0] == 200
    house.clock.run(2000)
    assert asked(house, call, "resume")[0] == 200
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    (pause,) = told.record["recording"]["pauses"]
    assert (pause["how"], pause["leaked_peak"]) == ("masked", 0)


def test_a_pause_on_its_way_when_the_line_is_lost_is_done_when_it_is_back(house):
    """Asked of a call that is followed: unanswered is not done, and it is asked again."""
    call = connected(house)
    house.lose(call)
    house.switch.faults.silence(faults.MASK)
    driver = house.engine.context.calls[call.uuid]
    house.engine.ongoing.keyed(call.other.uuid, "pause")
    house.clock.settle()
    assert driver.state.pause.value == "masking"
    house.inbound()[0].drop()
    house.clock.run(10_000)
    assert driver.state.pause.value == "on"
    assert driver.state.masked or driver.state.was_stopped
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    assert {one["by"] for one in told.record["recording"]["pauses"]} == {"agent"}


def test_a_pause_on_its_way_when_the_calls_socket_breaks_is_done_over_the_engines_line(house):
    """At once: nobody knows what of it FreeSWITCH has done."""
    call = connected(house)
    house.switch.faults.silence(faults.MASK)
    house.engine.ongoing.keyed(call.other.uuid, "pause")
    house.clock.settle()
    driver = house.engine.context.calls[call.uuid]
    assert driver.state.pause.value == "masking"
    house.lose(call)
    house.clock.run(100)
    assert (driver.state.pause.value, driver.state.masked) == ("on", True)


def test_a_code_that_freeswitch_does_not_confirm_is_answered_as_not_done(house):
    call = connected(house, Wait(1000), Keys("*7"))
    house.lose(call)
    house.switch.faults.refuse(faults.KEYS_HIDDEN, times=-1)
    house.clock.run(4000)
    told = [one for one in house.commands if one.startswith("api uuid_displace")]
    assert told
    assert all(NOT_DONE in one for one in told)
    assert house.engine.context.calls[call.uuid].state.pause.value == "on", "paused all the same"


def test_an_event_socket_that_hangs_keeps_no_page_waiting(house):
    """FreeSWITCH takes commands and answers none, as where another client does not read."""
    call = connected(house)
    house.switch.faults.freeze()
    status, kind, ms = asked(house, call, "pause")
    assert (status, kind) == (503, "urn:ivr:problem:not-confirmed")
    assert ms < 10_000
    house.switch.faults.thaw()
    house.clock.run(5000)
    assert house.engine.context.calls[call.uuid].state.pause.value == "on"
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    assert told.record["recording"]["state"] == "kept"
    assert {one["leaked_peak"] for one in told.record["recording"]["pauses"]} == {0}


def test_an_engine_that_did_not_read_and_was_dropped_is_back(house, logged):
    """It lost events: so it asks what became of the calls that it follows."""
    call = connected(house)
    house.lose(call)
    house.switch.longest_queue = 20
    link = house.engine.control._link
    link._reader.stop()  # the whole process stood still, say
    for _ in range(600):
        house.switch.fire_named("HEARTBEAT", [], "x" * 100_000)
        house.clock.settle()
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    house.clock.run(1000)
    link._reader.start(link._readable)
    told = house.over(call)
    assert house.metric("ivr_freeswitch_connects_total") == 2
    assert "FreeSWITCH is gone" in [one["event"] for one in logged]
    assert told.record["recording"]["state"] == "kept"
    assert told.record["ended"]["reason"] == "ended-unseen"
