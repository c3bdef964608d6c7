"""Pauses from an agent's key to the record, engine and lab switch together (R6, R7, R10, R11)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.engine.driver import CallDriver
from ivr.lab import CallScript, Destination, LabCall, faults
from ivr.lab.script import BlindTransfer, HangUp, Keys, Wait, WhenConnected
from tests.engine.house import spawned
from tests.leaks import stories
from tests.leaks.payments import STAFF_CALL, Payments
from tests.leaks.search import digits_in, keys_told

TALKS = 60_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Payments]:
    house = Payments(tmp_path)
    (tmp_path / "dialplan/teams/customer-services.yaml").write_text(
        'name: Customer Services\npause:\n  overdue: "20s"\n  card_digits: 8\n'
    )
    house.begin()
    yield house
    house.close()


def talks(*agent: Any, caller: Any = (), **more: Any) -> CallScript:
    """A call in which the agent does this, and both talk on."""
    return CallScript(
        steps=(WhenConnected(), *caller, Wait(TALKS), HangUp()),
        destination=Destination(steps=(WhenConnected(300), *agent, Wait(TALKS), HangUp())),
        **more,
    )


def connected(house: Payments, script: CallScript) -> LabCall:
    call = house.place(script)
    house.until(call, "connected")
    return call


def now(house: Payments, call: LabCall) -> dict[str, Any]:
    status, body = house.ask("GET", f"/v1/calls/{call.uuid}")
    assert status == 200, body
    told: dict[str, Any] = json.loads(body)
    return told


def steps(house: Payments, call: LabCall) -> list[tuple[str, str]]:
    """What of pauses and marks is in the record."""
    house.over(call)
    record = json.loads((house.spool / f"new/{call.uuid}.json").read_text())
    told = ("pause", "marked")
    return [(one["what"], one["detail"]) for one in record["steps"] if one["what"].startswith(told)]


def test_the_agents_codes_pause_resume_and_mark_and_tones_confirm_it(house: Payments) -> None:
    codes = (Keys("*7"), Wait(2000), Keys("*8"), Wait(2000), Keys("*9"), Wait(1000), HangUp())
    call = connected(house, talks(*codes))
    heard = call.at("desk").heard
    assert steps(house, call) == [
        ("pause-started", "agent"),
        ("pause-held", "masked"),
        ("pause-ending", "agent"),
        ("pause-ended", ""),
        ("marked", "abuse by agent"),
    ]
    tones = [one.what for one in heard if "tone_stream" in one.what]
    assert len(tones) == len(set(tones)) == 3, "each has a tone of its own"
    assert not any("tone_stream" in one.what for one in call.leg.heard), "the caller hears none"
    assert house.metric("ivr_pauses_total", by="agent") == 1
    assert house.metric("ivr_marks_total", mark="abuse") == 1
    assert house.metric("ivr_feature_codes_total", feature="pause") == 1


def test_a_callers_keys_are_no_codes(house: Payments) -> None:
    call = connected(house, talks(caller=(Keys("*7*9"), Wait(3000), HangUp())))
    assert steps(house, call) == []


def test_keys_of_two_callers_who_were_joined_are_nobodys_codes(house: Payments) -> None:
    one = connected(house, talks(caller=(Wait(5000), Keys("*7"))))
    two = connected(house, talks(caller=(Wait(5000), Keys("*7"))))
    assert house.switch.api("uuid_bridge", f"{one.uuid} {two.uuid}").startswith("+OK")
    house.clock.run(10_000)
    agents = house.engine.context.agents
    assert one.uuid not in agents
    assert two.uuid not in agents
    one.leg.hang_up("NORMAL_CLEARING", by="caller")
    assert [steps(house, call) for call in (one, two)] == [[], []]
    assert "bind_digit_action" not in "".join(
        text for text in house.commands if one.uuid in text or two.uuid in text
    )


def test_a_transferred_call_can_be_paused_by_the_new_agent(house: Payments) -> None:
    there = {"colleague": Destination(steps=(WhenConnected(1000), Keys("*7"), Wait(1500)))}
    call = house.place(talks(BlindTransfer(stories.COLLEAGUE), destinations=there))
    house.clock.run_until(lambda: house.metric("ivr_pauses_total", by="agent") == 1)
    told = now(house, call)
    assert (told["pause"], told["recording"], told["extension"]) == ("on", "paused", "colleague")
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    assert steps(house, call)[0] == ("pause-started", "agent")


def test_a_payment_line_that_takes_the_call_from_elsewhere_pauses_it(house: Payments) -> None:
    """The A leg is the second one that is named: FreeSWITCH tells of it for the other leg only."""
    call = connected(house, talks())
    calling = spawned(lambda: house.switch.api("originate", "sofia/lab/pay &park()"))
    house.clock.run_until(calling.ready)
    line = calling.get().split()[1]
    assert house.switch.api("uuid_bridge", f"{line} {call.uuid}").startswith("+OK")
    house.clock.run(1_000)
    told = now(house, call)
    assert (told["pause"], told["paused_by"]) == ("on", "payment-line")
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/resume")
    assert status == 409, body
    assert now(house, call)["recording"] == "paused"


@pytest.mark.parametrize("line_lost", [False, True], ids=["restarted", "its line lost"])
def test_whom_a_call_was_sent_to_meanwhile_is_asked(house: Payments, *, line_lost: bool) -> None:
    call = connected(house, talks(Wait(2_000), BlindTransfer(stories.PAYMENT)))
    house.clock.run(1_000)
    if line_lost:
        house.listener(call).close()
        for one in house.inbound():
            one.close()
    else:
        house.stop()
    house.clock.run_until(
        lambda: call.leg.peer is not None and call.leg.peer.party.dialled == "pay"
    )
    if not line_lost:
        house.start()
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    told = now(house, call)
    assert (told["phase"], told["recording"], told["paused_by"]) == (
        "unlinked",
        "paused",
        "payment-line",
    )


def test_a_fault_of_the_engine_at_a_pause_does_not_leave_it_heard(
    house: Payments, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = connected(house, talks())
    driver = house.engine.context.calls[call.uuid]
    original, failed = driver._carry_out, []

    def fails_once(commands: Any) -> None:
        if not failed:
            failed.append(commands)
            raise RuntimeError("a fault")
        original(commands)

    monkeypatch.setattr(CallDriver, "_carry_out", lambda self, commands: fails_once(commands))
    house.ask("POST", f"/v1/calls/{call.uuid}/recording/pause")
    assert failed
    house.clock.run(1_000)
    told = now(house, call)
    assert (told["phase"], told["recording"]) == ("unlinked", "paused")


def test_a_pause_too_long_is_told_and_reminds_the_agent(
    house: Payments, logged: list[dict[str, Any]]
) -> None:
    call = connected(house, talks(Keys("*7")))
    house.clock.run(45_000)
    assert [one["call"] for one in logged if one["event"] == "paused for too long"] == (
        [call.uuid] * 2
    )
    assert house.metric("ivr_pauses_overdue_total") == 2
    assert house.metric("ivr_calls_paused_too_long") == 1
    assert 40 <= (house.metric("ivr_longest_pause_seconds") or 0) <= 50
    assert now(house, call)["overdue"]
    reminders = [one for one in call.at("desk").heard if "%(120,120,500)" in one.what]
    assert len(reminders) == 2
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    house.over(call)
    assert house.metric("ivr_calls_paused") == 0


def test_eight_digits_pause_by_themselves_and_none_of_them_is_kept(
    house: Payments, logged: list[dict[str, Any]], capfd: Any
) -> None:
    house.switch.kept.level = "ERR"  # as deploy/freeswitch has it: FreeSWITCH logs keys at INFO
    digits = "49291234"
    call = connected(house, talks(caller=(Wait(500), Keys(digits), Wait(2000), HangUp())))
    recording = json.loads(house.over(call).audio.with_suffix(".json").read_text())
    (pause,) = recording["recording"]["pauses"]
    assert (pause["by"], pause["ended_by"]) == ("digits", "")
    assert [mark["mark"] for mark in recording["marks"]] == ["card-digits"]
    assert pause["start_ms"] <= 700, "silent from the first of the digits on"
    assert house.tones_in(call) == []
    house.look()
    assert logged
    for kept in (
        house.spool,
        house.freeswitch,
        house.said,
        repr(logged),
        "".join(capfd.readouterr()),
        "\n".join(house.commands),
    ):
        assert digits_in(kept, digits) == []
        assert keys_told(kept) == {}
    # Until the pause begins the events are FreeSWITCH's to send, and no one can call them back.
    sent = digits_in(house.switch.traffic, digits)
    assert {one.disguise for one in sent} == {"events"}


def test_a_reload_ends_no_pause_not_even_one_that_takes_the_codes_away(house: Payments) -> None:
    call = connected(house, talks(Keys("*7"), Wait(8_000), Keys("*8"), Wait(2_000), HangUp()))
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    before = house.engine.context.configuration.version
    (house.folder / "dialplan/teams/customer-services.yaml").write_text(
        'name: Customer Services\npause:\n  codes: {pause: "", resume: "", abuse: ""}\n'
    )
    house.engine.reload()
    house.clock.run_until(lambda: house.engine.context.configuration.version != before)
    house.clock.run(2_000)
    assert now(house, call)["recording"] == "paused"
    assert not [one for one in house.commands if " unmask " in one]
    assert [what for what, _ in steps(house, call)][-1] == "pause-ended", "its codes still count"


def test_what_freeswitch_does_not_answer_is_not_done(
    house: Payments, logged: list[dict[str, Any]]
) -> None:
    call = connected(house, talks())
    house.switch.faults.silence(faults.MASK, times=-1)
    house.switch.faults.silence(faults.STOP, times=-1)
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/pause")
    assert status == 503, body
    assert "starting" in body, "it says in what state the recording is"
    assert house.metric("ivr_masks_refused_total") == 1
    given_up = [one for one in logged if one["event"] == "mask refused or not confirmed in time"]
    assert [one["call"] for one in given_up] == [call.uuid]
    assert now(house, call)["pause"] == "starting"


def test_without_its_line_to_freeswitch_and_without_the_calls_socket_it_is_away(
    house: Payments,
) -> None:
    call = connected(house, talks())
    house.listener(call).close()
    for one in house.inbound():
        one.close()
    house.clock.settle()
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/pause")
    assert status == 503, body
    assert json.loads(body)["type"] == "urn:ivr:problem:away"


def test_a_lost_socket_does_not_end_a_pause_and_it_can_be_ended_after(house: Payments) -> None:
    call = connected(house, talks(Keys("*7"), Wait(8000), Keys("*8"), Wait(2000), HangUp()))
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    house.listener(call).close()
    house.clock.run(2_000)
    assert (now(house, call)["phase"], now(house, call)["recording"]) == ("unlinked", "paused")
    assert [what for what, _ in steps(house, call)] == [
        "pause-started",
        "pause-held",
        "pause-ending",
        "pause-ended",
    ]


def test_the_recording_of_a_staff_call_ends_when_staff_hand_it_over(house: Payments) -> None:
    script = CallScript(
        number="2001",
        dialled=STAFF_CALL,
        context="default",
        steps=(WhenConnected(2000), BlindTransfer(stories.COLLEAGUE)),
        destination=Destination(steps=(WhenConnected(), Wait(30_000), HangUp())),
    )
    call = house.place(script)
    record = house.over(call).record
    assert record["direction"] == "outbound"
    assert record["recording"]["state"] == "kept"
    assert record["recording"]["cause"] == "success-maxtime", "it was stopped, not cut off"
    assert not list((house.spool / "recording").iterdir())


def test_the_mask_of_a_staff_call_stays_on_the_leg_that_is_recorded(house: Payments) -> None:
    """Whoever staff are joined to later: the recording hangs on the first customer's leg."""
    script = CallScript(
        number="2001",
        dialled=STAFF_CALL,
        context="default",
        steps=(WhenConnected(), Wait(TALKS), HangUp()),
        destination=Destination(steps=(WhenConnected(), Wait(TALKS), HangUp())),
    )
    call = house.place(script)
    house.until(call, "connected")
    house.clock.run(500)
    customer = call.leg.peer
    assert customer is not None
    calling = spawned(lambda: house.switch.api("originate", "sofia/lab/colleague &park()"))
    house.clock.run_until(calling.ready)
    other = calling.get().split()[1]
    assert house.switch.api("uuid_bridge", f"{call.uuid} {other}").startswith("+OK")
    house.clock.run(500)
    asking = house.engine.context.calls[call.uuid].legs
    assert (asking.customer, asking.agent) == (customer.uuid, call.uuid)


def test_a_leg_of_which_nothing_is_known_ends_no_pause(house: Payments) -> None:
    there = {"pay": Destination(steps=(WhenConnected(), Wait(TALKS)))}
    call = house.place(talks(BlindTransfer(stories.PAYMENT), destinations=there))
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    gone = "0" * 8 + call.uuid[8:]
    house.switch.faults.pretend(r"uuid_getvar \S+ bridge_to", gone)
    house.engine.context.calls[call.uuid].look_again()
    house.clock.run(1_000)
    assert now(house, call)["recording"] == "paused"
