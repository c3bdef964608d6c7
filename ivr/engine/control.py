"""The inbound connection: the engine's own line to FreeSWITCH, kept open with back-off.

It says whether FreeSWITCH is there, and tells of calls whose own socket is gone while
they go on (docs/freeswitch.md 10). It is a greenlet, since it waits for answers. Each wait
has a limit and ends with the link; whatever fails, the connection is made anew.

FreeSWITCH is asked after each call by itself, a slice of them at a time. A list of all its
channels takes about 1 KB a channel: that of ten thousand takes some 90 ms to read, and all
calls would wait meanwhile.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import gevent
import structlog
from gevent.event import Event
from gevent.socket import create_connection
from greenswitch.esl import NotConnectedError

from ivr.clock import Clock
from ivr.errors import SwitchError, WireError
from ivr.esl.session import Link, OnReply
from ivr.esl.translate import BESIDE, EXEMPT_TOLD, FEATURE
from ivr.esl.wire import EVENT, Message, line
from ivr.esl.wording import listening
from ivr.metrics import Metrics

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
"""How long FreeSWITCH may take to accept, and then to greet and to check the password."""
QUIET_MS = 65_000
"""FreeSWITCH beats its heart every 20 s; after three missed beats it is away."""
FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 30_000
STEADY_MS = 5_000
"""A connection that was lost sooner is not made again at once."""
ANSWER_MS = 10_000
"""How long FreeSWITCH may take to say which calls of a slice it has."""
KNOCK_MS = 12
"""FreeSWITCH looks for events to send every 20 ms, and whenever bytes come: an empty line, which
is no command, has an agent's feature code told so much sooner (docs/freeswitch.md 45)."""
NOBODY_MS = 1_000
"""How often it is looked whether there is an agent again who could key one."""
SLICE = 100
"""Calls that are asked after at once: what else there is to do waits for no more than these."""

_EVENTS = (
    "HEARTBEAT CHANNEL_APPLICATION CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_BRIDGE CHANNEL_UNBRIDGE"
    " DTMF RECORD_START RECORD_STOP CHANNEL_HANGUP_COMPLETE"
)
_UNASKED = ("HEARTBEAT", "CHANNEL_APPLICATION", "CHANNEL_HOLD", "CHANNEL_UNHOLD")
"""Heard of every channel: the feature codes of agents are CHANNEL_APPLICATION."""


_HOLDS = ("CHANNEL_HOLD", "CHANNEL_UNHOLD")


class Control:
    """Keeps one connection to FreeSWITCH's event socket."""

    def __init__(
        self,
        address: tuple[str, int],
        password: Callable[[], str],
        metrics: Metrics,
        clock: Clock,
        hear: Callable[[str, Message], None],
        left: Callable[[], Iterable[str]],
        found: Callable[[str, bool], None],
        gone: Callable[[str], None],
        back: Callable[[str], None],
        feature: Callable[[str, str], None],
        hold: Callable[[str, bool], None],
        agents: Callable[[], bool],
        exempt: Callable[[str, Message], None],
        consult_over: Callable[[str], None],
    ) -> None:
        """``hear`` gets the events of calls that are followed, with the call's id; ``left``
        gives the calls to ask after each time the connection was made, and ``found`` is told
        of each whether FreeSWITCH has it. Of calls that are followed, ``back`` gets those that
        FreeSWITCH still has, each time the connection was made, and ``gone`` those that it has
        no more. ``feature`` gets the leg on which a feature code was keyed, and which;
        ``hold`` the leg whose telephone put the call on hold (true) or came back; ``agents`` says
        whether there is anybody now who could key one; ``exempt`` gets what the dialplan tells
        of calls with the exempt extension, with the leg that it tells of, and ``consult_over``
        the legs of :meth:`tell_end` as they end."""
        self._address = address
        self._password = password
        self._metrics = metrics
        self._clock = clock
        self._hear = hear
        self._left = left
        self._found = found
        self._gone = gone
        self._back = back
        self._feature = feature
        self._hold_told = hold
        self._agents = agents
        self._exempt = exempt
        self._consult_over = consult_over
        self._ends: set[str] = set()
        self._followed: set[str] = set()
        self._recorded: dict[str, str] = {}
        """Calls by the leg that is recorded, where that is not the A leg (R10)."""
        self._leg_of: dict[str, str] = {}
        """The same the other way round."""
        self._link: Link | None = None
        self._pending: Link | None = None
        """The connection that is being made, and then the one that stands."""
        self.switch = ""
        """Core-UUID of the FreeSWITCH that was there last: another one has none of its calls."""
        self.nobody_there = False
        """Nothing listened on its port when it was last tried."""
        self._lost = Event()
        self._reason = ""
        self._greeted = Event()
        self._heard_ms = 0
        self._stopping = Event()

    @property
    def connected(self) -> bool:
        """FreeSWITCH is there and has accepted the password."""
        return self._link is not None

    def run(self) -> None:
        """Connect, listen, and when the connection is lost begin again; until :meth:`stop`."""
        wait_ms = FIRST_WAIT_MS
        while not self._stopping.is_set():
            try:
                self._hold()
            except (SwitchError, WireError, NotConnectedError, OSError) as error:
                self.nobody_there = isinstance(error, ConnectionRefusedError)
                reason = str(error) or type(error).__name__
            except Exception as fault:  # the root of this greenlet: nobody else would go on
                log.exception("fault in the engine")
                self._metrics.faults.inc()
                reason = f"the engine failed: {fault!r}"
            else:
                reason = ""
            self._drop()
            if not reason:
                wait_ms = FIRST_WAIT_MS
            elif not self._stopping.is_set():
                self._back_off(wait_ms, reason)
                wait_ms = min(wait_ms * 2, LONGEST_WAIT_MS)

    def follow(self, call_id: str) -> None:
        """Hear of this call from here on, as long as the connection stands or comes back."""
        self._followed.add(call_id)
        if self._link is not None:

            def told(reply: Message | None) -> None:
                if reply is not None and not _there(reply):
                    self._gone(call_id)

            text, replies = listening(call_id)
            self._link.post(text + _exists(call_id), *(None,) * replies, told)

    def post(self, text: bytes, *replies: OnReply | None) -> None:
        """Send commands; where FreeSWITCH is not there, the replies are told None."""
        if self._link is not None:
            self._link.post(text, *replies)
            return
        for told in replies:
            if told is not None:
                told(None)

    def tell_end(self, leg: str) -> None:
        """See :class:`ivr.engine.context.Line`."""
        self._ends.add(leg)
        if self._link is not None:
            self._link.post(_ends_of(leg)[0], None)

    def follow_leg(self, call_id: str, leg: str) -> None:
        """Hear of this leg of a call that is followed, too: it is the one that is recorded."""
        if self._leg_of.get(call_id) != leg:
            self._leg_of[call_id] = leg
            self._recorded[leg] = call_id
            if self._link is not None:
                text, replies = listening(leg)
                self._link.post(text, *(None,) * replies)

    def unfollow(self, call_id: str) -> None:
        """Hear no more of this call."""
        if call_id in self._followed:
            self._followed.discard(call_id)
            leg = self._leg_of.pop(call_id, "")
            self._recorded.pop(leg, None)
            if self._link is not None:
                for gone in filter(None, (call_id, leg)):
                    text, replies = listening(gone, no_more=True)
                    self._link.post(text, *(None,) * replies)

    def stop(self) -> None:
        """End :meth:`run`, whatever it waits for."""
        self._stopping.set()
        self._lost.set()
        if self._pending is not None:
            self._pending.stop()

    def _hold(self) -> None:
        """Make the connection and return when, after a good while, it is lost.

        Raises:
            SwitchError, WireError, NotConnectedError, OSError: there is none, or not for long.
        """
        link = self._connect()
        since_ms = self._clock.monotonic_ms()
        self._knock(link)
        self._take_stock(link)
        self._watch()
        if self._clock.monotonic_ms() - since_ms < STEADY_MS:
            raise SwitchError(f"the connection was lost soon: {self._reason}")

    def _knock(self, link: Link) -> None:
        """Have FreeSWITCH look for events now, and again and again while it matters."""
        if not link.connected:
            return
        there = self._agents()
        if there:
            link.post(b"\n")
        self._clock.after(KNOCK_MS if there else NOBODY_MS, partial(self._knock, link))

    def _back_off(self, wait_ms: int, reason: str) -> None:
        # Full jitter: two engines that lost the same FreeSWITCH do not come back as one.
        pause_ms = random.randint(wait_ms // 2, wait_ms)  # noqa: S311  # no secret
        log.warning(
            "FreeSWITCH is not there",
            address=f"{self._address[0]}:{self._address[1]}",
            error=reason,
            again_in_s=round(pause_ms / 1000, 1),
        )
        self._wait(pause_ms, self._stopping)

    def _connect(self) -> Link:
        self._lost.clear()
        self._greeted.clear()
        # Not its own limit, which counts anew for each address of a name, and not for the name.
        with gevent.Timeout(CONNECT_S, TimeoutError(f"no connection within {CONNECT_S:.0f} s")):
            plain: socket.socket = create_connection(self._address)
        link = Link(socket.socket(fileno=plain.detach()), self._on_message, self._on_lost)
        self._pending = link

        def too_slow() -> None:
            self._on_lost(f"no answer within {CONNECT_S:.0f} s")
            link.stop()

        limit = self._clock.after(int(CONNECT_S * 1000), too_slow)
        try:
            gevent.wait([self._greeted, self._lost], count=1)
            if self._lost.is_set():
                raise SwitchError(self._reason)
            self._expect(
                link,
                f"auth {self._password()}",
                "the password was refused (freeswitch.password in the site file)",
            )
            self._expect(link, f"event plain {_EVENTS}", "events were refused")
            for name in _UNASKED:
                self._expect(link, f"filter Event-Name {name}", "the filter was refused")
            which = self._expect(link, "api global_getvar core_uuid", "it has no Core-UUID")
            self.switch = which.reply
        finally:
            limit.cancel()
        self._link = link
        self.nobody_there = False
        self._heard_ms = self._clock.monotonic_ms()
        self._metrics.freeswitch_connected.set(1)
        self._metrics.freeswitch_connects.inc()
        log.info("FreeSWITCH is there", address=f"{self._address[0]}:{self._address[1]}")
        return link

    def _expect(self, link: Link, command: str, otherwise: str) -> Message:
        try:
            reply = link.send(command)
        except NotConnectedError:
            # Its text holds the command, and that may be the password.
            raise SwitchError(self._reason or "FreeSWITCH closed the connection") from None
        if reply.refused:
            raise SwitchError(f"{otherwise}: FreeSWITCH answered {reply.reply}")
        return reply

    def _take_stock(self, link: Link) -> None:
        """Ask after each call that is followed, and after each that an earlier engine left."""
        for some in _slices(self._followed):
            # One that was unfollowed meanwhile is not filtered for: nobody would end that.
            for call_id, there in self._ask(link, [*self._followed.intersection(some)], listening):
                (self._back if there else self._gone)(call_id)
        for some in _slices(self._recorded):
            heard = [listening(leg) for leg in some]
            replies = (None,) * sum(count for _text, count in heard)
            link.post(b"".join(text for text, _count in heard), *replies)
        for leg, there in self._ask(link, [*self._ends], _ends_of):
            if not there:
                self._ends.discard(leg)
                self._consult_over(leg)
        for some in _slices(self._left()):
            for call_id, there in self._ask(link, some):
                self._found(call_id, there)

    def _ask(
        self,
        link: Link,
        call_ids: Sequence[str],
        first: Callable[[str], tuple[bytes, int]] | None = None,
    ) -> list[tuple[str, bool]]:
        """Whether FreeSWITCH has each of these calls; ``first`` is a command to send before.

        Raises:
            SwitchError: the link was lost, or FreeSWITCH has not answered in time.
        """
        answers: list[tuple[str, bool]] = []
        answered = Event()

        def told(call_id: str, reply: Message | None) -> None:
            if reply is not None:
                answers.append((call_id, _there(reply)))
                if len(answers) == len(call_ids):
                    answered.set()

        text: list[bytes] = []
        replies: list[OnReply | None] = []
        for call_id in call_ids:
            if first is not None:
                before, count = first(call_id)
                text.append(before)
                replies.extend((None,) * count)
            text.append(_exists(call_id))
            replies.append(partial(told, call_id))
        if call_ids:
            link.post(b"".join(text), *replies)
            self._wait(ANSWER_MS, answered, self._lost)
        if len(answers) < len(call_ids):
            late = f"no answer to uuid_exists within {ANSWER_MS // 1000} s"
            raise SwitchError(self._reason if self._lost.is_set() else late)
        return answers

    def _watch(self) -> None:
        """Return when the connection is lost or has been quiet for too long."""
        while not self._lost.is_set():
            left_ms = self._heard_ms + QUIET_MS - self._clock.monotonic_ms()
            if left_ms <= 0:
                self._reason = f"no heartbeat for {QUIET_MS // 1000} s"
                break
            self._wait(left_ms, self._lost)
        if not self._stopping.is_set():
            log.warning("FreeSWITCH is gone", reason=self._reason)

    def _wait(self, ms: int, *events: Event) -> None:
        """Wait for one of the events, at most so long."""
        over = Event()
        timer = self._clock.after(ms, over.set)
        try:
            gevent.wait([*events, over], count=1)
        finally:
            timer.cancel()

    def _on_message(self, message: Message) -> None:
        if message.kind == "auth/request":
            self._greeted.set()
        elif message.kind == "text/rude-rejection":
            self._on_lost("FreeSWITCH's access list refuses this host (event_socket.conf.xml)")
        elif message.kind == EVENT:
            self._heard_ms = self._clock.monotonic_ms()
            leg = message.first(b"Unique-ID") or ""
            feature = message.last(FEATURE)
            if feature is not None:
                self._feature(leg, feature)
            elif message.last(EXEMPT_TOLD) is not None:
                self._exempt(leg, message)
            elif leg in self._ends and message.event_name == "CHANNEL_HANGUP_COMPLETE":
                self._ends.discard(leg)
                self._consult_over(leg)
            elif message.event_name in _HOLDS:
                self._hold_told(leg, message.event_name == _HOLDS[0])
            else:
                # Both, where two that are followed are joined.
                for call_id in dict.fromkeys((self._recorded.get(leg, leg), message.first(BESIDE))):
                    if call_id in self._followed:
                        self._hear(call_id, message)

    def _on_lost(self, reason: str) -> None:
        self._reason = reason
        self._lost.set()

    def _drop(self) -> None:
        pending, self._pending = self._pending, None
        self._link = None
        self._metrics.freeswitch_connected.set(0)
        if pending is not None:
            pending.stop()


def _slices(call_ids: Iterable[str]) -> Iterable[list[str]]:
    """Of those that there are now, however many come or go meanwhile."""
    every = list(call_ids)
    return (every[at : at + SLICE] for at in range(0, len(every), SLICE))


def _ends_of(leg: str) -> tuple[bytes, int]:
    return line(f"filter Unique-ID {leg}"), 1


def _exists(call_id: str) -> bytes:
    """For after the filter, so that no end falls in between."""
    return line(f"api uuid_exists {call_id}")


def _there(reply: Message) -> bool:
    """Whatever is no clear "no": what may still be recorded is not taken."""
    return reply.reply != "false"
