"""The call: ``advance(state, event, policy) -> (state, commands)`` (R1 to R5).

One function a phase says what each event means there; what means the same
everywhere (a hangup, a lost link, the recording's own news) is in :func:`advance`
itself. Nothing here waits: a phase sends its commands, starts the one timer that is
its way out, and returns. Rules that protect a caller have functions of their own, so
that a test can take each away and see a proof fail.

``docs/call.svg`` is drawn from this file by ``ivr diagram``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.commands import Command
from ivr.core.events import Event, Party
from ivr.core.keys import NO_KEYS, press
from ivr.core.policy import CallPolicy, Prompt
from ivr.core.state import (
    ANSWER_MS,
    CLOSING_MS,
    HANGUP_MS,
    HEARD_SLACK_MS,
    JOURNAL_MS,
    PARTED_MS,
    REPLAYS,
    SLACK_MS,
    SWITCH_MS,
    CallState,
    Phase,
    Recording,
)


class Step(NamedTuple):
    """What became of one event."""

    state: CallState
    commands: tuple[Command, ...] = ()


def advance(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Take one event; say where the call is now and what is to be done.

    Pure: the same arguments always give the same answer. No event is an error in any
    phase; one that means nothing there changes nothing.
    """
    if state.phase is Phase.DONE:
        return Step(state)
    match event:
        case events.TimerFired(timer=timer) if timer != state.timer:
            return Step(state)
        case events.PromptEnded():
            return _prompt_ended(state, event, policy)
        case events.Journalled():
            state = state._replace(durable=True)
        case events.JournalFailed(reason=reason):
            state = state._replace(undurable=reason)
        case events.RecordingStarted() | events.RecordingStopped() | events.RecordingFailed():
            return _recording_news(state, event, policy)
        case events.HungUp():
            return _hung_up(state, event)
        case events.LinkLost():
            return _link_lost(state, policy)
        case _:
            pass
    return _PHASES[state.phase](state, event, policy)


def taken_up(journal: Iterable[entries.Stamped], path: str) -> CallState:
    """The state of a call that an earlier engine left and that goes on without a socket (R22)."""
    recording = Recording.NONE
    for stamped in journal:
        match stamped.entry:
            case entries.RecordingStarted():
                recording = Recording.RUNNING
            case entries.RecordingFailed():
                recording = Recording.REFUSED
            case entries.RecordingStopped():
                recording = Recording.ENDED
            case _:
                pass
    return CallState(phase=Phase.UNLINKED, timer=1, path=path, recording=recording)


# The phases, in the order of an ordinary call.


def _new(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.Arrived():
            state = state._replace(path=event.recording, reminders_left=policy.reminders)
            arrived = entries.Arrived(
                number=event.number,
                caller=event.caller,
                caller_name=event.caller_name,
                direction="inbound",
                team=policy.team,
                route=policy.route,
                language=policy.language,
                policy_version=policy.policy_version,
                config_version=policy.config_version,
                destination=policy.destination,
            )
            # The intent is written now, long before the recording starts, so that
            # nobody waits for the disk when the announcement is over.
            intended = entries.RecordingIntended(path=event.recording)
            return _enter(
                state,
                Phase.ANSWERING,
                ANSWER_MS,
                do.TakeOver(),
                do.Answer(),
                do.Journal(arrived),
                do.Journal(intended),
                do.SyncJournal(),
            )
        case _:
            return Step(state)


def _answering(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.Answered(rate=rate):
            state = state._replace(rate=rate)
            journal = do.Journal(entries.Answered())
            return _then(journal, _play(state, Phase.ANNOUNCING, policy.announcement))
        case events.TimerFired():
            return _hang_up(state, "RECOVERY_ON_TIMER_EXPIRE", "switch-silent")
        case _:
            return Step(state)


def _announcing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            return _opt_out(state, policy) if found else Step(state)
        case events.TimerFired():
            return _then(
                do.StopPrompts(), _unrecorded(state, "the announcement never ended", policy)
            )
        case _:
            return Step(state)


def _announcement_over(
    state: CallState, event: events.PromptEnded, complete: bool, policy: CallPolicy
) -> Step:
    if not _was_announced(complete):
        return _unrecorded(state, "the announcement could not be played to its end", policy)
    state = state._replace(may_record=True)
    left_ms = policy.inter_digit_ms - (event.at - state.keys.at)
    if state.keys.keys and left_ms > 0:
        return _enter(state, Phase.LAST_KEYS, left_ms)
    return _proceed(state, policy)


def _last_keys(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms)
            state = state._replace(keys=tail)
            if found:
                return _opt_out(state, policy)
            if tail.keys:
                return _enter(state, Phase.LAST_KEYS, policy.inter_digit_ms)
            return _proceed(state, policy)
        case events.TimerFired():
            return _proceed(state, policy)
        case _:
            return Step(state)


def _opt_out(state: CallState, policy: CallPolicy) -> Step:
    """The sequence was keyed (R2)."""
    state = state._replace(keys=NO_KEYS, may_record=False)
    journal = do.Journal(entries.OptOutStarted())
    return _then(journal, _interrupt(state, Phase.REMINDING, policy.reminder))


def _reminding(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.TimerFired():
            return _enter(state, Phase.DECIDING, policy.confirm_ms, do.StopPrompts())
        case _:
            return _deciding(state, event, policy)


def _deciding(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.KeyPressed(key=key) if key == policy.return_key:
            return _came_back(state, policy)
        case events.KeyPressed() if state.reminders_left > 0:
            state = state._replace(reminders_left=state.reminders_left - 1)
            journal = do.Journal(entries.ReminderRepeated())
            return _then(journal, _interrupt(state, Phase.REMINDING, policy.reminder))
        case events.KeyPressed():
            return _opted_out(state, "wrong-keys", policy)
        case events.TimerFired():
            return _opted_out(state, "timeout", policy)
        case _:
            return Step(state)


def _came_back(state: CallState, policy: CallPolicy) -> Step:
    """``1`` goes back to where the call was; the announcement only if it was never heard (R3)."""
    journal = do.Journal(entries.OptOutReturned())
    if not _was_heard_at_all(state):
        return _then(journal, _interrupt(state, Phase.ANNOUNCING, policy.announcement))
    state = state._replace(may_record=True)
    stop = (do.StopPrompts(),) if state.playing else ()
    step = _proceed(state, policy)
    return Step(step.state, (journal, *stop, *step.commands))


def _opted_out(state: CallState, how: str, policy: CallPolicy) -> Step:
    """The opt-out stands: goodbye, then the end (R3)."""
    journal = do.Journal(entries.OptOutConfirmed(how=how))
    state = state._replace(reason="opted-out")
    return _then(journal, _interrupt(state, Phase.FAREWELL, policy.goodbye))


def _proceed(state: CallState, policy: CallPolicy) -> Step:
    """Towards the destination: the recording first, so that it is certain before anyone speaks."""
    state = state._replace(keys=NO_KEYS)
    if not state.may_record:
        return _unrecorded(state, "the caller was not told", policy)
    if state.undurable:
        return _unrecorded(state, state.undurable, policy)
    if _is_durable(state):
        state = state._replace(recording=Recording.REQUESTED)
        return _enter(state, Phase.STARTING, SWITCH_MS, do.StartRecording())
    return _enter(state, Phase.SECURING, JOURNAL_MS)


def _securing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.Journalled() | events.JournalFailed():
            return _proceed(state, policy)
        case events.TimerFired():
            return _unrecorded(state, "the journal was not written in time", policy)
        case _:
            return Step(state)


def _starting(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.TimerFired():
            reason = "FreeSWITCH did not start it in time"
            return _then(do.StopRecording(), _unrecorded(state, reason, policy))
        case _:
            return Step(state)


def _unrecorded(state: CallState, reason: str, policy: CallPolicy) -> Step:
    """There will be no recording: the team's policy says whether there is a call."""
    state = state._replace(recording=Recording.REFUSED)
    journal = do.Journal(entries.RecordingFailed(path=state.path, reason=reason))
    if policy.without_recording == "connect":
        return _then(journal, _dial(state, policy))
    state = state._replace(reason="not-recordable")
    return _then(journal, _play(state, Phase.APOLOGISING, policy.unavailable))


def _dial(state: CallState, policy: CallPolicy) -> Step:
    return _enter(
        state,
        Phase.DIALLING,
        policy.ring_ms + SLACK_MS,
        do.Bridge(policy.dial_string, policy.ring_ms),
        do.Journal(entries.Dialled(destination=policy.destination)),
    )


def _dialling(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.Bridged(other_leg=leg):
            journal = do.Journal(entries.Connected(other_leg=leg))
            return _enter(state, Phase.CONNECTED, policy.longest_call_ms, journal)
        case events.BridgeEnded(transferred=True):
            return _enter(state, Phase.CONNECTED, policy.longest_call_ms)
        case events.BridgeEnded(hung_up=True):
            return Step(state)
        case events.BridgeEnded(cause=cause):
            journal = do.Journal(entries.NotConnected(cause=cause))
            stop = (do.StopRecording(),) if state.may_be_recording else ()
            prompt, reason = _apology(cause, policy)
            step = _play(state._replace(reason=reason), Phase.APOLOGISING, prompt)
            return Step(step.state, (journal, *stop, *step.commands))
        case events.TimerFired():
            return _hang_up(state, "RECOVERY_ON_TIMER_EXPIRE", "switch-silent")
        case _:
            return Step(state)


def _apology(cause: str, policy: CallPolicy) -> tuple[Prompt, str]:
    """What the caller hears of this cause, and what the record calls it."""
    if cause == "USER_BUSY":
        return policy.busy, "busy"
    if cause in ("NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL"):
        return policy.no_answer, "no-answer"
    return policy.unavailable, "unavailable"


def _connected(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.BridgeEnded(transferred=False, hung_up=False):
            # Not yet an end of the call: a telephone can part legs and join others.
            return _enter(state, Phase.PARTED, PARTED_MS)
        case events.TimerFired():
            return _hang_up(state, "ALLOTTED_TIMEOUT", "longest-call")
        case _:
            return Step(state)


def _parted(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.Bridged(other_leg=leg):
            journal = do.Journal(entries.Connected(other_leg=leg))
            return _enter(state, Phase.CONNECTED, policy.longest_call_ms, journal)
        case events.BridgeEnded(transferred=True):
            return _enter(state, Phase.CONNECTED, policy.longest_call_ms)
        case events.TimerFired():
            return _hang_up(state, "NORMAL_CLEARING", "agent-gone")
        case _:
            return Step(state)


def _last_words(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Farewell and apology: nothing turns them back."""
    match event:
        case events.TimerFired():
            return _hang_up(state, "NORMAL_CLEARING", state.reason)
        case _:
            return Step(state)


def _waiting_out(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Ending, unlinked, closing: what is waited for comes through :func:`advance`, or never."""
    match event:
        case events.TimerFired():
            return _finish(state)
        case _:
            return Step(state)


# What means the same in every phase.


def _prompt_ended(state: CallState, event: events.PromptEnded, policy: CallPolicy) -> Step:
    """A prompt is over: the one that plays, or one that was stopped for another."""
    prompt = event.prompt
    full_ms = prompt.file_for(state.rate).length_ms
    complete = not event.missing and event.heard_ms >= full_ms - HEARD_SLACK_MS
    journal = do.Journal(
        entries.PromptEnded(
            name=prompt.name,
            heard_ms=event.heard_ms,
            complete=complete,
            missing=event.missing,
            play=event.play,
        )
    )
    if prompt.name == policy.announcement.name:
        state = state._replace(announcement_ms=max(state.announcement_ms, event.heard_ms))
    if event.play != state.play or state.playing is None:
        return Step(state, (journal,))
    if event.hung_up:
        return Step(state._replace(playing=None), (journal,))
    if not complete and not event.missing and state.replays < REPLAYS:
        # Something else cut it short: a break that was meant for the prompt before it can
        # hit this one (docs/freeswitch.md 32), and the caller must hear what comes next.
        state = state._replace(replays=state.replays + 1)
        return _then(journal, _play(state, state.phase, prompt))
    state = state._replace(playing=None)
    match state.phase:
        case Phase.ANNOUNCING:
            step = _announcement_over(state, event, complete, policy)
        case Phase.REMINDING:
            step = _enter(state, Phase.DECIDING, policy.confirm_ms)
        case Phase.FAREWELL | Phase.APOLOGISING:
            step = _hang_up(state, "NORMAL_CLEARING", state.reason)
        case _:
            step = Step(state)
    return _then(journal, step)


def _recording_news(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.RecordingStarted():
            if not _is_wanted(state):
                return Step(state, (do.StopRecording(),))
            journal = do.Journal(entries.RecordingStarted(path=state.path))
            state = state._replace(recording=Recording.RUNNING)
            if state.phase is Phase.STARTING:
                return _then(journal, _dial(state, policy))
            return Step(state, (journal,))
        case events.RecordingFailed(reason=reason) if state.phase is Phase.STARTING:
            return _unrecorded(state, reason, policy)
        case events.RecordingFailed(reason=reason) if state.phase is Phase.CLOSING:
            failed = do.Journal(entries.RecordingFailed(path=state.path, reason=reason))
            return _then(failed, _finish(state))
        case events.RecordingStopped(cause=cause, switch_ms=ms):
            journal = do.Journal(
                entries.RecordingStopped(path=state.path, cause=cause, switch_ms=ms)
            )
            if state.recording is not Recording.REFUSED:
                state = state._replace(recording=Recording.ENDED)
            if state.phase is Phase.CLOSING:
                return _then(journal, _finish(state))
            return Step(state, (journal,))
        case _:
            return Step(state)


def _hung_up(state: CallState, event: events.HungUp) -> Step:
    """The A leg is gone: only what finishes the record is still done."""
    if state.phase is Phase.CLOSING:
        return Step(state)
    journal: tuple[Command, ...] = ()
    if state.phase in (Phase.REMINDING, Phase.DECIDING):
        journal = (do.Journal(entries.OptOutConfirmed(how="hangup")),)
    by = _ended_by(state, event.by)
    journal = (
        *journal,
        do.Journal(
            entries.HungUp(by=by.value, cause=event.cause, q850=event.q850, reason=state.reason)
        ),
    )
    recording = state.may_be_recording
    step = _enter(state, Phase.CLOSING, CLOSING_MS) if recording else _finish(state)
    return Step(step.state, (*journal, *step.commands))


def _ended_by(state: CallState, told: Party) -> Party:
    """Who ended the call: FreeSWITCH knows whether the caller did; the phase knows the rest."""
    if told is Party.CALLER:
        return told
    if state.phase in (Phase.CONNECTED, Phase.PARTED):
        return Party.AGENT
    return Party.ENGINE if state.phase is Phase.ENDING else Party.SWITCH


def _link_lost(state: CallState, policy: CallPolicy) -> Step:
    """Without its socket a call that is recorded goes on, and so does its recording."""
    if state.phase is Phase.UNLINKED:
        return Step(state)
    if state.phase in (Phase.ENDING, Phase.CLOSING, Phase.NEW) or not state.may_be_recording:
        return _finish(state)
    return _enter(state, Phase.UNLINKED, policy.longest_call_ms)


# The rules that protect the caller.


def _was_announced(complete: bool) -> bool:
    """R1: nothing is recorded of a caller who did not hear the announcement to its end."""
    return complete


def _was_heard_at_all(state: CallState) -> bool:
    """R3: who comes back without having heard any of the announcement hears it from the top."""
    return state.announcement_ms > 0


def _is_durable(state: CallState) -> bool:
    """R22: no recording begins whose intent is not on disk."""
    return state.durable


def _is_wanted(state: CallState) -> bool:
    """No recording runs that the machine did not ask for, or gave up waiting for."""
    return state.may_be_recording and state.phase not in (
        Phase.FAREWELL,
        Phase.APOLOGISING,
        Phase.ENDING,
    )


# Small steps that the phases share.


def _then(first: Command, step: Step) -> Step:
    return Step(step.state, (first, *step.commands))


def _enter(state: CallState, phase: Phase, limit_ms: int, *commands: Command) -> Step:
    """Go to a phase; its limit is its way out should nothing else ever happen."""
    timer = state.timer + 1
    playing = state.playing if phase in _ROLES else None
    state = state._replace(phase=phase, timer=timer, playing=playing)
    return Step(state, (*commands, do.StartTimer(timer, limit_ms)))


def _play(state: CallState, phase: Phase, prompt: Prompt) -> Step:
    """Play a prompt and be in ``phase`` while it plays."""
    replays = state.replays if state.phase is phase and prompt is state.playing else 0
    play = state.play + 1
    state = state._replace(play=play, playing=prompt, replays=replays)
    file = prompt.file_for(state.rate)
    started = entries.PromptStarted(
        name=prompt.name,
        version=prompt.version,
        language=prompt.language,
        sha256=file.sha256,
        length_ms=file.length_ms,
        role=_ROLES[phase],
        play=play,
    )
    return _enter(
        state,
        phase,
        file.length_ms + SLACK_MS,
        do.PlayPrompt(play, prompt, state.rate),
        do.Journal(started),
    )


def _interrupt(state: CallState, phase: Phase, prompt: Prompt) -> Step:
    """Stop what plays, if anything does, and play this."""
    step = _play(state, phase, prompt)
    return _then(do.StopPrompts(), step) if state.playing else step


def _hang_up(state: CallState, cause: str, reason: str) -> Step:
    state = state._replace(reason=reason)
    return _enter(state, Phase.ENDING, HANGUP_MS, do.Hangup(cause))


def _finish(state: CallState) -> Step:
    return Step(state._replace(phase=Phase.DONE, playing=None), (do.Finish(),))


_ROLES = {
    Phase.ANNOUNCING: "announcement",
    Phase.REMINDING: "reminder",
    Phase.FAREWELL: "goodbye",
    Phase.APOLOGISING: "apology",
}
"""What a prompt is for, by the phase that plays it."""

_PHASES: dict[Phase, Callable[[CallState, Event, CallPolicy], Step]] = {
    Phase.NEW: _new,
    Phase.ANSWERING: _answering,
    Phase.ANNOUNCING: _announcing,
    Phase.LAST_KEYS: _last_keys,
    Phase.REMINDING: _reminding,
    Phase.DECIDING: _deciding,
    Phase.FAREWELL: _last_words,
    Phase.SECURING: _securing,
    Phase.STARTING: _starting,
    Phase.DIALLING: _dialling,
    Phase.CONNECTED: _connected,
    Phase.PARTED: _parted,
    Phase.APOLOGISING: _last_words,
    Phase.ENDING: _waiting_out,
    Phase.UNLINKED: _waiting_out,
    Phase.CLOSING: _waiting_out,
}
