"""The next engine without one of its rules (R1, R3, R6, R22)."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.core import commands as do
from ivr.core import entries, pausing, taking_up, telling
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step
from tests.core.sabotage import Sabotage


def _without(step: Step, left_out: type[Any]) -> Step:
    return Step(step.state, tuple(c for c in step.commands if not isinstance(c, left_out)))


def _taking_up(patch: pytest.MonkeyPatch, how: str, left_out: type[Any]) -> None:
    """Without this command when a call is taken up."""
    original = getattr(taking_up, how)
    patch.setattr(taking_up, how, lambda *what: _without(original(*what), left_out))


def pause_not_taken_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "taken_up", Step)


def mask_thought_to_hold(patch: pytest.MonkeyPatch) -> None:
    """Believes that what the journal does not know of is not recorded."""
    original = pausing._again

    def again(state: CallState) -> Step:
        unknown = state.phase is Phase.UNLINKED and not state.masked
        return _without(original(state), do.Mask) if unknown else original(state)

    patch.setattr(pausing, "_again", again)


def stalled_part_goes_on(patch: pytest.MonkeyPatch) -> None:
    _taking_up(patch, "followed", do.StopRecording)


def earlier_recording_goes_on(patch: pytest.MonkeyPatch) -> None:
    _taking_up(patch, "handed_back", do.StopRecording)


def no_limit_to_what_comes_back(patch: pytest.MonkeyPatch) -> None:
    _taking_up(patch, "handed_back", do.StartTimer)


def thought_to_be_on_disk(patch: pytest.MonkeyPatch) -> None:
    original = taking_up.handed_back

    def handed_back(*what: Any) -> Step:
        state, commands = original(*what)
        return Step(state._replace(durable=True), commands)

    patch.setattr(taking_up, "handed_back", handed_back)


def thought_to_be_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(taking_up._Told, "may_record", property(lambda told: True))


def _unread(patch: pytest.MonkeyPatch, kind: type[Any]) -> None:
    """Entries of this kind are passed over."""
    original = taking_up._Told.take

    def take(told: taking_up._Told, stamped: entries.Stamped) -> None:
        if not isinstance(stamped.entry, kind):
            original(told, stamped)

    patch.setattr(taking_up._Told, "take", take)


def opt_out_unread(patch: pytest.MonkeyPatch) -> None:
    _unread(patch, entries.OptOutStarted)


def confirmed_opt_out_unread(patch: pytest.MonkeyPatch) -> None:
    _unread(patch, entries.OptOutConfirmed)


def stall_unread(patch: pytest.MonkeyPatch) -> None:
    _unread(patch, entries.RecordingStalled)


def opt_out_not_hastened(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out
    patch.setattr(
        telling,
        "_opt_out",
        lambda state, policy: _without(original(state, policy), do.HastenJournal),
    )


OF_TAKING_UP: list[tuple[Sabotage, str]] = [
    (pause_not_taken_up, "the pause is forgotten"),
    (mask_thought_to_hold, "recorded while paused"),
    (stalled_part_goes_on, "recorded while paused|two recordings at once"),
    (stall_unread, "recorded while paused|two recordings at once"),
]
"""Found where people talk."""
OF_COMING_BACK: list[tuple[Sabotage, str]] = [
    (earlier_recording_goes_on, "two recordings at once|let go while it may be recorded"),
    (no_limit_to_what_comes_back, "a phase without a running timer"),
    (thought_to_be_on_disk, "a recording before its journal"),
    (thought_to_be_told, "a recording that was not announced"),
    (opt_out_unread, "while opting out"),
    (confirmed_opt_out_unread, "after opting out"),
    (opt_out_not_hastened, "while opting out"),
]
"""Found where the caller hears a prompt."""
