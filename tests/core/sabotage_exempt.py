"""The machine without one of its rules about the exempt extension (R8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import call, connecting, events, exempt, rules, veil
from ivr.core import commands as do
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step
from tests.core.sabotage import Sabotage


def not_known_by_its_number(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_exempt", lambda number, policy: False)


def any_answer_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_known", lambda state: True)


def veil_lifted_in_a_pause(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_over", lambda state: True)


def veil_lifted_by_the_end_of_a_pause(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_hear", lambda state: True)


def hold_left_while_consulting(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_leave_hold", lambda state: True)


def _start(patch: pytest.MonkeyPatch, **otherwise: bool) -> None:
    original = veil.start

    def start(state: CallState, policy: CallPolicy) -> do.StartRecording:
        return replace(original(state, policy), **otherwise)

    patch.setattr(veil, "start", start)


def begins_unguarded(patch: pytest.MonkeyPatch) -> None:
    _start(patch, veiled=False)


def hears_from_the_beginning(patch: pytest.MonkeyPatch) -> None:
    _start(patch, unheard=False)


def unmasks_whoever_comes(patch: pytest.MonkeyPatch) -> None:
    def joined(state: CallState, policy: CallPolicy) -> Step:
        return veil.lifted(state._replace(veiled=True), policy)

    patch.setattr(veil, "joined", joined)


def stays_masked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(veil, "lifted", lambda state, policy: Step(state._replace(veiled=False)))


def waits_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(call._PHASES, Phase.LEAVING, lambda state, event, policy: Step(state))
    patch.setattr(exempt, "leaving", lambda state, event, policy: Step(state))


def goes_on_with_it(patch: pytest.MonkeyPatch) -> None:
    original = exempt.met

    def met(state: CallState, at: int, policy: CallPolicy, ago_ms: int = 0) -> Step:
        step = original(state, at, policy, ago_ms)
        kept = (c for c in step.commands if not isinstance(c, do.StopRecording))
        return Step(step.state, tuple(kept))

    patch.setattr(exempt, "met", met)


def late_start_overlooked(patch: pytest.MonkeyPatch) -> None:
    original = exempt.leaving

    def leaving(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        late = isinstance(event, events.RecordingStarted)
        return Step(state) if late else original(state, event, policy)

    patch.setattr(exempt, "leaving", leaving)


def hears_the_payment_line_answer(patch: pytest.MonkeyPatch) -> None:
    original = connecting.dial

    def dial(state: CallState, policy: CallPolicy) -> Step:
        after, commands = original(state, policy)
        heard = (
            replace(c, unveils=state.path) if isinstance(c, do.Bridge) else c for c in commands
        )
        return Step(after, tuple(heard))

    patch.setattr(connecting, "dial", dial)


OF_EXEMPT: list[tuple[Sabotage, str]] = [
    (not_known_by_its_number, "the exempt extension"),
    (goes_on_with_it, "the exempt extension is recorded"),
    (any_answer_counts, "heard before it is known who is there"),
    (veil_lifted_in_a_pause, "heard again, and nobody asked"),
    (veil_lifted_by_the_end_of_a_pause, "heard before it is known who is there"),
    (begins_unguarded, "a recording that FreeSWITCH does not guard"),
    (hears_from_the_beginning, "heard before it is known who is there"),
    (unmasks_whoever_comes, "heard before it is known who is there"),
    (stays_masked, "masked, and nobody asked for it"),
    (waits_for_ever, "no way out by timers alone"),
    (late_start_overlooked, "a recording that nobody wants"),
]
OF_CONSULTING: list[tuple[Sabotage, str]] = [
    (hold_left_while_consulting, "nobody asked|on hold"),
]
"""Found where the agent calls the exempt extension besides."""
OF_LINES: list[tuple[Sabotage, str]] = [
    (hears_the_payment_line_answer, "heard as it is answered, and paused"),
]
"""Found where a payment line is called."""
