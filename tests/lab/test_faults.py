"""Faults that a test plans for the switch's commands."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, faults
from ivr.lab.script import HangUp, Wait
from ivr.lab.session import Action
from tests.lab.client import inbound, spawn

OK = "+OK Success\n"


@pytest.fixture
def record(clock, switch, tmp_path):
    """A call whose recording is asked for something; the answer."""
    switch.dialplan = {".*": (Action("answer"), Action("park"))}
    call = switch.place(CallScript(steps=(Wait(20_000), HangUp())))
    clock.run(100)

    def ask(action: str) -> str:
        command = f"{call.uuid} {action} {tmp_path}/x.wav"
        answer = spawn(lambda: switch.api("uuid_record", command))
        clock.run_until(answer.ready)
        return answer.get()

    ask.call = call
    return ask


def test_the_next_mask_is_refused_and_the_one_after_is_not(switch, record):
    assert record("start") == OK
    switch.faults.refuse_mask()
    assert record("unmask") == OK
    assert record("mask") == "-ERR Cannot mask recording session!\n"
    assert record("mask") == OK
    [befallen] = switch.faults.befallen
    assert " mask " in befallen


def test_each_command_of_a_recording_can_be_refused(switch, record):
    for action, plan in (
        ("start", switch.faults.refuse_start),
        ("unmask", switch.faults.refuse_unmask),
        ("stop", switch.faults.refuse_stop),
    ):
        plan(times=2)
        wanted = {"start": "record", "stop": "stop record"}.get(action, f"{action} recording")
        assert record(action) == record(action) == f"-ERR Cannot {wanted} session!\n"
        assert record(action) == OK


def test_a_refused_stop_records_on(switch, record, clock, tmp_path):
    record("start")
    switch.faults.refuse_stop()
    record("stop")
    assert list(record.call.leg.recordings) == [f"{tmp_path}/x.wav"]


def test_a_mask_may_be_answered_and_not_done(switch, record, clock, tmp_path):
    """docs/freeswitch.md 23, with recording_follow_transfer."""
    record("start")
    switch.faults.pretend(faults.MASK)
    assert record("mask") == OK
    clock.run(500)
    record("stop")
    assert any((tmp_path / "x.wav").read_bytes()[44:])


@pytest.mark.parametrize("done", [True, False])
def test_a_command_may_never_be_answered(clock, switch, record, done):
    client = _client(clock, switch)
    uuid = record.call.uuid
    switch.faults.silence(faults.KEYS_HIDDEN, done=done)
    answer = spawn(lambda: client.ask(f"api uuid_setvar {uuid} sensitive_dtmf true"))
    clock.run(10_000)
    assert not answer.ready()
    assert switch.api("uuid_getvar", f"{uuid} sensitive_dtmf") == ("true" if done else "_undef_")
    switch.faults.release()
    clock.run_until(answer.ready)
    assert answer.get().body == ("+OK\n" if done else "-ERR no reply\n")


def test_a_command_may_be_answered_late(clock, switch, record):
    record("start")
    switch.faults.delay(faults.MASK, 1500)
    began = clock.monotonic_ms()
    assert record("mask") == OK
    assert clock.monotonic_ms() - began == 1500


def test_plans_can_be_dropped_and_patterns_tell_hiding_from_showing(switch, record):
    uuid = record.call.uuid
    switch.faults.refuse(faults.KEYS_SHOWN, times=-1)
    switch.faults.refuse(faults.KEYS_HIDDEN, "-ERR no\n", times=-1)
    asked = {
        "sensitive_dtmf true": "-ERR no\n",
        "sensitive_dtmf false": "-ERR refused\n",
        "sensitive_dtmf": "-ERR refused\n",
        "another true": "+OK\n",
    }
    multi = {
        "a=1;sensitive_dtmf=true;b=2": "-ERR no\n",
        "sensitive_dtmf=;b=2": "-ERR refused\n",
        "b=2;sensitive_dtmf=false": "-ERR refused\n",
        "b=2;sensitive_dtmf=": "-ERR refused\n",
        "b=2": "+OK\n",
    }
    for text, answer in asked.items():
        assert switch.api("uuid_setvar", f"{uuid} {text}") == answer
    for text, answer in multi.items():
        assert switch.api("uuid_setvar_multi", f"{uuid} {text}") == answer
    switch.faults.clear()
    assert switch.api("uuid_setvar", f"{uuid} sensitive_dtmf true") == "+OK\n"


def _client(clock, switch):
    address = switch.listen(("127.0.0.1", 0))
    made = spawn(lambda: inbound(clock, address))
    clock.run_until(made.ready)
    return made.get()
