"""Telling the caller, and letting the caller opt out (R1, R2, R3)."""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import connecting, entries, events, midcall, pausing, rules, steps
from ivr.core.events import Event
from ivr.core.keys import NO_KEYS, press
from ivr.core.policy import CallPolicy
from ivr.core.state import SLACK_MS, CallState, Phase
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
        case _ if policy.menu is not None:
            return steps.play(state, Phase.CHOOSING, policy.menu.prompt)
        case _:
            return _greet(state, policy)


def _greet(state: CallState, policy: CallPolicy) -> Step:
    """The announcement, or that nobody is there to be connected to (R1, R9)."""
    if policy.closed is not None:
        state = state._replace(reason="closed")
        return steps.play(state, Phase.APOLOGISING, policy.closed)
    return steps.play(state, Phase.ANNOUNCING, policy.announcement)


def choosing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """A language may be chosen; without a choice the call goes on in the team's own (R9)."""
    menu = policy.menu
    match event:
        case events.KeyPressed(key=key) if menu is not None and key in menu.keys:
            spoken = menu.keys[key]
            chosen = (do.Journal(entries.LanguageChosen(spoken.language)), do.SpeakIn(spoken))
            stop = (steps.stop_prompts(state),) if state.playing else ()
            return steps.then_all((*chosen, *stop), _greet(state, policy.spoken(spoken)))
        case events.KeyPressed(at=at, key=key):
            # Who knows the keys from another call need not wait for the announcement (R2).
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            return _opt_out(state, policy) if found else Step(state)
        case events.TimerFired():
            stop = (steps.stop_prompts(state),) if state.playing else ()
            return steps.then_all(stop, _greet(state, policy))
        case _:
            return Step(state)


def choice_heard(state: CallState, policy: CallPolicy) -> Step:
    """The languages were all named: a key is waited for a little longer."""
    wait_ms = policy.menu.wait_ms if policy.menu is not None else 0
    return steps.enter(state, Phase.CHOOSING, wait_ms)


def announcing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The announcement plays; the opt-out sequence is listened for (R1, R2)."""
    match event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            return _opt_out(state, policy) if found else Step(state)
        case events.TimerFired():
            step = connecting.unrecorded(state, "the announcement never ended", policy)
            return steps.then(steps.stop_prompts(state), step)
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
    return steps.then_all(started, step)


def queueing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The caller waits in a queue, and may opt out there too (R2, R9). The agent may take the call
    in that very moment: nothing is kept from the sequence on (R4)."""
    queue = policy.destinations[state.place].queue
    match event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            if not found:
                return Step(state)
            hushed = pausing.opting(state, at, event.held_ms, policy)
            leave = (do.LeaveQueue(queue.name),) if queue is not None else ()
            reminded, commands = _opt_out(hushed.state, policy)
            # Whether the caller was told is as it was: what opting out bars is barred by itself.
            reminded = reminded._replace(may_record=state.may_record)
            return Step(reminded, (*hushed.commands, *leave, *commands))
        case events.TimerFired() if state.tellings and queue is not None:
            state = state._replace(tellings=state.tellings - 1)
            wait_ms = queue.every_ms if state.tellings else queue.every_ms + SLACK_MS
            return steps.enter(state, Phase.QUEUEING, wait_ms, do.AskPlace(queue.name))
        case events.QueuePlace(place=place) if queue is not None and queue.places:
            prompt = queue.places[min(place, len(queue.places)) - 1]
            return steps.say(state, prompt, "place")
        case _:
            return connecting.dialling(state, event, policy)


def reminding(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The reminder plays; a key counts at once (R3)."""
    match event:
        case events.TimerFired():
            stop = steps.stop_prompts(state)
            return steps.enter(state, Phase.DECIDING, policy.confirm_ms, stop)
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
            return midcall.opted_out(state, "wrong-keys", policy)
        case events.TimerFired():
            return midcall.opted_out(state, "timeout", policy)
        case _:
            return midcall.together(state, event, policy) if state.opting else Step(state)


def _came_back(state: CallState, policy: CallPolicy) -> Step:
    """``1`` goes back to where the call was; the announcement only if it was never heard (R3)."""
    if state.joined:
        return midcall.came_back(state, policy)
    journal = do.Journal(entries.OptOutReturned())
    if state.opting:  # the caller waited in a queue, and waits on
        over = pausing.left(state._replace(opting=False), policy)
        stop = (steps.stop_prompts(state),) if state.playing else ()
        waits = connecting.dial(over.state, policy)
        return steps.then_all((journal, *stop, *over.commands), waits)
    if not rules.was_heard_at_all(state):
        return steps.then(journal, steps.interrupt(state, Phase.ANNOUNCING, policy.announcement))
    state = state._replace(may_record=True)
    stop = (steps.stop_prompts(state),) if state.playing else ()
    step = connecting.proceed(state, policy)
    return Step(step.state, (journal, *stop, *step.commands))
