"""Pausing for payment, on hold and while a caller opts out, and marking (R4, R5, R6, R11).

At a pause, in this order and each confirmed: the customer's keys are hidden, the recording is
masked; at its end the other way round. Better a gap than a card number: a recording whose mask
FreeSWITCH refuses, or does not confirm in time, is stopped, and begins again as a further part
after the pause. Nothing that the customer does ends a pause, and what is not confirmed is not
over.
"""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import entries, events, rules, veil
from ivr.core.commands import Command, Tone
from ivr.core.events import Event
from ivr.core.keys import NO_DIGITS, counted
from ivr.core.policy import CallPolicy
from ivr.core.state import JOURNAL_MS, SWITCH_MS, CallState, Pause, Phase, Recording
from ivr.core.steps import Step
from ivr.core.timeline import first_path, further_path

LIVE = frozenset(
    {
        Phase.DIALLING,
        Phase.QUEUEING,
        Phase.OVERFLOWING,
        Phase.CONNECTED,
        Phase.KEYING,
        Phase.PARTING,
        Phase.REJOINING,
        Phase.PARTED,
        Phase.REFUSING,
        Phase.UNLINKED,
        Phase.ENDING,
    }
)
"""Where there is, or may be, a recording to pause: see :func:`is_live`."""
LINE = "payment-line"
"""Who pauses and resumes when the call comes to a payment line and leaves it."""
HOLD = "hold"
"""The same when the agent puts the caller on hold and comes back."""
OPT_OUT = "opt-out"
"""The same when the caller keys the opt-out sequence, or its beginning, in mid-call (R4)."""
EXEMPT = "exempt"
"""Who pauses for good when the exempt extension takes part (R8)."""
THEMSELVES = (LINE, HOLD, OPT_OUT)
"""What pauses a call without anybody's asking for it."""

_OVER = (Phase.LEAVING, Phase.CLOSING, Phase.DONE)
_ENDING = (Pause.UNMASKING, Pause.SECURING, Pause.STARTING, Pause.SHOWING)


def is_live(state: CallState) -> bool:
    """Whether there is, or may be, a recording to pause: also while the reminder plays to a caller
    who opts out in mid-call, and while who was called is told before being connected."""
    told = state.opting or state.to_customer
    return state.phase in LIVE or (told and state.phase not in _OVER)


def heard(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """What a request, or FreeSWITCH's answer, means for the pause."""
    if not is_live(state):
        return Step(state)
    match event:
        case events.PauseAsked() | events.ResumeAsked() | events.AbuseMarked():
            return _asked(state, event, policy)
        case events.KeysHidden(ok=ok):
            return _keys_hidden(state, ok, policy)
        case events.Masked(ok=ok, path=state.path) if state.pause is Pause.MASKING:
            return _mask_answered(state, ok, policy)
        case events.Unmasked(ok=ok, path=state.path) if state.pause is Pause.UNMASKING:
            if rules.may_be_heard_again(ok):
                return _show(state._replace(masked=False))
            return _moved_on(state) if policy.exempt else _stay(state)
        case events.KeysShown() if state.pause is Pause.SHOWING:
            return _over(state)
        case events.WasPaused(at=at, by=by, since=since) if state.pause is Pause.OFF:
            state = state._replace(asked=by not in THEMSELVES, held=by == HOLD)
            # A caller who was keying is not any more, as far as anybody knows: it ends by itself.
            return begin(state, by, at, policy, back_ms=max(0, at - since))
        case events.Held(at=at) if policy.pausing.on_hold == "mask" and not state.held:
            return _held(state, at, policy)
        case events.Consults(at=at) if state.together and not state.consulting:
            state = state._replace(consulting=True)
            return Step(state) if state.held else _held(state, at, policy)
        case events.ConsultOver():
            return Step(state._replace(consulting=False))
        case events.Unheld() if state.held and rules.may_leave_hold(state):
            return left(state._replace(held=False), policy)
        case events.PauseTimerFired(timer=timer) if timer == state.pause_timer:
            return _late(state, policy)
        case _:
            return Step(state)


def _asked(state: CallState, event: Event, policy: CallPolicy) -> Step:
    match event:
        case events.PauseAsked(at=at, by=by):
            by_itself, keying = not state.asked, _shows_keys(state)
            state = state._replace(asked=True)
            if state.pause is Pause.OFF or state.pause in _ENDING:
                return begin(state, by, at, policy)
            if keying:
                state = state._replace(paused_by=by)
            answer: tuple[Command, ...] = ()
            if state.pause is Pause.ON:
                answer = tell(state, Tone.PAUSED)
            if keying or (state.pause is Pause.ON and not state.keys_hidden):
                answer = (*_hide(state), *answer)
                state = _asked_to_hide(state)
            if not by_itself:
                return Step(state, answer)
            # The pause does not end by itself any more, and another engine must know.
            goes_on = entries.PauseStarted(by=by, guard_ms=policy.pausing.guard_ms)
            return Step(state, (do.Journal(goes_on), do.HastenJournal(), *answer))
        case events.ResumeAsked(by=by) if state.pause is Pause.ON and rules.may_end_now(state):
            return _end(state, by, policy)
        case events.ResumeAsked() if (
            state.pause is Pause.ON and (state.held or state.opting) and state.asked
        ):
            # It is the hold's, or the opting caller's, alone from here on, and ends with it.
            by = HOLD if state.held else OPT_OUT
            goes_on = entries.PauseStarted(by=by, guard_ms=policy.pausing.guard_ms)
            return Step(state._replace(asked=False), (do.Journal(goes_on), do.HastenJournal()))
        case events.ResumeAsked():
            well = state.pause is Pause.OFF and state.records
            tone = tell(state, Tone.RESUMED if well else Tone.NOT_DONE)
            if well and state.phase is Phase.UNLINKED:
                # An engine may have been killed before the pause that it made was on disk.
                sure = not policy.exempt or rules.may_hear(state)
                known = sure and rules.is_told(state)
                unmask = (veil.unmask(state, policy),) if known else ()
                return Step(state, (*unmask, do.ShowKeys(), *tone))
            return Step(state, tone)
        case events.AbuseMarked(by=by):
            journal = do.Journal(entries.Marked(mark="abuse", by=by))
            return Step(state, (journal, *tell(state, Tone.MARKED)))
        case _:
            return Step(state)


def begin(state: CallState, by: str, at: int, policy: CallPolicy, back_ms: int = 0) -> Step:
    """Have nothing kept from here on; ``back_ms`` is how long ago it should have begun."""
    guard_ms = policy.pausing.guard_ms
    started = entries.PauseStarted(by=by, guard_ms=guard_ms, back_ms=back_ms)
    again = _again(state._replace(paused_by=by, paused_at=at - back_ms))
    return Step(again.state, (*again.commands, do.Journal(started), do.HastenJournal()))


def _again(state: CallState) -> Step:
    """Hide the keys and mask, whatever may have been done about it before."""
    hide = _hide(state)
    state = _asked_to_hide(state)
    if state.recording is Recording.STOPPING:
        return _limited(state, Pause.STOPPING, SWITCH_MS, *hide, do.StopRecording(state.path))
    mask = (do.Mask(state.path),) if state.records else ()
    return _limited(state, Pause.MASKING, SWITCH_MS, *hide, *mask)


def _hide(state: CallState) -> tuple[Command, ...]:
    """Both people's keys; at a payment line the customer's go through and are not told of, and
    those of a caller who opts out are needed."""
    if _shows_keys(state):
        return (do.RememberPause(state.paused_by, state.paused_at),)
    if state.at_line:
        return (do.ForgetKeys(), do.HideKeys(state.paused_by, state.paused_at, relayed=True))
    return (do.HideKeys(state.paused_by, state.paused_at),)


def _shows_keys(state: CallState) -> bool:
    """Nothing is kept since the caller opts out, and for no other reason; or the caller hears the
    reminder alone, and is to choose by a key, whoever paused besides."""
    if state.aside and not state.together:
        return True
    return state.paused_by == OPT_OUT and not (state.asked or state.held or state.at_line)


def _asked_to_hide(state: CallState) -> CallState:
    """There is an answer for each of the legs; one that refuses is not undone by another."""
    return state._replace(keys_hidden=False, keys_refused=False)


def met(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
    """The call is connected to somebody: perhaps to a payment line, or no more to one."""
    was_line, was_held = state.at_line, state.held
    off = state.pause is Pause.OFF or state.pause in _ENDING
    line = is_line(event.number, state, policy)
    rejoined = state.aside and not state.together
    same = event.other_leg == state.other_leg
    state = state._replace(
        joined=True,
        together=True,
        apart_at=0,
        # FreeSWITCH forgets a hold when it parts the two (docs/freeswitch.md 79).
        held=(was_held and same and not rejoined) or (state.consulting and same),
        consulting=state.consulting and same,
        # What is masked since nobody was there is the pause's again, should there be one.
        veiled=bool(policy.exempt) or (state.veiled and off),
        other_leg=event.other_leg,
        other_number=event.number,
        at_line=line,
        digits=NO_DIGITS,
    )
    hear = (do.HearKeys(),) if was_line and not line else ()
    if line and off:
        return begin(state._replace(asked=False), LINE, event.at, policy, back_ms=event.ago_ms)
    if off:
        return Step(state, hear)
    hide = (*_hide(state), *hear)  # of the leg that is new, too
    state = _asked_to_hide(state)
    if (was_line and not line) or (was_held and not state.held):
        step = left(state, policy)
        return Step(step.state, (*hide, *step.commands))
    return Step(state, hide)


def _held(state: CallState, at: int, policy: CallPolicy) -> Step:
    """The agent put the caller on hold, who may speak all the same."""
    keying, state = _shows_keys(state), state._replace(held=True)
    if state.pause is Pause.OFF or state.pause in _ENDING:
        return begin(state._replace(asked=False), HOLD, at, policy)
    return Step(_asked_to_hide(state), _hide(state)) if keying else Step(state)


def opting(state: CallState, at: int, back_ms: int, policy: CallPolicy) -> Step:
    """The caller keys the opt-out sequence, or its beginning: nothing is kept from the first key
    on, which was pressed ``back_ms`` ago (R4)."""
    if state.opting:
        return Step(state)
    state = state._replace(opting=True)
    if state.pause is Pause.OFF or state.pause in _ENDING:
        return begin(state._replace(asked=False), OPT_OUT, at, policy, back_ms)
    return Step(state)


def left(state: CallState, policy: CallPolicy) -> Step:
    """The call has left the payment line, is back from hold, or its caller does not opt out: a
    pause that nobody asked for ends with that. One that is not certain yet ends when it is
    (:func:`_hold`)."""
    over = state.pause is Pause.ON and rules.may_end_now(state) and rules.ends_by_itself(state)
    return _end(state, state.paused_by, policy) if over else Step(state)


def is_line(number: str, state: CallState, policy: CallPolicy) -> bool:
    """Whether the leg that a call is connected to now is a payment line's."""
    dialled = policy.destinations[state.place].payment_line and not state.joined
    return number in policy.pausing.lines or dialled


def key_pressed(state: CallState, event: events.KeyPressed, policy: CallPolicy) -> Step:
    """The customer keys, and it may be a card number that nobody paused for."""
    most = policy.pausing.card_digits
    if not most or state.pause is not Pause.OFF:
        return Step(state)
    digits = counted(state.digits, event.key, event.at, event.held_ms)
    if digits.many < most:
        return Step(state._replace(digits=digits))
    state = state._replace(digits=NO_DIGITS, asked=True)
    marked = do.Journal(entries.Marked(mark="card-digits", by="digits"))
    step = begin(state, "digits", event.at, policy, back_ms=event.at - digits.since)
    return Step(step.state, (marked, *step.commands))


def goes_on(state: CallState, policy: CallPolicy) -> tuple[Command, ...]:
    """Tell the journal once more of a pause that another entry would end."""
    if state.pause is Pause.OFF:
        return ()
    guard_ms = policy.pausing.guard_ms
    started = entries.PauseStarted(by=state.paused_by, guard_ms=guard_ms)
    return (do.Journal(started), do.HastenJournal())


def dropped(state: CallState) -> CallState:
    """Nobody was reached, and the recording is stopped: there is nothing to pause any more."""
    return state._replace(
        pause=Pause.OFF, asked=False, masked=False, at_line=False, held=False, opting=False
    )


def link_lost(state: CallState, policy: CallPolicy) -> Step:
    """What was on its way over the call's socket is done again, over the engine's own line."""
    if state.pause is Pause.ON and state.paused_by == OPT_OUT:
        return left(state, policy)  # of a caller who had keyed no more than the beginning
    if state.pause in (Pause.OFF, Pause.ON, Pause.SECURING):
        return Step(state)
    # An end that was not confirmed is none, whoever wanted it: it takes a person to ask again.
    return _again(state._replace(asked=state.asked or state.pause in _ENDING))


def unveiled(state: CallState) -> Step:
    """FreeSWITCH let the recording hear as the telephone was answered, paused or not."""
    return Step(state) if rules.is_over(state) else _again(state)


def taken_up(state: CallState) -> Step:
    """A call that an earlier engine paused: whatever that engine got done, mask it now."""
    return _again(state)


def recording_asked(state: CallState) -> Step:
    """A recording begins while the call is paused: it is masked in the same breath. A pause that
    was about to end goes on, and that it does is told when it is certain."""
    if state.pause is Pause.OFF:
        return Step(state)
    return _again(state._replace(asked=state.asked or state.pause in _ENDING))


def recording_began(state: CallState) -> Step:
    """RECORD_START of a further part."""
    began = state.pause is Pause.STARTING and is_live(state)
    return _show(state) if began else Step(state)


def recording_failed(state: CallState) -> Step:
    """A further part could not be begun: the pause is over, and nothing is recorded any more."""
    failed = state.pause is Pause.STARTING and is_live(state)
    return _show(state) if failed else Step(state)


def recording_ended(state: CallState, policy: CallPolicy) -> Step:
    """RECORD_STOP: nothing can be kept any more, which is what a pause wants."""
    state = state._replace(masked=False)
    if not is_live(state):
        return Step(state)
    if state.pause is Pause.STOPPING:
        return _hold(state, _without_mask(state), policy)
    return Step(state)


def journal_news(state: CallState, policy: CallPolicy) -> Step:
    """A further part's intent is on disk, or never will be."""
    if not is_live(state):
        return Step(state)
    if not rules.is_durable(state):
        return _unbegun(state, state.undurable)
    state = state._replace(recording=Recording.REQUESTED)
    start = veil.start(state, policy)
    return _limited(state, Pause.STARTING, SWITCH_MS, start)


def tell(state: CallState, tone: Tone) -> tuple[Command, ...]:
    """A tone to the agent; a payment line is no agent, and one who holds does not listen. What a
    caller keys who may be opting out is nobody's business yet."""
    return () if state.paused_by == OPT_OUT else tell_waiting(state, tone)


def tell_waiting(state: CallState, tone: Tone) -> tuple[Command, ...]:
    """A tone to an agent who is known to wait for a caller."""
    return () if state.at_line or state.held else (do.TellAgent(tone),)


def _keys_hidden(state: CallState, ok: bool, policy: CallPolicy) -> Step:
    if state.pause is Pause.OFF:
        return Step(state)
    refused = state.keys_refused or not ok
    state = state._replace(keys_hidden=not refused, keys_refused=refused)
    if state.pause is Pause.ON and not ok:
        held = do.Journal(entries.PauseHeld(how=_how(state), keys_hidden=False))
        return Step(state, (held, *tell(state, Tone.NOT_DONE)))
    if state.pause is Pause.MASKING and not state.records:
        return _hold(state, _without_mask(state), policy)
    return Step(state)


def _mask_answered(state: CallState, ok: bool, policy: CallPolicy) -> Step:
    if not state.records:  # it has ended meanwhile
        return _hold(state, _without_mask(state), policy)
    return _hold(state._replace(masked=True), "masked", policy) if ok else _stop(state)


def _hold(state: CallState, how: str, policy: CallPolicy) -> Step:
    """The pause is on, and FreeSWITCH has said so."""
    journal = do.Journal(entries.PauseHeld(how=how, keys_hidden=state.keys_hidden))
    well = how != "stopped" and state.keys_hidden
    tone = tell(state, Tone.PAUSED if well else Tone.NOT_DONE)
    if state.pause is Pause.STOPPING:  # that was told when the mask was given up
        tone = ()
    held = _limited(state, Pause.ON, policy.pausing.overdue_ms, journal, *tone)
    # The call may have left the payment line, or hold, while FreeSWITCH was being asked.
    over = left(held.state, policy)
    return Step(over.state, (*held.commands, *over.commands))


def _how(state: CallState) -> str:
    return "masked" if state.masked else _without_mask(state)


def _without_mask(state: CallState) -> str:
    return "stopped" if state.was_stopped else "unrecorded"


def _stop(state: CallState) -> Step:
    """The mask is not certain: the recording stops, and the pause holds once it has."""
    tone = tell(state, Tone.NOT_DONE)
    state = state._replace(recording=Recording.STOPPING, was_stopped=True, renewing="")
    return _limited(state, Pause.STOPPING, SWITCH_MS, do.StopRecording(state.path), *tone)


def _end(state: CallState, by: str, policy: CallPolicy) -> Step:
    """End the pause: unmask, or begin a further part, and then show the keys."""
    journal = do.Journal(entries.PauseEnding(by=by))
    state = state._replace(asked=False)
    if state.masked and not rules.may_hear(state):
        # It hears again once it is known who is there (R8).
        step = _show(state._replace(masked=False, veiled=True))
        return Step(step.state, (journal, *step.commands))
    if state.masked:
        return _limited(state, Pause.UNMASKING, SWITCH_MS, journal, veil.unmask(state, policy))
    if not (state.was_stopped and state.may_record and state.recording is Recording.ENDED):
        step = _show(state)
        return Step(step.state, (journal, *step.commands))
    part = state.part + 1
    path = further_path(first_path(state.path), part)
    state = state._replace(
        part=part, path=path, durable=False, undurable="", syncs=state.syncs + 1, renewing=""
    )
    intended = do.Journal(entries.RecordingIntended(path=path))
    return _limited(state, Pause.SECURING, JOURNAL_MS, journal, intended, do.SyncJournal())


def _show(state: CallState) -> Step:
    show = do.ShowKeys()
    return _limited(state._replace(was_stopped=False), Pause.SHOWING, SWITCH_MS, show)


def _over(state: CallState) -> Step:
    tone = tell(state, Tone.RESUMED if state.records else Tone.NOT_DONE)
    state = state._replace(pause=Pause.OFF, keys_hidden=False, digits=NO_DIGITS, paused_by="")
    return Step(state, (do.Journal(entries.PauseEnded()), *tone))


def _stay(state: CallState) -> Step:
    """The end of the pause is not certain, so it is not over."""
    step = _again(state._replace(asked=True))
    return Step(step.state, (*step.commands, *tell(state, Tone.NOT_DONE)))


def _moved_on(state: CallState) -> Step:
    """FreeSWITCH has joined the A leg to another meanwhile, of which nothing was heard yet: what is
    masked is so since it is not known who is there, and no more for the pause (R8)."""
    show = _show(state._replace(masked=False, veiled=True))
    return Step(show.state, (*show.commands, do.MakeSure(state.other_leg)))


def _unbegun(state: CallState, reason: str) -> Step:
    """There will be no further part."""
    failed = do.Journal(entries.RecordingFailed(path=state.path, reason=reason))
    step = _show(state._replace(recording=Recording.REFUSED))
    return Step(step.state, (failed, *step.commands))


def _late(state: CallState, policy: CallPolicy) -> Step:
    """FreeSWITCH, or the disk, has not answered; or the pause has lasted too long."""
    match state.pause:
        case Pause.MASKING if state.records:
            return _stop(state)
        case Pause.MASKING:
            return _hold(state, _without_mask(state), policy)
        case Pause.STOPPING:
            return _limited(state, Pause.STOPPING, SWITCH_MS, do.StopRecording(state.path))
        case Pause.ON if (state.held or state.opting) and not state.asked:
            return _limited(state, Pause.ON, policy.pausing.overdue_ms)
        case Pause.ON:
            journal = do.Journal(entries.PauseOverdue())
            tone = tell(state, Tone.STILL_PAUSED)
            return _limited(state, Pause.ON, policy.pausing.overdue_ms, journal, *tone)
        case Pause.UNMASKING:
            return _stay(state)
        case Pause.SECURING:
            return _unbegun(state, "the journal was not written in time")
        case Pause.STARTING:
            step = _unbegun(state, "FreeSWITCH did not start it in time")
            return Step(step.state, (do.StopRecording(state.path), *step.commands))
        case Pause.SHOWING:
            return _over(state)
        case Pause.OFF:
            return Step(state)


def _limited(state: CallState, pause: Pause, ms: int, *commands: Command) -> Step:
    """Be in a stage of the pause; its limit is its way on."""
    timer = state.pause_timer + 1
    state = state._replace(pause=pause, pause_timer=timer)
    return Step(state, (*commands, do.StartPauseTimer(timer, ms)))
