"""Calls that staff make, and whose called person is told before being connected (R1, R2, R10)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.state import Pause, Phase, Recording
from ivr.core.steps import longest_telling_ms
from tests.core.calls import ARRIVED, OUTBOUND, PATH, Call

ANNOUNCED = replace(OUTBOUND, announced=True)


def ringing(**policy: object) -> Call:
    return Call(replace(ANNOUNCED, **policy)).hear(ARRIVED, events.Journalled(0)).quiet()


def answered(**policy: object) -> Call:
    return ringing(**policy).hear(events.CustomerAnswered(0, "b", 16_000))


def test_freeswitch_hands_over_who_answers_for_as_long_as_it_takes() -> None:
    call = Call(ANNOUNCED).hear(ARRIVED, events.Journalled(0))
    bridge = next(c for c in call.did if isinstance(c, do.Bridge))
    assert bridge.announced_ms == longest_telling_ms(ANNOUNCED)
    longest = 2 * 9_000 + (6_000 + 8_000) * (ANNOUNCED.reminders + 1) + 4_000
    assert bridge.announced_ms > longest, "also who opts out and comes back is not cut short"
    plain = Call(OUTBOUND).hear(ARRIVED, events.Journalled(0))
    assert next(c for c in plain.did if isinstance(c, do.Bridge)).announced_ms == 0


def test_who_answers_hears_it_and_the_agent_does_not() -> None:
    call = answered()
    play = next(c for c in call.did if isinstance(c, do.PlayPrompt))
    assert (play.prompt.name, play.rate, play.to_customer) == ("announcement", 16_000, True)


def test_heard_to_its_end_the_two_are_connected_and_recorded() -> None:
    call = answered().quiet().prompt_ends()
    assert call.look() == ["LetThrough"]
    call.bridge("b", "07700900999")
    assert do.StartRecording(PATH) in call.did


def test_cut_short_or_missing_they_are_connected_unrecorded() -> None:
    for call in (answered().prompt_ends(missing=True), answered().time_out()):
        assert call.look()[-1] == "LetThrough"
        call.bridge("b")
        assert "StartRecording" not in call.look()
        assert call.state.recording is Recording.REFUSED


def test_where_a_team_does_not_talk_unrecorded_the_call_ends() -> None:
    call = answered(without_recording="refuse").quiet().prompt_ends(missing=True)
    assert call.look() == ["play unavailable"]
    assert call.prompt_ends().look() == ["hang up NORMAL_CLEARING"]
    assert call.state.reason == "not-recordable"


def test_let_in_by_freeswitch_before_the_end_they_are_not_recorded() -> None:
    call = answered().quiet().bridge("b")
    assert call.look() == ["StopPrompts"]
    assert (call.state.phase, call.state.to_customer) == (Phase.CONNECTED, False)
    failed = Call(ANNOUNCED).hear(ARRIVED, events.Journalled(0)).bridge("b")
    assert "RecordingFailed" in failed.journalled()


def test_opting_out_and_coming_back() -> None:
    call = answered().quiet().keys("*#*")
    stop, play = (c for c in call.did if isinstance(c, do.StopPrompts | do.PlayPrompt))
    assert stop.to_customer
    assert play.to_customer
    call.hear(events.PromptEnded(900, call.state.play - 1, ANNOUNCED.announcement, 900))
    assert call.quiet().keys("1").look() == ["StopPrompts", "LetThrough"]
    assert "StartRecording" in call.bridge("b").look()


def test_opting_out_ends_the_call() -> None:
    call = answered().keys("*#*").prompt_ends().time_out().quiet()
    assert call.prompt_ends().look() == ["hang up NORMAL_CLEARING"]
    assert call.state.reason == "opted-out"


@pytest.mark.parametrize(
    ("keys", "reason", "confirmed"), [("", "customer-gone", False), ("*#*", "opted-out", True)]
)
def test_who_was_called_hangs_up_meanwhile(keys: str, reason: str, confirmed: bool) -> None:
    call = answered().keys(keys).quiet().hear(events.BridgeEnded(0, "NORMAL_CLEARING"))
    assert call.look() == ["hang up NORMAL_CLEARING"]
    assert call.state.reason == reason
    told = entries.OptOutConfirmed(how="hangup")
    assert (told in answered().keys(keys).quiet().hear(events.BridgeEnded(0, "")).entries()) == (
        confirmed
    )


def test_the_end_of_the_bridge_changes_no_reason_once_the_call_ends() -> None:
    call = answered().keys("*#*").prompt_ends().time_out().prompt_ends().quiet()
    call.hear(events.BridgeEnded(0, "NORMAL_CLEARING"))
    assert (call.look(), call.state.reason) == ([], "opted-out")


def test_nor_after_the_hangup() -> None:
    call = answered().prompt_ends().bridge("b").hear(events.RecordingStarted(0)).hang_up().quiet()
    assert call.hear(events.BridgeEnded(0, "NORMAL_CLEARING")).look() == []
    assert call.state.phase is Phase.CLOSING


def test_the_agent_gives_up_meanwhile() -> None:
    call = answered().quiet().hang_up(events.Party.AGENT)
    assert call.look() == ["Finish"]


def test_one_who_answers_second_is_not_told_again() -> None:
    call = answered().quiet().hear(events.CustomerAnswered(0, "c", 8000))
    assert call.look() == []


def test_a_pause_that_was_asked_for_while_it_rang_outlasts_the_announcement() -> None:
    call = ringing().pause().hear(events.CustomerAnswered(0, "b", 8000)).hidden()
    assert call.state.pause is Pause.ON
    call.prompt_ends().quiet().bridge("b")
    assert do.Mask(PATH) in call.did


def test_link_lost_meanwhile_and_joined_they_are_not_recorded() -> None:
    call = answered().hear(events.LinkLost(0)).quiet().bridge("b")
    assert "StartRecording" not in call.look()


def test_link_lost_after_it_was_heard_they_are() -> None:
    call = answered().prompt_ends().hear(events.LinkLost(0)).quiet().bridge("b")
    assert "StartRecording" in call.look()


def test_in_mid_call_it_is_the_customer_who_opts_out() -> None:
    call = answered(opt_out_connected="keep").prompt_ends().bridge("b")
    call.hear(events.RecordingStarted(0)).quiet().keys("*#*")
    assert "Part" in call.look()
    call.hear(events.BridgeEnded(0, "NORMAL_CLEARING"))
    assert call.look()[-1] == "play reminder", "that is the parting, and not the customer's end"
