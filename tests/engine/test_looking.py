"""What became of a call while nobody listened is asked for, and dealt with (R6, R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.expect import CALLER_HZ
from ivr.lab.script import BlindTransfer, HangUp, Hold, Keys, Unhold, Wait, WhenConnected
from tests.engine.house import CALLER, Call
from tests.leaks import stories
from tests.leaks.payments import Payments

TALKS = 30_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Payments]:
    house = Payments(tmp_path)
    house.begin()
    yield house
    house.close()


def talks(*agent: Any, **there: Destination) -> CallScript:
    """A call in which the agent does this, and both talk on."""
    desk = Destination(steps=(WhenConnected(1000), *agent, Wait(TALKS), HangUp()))
    return CallScript(destinations={"desk": desk, **there})


def away(house: Payments, call: LabCall, ms: int) -> None:
    """From the call's connection on, no engine is there for so long."""
    house.until(call, "connected")
    house.clock.run(500)
    house.stop()
    house.clock.run(ms)
    house.start()
    house.clock.run(200)


def pauses(call: Call) -> list[tuple[str, str, int]]:
    return [(p["by"], p["how"], p["part"]) for p in call.record["recording"]["pauses"]]


def passes(house: Payments, call: LabCall) -> Call:
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    return house.over(call)


def test_a_call_that_was_transferred_has_its_new_leg_and_agent(house):
    """Who is there now can pause it; who was there before cannot."""
    colleague = Destination(steps=(WhenConnected(4000), Keys("*7"), Wait(TALKS)))
    call = house.place(talks(BlindTransfer(stories.COLLEAGUE), colleague=colleague))
    away(house, call, 2000)
    driver = house.engine.context.calls[call.uuid]
    other = call.at("colleague").uuid
    assert driver.state.other_leg == other
    assert list(house.engine.context.agents) == [other]
    house.clock.run_until(lambda: house.metric("ivr_pauses_total", by="agent") == 1)
    house.clock.run(1000)
    told = passes(house, call)
    assert [leg["number"] for leg in told.record["legs"]] == ["desk", "colleague"]
    assert pauses(told) == [("agent", "masked", 1)]


def test_a_call_that_was_passed_to_a_payment_line_is_masked_at_once(house):
    pay = Destination(steps=(WhenConnected(), Wait(TALKS)))
    call = house.place(talks(BlindTransfer(stories.PAYMENT), pay=pay))
    away(house, call, 2000)
    driver = house.engine.context.calls[call.uuid]
    assert (driver.state.at_line, driver.state.pause.value) == (True, "on")
    assert house.engine.context.agents == {}, "a line is no agent"
    house.clock.run(1000)
    told = passes(house, call)
    assert pauses(told) == [("payment-line", "masked", 1)]
    assert [leg["number"] for leg in told.record["legs"]] == ["desk", "pay"]


def test_a_call_whose_next_agent_is_not_there_yet_is_parted_and_joined(house):
    """Nothing grows meanwhile, and nobody may take that for a fault."""
    colleague = Destination(answer_ms=5000, steps=(WhenConnected(2000), HangUp()))
    call = house.place(talks(BlindTransfer(stories.COLLEAGUE), colleague=colleague))
    away(house, call, 2000)
    assert not house.engine.context.calls[call.uuid].state.together
    told = house.over(call)
    assert told.steps[told.steps.index("taken-up") :][:3] == ["taken-up", "parted", "connected"]
    assert [leg["number"] for leg in told.record["legs"]] == ["desk", "colleague"]
    assert "recording-stalled" not in told.steps
    assert told.record["ended"]["by"] == "agent"


def test_a_pause_that_only_freeswitch_remembers_is_masked_from_its_beginning(house):
    """An engine that dies in the very moment has told FreeSWITCH, and not the disk."""
    call = house.place(talks())
    house.until(call, "connected")
    house.clock.run(500)
    house.stop()
    since = house.clock.monotonic_ms()
    variables = f"sensitive_dtmf=true;ivr_paused=agent@{since}"
    assert house.switch.api("uuid_setvar_multi", f"{call.uuid} {variables}") == "+OK\n"
    house.clock.run(2000)
    house.start()
    house.clock.run(200)
    driver = house.engine.context.calls[call.uuid]
    assert (driver.state.pause.value, driver.state.paused_at) == ("on", since)
    house.clock.run(3000)
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/resume")
    assert status == 200, body
    house.clock.run(2000)
    told = passes(house, call)
    assert pauses(told) == [("agent", "masked", 1)]
    (pause,) = told.record["recording"]["pauses"]
    assert pause["verdict"] == "repaired", "what was said before it was masked is made silent"
    assert 200 <= pause["start_ms"] <= 500, "its guard before it"
    assert pause["end_ms"] >= 5500
    assert told.loudness(CALLER, CALLER_HZ, 500, 5500) == 0
    ms = told.record["recording"]["duration_ms"]
    assert told.loudness(CALLER, CALLER_HZ, ms - 1000, ms) > 1000


def test_what_nobody_can_have_remembered_is_a_pause_all_the_same(house):
    """Better a gap than a card number: who paused, and since when, cannot be read."""
    call = house.place(talks())
    house.until(call, "connected")
    house.stop()
    house.switch.api("uuid_setvar_multi", f"{call.uuid} ivr_paused=nobody@yesterday")
    house.start()
    house.clock.run(1000)
    assert house.engine.context.calls[call.uuid].state.pause.value == "on"
    told = passes(house, call)
    assert pauses(told) == [("engineer", "masked", 1)]
    assert told.loudness(CALLER, CALLER_HZ) == 0, "it may have been paused from the first"


def test_a_call_that_is_on_hold_by_now_is_masked(house):
    call = house.place(talks(Hold(), Wait(6000), Unhold()))
    away(house, call, 2000)
    driver = house.engine.context.calls[call.uuid]
    assert (driver.state.held, driver.state.pause.value) == (True, "on")
    house.clock.run(6000)
    assert (driver.state.held, driver.state.pause.value) == (False, "off")
    told = passes(house, call)
    assert pauses(told) == [("hold", "masked", 1)]


def test_a_hold_that_ended_meanwhile_is_over(house):
    call = house.place(talks(Hold(), Wait(3000), Unhold()))
    house.until(call, "connected")
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    house.clock.run(500)
    house.stop()
    house.clock.run(4000)
    house.start()
    house.clock.run(1000)
    driver = house.engine.context.calls[call.uuid]
    assert (driver.state.held, driver.state.pause.value) == (False, "off")
    told = passes(house, call)
    assert {by for by, _how, _part in pauses(told)} == {"hold"}
    ms = told.record["recording"]["duration_ms"]
    assert told.loudness(CALLER, CALLER_HZ, ms - 300, ms) > 1000


def test_the_connection_comes_back_and_it_is_looked_again(house):
    """The engine lives; its own line to FreeSWITCH was away while the call was passed on."""
    colleague = Destination(steps=(WhenConnected(TALKS),))
    call = house.place(talks(BlindTransfer(stories.COLLEAGUE), colleague=colleague))
    house.until(call, "connected")
    house.lose(call)
    house.switch.password = "other, for now"
    house.inbound()[0].drop()
    house.clock.run(4000)
    driver = house.engine.context.calls[call.uuid]
    assert driver.state.other_leg != call.at("colleague").uuid
    house.switch.password = "ClueCon"
    house.clock.run_until(lambda: house.engine.control.connected)
    house.clock.run(100)
    assert driver.state.other_leg == call.at("colleague").uuid
    told = passes(house, call)
    assert [leg["number"] for leg in told.record["legs"]] == ["desk", "colleague"]


def test_what_a_payment_line_heard_before_an_engine_was_there_is_made_silent(house):
    """FreeSWITCH knows since when it hears the caller (R6)."""
    pay = Destination(steps=(WhenConnected(), Wait(TALKS)))
    call = house.place(talks(BlindTransfer(stories.PAYMENT), pay=pay))
    away(house, call, 5000)
    house.clock.run(1000)
    told = passes(house, call)
    (pause,) = told.record["recording"]["pauses"]
    ms = told.record["recording"]["duration_ms"]
    assert ms > 6000
    assert pause["start_ms"] <= 1000
    assert told.loudness(CALLER, CALLER_HZ, 1000, ms) == 0
    assert told.loudness(CALLER, CALLER_HZ, 0, 500) > 1000


def test_a_pause_that_only_the_journal_knows_is_masked_at_once(house):
    """Whatever became of it in FreeSWITCH meanwhile."""
    call = house.place(talks(Keys("*7")))
    house.until(call, "connected")
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    house.clock.run(1000)
    house.stop()
    for leg in (call.leg, call.other):
        leg.set("ivr_paused", None)
        leg.set("sensitive_dtmf", None)
    path = house.spool / f"recording/{call.uuid}.wav"
    assert house.switch.api("uuid_record", f"{call.uuid} unmask {path}") == "+OK Success\n"
    house.clock.run(500)
    house.start()
    house.clock.run(100)
    driver = house.engine.context.calls[call.uuid]
    assert (driver.state.pause.value, driver.state.masked) == ("on", True)
    assert call.leg.get("sensitive_dtmf") == "true"
    house.clock.run(2000)
    told = passes(house, call)
    (pause,) = told.record["recording"]["pauses"]
    assert (pause["by"], pause["verdict"], pause["leaked_peak"] > 0) == ("agent", "repaired", True)
    assert told.loudness(CALLER, CALLER_HZ, pause["start_ms"]) == 0
