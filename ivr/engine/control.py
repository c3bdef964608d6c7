"""The inbound connection: the engine's own line to FreeSWITCH, kept open with back-off.

It says whether FreeSWITCH is there, and tells of calls whose own socket is gone while
they go on (docs/freeswitch.md 10). It is a greenlet, since it waits for answers.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event
from gevent.socket import create_connection
from greenswitch.esl import NotConnectedError

from ivr.clock import Clock
from ivr.errors import SwitchError, WireError
from ivr.esl.session import Link
from ivr.esl.wire import Message, decode, line
from ivr.metrics import Metrics

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
"""How long FreeSWITCH may take to accept, and then to greet and to check the password."""
QUIET_MS = 65_000
"""FreeSWITCH beats its heart every 20 s; after three missed beats it is away."""
FIRST_WAIT_MS = 500
LONGEST_WAIT_MS = 30_000

_EVENTS = "HEARTBEAT CHANNEL_BRIDGE RECORD_STOP CHANNEL_HANGUP_COMPLETE"


class Control:
    """Keeps one connection to FreeSWITCH's event socket."""

    def __init__(
        self,
        address: tuple[str, int],
        password: Callable[[], str],
        metrics: Metrics,
        clock: Clock,
        hear: Callable[[str, Message], None],
        take_stock: Callable[[frozenset[str]], None],
        gone: Callable[[str], None],
    ) -> None:
        """``hear`` gets the events of calls that are followed, with the call's id;
        ``take_stock`` all channels, each time the connection was made; ``gone`` a call that
        FreeSWITCH has no more at the moment from which on it is followed."""
        self._address = address
        self._password = password
        self._metrics = metrics
        self._clock = clock
        self._hear = hear
        self._take_stock = take_stock
        self._gone = gone
        self._followed: set[str] = set()
        self._link: Link | None = None
        self._pending: Link | None = None
        """The connection that is being made, and then the one that stands."""
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
                self._connect()
                self._take_stock(self.channels())
            except (SwitchError, WireError, NotConnectedError, OSError) as error:
                self._drop()
                if self._stopping.is_set():
                    return
                # Full jitter: two engines that lost the same FreeSWITCH do not come back as one.
                pause_ms = random.randint(wait_ms // 2, wait_ms)  # noqa: S311  # no secret
                log.warning(
                    "FreeSWITCH is not there",
                    address=f"{self._address[0]}:{self._address[1]}",
                    error=str(error) or type(error).__name__,
                    again_in_s=round(pause_ms / 1000, 1),
                )
                self._wait(pause_ms, self._stopping)
                wait_ms = min(wait_ms * 2, LONGEST_WAIT_MS)
                continue
            wait_ms = FIRST_WAIT_MS
            self._watch()
            self._drop()

    def channels(self) -> frozenset[str]:
        """The ids of all channels that FreeSWITCH has now; waits for its answer.

        Raises:
            NotConnectedError: FreeSWITCH is not there, or went away before it answered.
        """
        if self._link is None:
            raise NotConnectedError("FreeSWITCH is not there")
        answer = decode(self._link.send("api show channels as json").body)
        try:
            rows = json.loads(answer, strict=False).get("rows", [])
        except (ValueError, AttributeError) as error:
            raise NotConnectedError(f"FreeSWITCH's list of channels is no JSON: {error}") from error
        return frozenset(str(row.get("uuid", "")) for row in rows)

    def follow(self, call_id: str) -> None:
        """Hear of this call from here on, as long as the connection stands or comes back."""
        self._followed.add(call_id)
        if self._link is not None:

            def exists(reply: Message | None) -> None:
                if reply is not None and reply.reply == "false":
                    self._gone(call_id)

            # Asked after the filter is set, so that no end falls in between.
            text = line(f"filter Unique-ID {call_id}") + line(f"api uuid_exists {call_id}")
            self._link.post(text, None, exists)

    def unfollow(self, call_id: str) -> None:
        """Hear no more of this call."""
        if call_id in self._followed:
            self._followed.discard(call_id)
            if self._link is not None:
                self._link.post(line(f"filter delete Unique-ID {call_id}"), None)

    def stop(self) -> None:
        """End :meth:`run`."""
        self._stopping.set()
        self._lost.set()

    def _connect(self) -> None:
        self._lost.clear()
        self._greeted.clear()
        plain: socket.socket = create_connection(self._address, CONNECT_S)
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
            self._expect(link, "filter Event-Name HEARTBEAT", "the filter was refused")
        finally:
            limit.cancel()
        self._link = link
        for call_id in self._followed:
            link.post(line(f"filter Unique-ID {call_id}"), None)
        self._heard_ms = self._clock.monotonic_ms()
        self._metrics.freeswitch_connected.set(1)
        self._metrics.freeswitch_connects.inc()
        log.info("FreeSWITCH is there", address=f"{self._address[0]}:{self._address[1]}")

    def _expect(self, link: Link, command: str, otherwise: str) -> None:
        try:
            reply = link.send(command)
        except NotConnectedError:
            # Its text holds the command, and that may be the password.
            raise SwitchError(self._reason or "FreeSWITCH closed the connection") from None
        if reply.refused:
            raise SwitchError(f"{otherwise}: FreeSWITCH answered {reply.reply}")

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

    def _wait(self, ms: int, event: Event) -> None:
        """Wait for the event, at most so long."""
        over = Event()
        timer = self._clock.after(ms, over.set)
        gevent.wait([event, over], count=1)
        timer.cancel()

    def _on_message(self, message: Message) -> None:
        if message.kind == "auth/request":
            self._greeted.set()
        elif message.kind == "text/rude-rejection":
            self._on_lost("FreeSWITCH's access list refuses this host (event_socket.conf.xml)")
        elif message.kind == "text/event-plain":
            self._heard_ms = self._clock.monotonic_ms()
            call_id = message.first(b"Unique-ID") or ""
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
