"""Towards the agent: the recording first, then the bridge, and what becomes of it (R5)."""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import confirming, entries, events, pausing, rules, steps, veil
from ivr.core.commands import Command
from ivr.core.ending import unseen_end
from ivr.core.events import Event
from ivr.core.keys import NO_KEYS
from ivr.core.policy import CallPolicy, Prompt, Queue
from ivr.core.state import (
    CLOSING_MS,
    JOURNAL_MS,
    PARTED_MS,
    SLACK_MS,
    SWITCH_MS,
    CallState,
    Pause,
    Phase,
    Recording,
)
from ivr.core.steps import Step


def proceed(state: CallState, policy: CallPolicy) -> Step:
    """Towards the destination: the recording first, so that it is certain before anyone speaks."""
    state = state._replace(keys=NO_KEYS)
    if not (state.may_record or _is_told_later(state, policy)):
        return unrecorded(state, "the caller was not told", policy)
    if state.undurable:
        return unrecorded(state, state.undurable, policy)
    if state.to_customer:
        return dial(state, policy)
    if rules.is_durable(state):
        if policy.staff_call:
            return dial(state, policy)
        state = state._replace(recording=Recording.REQUESTED)
        # That the caller was told is on disk as soon as what is said then (R1).
        start = (do.HastenJournal(), veil.start(state, policy))
        return steps.enter(state, Phase.STARTING, SWITCH_MS, *start)
    return steps.enter(state, Phase.SECURING, JOURNAL_MS)


def _is_told_later(state: CallState, policy: CallPolicy) -> bool:
    """Who is called hears the announcement once the telephone is answered (R10)."""
    return policy.announced and not state.to_customer


def securing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The recording's intent is on its way to the disk (R22)."""
    match event:
        case events.Journalled() | events.JournalFailed():
            return proceed(state, policy)
        case events.TimerFired():
            return unrecorded(state, "the journal was not written in time", policy)
        case _:
            return Step(state)


def starting(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """FreeSWITCH was asked to record; its RECORD_START leads to :func:`dial`."""
    match event:
        case events.TimerFired():
            reason = "FreeSWITCH did not start it in time"
            return steps.then(do.StopRecording(state.path), unrecorded(state, reason, policy))
        case _:
            return Step(state)


def unrecorded(state: CallState, reason: str, policy: CallPolicy) -> Step:
    """There will be no recording: the team's policy says whether there is a call."""
    state = state._replace(recording=Recording.REFUSED)
    journal = do.Journal(entries.RecordingFailed(path=state.path, reason=reason))
    if policy.without_recording == "connect":
        return steps.then(journal, dial(state, policy))
    state = state._replace(reason="not-recordable")
    return steps.then(journal, steps.play(state, Phase.APOLOGISING, policy.unavailable))


def dial(state: CallState, policy: CallPolicy) -> Step:
    """Ring the destination; what is recorded, and whether it is paused, is certain by now."""
    if state.to_customer:
        state = state._replace(to_customer=False)
        return steps.enter(state, Phase.DIALLING, SLACK_MS, do.LetThrough())
    paused: tuple[Command, ...] = ()
    place = policy.destinations[state.place]
    if place.payment_line:
        # At 0, of old: paused is all that there will ever be of the recording until then.
        state, paused = pausing.begin(state._replace(at_line=True), pausing.LINE, 0, policy)
    # Before the pause, which is hastened to disk: whose pause it is shows by it.
    dialled = (do.Journal(entries.Dialled(destination=place.name)), *paused)
    if place.queue is not None:
        return steps.then_all((*dialled, do.Enqueue(place.queue.name)), waits(state, place.queue))
    codes = policy.pausing.codes
    unveils = state.path if policy.exempt and state.records and state.pause is Pause.OFF else ""
    agent_rings = not policy.staff_call and not place.payment_line
    told_ms = steps.longest_telling_ms(policy) if policy.announced else 0
    bridge = do.Bridge(
        place.dial_string,
        place.ring_ms,
        place.alternatives,
        codes if agent_rings else None,
        bool(policy.exempt),
        unveils,
        told_ms,
    )
    return steps.enter(
        state,
        Phase.DIALLING,
        place.ring_ms * place.alternatives + SLACK_MS,
        *dialled,
        *((do.ListenToAgent(codes),) if policy.staff_call else ()),
        bridge,
    )


def waits(state: CallState, queue: Queue) -> Step:
    """In a queue, whose end FreeSWITCH tells of."""
    if not queue.places:
        return steps.enter(state, Phase.QUEUEING, queue.longest_ms + SLACK_MS)
    # Half an interval apart from what the queue itself says at each interval.
    state = state._replace(tellings=queue.longest_ms // queue.every_ms + 1)
    return steps.enter(state, Phase.QUEUEING, queue.every_ms // 2)


def dialling(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The destination rings."""
    match event:
        case events.Bridged():
            return _connect(state, event, policy)
        case events.BridgeEnded(transferred=True):
            return steps.enter(state, Phase.CONNECTED, policy.longest_call_ms)
        case events.BridgeEnded(hung_up=True):
            return Step(state)
        case events.CustomerAnswered(leg=leg, rate=rate) if policy.announced and not state.joined:
            state = state._replace(recorded_leg=leg, rate=rate, to_customer=True)
            answered = do.Journal(entries.Answered())
            return steps.then(answered, steps.play(state, Phase.ANNOUNCING, policy.announcement))
        case events.BridgeEnded(cause=cause):
            journal = do.Journal(entries.NotConnected(cause=cause))
            if _overflows(state, policy):
                return steps.then(journal, _overflow(state, policy))
            prompt, reason = _apology(cause, policy)
            state, stop = steps.stop_recording(pausing.dropped(state)._replace(reason=reason))
            step = steps.play(state, Phase.APOLOGISING, prompt)
            return Step(step.state, (journal, *stop, *step.commands))
        case events.TimerFired():
            return steps.hang_up(state, "RECOVERY_ON_TIMER_EXPIRE", "switch-silent")
        case _:
            return Step(state)


def _overflows(state: CallState, policy: CallPolicy) -> bool:
    """There is another destination to try. Not after a payment line: what it heard stays there."""
    more = state.place + 1 < len(policy.destinations)
    return more and not policy.destinations[state.place].payment_line


def _overflow(state: CallState, policy: CallPolicy) -> Step:
    state = state._replace(place=state.place + 1)
    prompt = policy.destinations[state.place].prompt
    # A pause ends in the journal with NotConnected, and this one goes on.
    paused = pausing.goes_on(state, policy)
    step = dial(state, policy) if prompt is None else steps.play(state, Phase.OVERFLOWING, prompt)
    return steps.then_all((*veil.drawn(state, policy), *paused), step)


def overflowing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The caller hears that another destination is tried."""
    match event:
        case events.TimerFired():
            return steps.then(steps.stop_prompts(state), dial(state, policy))
        case events.Bridged():  # some telephone took the caller
            met = _connect(state, event, policy)
            return steps.then(steps.stop_prompts(state), met) if state.playing else met
        case _:
            return Step(state)


_TOLD_FIRST = frozenset(
    {
        Phase.ANNOUNCING,
        Phase.LAST_KEYS,
        Phase.REMINDING,
        Phase.DECIDING,
        Phase.FAREWELL,
        Phase.APOLOGISING,
    }
)


def is_told_first(state: CallState) -> bool:
    """Who was called has answered, hears a prompt, and is connected to nobody yet (R10)."""
    return state.to_customer and not state.joined and state.phase in _TOLD_FIRST


def customer_gone(state: CallState) -> Step:
    """Who was called hangs up before the two were connected (R3, R10)."""
    told: tuple[Command, ...] = ()
    reason = state.reason or "customer-gone"
    if state.phase in (Phase.REMINDING, Phase.DECIDING):
        told, reason = (do.Journal(entries.OptOutConfirmed(how="hangup")),), "opted-out"
    state = state._replace(to_customer=False)
    return steps.then_all(told, steps.hang_up(state, "NORMAL_CLEARING", reason))


def let_in(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
    """FreeSWITCH did not wait for the prompt's end. Who was not told is not recorded (R1, R10)."""
    ends = state.phase in (Phase.FAREWELL, Phase.APOLOGISING)
    stop = (steps.stop_prompts(state),) if state.playing else ()
    met = joined(state._replace(to_customer=False), event, policy)
    commands = (*stop, *met.commands)
    if ends:
        return steps.then_all(commands, steps.hang_up(met.state, "NORMAL_CLEARING", state.reason))
    return steps.enter(met.state, Phase.CONNECTED, policy.longest_call_ms, *commands)


def _connect(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
    state, commands = joined(state, event, policy)
    return steps.enter(state, Phase.CONNECTED, policy.longest_call_ms, *commands)


def joined(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
    """The customer and somebody hear each other: the first one, or another after a transfer."""
    connected = do.Journal(entries.Connected(other_leg=event.other_leg, number=event.number))
    first, other = not state.joined, event.other_leg != state.other_leg
    outbound = policy.staff_call
    # Somebody else takes the caller: who waits since the caller opted out waits in vain (R4).
    waits = steps.end_other(state) if other else ()
    state = state._replace(aside=state.aside and not other)
    started: tuple[Command, ...] = ()
    ending = state.phase is Phase.ENDING
    if first and outbound and state.recording is Recording.NONE and not ending:
        # The customer's leg did not exist before, and it is the one that is recorded.
        state = state._replace(recorded_leg=event.other_leg)
        if not rules.is_told(state):
            state = state._replace(recording=Recording.REFUSED)
            reason = "who was called was not told"
            started = (do.Journal(entries.RecordingFailed(path=state.path, reason=reason)),)
        elif rules.is_durable(state):
            state = state._replace(recording=Recording.REQUESTED, asked_at=event.at)
            state, masked = pausing.recording_asked(state)
            started = (veil.start(state._replace(together=True), policy), *masked)
        else:
            # Its socket was lost before the disk had answered: a further part may follow.
            state = state._replace(recording=Recording.REFUSED)
            reason = state.undurable or "the journal was not written in time"
            started = (do.Journal(entries.RecordingFailed(path=state.path, reason=reason)),)
    state, commands = pausing.met(state, event, policy)
    state, heard = veil.joined(state, policy)
    if first and policy.exempt:
        state, masked = pausing.unveiled(state)
        heard = (*heard, *masked)
    commands = (*waits, *commands, *heard)
    # The codes are bound as the agent's telephone is dialled, but not by the dialplan's fallback,
    # nor by a queue, nor on a telephone that takes a call by itself.
    dialled = first and state.phase is Phase.DIALLING and not event.took
    if other and not dialled and not outbound and not state.at_line:
        commands = (*commands, do.ListenToAgent(policy.pausing.codes))
    # Soon, whoever waits for it or not: with whom a call was connected is what a next engine, or
    # the record, can least do without (R22).
    return Step(state, (connected, do.HastenJournal(), *started, *commands))


def _apology(cause: str, policy: CallPolicy) -> tuple[Prompt, str]:
    """What the caller hears of this cause, and what the record calls it."""
    if cause == "USER_BUSY":
        return policy.busy, "busy"
    if cause in ("NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL"):
        return policy.no_answer, "no-answer"
    return policy.unavailable, "unavailable"


def connected(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Caller and agent hear each other."""
    match event:
        case events.Bridged():
            return joined(state, event, policy)
        case events.BridgeEnded(hung_up=False, transferred=transferred):
            # Not yet an end of the call: a telephone can part legs and join others.
            parted = do.Journal(entries.Parted())
            state = state.parted(event.at)
            if transferred:
                return Step(state, (parted,))
            return steps.enter(state, Phase.PARTED, PARTED_MS, parted)
        case events.Unbridged() if state.together:
            return Step(state.parted(event.at), (do.Journal(entries.Parted()),))
        case events.KeyPressed():
            return pausing.key_pressed(state, event, policy)
        case events.TimerFired():
            return steps.hang_up(state, "ALLOTTED_TIMEOUT", "longest-call")
        case _:
            return Step(state)


def parted(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The bridge has ended and the A leg has not: a telephone may join others to it."""
    match event:
        case events.Bridged():
            return _connect(state, event, policy)
        case events.BridgeEnded(transferred=True):
            return steps.enter(state, Phase.CONNECTED, policy.longest_call_ms)
        case events.TimerFired():
            return steps.hang_up(state, "NORMAL_CLEARING", "agent-gone")
        case _:
            return Step(state)


def unlinked(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The socket is gone and the call goes on (docs/freeswitch.md 10)."""
    match event:
        case events.Bridged():
            return joined(state, event, policy)
        case events.Unbridged() if state.opting and state.other_leg:
            # FreeSWITCH joins again only whom it had parted by then (docs/freeswitch.md 79).
            join = Step(state.parted(event.at), (do.Join(state.other_leg),))
            return steps.then(do.Journal(entries.Parted()), join) if state.together else join
        case events.Unbridged() | events.BridgeEnded(hung_up=False) if state.together:
            return Step(state.parted(event.at), (do.Journal(entries.Parted()),))
        case events.Vanished(switch_lost=lost):
            told = (*confirming.unconfirmed(state, policy), do.Journal(unseen_end(lost)))
            return steps.then_all(told, steps.finish(state))
        case events.TimerFired() if state.recording is not Recording.STOPPING:
            if state.reason:  # it was to end when its socket was lost
                return steps.hang_up(state, "NORMAL_CLEARING", state.reason)
            return steps.hang_up(state, "ALLOTTED_TIMEOUT", "longest-call")
        case _:
            return waiting_out(state, event, policy)


def refusing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The agent was told that the call cannot be recorded any more, and ends (R22)."""
    match event:
        case events.Bridged():
            return joined(state, event, policy)
        case events.Unbridged() | events.BridgeEnded(hung_up=False) if state.together:
            return Step(state.parted(event.at), (do.Journal(entries.Parted()),))
        case events.TimerFired():
            return steps.hang_up(state, "NORMAL_CLEARING", state.reason)
        case _:
            return Step(state)


def ending(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """FreeSWITCH was asked to hang up. Should it not, what it records is not ours to take yet."""
    match event:
        case events.TimerFired() if state.may_be_recording:
            state, stop = steps.stop_recording(state)
            return steps.enter(state, Phase.UNLINKED, policy.longest_call_ms, *stop)
        case events.Bridged():
            return joined(state, event, policy)
        case events.Unbridged() | events.BridgeEnded(hung_up=False) if state.together:
            return Step(state.parted(event.at), (do.Journal(entries.Parted()),))
        case _:
            return waiting_out(state, event, policy)


def closing(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The A leg is gone. In a call that staff make the customer may talk on, to somebody whom the
    call was handed to: what is recorded of that ends here (R10)."""
    match event:
        case events.TimerFired() if policy.staff_call and state.records:
            state, stop = steps.stop_recording(state)
            return steps.enter(state, Phase.CLOSING, CLOSING_MS, *stop)
        case _:
            return waiting_out(state, event, policy)


def waiting_out(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Whatever the phase: what is waited for comes through :func:`advance`, or never."""
    match event:
        case events.TimerFired():
            return steps.finish(state)
        case _:
            return Step(state)
