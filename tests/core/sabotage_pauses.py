"""The machine without one of its rules about pauses and hold (R5, R6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.core import commands as do
from ivr.core import events, pausing, rules
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Pause, Recording
from ivr.core.steps import Step
from tests.core.sabotage import Sabotage


def ends_unconfirmed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_be_heard_again", lambda unmasked: True)


def ends_for_the_agent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "ends_by_itself", lambda state: True)


def timer_unmasks(patch: pytest.MonkeyPatch) -> None:
    _late_when(patch, lambda state: state.pause is Pause.ON and state.masked)


def timer_shows_keys(patch: pytest.MonkeyPatch) -> None:
    _late_when(patch, lambda state: state.pause is Pause.ON and not state.masked)


def _late_when(patch: pytest.MonkeyPatch, ends: Callable[[CallState], bool]) -> None:
    original = pausing._late

    def late(state: CallState, policy: CallPolicy) -> Step:
        return pausing._end(state, "timer", policy) if ends(state) else original(state, policy)

    patch.setattr(pausing, "_late", late)


def shows_keys_at_once(patch: pytest.MonkeyPatch) -> None:
    original = pausing._end

    def end(state: CallState, by: str, policy: CallPolicy) -> Step:
        result = original(state, by, policy)
        return Step(result.state, (*result.commands, do.ShowKeys()))

    patch.setattr(pausing, "_end", end)


def refused_mask_ignored(patch: pytest.MonkeyPatch) -> None:
    original = pausing._mask_answered

    def answered(state: CallState, ok: bool, policy: CallPolicy) -> Step:
        return original(state, ok, policy) if ok else Step(state)

    patch.setattr(pausing, "_mask_answered", answered)


def refused_mask_believed(patch: pytest.MonkeyPatch) -> None:
    original = pausing._mask_answered
    patch.setattr(
        pausing, "_mask_answered", lambda state, ok, policy: original(state, True, policy)
    )


def keys_always_relayed(patch: pytest.MonkeyPatch) -> None:
    relayed = (do.ForgetKeys(), do.HideKeys("agent", 0, relayed=True))
    patch.setattr(pausing, "_hide", lambda state: relayed)


def keys_never_relayed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_hide", lambda state: (do.HideKeys("agent", 0),))


def card_numbers_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_hide", lambda state: (do.HideKeys("agent", 0, relayed=state.at_line),))


def hears_at_the_line(patch: pytest.MonkeyPatch) -> None:
    original = pausing.met

    def met(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
        result = original(state, event, policy)
        return Step(result.state, (*result.commands, do.HearKeys()))

    patch.setattr(pausing, "met", met)


def began_unmasked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "recording_asked", Step)


def part_in_the_pause(patch: pytest.MonkeyPatch) -> None:
    original = pausing.recording_ended

    def ended(state: CallState, policy: CallPolicy) -> Step:
        result = original(state, policy)
        if result.state.pause is not Pause.ON or not result.state.was_stopped:
            return result
        again = result.state._replace(recording=Recording.REQUESTED)
        return Step(again, (*result.commands, do.StartRecording(state.path)))

    patch.setattr(pausing, "recording_ended", ended)


def forgotten_with_the_link(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "link_lost", lambda state, policy: Step(state._replace(pause=Pause.OFF)))


def no_pause_timer(patch: pytest.MonkeyPatch) -> None:
    original = pausing._limited

    def limited(state: CallState, pause: Pause, ms: int, *commands: Any) -> Step:
        result = original(state, pause, ms, *commands)
        return Step(result.state, result.commands[:-1]) if pause is Pause.ON else result

    patch.setattr(pausing, "_limited", limited)


def too_late_to_pause(patch: pytest.MonkeyPatch) -> None:
    original = pausing._asked

    def asked(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        ending = state.pause is Pause.UNMASKING and isinstance(event, events.PauseAsked)
        return Step(state) if ending else original(state, event, policy)

    patch.setattr(pausing, "_asked", asked)


def masked_first(patch: pytest.MonkeyPatch) -> None:
    original = pausing._again

    def again(state: CallState) -> Step:
        result = original(state)
        return Step(result.state, (do.Mask(state.path), *result.commands))

    patch.setattr(pausing, "_again", again)


def told_at_once(patch: pytest.MonkeyPatch) -> None:
    original = pausing.begin

    def begin(state: CallState, by: str, at: int, policy: CallPolicy, back_ms: int = 0) -> Step:
        result = original(state, by, at, policy, back_ms)
        tone = () if state.at_line or state.held else (do.TellAgent(do.Tone.PAUSED),)
        return Step(result.state, (*result.commands, *tone))

    patch.setattr(pausing, "begin", begin)


def tones_to_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "tell", lambda state, tone: (do.TellAgent(tone),))


def keys_left_hidden(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_show", pausing._over)


def line_not_known(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "is_line", lambda number, state, policy: False)


def new_leg_overlooked(patch: pytest.MonkeyPatch) -> None:
    original = pausing.met

    def met(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
        return original(state, event, policy) if state.pause is Pause.OFF else Step(state)

    patch.setattr(pausing, "met", met)


def caller_resumes(patch: pytest.MonkeyPatch) -> None:
    original = pausing.key_pressed

    def key_pressed(state: CallState, event: events.KeyPressed, policy: CallPolicy) -> Step:
        if state.pause is Pause.ON:
            return pausing._end(state, "agent", policy)
        return original(state, event, policy)

    patch.setattr(pausing, "key_pressed", key_pressed)


def unwritten(patch: pytest.MonkeyPatch) -> None:
    original = pausing.begin

    def begin(state: CallState, by: str, at: int, policy: CallPolicy, back_ms: int = 0) -> Step:
        result = original(state, by, at, policy, back_ms)
        unwritten = [c for c in result.commands if not isinstance(c, do.Journal)]
        return Step(result.state, tuple(unwritten))

    patch.setattr(pausing, "begin", begin)


def ends_at_the_line(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_end_now", lambda state: not state.held)


def resumed_at_the_line(patch: pytest.MonkeyPatch) -> None:
    _resumes_whatever(patch, lambda state: state.at_line)


def ends_on_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_end_now", lambda state: not state.at_line)


def resumed_on_hold(patch: pytest.MonkeyPatch) -> None:
    _resumes_whatever(patch, lambda state: state.held and not state.at_line)


def _resumes_whatever(patch: pytest.MonkeyPatch, where: Callable[[CallState], bool]) -> None:
    """Whoever asks for the end of a pause has it."""
    original = pausing._asked

    def asked(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        resumes = isinstance(event, events.ResumeAsked) and state.pause is Pause.ON
        if resumes and where(state):
            return pausing._end(state, "agent", policy)
        return original(state, event, policy)

    patch.setattr(pausing, "_asked", asked)


def hold_unheard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_held", lambda state, at, policy: Step(state._replace(held=True)))


def hold_forgets_who_asked(patch: pytest.MonkeyPatch) -> None:
    original = pausing._held

    def held(state: CallState, at: int, policy: CallPolicy) -> Step:
        return original(state._replace(asked=False), at, policy)

    patch.setattr(pausing, "_held", held)


def tones_into_the_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        pausing, "tell", lambda state, tone: () if state.at_line else (do.TellAgent(tone),)
    )


OF_PAUSES: list[tuple[Sabotage, str]] = [
    (ends_unconfirmed, "keys shown before the mask is off"),
    (ends_for_the_agent, "nobody asked"),
    (timer_unmasks, "heard again, and nobody asked"),
    (timer_shows_keys, "keys shown, and nobody asked"),
    (shows_keys_at_once, "keys shown before the mask is off"),
    (refused_mask_ignored, "a mask refused and not stopped"),
    (refused_mask_believed, "kept while paused"),
    (keys_always_relayed, "keys let through and no payment line"),
    (keys_never_relayed, "keys kept from the payment line"),
    (card_numbers_told, "keys let through and told of"),
    (hears_at_the_line, "keys told of at a payment line"),
    (began_unmasked, "recorded while paused"),
    (part_in_the_pause, "recorded while paused"),
    (forgotten_with_the_link, "the pause is forgotten"),
    (no_pause_timer, "a pause without a running timer"),
    (too_late_to_pause, "recorded while paused"),
    (masked_first, "masked before keys are hidden"),
    (told_at_once, "the agent is told of a pause that is none"),
    (tones_to_everybody, "a tone to a payment line"),
    (keys_left_hidden, "over, and keys still hidden"),
    (line_not_known, "at a payment line and not paused"),
    (new_leg_overlooked, "the keys of a new leg are not hidden"),
    (caller_resumes, "the caller ended a pause"),
    (unwritten, "paused, and the journal does not know"),
    (ends_at_the_line, "nobody asked"),
    (resumed_at_the_line, "heard again at a payment line"),
    (ends_on_hold, "nobody asked"),
    (resumed_on_hold, "on hold"),
    (hold_unheard, "on hold and not paused"),
    (hold_forgets_who_asked, "nobody asked"),
    (tones_into_the_hold, "a tone to an agent who does not listen"),
]
