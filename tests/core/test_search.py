"""What holds whatever happens, in whatever order (R1, R2, R3, R5, R22).

Each rule has its sabotage: the machine without it, which the same search must find out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import call, connecting, entries, events, rules, steps, telling
from ivr.core import commands as do
from ivr.core.explore import what_can_happen
from ivr.core.state import CallState, Phase, Recording
from ivr.core.steps import Step
from tests.core.calls import ARRIVED, POLICY, REFUSING
from tests.core.search import MOST_TIMERS, Node, RuleBroken, Watcher, search, step


@pytest.mark.parametrize("policy", [POLICY, REFUSING], ids=["connect", "refuse"])
def test_no_sequence_of_events_breaks_a_rule(policy: Any) -> None:
    count = search(replace(policy, reminders=1))
    never = [phase for phase, states in count.items() if not states]
    assert never == [], "the search must reach every phase, or it proves nothing about it"


def _unannounced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "was_announced", lambda complete: True)


def _returned_untold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "was_heard_at_all", lambda state: True)


def _undurable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_durable", lambda state: True)


def _opt_out_ignored(patch: pytest.MonkeyPatch) -> None:
    def proceed(state: CallState, how: str, policy: Any) -> Step:
        journal = do.Journal(entries.OptOutConfirmed(how=how))
        return steps.then(journal, connecting.proceed(state._replace(may_record=True), policy))

    patch.setattr(telling, "_opted_out", proceed)


def _dialled_first(patch: pytest.MonkeyPatch) -> None:
    original = connecting.proceed

    def proceed(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        if result.state.phase is not Phase.STARTING:
            return result
        dialled = connecting.dial(result.state, policy)
        return Step(dialled.state, (do.StartRecording(), *dialled.commands))

    patch.setattr(connecting, "proceed", proceed)


def _no_timer(patch: pytest.MonkeyPatch) -> None:
    original = steps.enter

    def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Any) -> Step:
        result = original(state, phase, limit_ms, *commands)
        if phase is not Phase.DECIDING:
            return result
        return Step(result.state, result.commands[:-1])

    patch.setattr(steps, "enter", enter)


def _deaf_to_timers(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(call._PHASES, Phase.PARTED, lambda state, event, policy: Step(state))


def _talks_to_the_dead(patch: pytest.MonkeyPatch) -> None:
    original = call._hung_up

    def hung_up(state: CallState, event: events.HungUp) -> Step:
        result = original(state, event)
        return Step(result.state, (do.StopPrompts(), *result.commands))

    patch.setattr(call, "_hung_up", hung_up)


def _late_start_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_wanted", lambda state: True)


def _given_up_and_left(patch: pytest.MonkeyPatch) -> None:
    def starting(state: CallState, event: events.Event, policy: Any) -> Step:
        if isinstance(event, events.TimerFired):
            return connecting.unrecorded(state, "late", policy)
        return Step(state)

    patch.setitem(call._PHASES, Phase.STARTING, starting)


def _records_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out

    def opt_out(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        told = state.may_record and state.durable
        more = (do.StartRecording(),) if told else ()
        return Step(result.state, (*result.commands, *more))

    patch.setattr(telling, "_opt_out", opt_out)


def _connects_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out

    def opt_out(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        return Step(result.state, (*result.commands, do.Bridge("user/1", 1, 1)))

    patch.setattr(telling, "_opt_out", opt_out)


def _records_the_farewell(patch: pytest.MonkeyPatch) -> None:
    original = telling._opted_out

    def opted_out(state: CallState, how: str, policy: Any) -> Step:
        result = original(state, how, policy)
        told = state.may_record and state.durable
        more = (do.StartRecording(),) if told else ()
        return Step(result.state, (*result.commands, *more))

    patch.setattr(telling, "_opted_out", opted_out)


def _no_limit(patch: pytest.MonkeyPatch) -> None:
    original = steps.enter

    def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Any) -> Step:
        return original(state, phase, 0 if phase is Phase.SECURING else limit_ms, *commands)

    patch.setattr(steps, "enter", enter)


def _goes_on_after_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        steps,
        "finish",
        lambda state: Step(state._replace(phase=Phase.DONE), (do.Finish(), do.StopPrompts())),
    )


def _ends_without_a_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(steps, "finish", lambda state: Step(state._replace(phase=Phase.DONE)))


SABOTAGE: list[tuple[Callable[[pytest.MonkeyPatch], None], str]] = [
    (_unannounced, "a recording that was not announced"),
    (_returned_untold, "a recording that was not announced"),
    (_undurable, "a recording before its journal"),
    (_opt_out_ignored, "after opting out"),
    (_dialled_first, "connected before it is clear what is kept"),
    (_no_timer, "a phase without a running timer"),
    (_deaf_to_timers, "no way out by timers alone"),
    (_talks_to_the_dead, "a command after the hangup"),
    (_late_start_stays, "a recording that nobody wants"),
    (_given_up_and_left, "given up and not stopped"),
    (_records_while_opting_out, "a recording while opting out"),
    (_connects_while_opting_out, "connected while opting out"),
    (_records_the_farewell, "a recording after opting out"),
    (_no_limit, "a limit that is none"),
    (_goes_on_after_the_end, "a command after the end"),
    (_ends_without_a_record, "done without Finish"),
]


@pytest.mark.parametrize(("sabotage", "rule"), SABOTAGE, ids=lambda v: getattr(v, "__name__", ""))
def test_the_search_finds_a_rule_that_was_taken_out(
    monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None], rule: str
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(RuleBroken, match=rule):
        search(replace(POLICY, reminders=1))


def test_a_recording_that_comes_too_late_never_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule by itself: whatever phase a late RECORD_START finds, it is stopped."""
    late = CallState(phase=Phase.CONNECTED, recording=Recording.REFUSED)
    assert call.advance(late, events.RecordingStarted(0), POLICY).commands == (do.StopRecording(),)
    monkeypatch.setattr(rules, "is_wanted", lambda state: True)
    assert do.StopRecording() not in call.advance(late, events.RecordingStarted(0), POLICY).commands


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_random_call_with_random_timings_breaks_a_rule(data: st.DataObject) -> None:
    live_through(data)


@pytest.mark.parametrize(
    "sabotage", [_unannounced, _opt_out_ignored, _no_timer], ids=lambda v: v.__name__
)
def test_random_calls_find_a_rule_that_was_taken_out(
    monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None]
) -> None:
    sabotage(monkeypatch)
    calls = settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(hypothesis.Phase.generate,),
    )
    with pytest.raises(RuleBroken):
        calls(given(st.data())(live_through))()


def leads_on(state: CallState, event: events.Event, policy: Any) -> bool:
    ends = isinstance(event, events.HungUp | events.LinkLost)
    return not ends and call.advance(state, event, policy).state.phase is not state.phase


def live_through(data: st.DataObject) -> None:
    """A call of random events at random moments, and then of timers alone."""
    policy = data.draw(st.sampled_from([POLICY, REFUSING]))
    opting_out = data.draw(st.booleans())
    node: Node = step((CallState(), Watcher()), ARRIVED, policy)
    now = 0
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.integers(0, 5000))
        state, happen = node[0], list(what_can_happen(node[0], policy))
        # Half of the time something that leads on, or few calls would get anywhere.
        if data.draw(st.booleans()):
            happen = [event for event in happen if leads_on(state, event, policy)] or happen
            if opting_out and state.phase in (Phase.ANNOUNCING, Phase.LAST_KEYS):
                happen = [events.KeyPressed(0, policy.opt_out_keys[len(state.keys.keys)])]
                now = state.keys.at + 1
        event = data.draw(st.sampled_from(happen))
        node = step(node, replace(event, at=now), policy)
    for _ in range(MOST_TIMERS):
        if node[0].phase is Phase.DONE:
            break
        now += 60_000
        node = step(node, events.TimerFired(now, node[0].timer), policy)
    assert node[0].phase is Phase.DONE
