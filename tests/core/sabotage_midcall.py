"""The machine without one of its rules about opting out in mid-call, called people who are told
first, and queues (R4, R9, R10)."""

from __future__ import annotations

import pytest

from ivr.core import call, confirming, connecting, events, midcall, pausing, rules
from ivr.core import commands as do
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step
from tests.core.sabotage import Sabotage


def parts_whoever_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_part", lambda state, policy: True)


def nobody_left_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_left_alone", lambda state: False)


def ends_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_end_now", lambda state: not (state.at_line or state.held))


def opting_caller_counts_as_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_told", lambda state: state.may_record)


def joined_by_a_telephone_is_back(patch: pytest.MonkeyPatch) -> None:
    original = midcall.together

    def together(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        step = original(state, event, policy)
        if not isinstance(event, events.Bridged):
            return step
        over = midcall._goes_on(step.state, policy)
        return Step(over.state, (*step.commands, *over.commands))

    patch.setattr(midcall, "together", together)


def comes_back_by_itself(patch: pytest.MonkeyPatch) -> None:
    original = midcall.opted_out

    def opted_out(state: CallState, how: str, policy: CallPolicy) -> Step:
        back = how == "timeout" and state.joined
        return midcall.came_back(state, policy) if back else original(state, how, policy)

    patch.setattr(midcall, "opted_out", opted_out)


def keys_let_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_shows_keys", lambda state: state.paused_by == pausing.OPT_OUT)


def forgets_the_waiting(patch: pytest.MonkeyPatch) -> None:
    original = connecting.joined

    def joined(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
        step = original(state, event, policy)
        return Step(step.state, tuple(c for c in step.commands if not isinstance(c, do.EndOther)))

    patch.setattr(connecting, "joined", joined)


def pause_lost_on_the_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "goes_on", lambda state, policy: ())


def queued_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(call._PHASES, Phase.QUEUEING, lambda state, event, policy: Step(state))


def let_through_whatever_was_keyed(patch: pytest.MonkeyPatch) -> None:
    original = midcall.opted_out

    def opted_out(state: CallState, how: str, policy: CallPolicy) -> Step:
        if not state.to_customer or state.joined:
            return original(state, how, policy)
        confirmed = do.Journal(confirming.confirmation(state, how, policy))
        let = connecting.dial(state, policy)
        return Step(let.state, (confirmed, *let.commands))

    patch.setattr(midcall, "opted_out", opted_out)


OF_OPTING_OUT: list[tuple[Sabotage, str]] = [
    (nobody_left_alone, "who waits is left waiting"),
    (ends_while_opting_out, "heard again while opting out|nobody asked"),
    (opting_caller_counts_as_told, "a recording while opting out"),
    (joined_by_a_telephone_is_back, "nobody asked|heard again while opting out|left waiting"),
    (comes_back_by_itself, "back, and the caller did not ask for it"),
    (keys_let_through, "keys of a pause are let through"),
    (forgets_the_waiting, "who waits is left waiting"),
]
OF_NOT_PARTING: list[tuple[Sabotage, str]] = [
    (parts_whoever_keys, "parted, and the team does not allow it"),
]
"""Found where a team does not let callers opt out once connected."""
OF_TOLD_FIRST: list[tuple[Sabotage, str]] = [
    (let_through_whatever_was_keyed, "connected after opting out"),
]
OF_QUEUES: list[tuple[Sabotage, str]] = [
    (pause_lost_on_the_way, "paused, and the journal does not know"),
    (queued_for_ever, "no way out by timers alone"),
]
