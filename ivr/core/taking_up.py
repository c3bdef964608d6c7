"""A call that lost its engine: what a next one makes of it, out of the journal (R22).

People who talk go on talking, and being recorded, without an engine (docs/freeswitch.md 10): such
a call is followed. One that heard a prompt comes to the end of that prompt, and FreeSWITCH's
dialplan hands it over once more: it is driven on from where it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ivr.core import commands as do
from ivr.core import entries, exempt, pausing, rules, steps, veil
from ivr.core.commands import Command
from ivr.core.policy import CallPolicy
from ivr.core.state import ANSWER_MS, JOURNAL_MS, NO_ROOM, CallState, Pause, Phase, Recording
from ivr.core.steps import Step
from ivr.core.timeline import further_path, part_of


def followed(journal: Iterable[entries.Stamped], path: str, policy: CallPolicy) -> Step:
    """The call goes on by itself. One that was paused is masked at once, whatever was done of it.

    ``path`` is where its recording would go if nothing is known.
    """
    told = _Told(path, policy)
    for stamped in journal:
        told.take(stamped)
    state = told.state._replace(
        phase=Phase.UNLINKED,
        timer=1,
        part=max(told.state.part, 1),
        durable=told.state.part > 0,
        may_record=told.may_record,
    )
    if told.exempted:
        left = exempt.again(state)
        return steps.then(do.Journal(entries.TakenUp(how="followed")), left)
    if told.reason == "opted-out" and told.state.joined:
        # An earlier engine had said goodbye: nothing is left to be said (R4).
        gone = steps.hang_up(state, "NORMAL_CLEARING", told.reason)
        return steps.then(do.Journal(entries.TakenUp(how="followed")), gone)
    # FreeSWITCH has joined them again, and nobody hears the caller's key any more (R4). Who opted
    # out of a queue may have been taken in that moment.
    state = state._replace(opting=told.aside or (told.paused and told.opted_out))
    if policy.exempt and state.together:
        # What FreeSWITCH masked meanwhile, it masks until it is told who is there now (R8).
        state, sure = veil.joined(state, policy)
    else:
        # Perhaps a pause ended while nobody was there, and what is masked waits for who comes.
        waits = rules.is_told(state) and state.may_be_recording and not state.together
        state, sure = state._replace(veiled=waits), ()
    step = pausing.taken_up(state) if told.paused else Step(state)
    # What stalled and was to be given up for this part may be growing again.
    stop = tuple(do.StopRecording(path) for path in told.stalled if path != state.path)
    # The last engine may have been killed while it bound the codes; the same code bound twice is
    # one code to FreeSWITCH (docs/freeswitch.md 14c).
    hears = policy.staff_call or (state.together and not state.at_line)
    listen = (do.ListenToAgent(policy.pausing.codes),) if hears else ()
    journalled = do.Journal(entries.TakenUp(how="followed"))
    return Step(step.state, (journalled, *stop, *step.commands, *listen, *sure))


class Return(NamedTuple):
    """How a call comes that is handed over once more; much of it as in
    :class:`ivr.core.events.Arrived`."""

    path: str
    """Where its recording would go if nothing is known."""
    room: bool
    engine: str
    elsewhere: str = ""
    anew: bool = False
    """Another engine had it since, and what the caller was told and chose there is not known
    here, so it begins with the announcement."""


def handed_back(journal: Iterable[entries.Stamped], offered: Return, policy: CallPolicy) -> Step:
    """FreeSWITCH hands the call over once more: it is driven on."""
    told = _Told(offered.path, policy)
    for stamped in journal:
        told.take(stamped)
    if offered.anew:
        told.forget()
    part = told.state.part + 1
    path = further_path(offered.path, part)
    state = CallState(
        path=path,
        part=part,
        play=told.play,
        announcement_ms=told.heard_ms,
        may_record=told.may_record,
        joined=told.state.joined,
        undurable="" if offered.room else NO_ROOM,
        elsewhere=offered.elsewhere,
        reminders_left=max(0, policy.reminders - told.repeats),
    )
    # What an earlier engine had begun to record may be running, and is not what is begun now.
    start: tuple[Command, ...] = (
        do.TakeOver(policy.route, offered.engine),
        do.StopRecording("all"),
        do.Journal(entries.TakenUp(how="handed-back")),
    )
    after = told.goes_to
    reason = told.reason or ("agent-gone" if told.state.joined else "")
    if reason or (after is Phase.APOLOGISING and policy.staff_call):
        step = steps.hang_up(state, "NORMAL_CLEARING", reason or "unavailable")
        return Step(step.state, (*start, *step.commands))
    if after is Phase.APOLOGISING:
        state = state._replace(after_answer=after, reason="unavailable")
        start = (*start, do.Journal(entries.NotConnected(cause="")))
        return steps.enter(state, Phase.ANSWERING, ANSWER_MS, *start, do.Answer())
    start = (*start, do.Journal(entries.RecordingIntended(path=path)), do.SyncJournal())
    state = state._replace(syncs=1)
    if policy.staff_call:
        return steps.enter(state, Phase.SECURING, JOURNAL_MS, *start)
    state = state._replace(after_answer=after)
    return steps.enter(state, Phase.ANSWERING, ANSWER_MS, *start, do.Answer())


def in_language(journal: Iterable[entries.Stamped], policy: CallPolicy) -> CallPolicy:
    """The policy in the language that the caller chose, if any (R9)."""
    told = (one.entry for one in journal)
    chosen = [one.language for one in told if isinstance(one, entries.LanguageChosen)]
    if not chosen or policy.menu is None:
        return policy
    offered = (one for one in policy.menu.keys.values() if one.language == chosen[-1])
    spoken = next(offered, None)
    return policy if spoken is None else policy.spoken(spoken)


class _Told:
    """What a call's journal says of where it is."""

    def __init__(self, path: str, policy: CallPolicy) -> None:
        self.policy = policy
        self.outbound = policy.staff_call
        self.state = CallState(path=path, part=0)
        self.paused = False
        self.stalled: tuple[str, ...] = ()
        """Parts that may still be recorded though another is meant to follow them."""
        self.play = 0
        self.heard_ms = 0
        self.announced = False
        self.repeats = 0
        self.opting_out = False
        self.aside = False
        """In mid-call: the two were parted (R4)."""
        self.exempted = False
        self.dialled = False
        self.returned = False
        self.reason = ""
        """Why the call was to end, where that was decided."""

    def forget(self) -> None:
        """Nothing is known of what the caller was told, chose, and came to since."""
        self.heard_ms = self.repeats = 0
        self.announced = self.opting_out = self.dialled = self.returned = self.aside = False

    @property
    def opted_out(self) -> bool:
        """The caller opted out, and has not come back."""
        return self.opting_out or self.reason == "opted-out"

    @property
    def may_record(self) -> bool:
        """R1, R3: the caller was told, or came back from opting out, having heard of it."""
        if self.opted_out:
            return False
        came_back = self.returned and self.heard_ms > 0
        unasked = self.outbound and not self.policy.announced
        return unasked or rules.was_announced(self.announced) or came_back

    @property
    def goes_to(self) -> Phase:
        """What a call that is driven on does first."""
        if self.dialled:
            return Phase.APOLOGISING
        if self.opting_out:
            return Phase.REMINDING
        return Phase.SECURING if self.may_record else Phase.ANNOUNCING

    def take(self, stamped: entries.Stamped) -> None:
        """Note the entry."""
        entry, state = stamped.entry, self.state
        match entry:
            case entries.PromptStarted(play=play):
                self.play = max(self.play, play)
            case entries.PromptEnded(name=name, heard_ms=ms, complete=complete):
                if name == self.policy.announcement.name:
                    self.heard_ms = max(self.heard_ms, ms)
                    self.announced |= complete
            case entries.OptOutStarted(connected=connected):
                self.opting_out, self.aside = True, connected
            case entries.OptOutReturned():
                self.opting_out, self.aside, self.returned = False, False, True
            case entries.OptOutConfirmed():
                self.opting_out, self.reason = False, "opted-out"
            case entries.ReminderRepeated():
                self.repeats += 1
            case entries.Dialled(destination=name):
                self.dialled = True
                names = [place.name for place in self.policy.destinations]
                place = names.index(name) if name in names else 0
                line = self.policy.destinations[place].payment_line
                self.state = state._replace(at_line=line, place=place)
            case entries.Connected(other_leg=leg, number=number):
                line = pausing.is_line(number, state, self.policy)
                if self.outbound and state.recording is Recording.NONE:
                    state = state._replace(recording=Recording.REQUESTED)
                self.state = state._replace(
                    joined=True,
                    together=True,
                    other_leg=leg,
                    other_number=number,
                    at_line=line,
                    held=False,
                    recorded_leg=state.recorded_leg or leg,
                )
            case entries.CustomerHeld():
                self.state = state._replace(away=True)
            case entries.CustomerBack():
                self.state = state._replace(away=False)
            case entries.Parted():
                self.state = state.parted(stamped.stamp.mono_ms)
            case entries.Exempted():
                self.exempted = True
            case entries.NotConnected():
                self.paused = False
                self.state = pausing.dropped(state)._replace(was_stopped=False)
            case _:
                self._recorded(entry)
                self._pause(stamped)

    def _recorded(self, entry: entries.Entry) -> None:
        state = self.state
        match entry:
            case entries.RecordingStalled(path=path, into=into) if into:
                self.stalled = (*self.stalled, path)
            case entries.RecordingIntended(path=path):
                # It may be running, whatever the journal knows; the customer's leg of a call that
                # staff make comes into being only with the connection.
                if state.part or not self.outbound:
                    state = state._replace(recording=Recording.REQUESTED)
                part = max(state.part + 1, part_of(path))
                self.state = state._replace(path=path or state.path, part=part)
            case entries.RecordingStarted(path=path) if path == state.path:
                self.announced = True  # or it would not have been
                self.stalled = ()
                self.state = state._replace(recording=Recording.RUNNING)
            case entries.RecordingFailed(path=path) if path == state.path:
                self.state = state._replace(recording=Recording.REFUSED)
            case entries.RecordingStopped(path=path) if path == state.path:
                self.state = state._replace(recording=Recording.ENDED)
            case _:
                pass

    def _pause(self, stamped: entries.Stamped) -> None:
        state = self.state
        match stamped.entry:
            case entries.PauseStarted(by=pausing.EXEMPT):
                self.exempted = True
            case entries.PauseStarted(by=by, back_ms=back_ms):
                asked = by not in pausing.THEMSELVES or (self.paused and state.asked)
                held = by == pausing.HOLD or (self.paused and state.held)
                since = state.paused_at if self.paused else stamped.stamp.mono_ms - back_ms
                self.state = state._replace(
                    asked=asked, held=held, paused_by=by, paused_at=since, pause=Pause.OFF
                )
                self.paused = True
            case entries.PauseHeld(how=how):
                self.state = state._replace(was_stopped=how == "stopped")
            case entries.PauseEnded():
                self.state = state._replace(was_stopped=False, held=False)
                self.paused = False
            case _:
                pass
