"""What a payment page is answered, engine and lab switch together (R6, R11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ivr.lab import Destination, LabCall, faults
from ivr.lab.script import BlindTransfer, Keys, Wait, WhenConnected
from tests.engine import test_pauses
from tests.engine.test_pauses import TALKS, connected, now, talks
from tests.leaks import stories
from tests.leaks.payments import Payments

house = test_pauses.house


def test_a_pause_whose_keys_could_not_be_hidden_is_not_confirmed(house: Payments) -> None:
    """A 200 would have the card asked for, and its keys kept (docs/freeswitch.md 14)."""
    call = connected(house, talks())
    house.switch.faults.refuse(faults.KEYS_HIDDEN, times=-1)
    path = f"/v1/calls/{call.uuid}/recording/pause"
    for _again in range(2):
        status, body = house.ask("POST", path)
        told = json.loads(body)
        assert (status, told["type"]) == (503, "urn:ivr:problem:not-confirmed"), body
        assert (told["call"]["pause"], told["call"]["recording"]) == ("on", "paused")
        assert told["call"]["keys_hidden"] is False
        assert "keys are not hidden" in told["detail"]
    assert now(house, call)["keys_hidden"] is False


def test_hidden_keys_are_told_as_long_as_the_pause_lasts(house: Payments) -> None:
    call = connected(house, talks())
    assert not now(house, call)["keys_hidden"]
    for what, hidden in (("pause", True), ("resume", False)):
        status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/{what}")
        assert (status, json.loads(body)["keys_hidden"]) == (200, hidden), body


def test_nobody_ends_the_pause_of_a_call_at_a_payment_line(house: Payments) -> None:
    there = {"pay": Destination(steps=(WhenConnected(), Wait(TALKS)))}
    call = house.place(talks(BlindTransfer(stories.PAYMENT), destinations=there))
    house.clock.run_until(lambda: house.metric("ivr_pauses_total", by="payment-line") == 1)
    house.clock.run(1_000)
    path = f"/v1/calls/{call.uuid}/recording"
    asked = len(house.commands)
    status, body = house.ask("POST", f"{path}/resume")
    told = json.loads(body)
    assert (status, told["type"]) == (409, "urn:ivr:problem:at-payment-line"), body
    assert (told["call"]["pause"], told["call"]["recording"]) == ("on", "paused")
    assert house.commands[asked:] == [], "FreeSWITCH is not even asked"
    assert house.ask("POST", f"{path}/pause")[0] == 200
    assert house.ask("POST", f"{path}/resume")[0] == 409, "whoever asked for the pause"
    house.clock.run(2_000)
    assert now(house, call)["pause"] == "on"


def test_a_payment_lines_pause_that_has_just_begun_is_not_told_to_try_again(
    house: Payments,
) -> None:
    house.switch.faults.silence(faults.MASK)
    there = {"pay": Destination(steps=(WhenConnected(), Wait(TALKS)))}
    call = house.place(talks(BlindTransfer(stories.PAYMENT), destinations=there))
    house.clock.run_until(lambda: house.metric("ivr_pauses_total", by="payment-line") == 1)
    asked_ms = house.clock.monotonic_ms()
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/resume")
    told = json.loads(body)
    assert (status, told["type"]) == (409, "urn:ivr:problem:at-payment-line"), body
    assert told["call"]["pause"] == "starting"
    assert house.clock.monotonic_ms() - asked_ms < 500, "nothing is waited for"


def test_a_resume_that_meets_a_payment_line_on_its_way_says_so(house: Payments) -> None:
    there = {"pay": Destination(steps=(WhenConnected(), Wait(TALKS)))}
    agent = (Keys("*7"), Wait(4000), BlindTransfer(stories.PAYMENT))
    call = house.place(talks(*agent, destinations=there))
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    house.clock.run(3_000)
    house.switch.faults.delay(faults.UNMASK, 2_000)
    status, body = house.ask("POST", f"/v1/calls/{call.uuid}/recording/resume")
    told = json.loads(body)
    assert (status, told["type"]) == (409, "urn:ivr:problem:at-payment-line"), body
    house.clock.run(1_000)
    assert now(house, call)["recording"] == "paused"


def test_the_end_of_a_pause_of_which_the_journal_knows_nothing_is_asked_for(
    house: Payments,
) -> None:
    """An engine was killed between the mask and its entry: the next one must get it off."""
    call = connected(house, talks())
    path = f"/v1/calls/{call.uuid}/recording/resume"
    assert house.ask("POST", path)[0] == 200
    assert not [one for one in house.commands if " unmask " in one], "there is no need"
    house.stop()
    assert house.switch.api("uuid_record", f"{call.uuid} mask {recording(house, call)}") == (
        "+OK Success\n"
    )
    house.start()
    house.until(call, "unlinked")
    assert now(house, call)["pause"] == "off"
    assert house.ask("POST", path)[0] == 200
    assert [one for one in house.commands if " unmask " in one]
    house.clock.run(2_000)
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    kept = house.over(call)
    ms = kept.record["recording"]["duration_ms"]
    assert kept.loudness(0, 440, ms - 1000, ms) > 1000, "what is said then is kept again"


def recording(house: Payments, call: LabCall) -> Path:
    """Where FreeSWITCH writes the call's recording."""
    return house.engine.spool.recording_path(call.uuid)


def test_the_code_of_another_engines_agent_is_no_alarm(
    house: Payments, logged: list[dict[str, Any]]
) -> None:
    house.engine.ongoing.keyed("a leg of nobody here", "pause")
    (one,) = [one for one in logged if one["event"].startswith("a feature code of no agent")]
    assert one["log_level"] == "info"
