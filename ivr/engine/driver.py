"""One call: FreeSWITCH's messages in, the machine's commands out.

A driver has no greenlet. It is called by its link, its timer and the journal, on the
hub's thread, does what there is to do at once, and returns; nothing here blocks
(``docs/decisions/0002-no-greenlet-a-call.md`` has the figures). The machine decides;
the driver only carries out, in the order it was told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from functools import partial

import structlog
from gevent.event import AsyncResult

from ivr.clock import Timer
from ivr.core import commands as do
from ivr.core import events, pausing
from ivr.core.call import advance
from ivr.core.commands import Command
from ivr.core.ending import between, channel_of
from ivr.core.entries import Arrived, Connected, Stamp, Stamped
from ivr.core.events import Event
from ivr.core.policy import CallPolicy, Prompt
from ivr.core.stalling import should_grow
from ivr.core.state import CLOSING_MS, CallState, Pause, Phase
from ivr.core.steps import Step
from ivr.core.taking_up import Return, followed, handed_back
from ivr.engine.answers import meant, must_be_ok
from ivr.engine.context import Context
from ivr.engine.looking import ask_place, look, look_who_holds, make_sure
from ivr.engine.noticed import noticed
from ivr.engine.outbox import Outbox
from ivr.engine.who import forget, know, legs_of
from ivr.esl.session import Link, OnReply
from ivr.esl.translate import QUEUE, Legs, engine_of, event_of, is_exempt, plays_now
from ivr.esl.wire import EVENT, Message
from ivr.esl.wording import SwitchCommand, heard_leg, keys_told, opening, text_of

log = structlog.get_logger(__name__)


_OVER = (Phase.CLOSING, Phase.DONE)
_SETTLED = (Pause.OFF, Pause.ON)
LEAST_LEFT_MS = 60_000
"""A call that is taken up is not ended sooner than this, however long it has lasted."""


class CallDriver:
    """Drives one call from FreeSWITCH's connection to the finished record."""

    __slots__ = (
        "_asked",
        "_beside",
        "_busy",
        "_context",
        "_entries",
        "_events",
        "_gave_in",
        "_gone",
        "_link",
        "_outbox",
        "_pause_timer",
        "_plays",
        "_timer",
        "call_id",
        "caller",
        "policy",
        "record_id",
        "state",
    )

    def __init__(
        self,
        context: Context,
        call_id: str,
        caller: str,
        policy: CallPolicy,
        entries: Sequence[Stamped] = (),
        link: Link | None = None,
        record_id: str = "",
    ) -> None:
        """Drive the call from here on, under this policy; ``entries`` is what its journal says so
        far, ``link`` the call's own connection, where it has one."""
        self._context = context
        self.call_id = call_id
        """FreeSWITCH's id of the A leg."""
        self.record_id = record_id or call_id
        """What its record and its files are called: the same, but for a call that came back from
        the exempt extension (R8)."""
        self.caller = caller
        """The number of who is at the A leg."""
        self.policy = policy
        """What the call began under."""
        self.state = CallState()
        self._entries = list(entries)
        self._plays: dict[int, Prompt] = {}
        self._events: deque[Event] = deque()
        self._busy = False
        self._gave_in = False
        self._gone = False
        self._outbox = Outbox()
        self._timer: Timer | None = None
        self._pause_timer: Timer | None = None
        self._asked: list[AsyncResult[None]] = []
        self._link = link
        self._beside: Link | None = None
        """The connection of a called person who hears the announcement first (R10)."""
        context.calls[call_id] = self
        if policy.staff_call:
            context.agents[call_id] = self
        if link is not None:
            link.hand_to(self._on_message, self._on_lost)
            text, replies = opening(call_id)
            heard = partial(must_be_ok, context.metrics, call_id)
            self._outbox.put(text, *(heard,) * replies)

    def hand_customer(self, link: Link, leg: str, rate: int) -> bool:
        """Who is called has answered, and FreeSWITCH lets us speak first (R10): connected once the
        connection ends. False where the call does not wait for that."""
        if self.state.phase is not Phase.DIALLING or self._link is None or self._beside:
            return False
        self._beside = link
        link.hand_to(_unheard, self._on_beside_lost)
        self._outbox.put(heard_leg(leg), None)
        at = self._context.clock.monotonic_ms()
        self.take(events.CustomerAnswered(at, leg, rate))
        return True

    def _on_beside_lost(self, _reason: str) -> None:
        self._beside = None

    def go_on(self, *, anew: bool) -> None:
        """FreeSWITCH handed the call over once more: drive it on from where its journal says that
        it was (R22); ``anew`` as in :class:`ivr.core.taking_up.Return`."""
        self._context.line.unfollow(self.call_id)
        context = self._context
        folder = context.folders.room()
        path = context.spool.places.recorded(self.record_id, folder=folder)
        elsewhere = context.folders.elsewhere(path)
        offered = Return(path, folder is not None, context.me, elsewhere, anew)
        self._taken(handed_back(self._entries, offered, self.policy))

    @classmethod
    def take_up(
        cls, context: Context, record_id: str, entries: Sequence[Stamped], policy: CallPolicy
    ) -> CallDriver:
        """Follow a call to its end that an earlier engine began and FreeSWITCH still has (R22)."""
        told = (one.entry for one in entries)
        arrived = next((entry for entry in told if isinstance(entry, Arrived)), None)
        call_id = channel_of(record_id, entries)
        caller = arrived.caller if arrived else ""
        driver = cls(context, call_id, caller, policy, entries, record_id=record_id)
        path = context.spool.places.recorded(record_id)
        driver._timer = context.clock.after(driver._time_left(), driver._on_timer)
        driver._taken(followed(entries, path, policy))
        driver._follow()
        return driver

    def _taken(self, step: Step) -> None:
        self.state = step.state
        know(self._context, self, "")
        self._carry_out(step.commands)
        self._flush()

    def _time_left(self) -> int:
        """Of the longest time that the call may last, in milliseconds."""
        now = self._stamp()
        since = (one.stamp for one in self._entries if isinstance(one.entry, Connected))
        gone_ms = between(next(since, now), now)
        return max(LEAST_LEFT_MS, self.policy.longest_call_ms - gone_ms)

    @property
    def entries(self) -> Sequence[Stamped]:
        """What the call's journal says so far."""
        return self._entries

    @property
    def legs(self) -> Legs:
        """Who is at which channel (R10)."""
        return legs_of(self._context, self)

    @property
    def switch(self) -> str:
        """Core-UUID of the FreeSWITCH that the call is of; empty where that is not known."""
        told = (one.entry.switch for one in self._entries if isinstance(one.entry, Arrived))
        return next(told, "")

    @property
    def waits_for_its_call(self) -> bool:
        """Its socket is gone, and FreeSWITCH may hand it over once more. Not where the engine
        failed at it: it would again."""
        return self.state.phase is Phase.UNLINKED and not self._gave_in

    @property
    def grows(self) -> bool:
        """Its recording should grow. Not where FreeSWITCH has said that it has no such call."""
        return should_grow(self.state) and not self._gone

    @property
    def talks(self) -> bool:
        """People hear each other, as far as the call's own socket tells."""
        return self._link is not None and self.state.together

    def reachable(self) -> bool:
        """FreeSWITCH can be asked something about this call now."""
        return self._link is not None or self._context.line.connected

    def ask(self, event: Event) -> AsyncResult[None]:
        """Let the machine have a request; the result comes when the pause has settled, one way
        or the other, or the call is over: the state then says which."""
        settled: AsyncResult[None] = AsyncResult()
        self._asked.append(settled)
        self.take(event)
        return settled

    # What comes in.

    def _on_message(self, message: Message) -> None:
        if message.kind == EVENT:
            self.hear(message)

    def hear(self, message: Message) -> None:
        """Take an event of FreeSWITCH's about this call, whichever connection it came by."""
        began = time.perf_counter_ns()
        at = self._context.clock.monotonic_ms()
        if self.state.phase is Phase.UNLINKED and message.first(b"Unique-ID") == self.call_id:
            # It may have come to another engine at the end of its prompt, and not back to us.
            self.is_of(engine_of(message))
        if self._outbox.holds and (there := plays_now(message)):
            self._outbox.release(there)
            self._flush()
        if is_exempt(message):  # also of a call that began before there was an exempt extension
            self.take(events.Exempt(at))
        event = event_of(message, at, self.legs, self.state.path, self._plays)
        if event is None:
            return
        self.take(event)
        if isinstance(event, events.PromptEnded):
            self._context.metrics.reacted((time.perf_counter_ns() - began) / 1e9)

    def vanished(self, *, switch_lost: bool) -> None:
        """FreeSWITCH has the call no more. One whose socket is gone will hear no end of it, so it
        is ended; where FreeSWITCH lives, a moment later, for its RECORD_STOP may be on its way."""
        if self.state.phase is not Phase.UNLINKED:
            return
        self._gone = True

        def gone() -> None:
            self._timer = None
            self.take(events.Vanished(self._context.clock.monotonic_ms(), switch_lost))

        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._context.clock.after(0 if switch_lost else CLOSING_MS, gone)

    def is_of(self, engine: str) -> None:
        """Which engine had the call last, as FreeSWITCH says: another one makes its record."""
        if engine and engine != self._context.me and self.state.phase is Phase.UNLINKED:
            log.info("call handed on to another engine", call=self.call_id, engine=engine)
            self._events.clear()
            self.state = self.state._replace(phase=Phase.DONE)
            self.let_go()
            self._context.release(self.call_id, self.record_id, self._entries)

    def _on_lost(self, reason: str) -> None:
        self._link = None
        log.warning("link lost", call=self.call_id, reason=reason, phase=self.state.phase.value)
        self._context.metrics.links_lost.inc()
        self.take(events.LinkLost(self._context.clock.monotonic_ms()))
        if self.state.phase in (Phase.LEAVING, Phase.ENDING):
            self._follow()

    def _on_timer(self) -> None:
        self._timer = None
        self._outbox.release()
        self.take(events.TimerFired(self._context.clock.monotonic_ms(), self.state.timer))

    def _on_pause_timer(self, timer: int) -> None:
        self._pause_timer = None
        self.take(events.PauseTimerFired(self._context.clock.monotonic_ms(), timer))

    def _on_journal(self, error: Exception | None) -> None:
        at = self._context.clock.monotonic_ms()
        if error is None:
            self.take(events.Journalled(at))
        else:
            log.error("journal not written", call=self.call_id, error=str(error))
            self.take(events.JournalFailed(at, str(error)))

    # The machine.

    def take(self, event: Event) -> None:
        """Let the machine have an event, and carry out what it says.

        What happens meanwhile (a reply that is there at once, a link that breaks while
        being written to) waits its turn: the machine is never entered twice.
        """
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events or self._outbox:
                if not self._events:
                    # Last of all, and still in the loop: a link that breaks here is an event.
                    self._flush()
                    continue
                before, event = self.state, self._events.popleft()
                self.state, commands = advance(before, event, self.policy)
                self._context.metrics.advanced(before, event, self.state)
                if isinstance(event, events.Bridged):
                    know(self._context, self, before.other_leg)
                if self.state.pause is Pause.STOPPING and before.pause is not Pause.STOPPING:
                    log.warning("mask refused or not confirmed in time", call=self.call_id)
                self._carry_out(commands)
                if self.state.phase is Phase.UNLINKED:
                    if before.phase is not Phase.UNLINKED:
                        self._follow()
                    elif before.other_leg != self.state.other_leg:
                        self._follow_customer()
            if self._asked and (self.state.pause in _SETTLED or self.state.phase in _OVER):
                self._answer_who_asked()
        except Exception as fault:  # noqa: BLE001  # the root of all that happens to a call
            self._give_in(fault)
        finally:
            self._busy = False

    def _follow(self) -> None:
        """Be told by the inbound connection of a call whose own socket is gone."""
        self._context.line.follow(self.call_id)
        self._follow_customer()
        self.look_again()

    def _follow_customer(self) -> None:
        recorded = self.legs.customer
        if recorded and recorded != self.call_id:
            self._context.line.follow_leg(self.call_id, recorded)

    def look_again(self) -> None:
        """Ask what became of the call while nobody listened."""
        ask = look if self._link is None else look_who_holds
        ask(self._context.line.post, self, self._context.clock)

    def _answer_who_asked(self) -> None:
        asked, self._asked = self._asked, []
        for settled in asked:
            settled.set(None)

    def _carry_out(self, commands: tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case do.Journal(entry=entry):
                    stamp = self._stamp()
                    self._entries.append(Stamped(stamp, entry))
                    self._context.note(self.record_id, entry, stamp)
                    noticed(self._context.metrics, self.call_id, entry)
                case do.StartTimer(ms=ms):
                    if self._timer is not None:
                        self._timer.cancel()
                    self._timer = self._context.clock.after(ms, self._on_timer)
                case do.StartPauseTimer(timer=timer, ms=ms):
                    if self._pause_timer is not None:
                        self._pause_timer.cancel()
                    fire = partial(self._on_pause_timer, timer)
                    self._pause_timer = self._context.clock.after(ms, fire)
                case do.ForgetKeys() | do.HearKeys():
                    # The engine's own line is told of no keys in the first place.
                    if self._link is not None:
                        self._outbox.put(keys_told(isinstance(command, do.HearKeys)), None)
                case do.SpeakIn(spoken=spoken):
                    self.policy = self.policy.spoken(spoken)
                case do.AskPlace(queue=queue):
                    ask_place(self._post, self, self._context.clock, queue)
                case do.MakeSure(leg=leg):
                    make_sure(self._post, self, self._context.clock, leg)
                case do.LetThrough():
                    self._flush()
                    self._let_beside_go()
                case do.HastenJournal():
                    self._context.hasten()
                case do.SyncJournal():
                    self._context.journal.sync(self._on_journal)
                case do.Finish():
                    self._flush()
                    self._finish()
                case _:
                    self._command(command)

    def _command(self, command: SwitchCommand) -> None:
        late = isinstance(command, do.PlayMusic)
        match command:
            # Until then prompts would be lost that are not for a parted A leg, or might be
            # (docs/freeswitch.md 96).
            case do.LeaveQueue():
                self._outbox.hold(QUEUE)
            case do.Part(other_leg=other):
                self._outbox.hold(self.call_id, other)
            case do.StopPrompts():
                self._outbox.forget()
            case do.PlayPrompt(to_customer=to_customer):
                self._plays[command.play] = command.prompt
                late = to_customer or self._outbox.waits_for(QUEUE)
        for part in text_of(command, self.legs):
            self._outbox.put(part, partial(self._judge, command), late=late)

    def _stamp(self) -> Stamp:
        return Stamp(self._context.clock.wall_ms(), self._context.clock.monotonic_ms())

    def _post(self, text: bytes, *replies: OnReply | None) -> None:
        self._outbox.put(text, *replies)
        self._flush()

    def _flush(self) -> None:
        own = self._link if self.state.phase is not Phase.CLOSING else None
        # A call that was taken up, or whose socket is lost or lingers, is reached over the
        # engine's own line.
        self._outbox.flush(self._context.line.post if own is None else own.post)

    def _judge(self, command: SwitchCommand, reply: Message | None) -> None:
        """FreeSWITCH answered a command. An answer that was lost means nothing: what is not
        confirmed is not done, and a timer sees to it."""
        if reply is None or self.state.phase is Phase.DONE:
            return
        at = self._context.clock.monotonic_ms()
        for event in meant(self._context.metrics, self.call_id, command, reply, at):
            self.take(event)

    # Ends.

    def let_go(self) -> None:
        """Drive the call no more; it goes on without us, and a later engine takes it up (R22).

        What was asked for may still be answered, and is not ours to act on any more."""
        self.state = self.state._replace(phase=Phase.DONE)
        self._drop()

    def _give_in(self, fault: Exception) -> None:
        """A fault of the engine's own: no other call notices, and this one goes on.

        It is followed to its end over the inbound connection; where it hears a prompt, the
        dialplan does with it what the team decided for a call without an engine.
        """
        log.error("fault in the engine", call=self.call_id, exc_info=fault)
        self._context.metrics.faults.inc()
        self._events.clear()
        self._outbox.clear()
        if self.state.phase is Phase.DONE:
            return
        if not self._gave_in:
            self._gave_in = True
            self._let_go_of_link()
            self.state = self.state._replace(phase=Phase.UNLINKED)
            self._follow()
            # What the fault kept from FreeSWITCH may be a mask (R6).
            self.state, again = pausing.link_lost(self.state, self.policy)
            self._carry_out(again)
            self._flush()
            return
        self.state = self.state._replace(phase=Phase.DONE)
        self._finish()

    def _finish(self) -> None:
        self._drop()
        self._context.finish(self, self._entries)

    def _drop(self) -> None:
        forget(self._context, self)
        for timer in (self._timer, self._pause_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._pause_timer = None
        self._let_go_of_link()
        self._answer_who_asked()

    def _let_beside_go(self) -> None:
        """Have FreeSWITCH connect the called person."""
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.stop()

    def _let_go_of_link(self) -> None:
        self._let_beside_go()
        link, self._link = self._link, None
        if link is not None:
            # The link holds the driver and the driver held the link: parted here, both go at
            # once and do not wait for the collector.
            link.stop()


def _unheard(_message: Message) -> None:
    """The call's own socket tells of the called person's leg, too."""
