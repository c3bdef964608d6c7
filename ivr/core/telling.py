"""Telling the caller, and letting the caller opt out (R1, R2, R3)."""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import connecting, entries, events, rules, steps
from ivr.core.events import Event
from ivr.core.keys import NO_KEYS, press
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step


def answering(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """FreeSWITCH was asked to answer the A leg."""
    match event:
        case events.Answered(rate=rate):
            state = state._replace(rate=rate)
            return steps.then(do.Journal(entries.Answered()), _begin(state, policy))
        case events.TimerFired():
            return steps.hang_up(state, "RECOVERY_ON_TIMER_EXPIRE", "switch-silent")
        case _:
            return Step(state)


def _begin(state: CallState, policy: CallPolicy) -> Step:
    """The announcement; a call that was handed over once more goes on where it was."""
    match state.after_answer:
        case Phase.REMINDING:
            return steps.play(state, Phase.REMINDING, policy.reminder)
        case Phase.APOLOGISING:
            return steps.play(state, Phase.APOLOGISING, policy.unavailable)
        case Phase.SECURING:
            return connecting.proceed(state, policy)
        case _:
            return steps.play(state, Phase.ANNOUNCING, policy.announcement)


def announcing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The announcement plays; the opt-out sequence is listened for (R1, R2)."""
    match event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            return _opt_out(state, policy) if found else Step(state)
        case events.TimerFired():
            step = connecting.unrecorded(state, "the announcement never ended", policy)
            return steps.then(do.StopPrompts(), step)
        case _:
            return Step(state)


def announcement_over(
    state: CallState, event: events.PromptEnded, complete: bool, policy: CallPolicy
) -> Step:
    """Go on when it was heard to its end; without that, nothing is recorded (R1)."""
    if not rules.was_announced(complete):
        reason = "the announcement could not be played to its end"
        return connecting.unrecorded(state, reason, policy)
    state = state._replace(may_record=True)
    left_ms = policy.inter_digit_ms - (event.at - state.keys.at)
    if state.keys.keys and left_ms > 0:
        return steps.enter(state, Phase.LAST_KEYS, left_ms)
    return connecting.proceed(state, policy)


def last_keys(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The announcement is over and a sequence half keyed: it still counts (R2)."""
    match event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            if found:
                return _opt_out(state, policy)
            if tail.keys:
                return steps.enter(state, Phase.LAST_KEYS, policy.inter_digit_ms)
            return connecting.proceed(state, policy)
        case events.TimerFired():
            return connecting.proceed(state, policy)
        case _:
            return Step(state)


def _opt_out(state: CallState, policy: CallPolicy) -> Step:
    """The sequence was keyed (R2): until the caller comes back there is nothing to record."""
    state = state._replace(keys=NO_KEYS, may_record=False)
    step = steps.interrupt(state, Phase.REMINDING, policy.reminder)
    # Hastened: an engine that did not know of it would announce again, and connect (R22).
    started = (do.Journal(entries.OptOutStarted()), do.HastenJournal())
    return Step(step.state, (*started, *step.commands))


def reminding(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The reminder plays; a key counts at once (R3)."""
    match event:
        case events.TimerFired():
            return steps.enter(state, Phase.DECIDING, policy.confirm_ms, do.StopPrompts())
        case _:
            return deciding(state, event, policy)


def deciding(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The reminder was heard and a key is waited for (R3)."""
    match event:
        case events.KeyPressed(key=key) if key == policy.return_key:
            return _came_back(state, policy)
        case events.KeyPressed() if state.reminders_left > 0:
            state = state._replace(reminders_left=state.reminders_left - 1)
            journal = do.Journal(entries.ReminderRepeated())
            return steps.then(journal, steps.interrupt(state, Phase.REMINDING, policy.reminder))
        case events.KeyPressed():
            return _opted_out(state, "wrong-keys", policy)
        case events.TimerFired():
            return _opted_out(state, "timeout", policy)
        case _:
            return Step(state)


def _came_back(state: CallState, policy: CallPolicy) -> Step:
    """``1`` goes back to where the call was; the announcement only if it was never heard (R3)."""
    journal = do.Journal(entries.OptOutReturned())
    if not rules.was_heard_at_all(state):
        return steps.then(journal, steps.interrupt(state, Phase.ANNOUNCING, policy.announcement))
    state = state._replace(may_record=True)
    stop = (do.StopPrompts(),) if state.playing else ()
    step = connecting.proceed(state, policy)
    return Step(step.state, (journal, *stop, *step.commands))


def _opted_out(state: CallState, how: str, policy: CallPolicy) -> Step:
    """The opt-out stands: goodbye, then the end (R3)."""
    journal = do.Journal(entries.OptOutConfirmed(how=how))
    state = state._replace(reason="opted-out")
    return steps.then(journal, steps.interrupt(state, Phase.FAREWELL, policy.goodbye))
