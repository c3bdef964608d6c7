"""Opting out in mid-call: masked from the first key on, and every moment has its end (R4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.events import Party
from ivr.core.pausing import OPT_OUT
from ivr.core.policy import CallPolicy, Pausing
from ivr.core.state import Pause, Phase
from tests.core.calls import OPTING, PATH, POLICY, Call

KEEPING = replace(OPTING, opt_out_connected="keep")
CODES = Pausing(lines=frozenset({"1500"}))


def talking(policy: CallPolicy = OPTING) -> Call:
    return Call(replace(policy, pausing=CODES)).connect().quiet()


def keying() -> Call:
    return talking().keys("*").hidden().masked().quiet()


def parting() -> Call:
    return keying().keys("#*").quiet()


def reminding() -> Call:
    call = parting()
    return call.hear(events.Unbridged(call.now)).quiet()


def deciding() -> Call:
    return reminding().prompt_ends().quiet()


def rejoining() -> Call:
    return deciding().keys("1").quiet()


def farewell() -> Call:
    return deciding().time_out().quiet()


BEFORE_THE_CHOICE = [parting, reminding, deciding]
WAITING = [*BEFORE_THE_CHOICE, rejoining, farewell]
names = {"ids": lambda f: f.__name__}


# The sequence.


def test_from_the_first_key_on_nothing_is_kept_and_keys_are_still_heard() -> None:
    call = talking()
    call.now = 60_000
    call.hear(events.KeyPressed(60_000, "*", held_ms=120))
    assert call.look() == ["RememberPause", "Mask"]
    call = talking().hear(events.KeyPressed(60_000, "*", held_ms=120))
    assert entries.PauseStarted(by=OPT_OUT, guard_ms=250, back_ms=120) in call.entries()
    assert call.state.phase is Phase.KEYING


def test_a_sequence_that_is_not_finished_ends_the_pause() -> None:
    call = keying().time_out()
    assert call.look() == ["Unmask"]
    assert call.state.phase is Phase.CONNECTED
    assert call.unmasked().shown().state.pause is Pause.OFF
    assert "tone resumed" not in call.look(), "what was keyed is nobody's business"


def test_a_key_that_is_not_the_sequence_s_ends_it_at_once() -> None:
    call = keying().keys("5")
    assert call.look() == ["Unmask"]
    assert (call.state.phase, call.state.keys.keys) == (Phase.CONNECTED, "")


def test_where_a_team_does_not_allow_it_keys_are_keys() -> None:
    call = Call(POLICY).connect().quiet().keys("*#*")
    assert (call.look(), call.state.phase) == ([], Phase.CONNECTED)


@pytest.mark.parametrize(
    "before",
    [
        lambda: talking().bridge("line", "1500"),
        lambda: talking().hear(events.Unbridged(0)),
        lambda: talking().hear(events.BridgeEnded(0, "NORMAL_CLEARING", transferred=True)),
    ],
    ids=["payment line", "parted", "transferred"],
)
def test_only_who_is_connected_opts_out_and_not_at_a_payment_line(
    before: Callable[[], Call],
) -> None:
    call = before().quiet().keys("*#*")
    assert "Part" not in call.look()
    assert call.state.phase is Phase.CONNECTED


# Parted, reminded, and back.


def test_keyed_the_two_are_parted_and_the_caller_alone_is_reminded() -> None:
    call = keying().keys("#*")
    assert call.look() == ["Part"]
    assert entries.OptOutStarted(connected=True) in keying().keys("#*").entries()
    call.hear(events.Unbridged(call.now))
    assert call.look() == ["PlayMusic", "play reminder"]


def test_one_brings_both_back_and_the_agent_hears_that_the_caller_stayed() -> None:
    call = deciding().keys("1")
    assert call.did[-2] == do.Join("b")
    call.quiet().bridge("b")
    assert call.look() == ["RememberPause", "Unmask", "tone stayed"]
    assert call.state.phase is Phase.CONNECTED
    assert (call.state.aside, call.state.opting) == (False, False)


def test_nothing_of_the_wait_is_kept_and_the_time_line_says_so() -> None:
    call = talking().keys("*#*")
    call.hear(events.Unbridged(call.now)).prompt_ends().keys("1").bridge("b")
    told = [type(one) for one in call.entries()]
    assert told.index(entries.PauseStarted) < told.index(entries.OptOutStarted)
    assert told.index(entries.OptOutReturned) < told.index(entries.Connected)


@pytest.mark.parametrize(
    ("policy", "recorded"), [(OPTING, "destroy"), (KEEPING, "keep")], ids=["destroy", "keep"]
)
def test_otherwise_the_call_ends_and_the_team_says_what_becomes_of_it(
    policy: CallPolicy, recorded: str
) -> None:
    call = talking(policy).keys("*#*")
    call.hear(events.Unbridged(call.now)).prompt_ends().quiet().time_out()
    assert entries.OptOutConfirmed(how="timeout", recorded=recorded) in call.entries()
    assert call.look() == ["tone left", "play goodbye"]
    assert call.prompt_ends().look() == ["EndOther", "hang up NORMAL_CLEARING"]


def test_wrong_keys_repeat_the_reminder_and_then_end_the_call() -> None:
    call = deciding()
    assert call.keys("5").look() == ["play reminder"]
    assert call.prompt_ends().keys("5").look() == ["play reminder"]
    call.prompt_ends().quiet().keys("5")
    assert entries.OptOutConfirmed(how="wrong-keys", recorded="destroy") in call.entries()


def test_freeswitch_that_does_not_part_them_is_not_waited_for() -> None:
    call = parting().time_out()
    assert call.look() == ["play reminder"]
    assert call.state.pause is Pause.ON, "nothing of it is kept"
    assert call.keys("1").state.phase is Phase.CONNECTED


# The caller hangs up.


@pytest.mark.parametrize("before", BEFORE_THE_CHOICE, **names)
def test_hanging_up_opts_out_and_the_agent_does_not_wait(before: Callable[[], Call]) -> None:
    call = before().hang_up()
    assert entries.OptOutConfirmed(how="hangup", recorded="destroy") in call.entries()
    assert "EndOther" in call.look()


def test_hanging_up_with_the_sequence_half_keyed_does_not() -> None:
    call = keying().hang_up()
    assert "OptOutConfirmed" not in call.journalled()


@pytest.mark.parametrize("before", [rejoining, farewell], **names)
def test_who_had_chosen_has_chosen(before: Callable[[], Call]) -> None:
    call = before().hang_up()
    assert "OptOutConfirmed" not in call.journalled()
    assert "EndOther" in call.look()


# The agent hangs up.


@pytest.mark.parametrize("before", BEFORE_THE_CHOICE, **names)
def test_an_agent_who_has_gone_is_not_come_back_to(before: Callable[[], Call]) -> None:
    call = before().hear(events.OtherLeft(0, "b"))
    assert (call.state.together, call.state.aside) == (False, False)
    if call.state.phase is Phase.PARTING:
        call.time_out()
    call.quiet().keys("1")
    assert call.look()[-1] == "play unavailable"
    call.prompt_ends()
    assert "EndOther" not in call.look()
    assert call.state.reason == "agent-gone"


@pytest.mark.parametrize(
    "gone", [events.OtherLeft(0, "b"), events.JoinFailed(0)], ids=["gone", "not joined"]
)
def test_nor_is_one_who_cannot_be_joined(gone: events.Event) -> None:
    call = rejoining().hear(gone)
    assert call.look() == ["play unavailable"]
    assert call.prompt_ends().state.phase is Phase.ENDING


def test_one_who_is_joined_late_is_joined_all_the_same() -> None:
    call = rejoining().time_out().quiet().bridge("b")
    assert call.look()[0] == "StopPrompts"
    assert (call.state.phase, call.state.reason) == (Phase.CONNECTED, "")


def test_another_one_s_leg_that_ends_means_nothing() -> None:
    assert deciding().hear(events.OtherLeft(0, "x")).state.aside


# The agent transfers, and telephones take calls.


@pytest.mark.parametrize(
    ("what", "after"),
    [
        (events.BridgeEnded(0, "NORMAL_CLEARING", transferred=True), Phase.CONNECTED),
        (events.BridgeEnded(0, "NORMAL_CLEARING"), Phase.PARTED),
        (events.Unbridged(0), Phase.CONNECTED),
        (events.Bridged(0, "c", "101"), Phase.CONNECTED),
    ],
    ids=["transferred", "agent gone", "parted", "another"],
)
def test_half_keyed_and_transferred_the_sequence_is_void(what: events.Event, after: Phase) -> None:
    call = keying().hear(what)
    assert (call.state.phase, call.state.opting, call.state.keys.keys) == (after, False, "")
    assert call.state.pause is not Pause.ON
    call.quiet().keys("#*")
    assert "Part" not in call.look()


@pytest.mark.parametrize("before", [reminding, deciding], **names)
def test_joined_by_a_telephone_nothing_is_kept_until_the_caller_s_own_key(
    before: Callable[[], Call],
) -> None:
    call = before().bridge("b")
    assert "Unmask" not in call.look()
    assert call.hear(events.StillJoined(0)).resume().look() == []
    call.keys("1")
    assert call.look()[-2:] == ["Unmask", "tone stayed"]


@pytest.mark.parametrize("before", [deciding, rejoining], **names)
def test_where_another_takes_the_caller_the_first_does_not_wait(before: Callable[[], Call]) -> None:
    call = before().bridge("c")
    assert do.EndOther("b") in call.did
    assert not call.state.aside


# Pauses.


def test_a_pause_for_payment_on_top_hides_the_keys() -> None:
    """Of a sequence that is keyed they are let through."""
    for before in (keying(), talking().keys("*")):
        call = before.quiet().pause()
        assert "HideKeys" in call.look()
        assert call.time_out().look() == [], "it outlasts what was keyed"


def test_a_pause_for_payment_outlasts_the_caller_s_return() -> None:
    call = talking().paused().keys("*#*").hear(events.Unbridged(0)).prompt_ends().keys("1")
    call.quiet().bridge("b")
    assert "HideKeys" in call.look()
    assert call.state.pause is not Pause.OFF
    assert call.hidden().resume().look() == ["Unmask"]


@pytest.mark.parametrize("before", [keying, *WAITING], **names)
def test_nobody_but_the_caller_ends_it(before: Callable[[], Call]) -> None:
    for ask in (Call.resume, Call.unhold):
        call = ask(before())
        assert not {"Unmask", "ShowKeys"} & set(call.look())


def test_held_while_it_is_keyed_it_ends_with_both() -> None:
    call = keying().hold()
    assert call.look() == ["HideKeys"]
    call.hidden().time_out()
    assert call.state.pause is Pause.ON
    assert call.unhold().look() == ["Unmask"]


def test_a_hold_is_forgotten_as_freeswitch_forgets_it() -> None:
    call = deciding().hold().keys("1").quiet().bridge("b")
    assert not call.state.held
    assert "Unmask" in call.look()


def test_a_mask_that_is_refused_stops_the_recording_and_it_goes_on_after_the_return() -> None:
    call = talking().keys("*#*").masked(False).stopped()
    call.hear(events.Unbridged(0)).prompt_ends().quiet()
    assert call.stall().look() == [], "nothing is recorded of who opts out"
    call.keys("1").bridge("b")
    assert entries.RecordingIntended(path=PATH.replace(".wav", ".2.wav")) in call.entries()


def test_a_recording_that_was_to_be_renewed_is_not_while_it_is_keyed() -> None:
    call = talking().stall().keys("*#*").quiet().hear(events.Journalled(0))
    assert "StartRecording" not in call.look()


# The link.


def test_half_keyed_and_the_link_lost_it_ends() -> None:
    call = keying().hear(events.LinkLost(0))
    assert (call.look(), call.state.opting) == (["Unmask"], False)


@pytest.mark.parametrize("before", BEFORE_THE_CHOICE, **names)
def test_link_lost_while_opting_out_nothing_is_kept_to_the_end(before: Callable[[], Call]) -> None:
    """FreeSWITCH joins them again (docs/freeswitch.md 79), and nobody hears the keys."""
    call = before().hear(events.LinkLost(0)).quiet()
    assert call.state.phase is Phase.UNLINKED
    call.bridge("b").hear(events.StillJoined(0)).resume()
    assert not {"Unmask", "ShowKeys", "StartRecording"} & set(call.look())
    assert call.stall().look() == []


def test_link_lost_in_the_farewell_the_call_ends() -> None:
    call = farewell().hear(events.LinkLost(0))
    assert call.look() == ["EndOther", "hang up NORMAL_CLEARING"]
    assert call.state.reason == "opted-out"


def test_link_lost_when_the_caller_had_come_back_the_call_goes_on_recorded() -> None:
    call = rejoining().hear(events.LinkLost(0)).bridge("b")
    assert "Unmask" in call.look()
    assert call.unmasked().shown().state.pause is Pause.OFF


@pytest.mark.parametrize("before", WAITING, **names)
def test_timers_alone_end_it_and_the_agent_s_wait(before: Callable[[], Call]) -> None:
    call = before()
    waits = call.state.aside
    for _ in range(8):
        call.time_out()
    assert call.state.phase in (Phase.ENDING, Phase.UNLINKED, Phase.DONE)
    assert ("EndOther" in call.look()) == waits


# Who was never told.


def test_coming_back_does_not_tell_who_was_never_told() -> None:
    """R1: the announcement could not be played."""
    call = Call(OPTING).arrive().prompt_ends(0, missing=True).bridge("b").keys("*#*")
    call.hear(events.Unbridged(0)).prompt_ends().keys("1").bridge("b").quiet()
    assert call.stall(at=99_999).look() == []


def test_who_hangs_up_in_a_call_of_staff() -> None:
    call = Call(replace(OPTING, direction="outbound")).connect().quiet().keys("*#*")
    assert "Part" in call.look()
    call.hear(events.Unbridged(0)).quiet()
    assert call.state.to_customer
    call.hear(events.OtherLeft(0, "b"))
    assert entries.OptOutConfirmed(how="hangup", recorded="destroy") in call.entries()
    assert call.look() == ["hang up NORMAL_CLEARING"]


def test_in_a_call_of_staff_the_agent_s_hangup_ends_the_called_leg_too() -> None:
    call = Call(replace(OPTING, direction="outbound")).connect().keys("*#*")
    call.hear(events.Unbridged(0)).quiet().hang_up(Party.AGENT)
    assert do.EndOther("b") in call.did


def test_a_third_who_talks_with_the_agent_does_not_part_them() -> None:
    """The keys are the customer's, whose leg is another."""
    call = Call(replace(OPTING, direction="outbound")).connect().bridge("c").quiet()
    assert "Part" not in call.keys("*#*").look()
