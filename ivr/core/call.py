"""The call: ``advance(state, event, policy) -> (state, commands)`` (R1 to R5).

One function a phase says what each event means there (``ivr.core.telling``,
``ivr.core.connecting``); what means the same everywhere, a hangup, a lost link, the
recording's own news, is here. Nothing waits: a phase sends its commands, starts the one
timer that is its way out, and returns. ``docs/call.svg`` is drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable

from ivr.core import commands as do
from ivr.core import (
    confirming,
    connecting,
    entries,
    events,
    exempt,
    midcall,
    pausing,
    rules,
    stalling,
    steps,
    telling,
    veil,
)
from ivr.core.commands import Command
from ivr.core.events import Event, Party
from ivr.core.policy import CallPolicy
from ivr.core.state import (
    ANSWER_MS,
    CLOSING_MS,
    HEARD_SLACK_MS,
    JOURNAL_MS,
    NO_ROOM,
    REPLAYS,
    TOLD_MS,
    CallState,
    Pause,
    Phase,
    Recording,
)
from ivr.core.steps import Step


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
        case _ if state.phase is Phase.LEAVING:
            return exempt.leaving(state, event, policy)
        case events.Exempt(at=at) if state.phase is not Phase.NEW:
            return exempt.met(state, at, policy)
        case events.Bridged(at=at, number=number, ago_ms=ago_ms) if (
            rules.is_exempt(number, policy) and state.phase is not Phase.NEW
        ):
            return exempt.met(state, at, policy, ago_ms)
        case events.BridgeEnded(hung_up=False) if connecting.is_told_first(state):
            return connecting.customer_gone(state)
        case events.Bridged() if connecting.is_told_first(state):
            return connecting.let_in(state, event, policy)
        case events.PromptEnded():
            return _prompt_ended(state, event, policy)
        case events.Journalled() | events.JournalFailed():
            return _journal_news(state, event, policy)
        case events.RecordingStarted() | events.RecordingStopped() | events.RecordingFailed():
            return _recording_news(state, event, policy)
        case events.HungUp():
            return _hung_up(state, event, policy)
        case events.LinkLost():
            return _link_lost(state, policy)
        case (
            events.PauseAsked()
            | events.WasPaused()
            | events.ResumeAsked()
            | events.AbuseMarked()
            | events.KeysHidden()
            | events.KeysShown()
            | events.Masked()
            | events.Unmasked()
            | events.PauseTimerFired()
            | events.Held()
            | events.Unheld()
            | events.Consults()
            | events.ConsultOver()
        ):
            return pausing.heard(state, event, policy)
        case events.CustomerHeld() if not state.away:
            journal = do.Journal(entries.CustomerHeld())
            return Step(state._replace(away=True), (journal,))
        case events.CustomerBack() if state.away:
            journal = do.Journal(entries.CustomerBack())
            return Step(state._replace(away=False), (journal,))
        case events.StillJoined() if rules.is_known(state) and pausing.is_live(state):
            return veil.lifted(state, policy)
        case events.Stalled():
            return stalling.stalled(state, event, policy)
        case events.GrowsAgain():
            return Step(state._replace(no_room=False) if state.no_room else state)
        case _:
            pass
    return _PHASES[state.phase](state, event, policy)


def _new(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.Arrived():
            outbound = policy.staff_call
            state = state._replace(
                path=event.recording,
                reminders_left=policy.reminders,
                may_record=outbound and not policy.announced,
                durable=False,
                syncs=1,
                elsewhere=event.elsewhere,
                undurable="" if event.room else NO_ROOM,
            )
            arrived = entries.Arrived(
                number=event.number,
                caller=event.caller,
                caller_name=event.caller_name,
                direction=policy.direction,
                team=policy.team,
                route=policy.route,
                language=policy.language,
                policy_version=policy.policy_version,
                config_version=policy.config_version,
                destination=policy.destination,
                switch=event.switch,
                channel=event.channel,
            )
            # The intent is written now, long before the recording starts, so that
            # nobody waits for the disk when the announcement is over.
            intended = entries.RecordingIntended(path=event.recording)
            told = (do.Journal(arrived), do.Journal(intended), do.SyncJournal())
            take = do.TakeOver(policy.route, event.engine)
            if outbound:
                # Whoever dialled is not answered before the called person is.
                return steps.enter(state, Phase.SECURING, JOURNAL_MS, take, *told)
            return steps.enter(state, Phase.ANSWERING, ANSWER_MS, take, do.Answer(), *told)
        case _:
            return Step(state)


def _journal_news(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The intent of the recording, or of a further part of it, is on disk or never will be."""
    state = state._replace(syncs=max(0, state.syncs - 1))
    if state.syncs:
        return Step(state)  # news of what was written before that intent
    if isinstance(event, events.JournalFailed):
        state = state._replace(undurable=event.reason)
    else:
        state = state._replace(durable=True)
    if state.pause is Pause.SECURING:
        return pausing.journal_news(state, policy)
    if state.renewing:
        return stalling.journal_news(state, policy)
    return _PHASES[state.phase](state, event, policy)


def _last_words(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Farewell and apology: nothing turns them back."""
    match event:
        case events.TimerFired():
            return steps.hang_up(state, "NORMAL_CLEARING", state.reason)
        case _:
            return midcall.ending(state, event, policy) if state.opting else Step(state)


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
        return steps.then(journal, steps.play(state, state.phase, prompt))
    state = state._replace(playing=None)
    match state.phase:
        case Phase.ANNOUNCING:
            step = telling.announcement_over(state, event, complete, policy)
        case Phase.CHOOSING:
            step = telling.choice_heard(state, policy)
        case Phase.OVERFLOWING:
            step = connecting.dial(state, policy)
        case Phase.REMINDING:
            step = steps.enter(state, Phase.DECIDING, policy.confirm_ms)
        case Phase.FAREWELL | Phase.APOLOGISING:
            step = steps.hang_up(state, "NORMAL_CLEARING", state.reason)
        case _:
            step = Step(state)
    return steps.then(journal, step)


def _recording_news(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.RecordingStarted():
            return _recording_began(state, policy)
        case events.RecordingFailed(path=path):
            meant = path == state.path and state.recording is Recording.REQUESTED
            return _recording_failed(state, event, policy) if meant else Step(state)
        case events.RecordingStopped():
            return _recording_stopped(state, event, policy)
        case _:
            return Step(state)


def _recording_began(state: CallState, policy: CallPolicy) -> Step:
    if not rules.is_wanted(state):
        return Step(state, (do.StopRecording(state.path),))
    journal = do.Journal(entries.RecordingStarted(path=state.path))
    state = state._replace(recording=Recording.RUNNING)
    if state.phase is Phase.STARTING:
        return steps.then(journal, connecting.dial(state, policy))
    return steps.then(journal, pausing.recording_began(state))


def _recording_failed(state: CallState, event: events.RecordingFailed, policy: CallPolicy) -> Step:
    if state.phase is Phase.STARTING:
        return stalling.not_begun(state, event.reason, policy)
    state = state._replace(recording=Recording.REFUSED)
    failed = do.Journal(entries.RecordingFailed(path=state.path, reason=event.reason))
    if state.phase is Phase.CLOSING:
        return steps.then(failed, steps.finish(state))
    if policy.staff_call and not state.opting:
        if state.elsewhere and stalling.should_grow(state):
            # They talk already: it is begun in the other folder at once.
            again = events.Stalled(event.at, state.elsewhere)
            state = state._replace(elsewhere="")
            return steps.then(failed, stalling.stalled(state, again, policy))
        if policy.without_recording == "refuse":
            return steps.then(failed, stalling.refuse(state))
    return steps.then(failed, pausing.recording_failed(state))


def _recording_stopped(
    state: CallState, event: events.RecordingStopped, policy: CallPolicy
) -> Step:
    journal = do.Journal(
        entries.RecordingStopped(path=event.path, cause=event.cause, switch_ms=event.switch_ms)
    )
    if event.path != state.path:
        # A part that was given up for another. Of one that was not being recorded it is known
        # when it ended, or never will be.
        return Step(state, () if event.cause == events.NOT_RECORDED else (journal,))
    over = state.recording in (Recording.NONE, Recording.ENDED)
    if over and state.phase is not Phase.CLOSING:
        return Step(state)
    if state.recording is not Recording.REFUSED:
        state = state._replace(recording=Recording.ENDED)
    if state.phase is Phase.CLOSING:
        return steps.then(journal, steps.finish(state))
    return steps.then(journal, pausing.recording_ended(state, policy))


def _hung_up(state: CallState, event: events.HungUp, policy: CallPolicy) -> Step:
    """The A leg is gone: only what finishes the record is still done."""
    if state.phase is Phase.CLOSING:
        return Step(state)
    journal: tuple[Command, ...] = ()
    if state.phase in (Phase.PARTING, Phase.REMINDING, Phase.DECIDING):
        journal = (do.Journal(confirming.confirmation(state, "hangup", policy)),)
    elif state.phase is Phase.UNLINKED:
        journal = confirming.unconfirmed(state, policy)
    journal = (*steps.end_other(state), *journal)
    state = state._replace(aside=False)
    by = _ended_by(state, event.by)
    journal = (
        *journal,
        do.Journal(
            entries.HungUp(by=by.value, cause=event.cause, q850=event.q850, reason=state.reason)
        ),
    )
    recording = state.may_be_recording
    if policy.staff_call:
        # Who was called may talk on, to somebody whom the call was handed to.
        state, stop = steps.stop_recording(state)
        journal = (*journal, *stop)
    step = steps.enter(state, Phase.CLOSING, CLOSING_MS) if recording else steps.finish(state)
    return Step(step.state, (*journal, *step.commands))


def _ended_by(state: CallState, told: Party) -> Party:
    """Who ended the call: FreeSWITCH knows whether the caller did; the phase knows the rest."""
    if told is Party.CALLER:
        return told
    if state.joined and state.phase is not Phase.ENDING:
        return Party.AGENT
    return Party.ENGINE if state.phase is Phase.ENDING else Party.SWITCH


def _link_lost(state: CallState, policy: CallPolicy) -> Step:
    """Without its socket a call goes on, and so does what is recorded."""
    if state.phase is Phase.UNLINKED:
        return Step(state)
    if state.phase in (Phase.CLOSING, Phase.NEW):
        return steps.finish(state)
    if state.reason == "opted-out" and state.joined:
        # No dialplan is behind it: FreeSWITCH would join them again (docs/freeswitch.md 79).
        return steps.hang_up(state, "NORMAL_CLEARING", state.reason)
    # Also of one that heard a prompt it is known how it goes on: by FreeSWITCH's dialplan, which
    # may hand it over once more.
    state, again = pausing.link_lost(midcall.link_lost(state), policy)
    limit_ms = TOLD_MS if state.phase is Phase.REFUSING else policy.longest_call_ms
    return steps.enter(state, Phase.UNLINKED, limit_ms, *again)


_PHASES: dict[Phase, Callable[[CallState, Event, CallPolicy], Step]] = {
    Phase.NEW: _new,
    Phase.ANSWERING: telling.answering,
    Phase.CHOOSING: telling.choosing,
    Phase.ANNOUNCING: telling.announcing,
    Phase.LAST_KEYS: telling.last_keys,
    Phase.REMINDING: telling.reminding,
    Phase.DECIDING: telling.deciding,
    Phase.FAREWELL: _last_words,
    Phase.SECURING: connecting.securing,
    Phase.STARTING: connecting.starting,
    Phase.DIALLING: connecting.dialling,
    Phase.QUEUEING: telling.queueing,
    Phase.OVERFLOWING: connecting.overflowing,
    Phase.CONNECTED: midcall.connected,
    Phase.KEYING: midcall.keying,
    Phase.PARTING: midcall.parting,
    Phase.REJOINING: midcall.rejoining,
    Phase.PARTED: connecting.parted,
    Phase.REFUSING: connecting.refusing,
    Phase.APOLOGISING: _last_words,
    Phase.ENDING: connecting.ending,
    Phase.UNLINKED: connecting.unlinked,
    Phase.LEAVING: exempt.leaving,
    Phase.CLOSING: connecting.closing,
}
