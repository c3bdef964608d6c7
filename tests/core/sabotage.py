"""The machine without one of its rules: each time the search must find out (R1 to R5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.core import call, connecting, entries, events, midcall, rules, steps, telling
from ivr.core import commands as do
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step

Sabotage = Callable[[pytest.MonkeyPatch], None]
"""Takes a rule away."""


def unannounced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "was_announced", lambda complete: True)


def returned_untold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "was_heard_at_all", lambda state: True)


def undurable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_durable", lambda state: True)


def opt_out_ignored(patch: pytest.MonkeyPatch) -> None:
    def proceed(state: CallState, how: str, policy: Any) -> Step:
        journal = do.Journal(entries.OptOutConfirmed(how=how))
        return steps.then(journal, connecting.proceed(state._replace(may_record=True), policy))

    patch.setattr(midcall, "opted_out", proceed)


def dialled_first(patch: pytest.MonkeyPatch) -> None:
    original = connecting.proceed

    def proceed(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        if result.state.phase is not Phase.STARTING:
            return result
        dialled = connecting.dial(result.state, policy)
        return Step(dialled.state, (do.StartRecording(state.path), *dialled.commands))

    patch.setattr(connecting, "proceed", proceed)


def no_timer(patch: pytest.MonkeyPatch) -> None:
    original = steps.enter

    def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Any) -> Step:
        result = original(state, phase, limit_ms, *commands)
        if phase is not Phase.DECIDING:
            return result
        return Step(result.state, result.commands[:-1])

    patch.setattr(steps, "enter", enter)


def deaf_to_timers(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(call._PHASES, Phase.PARTED, lambda state, event, policy: Step(state))


def talks_to_the_dead(patch: pytest.MonkeyPatch) -> None:
    original = call._hung_up

    def hung_up(state: CallState, event: events.HungUp, policy: Any) -> Step:
        result = original(state, event, policy)
        return Step(result.state, (do.StopPrompts(), *result.commands))

    patch.setattr(call, "_hung_up", hung_up)


def late_start_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_wanted", lambda state: True)


def given_up_and_left(patch: pytest.MonkeyPatch) -> None:
    def starting(state: CallState, event: events.Event, policy: Any) -> Step:
        if isinstance(event, events.TimerFired):
            return connecting.unrecorded(state, "late", policy)
        return Step(state)

    patch.setitem(call._PHASES, Phase.STARTING, starting)


def records_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out

    def opt_out(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        told = state.may_record and state.durable
        more = (do.StartRecording(state.path),) if told else ()
        return Step(result.state, (*result.commands, *more))

    patch.setattr(telling, "_opt_out", opt_out)


def connects_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out

    def opt_out(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        return Step(result.state, (*result.commands, do.Bridge("user/1", 1, 1)))

    patch.setattr(telling, "_opt_out", opt_out)


def records_the_farewell(patch: pytest.MonkeyPatch) -> None:
    original = midcall.opted_out

    def opted_out(state: CallState, how: str, policy: Any) -> Step:
        result = original(state, how, policy)
        told = state.announcement_ms and state.durable
        more = (do.StartRecording(state.path),) if told else ()
        return Step(result.state, (*result.commands, *more))

    patch.setattr(midcall, "opted_out", opted_out)


def no_limit(patch: pytest.MonkeyPatch) -> None:
    original = steps.enter

    def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Any) -> Step:
        return original(state, phase, 0 if phase is Phase.SECURING else limit_ms, *commands)

    patch.setattr(steps, "enter", enter)


def goes_on_after_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        steps,
        "finish",
        lambda state: Step(state._replace(phase=Phase.DONE), (do.Finish(), do.StopPrompts())),
    )


def ends_without_a_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(steps, "finish", lambda state: Step(state._replace(phase=Phase.DONE)))


def renewed_though_untold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_told", lambda state: True)


OF_CALLS: list[tuple[Sabotage, str]] = [
    (unannounced, "a recording that was not announced"),
    (returned_untold, "a recording that was not announced"),
    (renewed_though_untold, "a recording that was not announced"),
    (undurable, "a recording before its journal"),
    (opt_out_ignored, "after opting out"),
    (dialled_first, "connected before it is clear what is kept"),
    (no_timer, "a phase without a running timer"),
    (deaf_to_timers, "no way out by timers alone"),
    (talks_to_the_dead, "a command after the hangup"),
    (late_start_stays, "a recording that nobody wants"),
    (given_up_and_left, "given up and not stopped"),
    (records_while_opting_out, "a recording while opting out"),
    (connects_while_opting_out, "connected while opting out"),
    (records_the_farewell, "a recording after opting out"),
    (no_limit, "a limit that is none"),
    (goes_on_after_the_end, "a command after the end"),
    (ends_without_a_record, "done without Finish"),
]
