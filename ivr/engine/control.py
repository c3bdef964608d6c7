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

from ivr.errors import SwitchError, WireError
from ivr.esl.session import Link
from ivr.esl.wire import Message, decode, line
from ivr.metrics import Metrics

log = structlog.get_logger(__name__)

CONNECT_S = 5.0
"""How long FreeSWITCH may take to accept, to greet and to check the password."""
QUIET_S = 65.0
"""FreeSWITCH beats its heart every 20 s; after three missed beats it is away."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0

_EVENTS = "HEARTBEAT RECORD_STOP CHANNEL_HANGUP_COMPLETE"


class Control:
    """Keeps one connection to FreeSWITCH's event socket."""

    def __init__(
        self,
        address: tuple[str, int],
        password: Callable[[], str],
        metrics: Metrics,
        hear: Callable[[str, Message], None],
    ) -> None:
        """``hear`` gets the events of calls that are followed, with the call's id."""
        self._address = address
        self._password = password
        self._metrics = metrics
        self._hear = hear
        self._followed: set[str] = set()
        self._link: Link | None = None
        self._pending: Link | None = None
        """The connection that is being made, and then the one that stands."""
        self._lost = Event()
        self._reason = ""
        self._greeted = Event()
        self._beat = Event()
        self._stopping = False

    @property
    def connected(self) -> bool:
        """FreeSWITCH is there and has accepted the password."""
        return self._link is not None

    def run(self) -> None:
        """Connect, listen, and when the connection is lost begin again; until :meth:`stop`."""
        wait_s = FIRST_WAIT_S
        while not self._stopping:
            try:
                self._connect()
            except (SwitchError, WireError, NotConnectedError, OSError, gevent.Timeout) as error:
                self._drop()
                # Full jitter: two engines that lost the same FreeSWITCH do not come back as one.
                pause_s = random.uniform(wait_s / 2, wait_s)  # noqa: S311  # no secret
                log.warning(
                    "FreeSWITCH is not there",
                    address=f"{self._address[0]}:{self._address[1]}",
                    error=str(error) or type(error).__name__,
                    again_in_s=round(pause_s, 1),
                )
                self._lost.wait(pause_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
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
            self._link.post(line(f"filter Unique-ID {call_id}"), None)

    def unfollow(self, call_id: str) -> None:
        """Hear no more of this call."""
        if call_id in self._followed:
            self._followed.discard(call_id)
            if self._link is not None:
                self._link.post(line(f"filter delete Unique-ID {call_id}"), None)

    def stop(self) -> None:
        """End :meth:`run`."""
        self._stopping = True
        self._lost.set()

    def _connect(self) -> None:
        self._lost.clear()
        self._greeted.clear()
        with gevent.Timeout(CONNECT_S):
            plain: socket.socket = create_connection(self._address, CONNECT_S)
            link = Link(socket.socket(fileno=plain.detach()), self._on_message, self._on_lost)
            self._pending = link
            while not self._greeted.is_set():
                gevent.wait([self._greeted, self._lost], count=1)
                if self._lost.is_set():
                    raise SwitchError(self._reason)
            self._expect(link, f"auth {self._password()}", "the password was refused")
            self._expect(link, f"event plain {_EVENTS}", "events were refused")
            self._expect(link, "filter Event-Name HEARTBEAT", "the filter was refused")
            for call_id in self._followed:
                self._expect(link, f"filter Unique-ID {call_id}", "the filter was refused")
        self._link = link
        self._metrics.freeswitch_connected.set(1)
        self._metrics.freeswitch_connects.inc()
        log.info("FreeSWITCH is there", address=f"{self._address[0]}:{self._address[1]}")

    @staticmethod
    def _expect(link: Link, command: str, otherwise: str) -> None:
        reply = link.send(command)
        if reply.refused:
            raise SwitchError(f"{otherwise}: FreeSWITCH answered {reply.reply}")

    def _watch(self) -> None:
        """Return when the connection is lost or has been quiet for too long."""
        while not self._lost.is_set():
            self._beat.clear()
            if not gevent.wait([self._beat, self._lost], timeout=QUIET_S, count=1):
                self._reason = f"no heartbeat for {QUIET_S:.0f} s"
                break
        if not self._stopping:
            log.warning("FreeSWITCH is gone", reason=self._reason)

    def _on_message(self, message: Message) -> None:
        if message.kind == "auth/request":
            self._greeted.set()
        elif message.kind == "text/rude-rejection":
            self._on_lost("FreeSWITCH's access list refuses this host (event_socket.conf.xml)")
        elif message.kind == "text/event-plain":
            self._beat.set()
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
