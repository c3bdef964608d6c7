"""One call: FreeSWITCH's messages in, the machine's commands out.

A driver has no greenlet. It is called by its link, its timer and the journal, on the
hub's thread, does what there is to do at once, and returns; nothing here blocks
(``docs/decisions/0002-no-greenlet-a-call.md`` has the figures). The machine decides;
the driver only carries out, in the order it was told.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Sequence
from functools import partial

import structlog
from gevent.event import AsyncResult

from ivr.clock import Timer
from ivr.core import commands as do
from ivr.core import events, pausing
from ivr.core.call import advance, taken_up
from ivr.core.commands import Command
from ivr.core.entries import Arrived, Stamp, Stamped
from ivr.core.events import Event
from ivr.core.policy import CallPolicy, Prompt
from ivr.core.state import CLOSING_MS, CallState, Pause, Phase
from ivr.engine.context import Context
from ivr.engine.noticed import noticed
from ivr.errors import WireError
from ivr.esl.session import Link, OnReply
from ivr.esl.translate import (
    WHO,
    Legs,
    Offer,
    SwitchCommand,
    answered,
    asked,
    event_of,
    is_leg,
    keys_told,
    offer,
    opening,
    refused,
    text_of,
)
from ivr.esl.wire import EVENT, Message, line

log = structlog.get_logger(__name__)


_OVER = (Phase.CLOSING, Phase.DONE)
_SETTLED = (Pause.OFF, Pause.ON)


class CallDriver:
    """Drives one call from FreeSWITCH's connection to the finished record."""

    __slots__ = (
        "_accepted_ns",
        "_asked",
        "_busy",
        "_context",
        "_entries",
        "_events",
        "_gave_in",
        "_link",
        "_outbox",
        "_pause_timer",
        "_plays",
        "_policy",
        "_replies",
        "_timer",
        "call_id",
        "caller",
        "state",
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self.call_id = ""
        self.caller = ""
        """The number of who is at the A leg."""
        self.state = CallState()
        self._policy: CallPolicy | None = None
        self._entries: list[Stamped] = []
        self._plays: dict[int, Prompt] = {}
        self._events: deque[Event] = deque()
        self._busy = False
        self._gave_in = False
        self._outbox: list[bytes] = []
        self._replies: list[OnReply | None] = []
        self._timer: Timer | None = None
        self._pause_timer: Timer | None = None
        self._asked: list[AsyncResult[None]] = []
        self._link: Link | None = None
        self._accepted_ns = 0

    @classmethod
    def accept(cls, context: Context, sock: socket.socket) -> CallDriver:
        """Ask FreeSWITCH on this connection which call it is, and drive it."""
        driver = cls(context)
        driver._accepted_ns = time.perf_counter_ns()
        driver._timer = context.clock.after(
            context.configuration.site.limits.command_ms,
            lambda: driver._give_up("no answer to connect"),
        )
        driver._link = Link(sock, driver._on_message, driver._on_lost)
        context.unknown.add(driver)
        driver._link.post(line("connect"), driver._on_connected)
        return driver

    @classmethod
    def take_up(
        cls, context: Context, call_id: str, entries: Sequence[Stamped], policy: CallPolicy
    ) -> CallDriver:
        """Follow a call to its end that an earlier engine began and FreeSWITCH still has (R22)."""
        driver = cls(context)
        driver.call_id = call_id
        driver._policy = policy
        driver._entries = list(entries)
        driver.caller = next(
            (one.entry.caller for one in entries if isinstance(one.entry, Arrived)), ""
        )
        path = context.spool.recording_path(call_id)
        driver.state, again = taken_up(entries, path, policy)
        driver._timer = context.clock.after(policy.longest_call_ms, driver._on_timer)
        context.calls[call_id] = driver
        if policy.direction == "outbound":
            context.agents[call_id] = driver
        driver._meet(CallState())
        driver._carry_out(again)
        driver._flush()
        driver._follow()
        return driver

    @property
    def policy(self) -> CallPolicy | None:
        """What the call began under; None until FreeSWITCH has said which call it is."""
        return self._policy

    @property
    def entries(self) -> Sequence[Stamped]:
        """What the call's journal says so far."""
        return self._entries

    @property
    def legs(self) -> Legs:
        """Who is at which channel (R10)."""
        other = self.state.other_leg
        if self._policy is not None and self._policy.direction == "outbound":
            return Legs(self.call_id, self.state.recorded_leg or other, self.call_id)
        if other in self._context.calls:
            # Two callers were joined: nobody there is an agent, and keys there are a caller's.
            other = ""
        return Legs(self.call_id, self.call_id, other)

    def reachable(self) -> bool:
        """FreeSWITCH can be asked something about this call now."""
        return self._link is not None or self._context.connected()

    def ask(self, event: Event) -> AsyncResult[None]:
        """Let the machine have a request; the result comes when the pause has settled, one way
        or the other, or the call is over: the state then says which."""
        settled: AsyncResult[None] = AsyncResult()
        self._asked.append(settled)
        self.take(event)
        return settled

    # What comes in.

    def _on_connected(self, reply: Message | None) -> None:
        if reply is None:
            return
        try:
            offered = offer(reply)
        except WireError as error:
            self._give_up(str(error))
            return
        policy = self._context.configuration.policy_for(offered.number)
        if policy is None or offered.call_id in self._context.calls:
            self._turn_away(offered, known=policy is not None)
            return
        self._context.unknown.discard(self)
        self.call_id = offered.call_id
        self.caller = offered.caller
        self._policy = policy
        self._context.calls[self.call_id] = self
        if policy.direction == "outbound":
            self._context.agents[self.call_id] = self
        text, replies = opening(self.call_id)
        self._send(text, *(self._must_be_ok,) * replies)
        path = self._context.spool.recording_path(self.call_id)
        self.take(
            events.Arrived(
                at=self._context.clock.monotonic_ms(),
                caller=offered.caller,
                caller_name=offered.caller_name,
                number=offered.number,
                recording=str(path),
            )
        )
        self._context.metrics.accepted((time.perf_counter_ns() - self._accepted_ns) / 1e9)

    def _on_message(self, message: Message) -> None:
        if message.kind == EVENT:
            self.hear(message)

    def hear(self, message: Message) -> None:
        """Take an event of FreeSWITCH's about this call, whichever connection it came by."""
        began = time.perf_counter_ns()
        at = self._context.clock.monotonic_ms()
        event = event_of(message, at, self.legs, self.state.path, self._plays)
        if event is None:
            return
        self.take(event)
        if isinstance(event, events.PromptEnded):
            self._context.metrics.reacted((time.perf_counter_ns() - began) / 1e9)

    def vanished(self) -> None:
        """FreeSWITCH has the call no more. One whose socket is gone will hear no end of it, so
        it is ended, a moment later: RECORD_STOP may be on its way."""
        if self.state.phase is Phase.UNLINKED:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._context.clock.after(CLOSING_MS, self._on_timer)

    def _on_lost(self, reason: str) -> None:
        if not self.call_id:
            self._give_up(reason)
            return
        self._link = None
        log.warning("link lost", call=self.call_id, reason=reason, phase=self.state.phase.value)
        self._context.metrics.links_lost.inc()
        self.take(events.LinkLost(self._context.clock.monotonic_ms()))

    def _on_timer(self) -> None:
        self._timer = None
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
        if self._busy or self._policy is None:
            return
        self._busy = True
        try:
            while self._events or self._outbox:
                if not self._events:
                    # Last of all, and still in the loop: a link that breaks here is an event.
                    self._flush()
                    continue
                before, event = self.state, self._events.popleft()
                self.state, commands = advance(before, event, self._policy)
                self._context.metrics.advanced(before, event, self.state)
                if isinstance(event, events.Bridged):
                    self._meet(before)
                if self.state.pause is Pause.STOPPING and before.pause is not Pause.STOPPING:
                    log.warning("mask refused or not confirmed in time", call=self.call_id)
                self._carry_out(commands)
                if self.state.phase is Phase.UNLINKED and (
                    before.phase is not Phase.UNLINKED or before.other_leg != self.state.other_leg
                ):
                    self._follow()
            if self._asked and (self.state.pause in _SETTLED or self.state.phase in _OVER):
                self._answer_who_asked()
        except Exception as fault:  # noqa: BLE001  # the root of all that happens to a call
            self._give_in(fault)
        finally:
            self._busy = False

    def _meet(self, before: CallState) -> None:
        """Know the call by the leg that its agent is at now, which feature codes come from."""
        state, agents = self.state, self._context.agents
        if self.legs.agent != self.call_id:
            if agents.get(before.other_leg) is self:
                del agents[before.other_leg]
            if self.legs.agent and not state.at_line:
                agents[self.legs.agent] = self

    def _follow(self) -> None:
        """Be told by the inbound connection of a call whose own socket is gone."""
        self._context.follow(self.call_id)
        recorded = self.legs.customer
        if recorded and recorded != self.call_id:
            self._context.follow_leg(self.call_id, recorded)
        self.look_again()

    def look_again(self) -> None:
        """Ask whom the call is connected to: that may have changed while nobody listened, and it
        may be a payment line now (R6)."""
        self._context.post(asked(self.call_id, "bridge_uuid"), self._joined_with)

    def _joined_with(self, reply: Message | None) -> None:
        leg = reply.reply if reply is not None else ""
        if not is_leg(leg) or leg == self.state.other_leg:
            return
        told: list[str] = []

        def tell(reply: Message | None) -> None:
            told.append("" if reply is None else reply.reply)
            if len(told) < len(WHO):
                return
            direction, called, caller = told
            # A leg of which that is not known is gone, or FreeSWITCH is: nothing is made of it.
            if direction in ("inbound", "outbound"):
                number = called if direction == "outbound" else caller
                self.take(events.Bridged(self._context.clock.monotonic_ms(), leg, number))

        self._context.post(asked(leg, *WHO), *(tell,) * len(WHO))

    def _answer_who_asked(self) -> None:
        asked, self._asked = self._asked, []
        for settled in asked:
            settled.set(None)

    def _carry_out(self, commands: tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case do.Journal(entry=entry):
                    clock = self._context.clock
                    stamp = Stamp(clock.wall_ms(), clock.monotonic_ms())
                    self._entries.append(Stamped(stamp, entry))
                    self._context.note(self.call_id, entry, stamp)
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
                        self._send(keys_told(isinstance(command, do.HearKeys)), None)
                case do.HastenJournal():
                    self._context.hasten()
                case do.SyncJournal():
                    self._context.journal.sync(self._on_journal)
                case do.Finish():
                    self._flush()
                    self._finish()
                case _:
                    if isinstance(command, do.PlayPrompt):
                        self._plays[command.play] = command.prompt
                    for part in text_of(command, self.legs, self.state.path):
                        self._send(part, partial(self._judge, command))

    def _send(self, text: bytes, *replies: OnReply | None) -> None:
        """Have commands sent with the next flush: one packet for all that one event brings."""
        self._outbox.append(text)
        self._replies.extend(replies)

    def _flush(self) -> None:
        if not self._outbox:
            return
        text, replies = b"".join(self._outbox), tuple(self._replies)
        self._outbox.clear()
        self._replies.clear()
        if self._link is not None and self.state.phase is not Phase.CLOSING:
            self._link.post(text, *replies)
        else:
            # A call that was taken up, or whose socket is lost or lingers, is reached over the
            # engine's own line.
            self._context.post(text, *replies)

    def _judge(self, command: SwitchCommand, reply: Message | None) -> None:
        """What FreeSWITCH answered to a command; of most only a refusal means anything.

        A reply that was lost means nothing either: what is not confirmed is not done, and a
        timer sees to it.
        """
        if reply is None or self.state.phase is Phase.DONE:
            return
        at = self._context.clock.monotonic_ms()
        confirmed = answered(command, at, not reply.refused)
        if confirmed is not None:
            self.take(confirmed)
        if not reply.refused:
            return
        name = type(command).__name__
        self._context.metrics.commands_refused.labels(name).inc()
        log.warning(
            "FreeSWITCH refused a command", call=self.call_id, command=name, reply=reply.reply
        )
        event = refused(command, at, reply.reply)
        if event is not None:
            self.take(event)

    def _must_be_ok(self, reply: Message | None) -> None:
        if reply is not None and reply.refused:
            # Without `full` in the dialplan's socket action these are refused (docs 10b).
            log.error(
                "FreeSWITCH refuses to be listened to; is the dialplan's action"
                " `socket ... async full`, as `ivr dialplan render` writes it?",
                call=self.call_id,
                reply=reply.reply,
            )
            self._context.metrics.commands_refused.labels("Subscribe").inc()

    # Ends.

    def let_go(self) -> None:
        """Drive the call no more; it goes on without us, and a later engine takes it up (R22)."""
        self._drop()

    def _give_in(self, fault: Exception) -> None:
        """A fault of the engine's own: no other call notices, and this one goes on.

        While FreeSWITCH may be recording, the file is not ours to take: the call is followed
        to its end over the inbound connection. Else it gets its record at once.
        """
        log.error("fault in the engine", call=self.call_id, exc_info=fault)
        self._context.metrics.faults.inc()
        self._events.clear()
        self._outbox.clear()
        self._replies.clear()
        if self.state.phase is Phase.DONE:
            return
        if self.state.may_be_recording and not self._gave_in:
            self._gave_in = True
            self._let_go_of_link()
            self.state = self.state._replace(phase=Phase.UNLINKED)
            self._follow()
            # What the fault kept from FreeSWITCH may be a mask (R6).
            self.state, again = pausing.link_lost(self.state)
            self._carry_out(again)
            self._flush()
            return
        self.state = self.state._replace(phase=Phase.DONE)
        self._finish()

    def _finish(self) -> None:
        self._drop()
        self._context.finish(self, self._entries)

    def _turn_away(self, offered: Offer, known: bool) -> None:
        """A number that no route claims, or a call that is here already: not ours to answer."""
        self._context.metrics.turned_away.inc()
        say = log.bind(call=offered.call_id, number=offered.number)
        if known:
            say.warning("call turned away", reason="it is being driven already")
        else:
            say.warning(
                "call turned away",
                reason="no route claims this number",
                expected="numbers as in dialplan/routes.yaml; render the dialplan again?",
            )
            text = text_of(do.Hangup("UNALLOCATED_NUMBER"), Legs(offered.call_id, "", ""), "")
            self._send(b"".join(text), None)
            self._flush()
        self._drop()

    def _give_up(self, reason: str) -> None:
        self._context.metrics.turned_away.inc()
        log.warning("connection dropped before its call was known", reason=reason)
        self._drop()

    def _drop(self) -> None:
        self._context.unknown.discard(self)
        for leg in (self.call_id, self.state.other_leg):
            if self._context.agents.get(leg) is self:
                del self._context.agents[leg]
        for timer in (self._timer, self._pause_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._pause_timer = None
        self._let_go_of_link()
        self._answer_who_asked()

    def _let_go_of_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            # The link holds the driver and the driver held the link: parted here, both go at
            # once and do not wait for the collector.
            link.stop()
