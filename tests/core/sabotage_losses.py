"""The machine without one of its rules about recordings that stall, and calls that lost their
engine or FreeSWITCH (R22)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ivr.core import call, connecting, entries, events, pausing, rules, stalling, steps
from ivr.core import commands as do
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step
from tests.core.sabotage import Sabotage


def recorded_before_the_disk(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_durable", lambda state: True)


def renewed_before_the_disk(patch: pytest.MonkeyPatch) -> None:
    original = stalling.stalled

    def stalled(state: CallState, event: events.Stalled, policy: CallPolicy) -> Step:
        result = original(state, event, policy)
        if state.renewing or not result.state.renewing:
            return result
        begun = stalling.journal_news(result.state._replace(durable=True), policy)
        return Step(begun.state, (*result.commands, *begun.commands))

    patch.setattr(stalling, "stalled", stalled)


def any_answer_of_the_disk(patch: pytest.MonkeyPatch) -> None:
    original = call._journal_news
    patch.setattr(
        call,
        "_journal_news",
        lambda state, event, policy: original(state._replace(syncs=1), event, policy),
    )


def _renewing(patch: pytest.MonkeyPatch, left_out: type[Any]) -> None:
    """Without this command, when a further part begins."""
    original = stalling.journal_news

    def journal_news(state: CallState, policy: CallPolicy) -> Step:
        after, commands = original(state, policy)
        return Step(after, tuple(c for c in commands if not isinstance(c, left_out)))

    patch.setattr(stalling, "journal_news", journal_news)


def renewed_unmasked(patch: pytest.MonkeyPatch) -> None:
    _renewing(patch, do.Mask)


def old_part_goes_on(patch: pytest.MonkeyPatch) -> None:
    _renewing(patch, do.StopRecording)


def old_mask_believed(patch: pytest.MonkeyPatch) -> None:
    original = pausing.heard

    def heard(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        if isinstance(event, events.Masked):
            event = replace(event, path=state.path)
        return original(state, event, policy)

    patch.setattr(pausing, "heard", heard)


def old_end_believed(patch: pytest.MonkeyPatch) -> None:
    original = pausing.heard

    def heard(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        if isinstance(event, events.Unmasked):
            event = replace(event, path=state.path)
        return original(state, event, policy)

    patch.setattr(pausing, "heard", heard)


def old_stop_believed(patch: pytest.MonkeyPatch) -> None:
    original = call._recording_news

    def recording_news(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        if isinstance(event, events.RecordingStopped):
            event = replace(event, path=state.path)
        return original(state, event, policy)

    patch.setattr(call, "_recording_news", recording_news)


def running_part_called_failed(patch: pytest.MonkeyPatch) -> None:
    original = stalling._nowhere

    def nowhere(state: CallState, reason: str, policy: CallPolicy) -> Step:
        result = original(state, reason, policy)
        failed = do.Journal(entries.RecordingFailed(path=state.path, reason=reason))
        return steps.then(failed, result) if result.commands else result

    patch.setattr(stalling, "_nowhere", nowhere)


def ended_though_the_team_goes_on(patch: pytest.MonkeyPatch) -> None:
    original = stalling._nowhere

    def nowhere(state: CallState, reason: str, policy: CallPolicy) -> Step:
        return original(state, reason, replace(policy, without_recording="refuse"))

    patch.setattr(stalling, "_nowhere", nowhere)


def given_up_with_its_socket(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(call, "_link_lost", lambda state, policy: steps.finish(state))


def _unlinked(patch: pytest.MonkeyPatch, kind: type[Any], then: Any) -> None:
    """Something else is done of this event when the socket is gone."""

    def unlinked(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        if isinstance(event, kind):
            result: Step = then(state)
            return result
        return connecting.unlinked(state, event, policy)

    patch.setitem(call._PHASES, Phase.UNLINKED, unlinked)


def end_unwritten(patch: pytest.MonkeyPatch) -> None:
    _unlinked(patch, events.Vanished, steps.finish)


def waits_for_the_dead(patch: pytest.MonkeyPatch) -> None:
    _unlinked(patch, events.Vanished, Step)


def let_go_of_while_recorded(patch: pytest.MonkeyPatch) -> None:
    _unlinked(patch, events.TimerFired, steps.finish)


def memory_ignored(patch: pytest.MonkeyPatch) -> None:
    original = pausing.heard

    def heard(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        known = isinstance(event, events.WasPaused)
        return Step(state) if known else original(state, event, policy)

    patch.setattr(pausing, "heard", heard)


def ended_though_there_is_room(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_end_for_want_of_recording", lambda folder: True)


def refuses_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(call._PHASES, Phase.REFUSING, lambda state, event, policy: Step(state))


OF_LOSSES: list[tuple[Sabotage, str]] = [
    (recorded_before_the_disk, "a recording before its journal"),
    (renewed_before_the_disk, "a recording before its journal"),
    (any_answer_of_the_disk, "a recording before its journal"),
    (renewed_unmasked, "recorded while paused"),
    (old_part_goes_on, "two recordings at once"),
    (old_mask_believed, "kept while paused|a pause that is none"),
    (old_end_believed, "keys shown before the mask is off"),
    (old_stop_believed, "kept while paused|recorded while paused"),
    (running_part_called_failed, "given up and not stopped"),
    (ended_though_the_team_goes_on, "ended, and the team goes on without a recording"),
    (given_up_with_its_socket, "given up with its socket"),
    (end_unwritten, "over, and the journal does not know"),
    (waits_for_the_dead, "it is no more, and is waited for"),
    (let_go_of_while_recorded, "let go while it may be recorded"),
    (memory_ignored, "FreeSWITCH remembers a pause"),
]
"""Found in a call that staff make."""
OF_REFUSING: list[tuple[Sabotage, str]] = [
    (ended_though_there_is_room, "ended for want of a recording, and there is room"),
    (refuses_for_ever, "no way out by timers alone"),
]
"""Found where a team does not talk without a recording."""
