"""A client of the driver: its socket, what it subscribed to, and FreeSWITCH's replies."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .call import Call
    from .switch import Switch

SO_TIMESTAMPNS = 35
"""Linux: the kernel tells when bytes arrived, so that the driver's own delay is left out."""

_MYEVENTS = (
    "CHANNEL_ANSWER CHANNEL_APPLICATION CHANNEL_BRIDGE CHANNEL_CREATE CHANNEL_DATA"
    " CHANNEL_DESTROY CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP"
    " CHANNEL_HANGUP_COMPLETE CHANNEL_ORIGINATE CHANNEL_UUID CHANNEL_OUTGOING CHANNEL_PARK"
    " CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_STATE CHANNEL_UNBRIDGE CHANNEL_UNPARK"
    " DETECTED_SPEECH DTMF NOTALK TALK"
)
MYEVENTS = frozenset(_MYEVENTS.split())
"""What ``myevents`` subscribes to (FreeSWITCH's source): no RECORD_*, no PLAYBACK_*."""

GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"


def reply(text: str) -> bytes:
    """A command's reply."""
    return b"Content-Type: command/reply\nReply-Text: %b\n\n" % text.encode()


class Peer:
    """One socket towards a client, outbound (:class:`~.call.Call`) or inbound."""

    __slots__ = (
        "_in",
        "_out",
        "arrived",
        "as_json",
        "closed",
        "everything",
        "filters",
        "names",
        "sock",
        "switch",
    )

    def __init__(self, switch: Switch, sock: socket.socket) -> None:
        self.switch = switch
        self.sock = sock
        self._in = b""
        self.arrived = 0
        """When the bytes came that are being looked at, by the kernel's clock, ns since 1970."""
        self._out = bytearray()
        self.as_json = False
        self.closed = False
        self.names: frozenset[str] = frozenset()
        self.everything = False
        self.filters: list[tuple[str, str]] = []
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        switch.watch(self)

    # The socket

    def send(self, data: bytes) -> None:
        """Send now, or as soon as the client reads."""
        if self.closed:
            return
        self.switch.bytes_sent += len(data)
        if self._out:
            self._out += data
            return
        try:
            sent = self.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.lost(f"send failed: {error.strerror}")
            return
        if sent < len(data):
            self._out += data[sent:]
            self.switch.want_write(self, True)

    def flush(self) -> None:
        """The client reads again."""
        try:
            sent = self.sock.send(self._out)
        except BlockingIOError:
            return
        except OSError as error:
            self.lost(f"send failed: {error.strerror}")
            return
        del self._out[:sent]
        if not self._out:
            self.switch.want_write(self, False)

    def on_events(self, mask: int) -> None:
        """What epoll says of this socket."""
        if mask & select.EPOLLOUT and self._out:
            self.flush()
        if mask & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and not self.closed:
            self._read()

    def _read(self) -> None:
        try:
            data, ancillary, _, _ = self.sock.recvmsg(65536, 64)
        except BlockingIOError:
            return
        except OSError as error:
            self.lost(f"read failed: {error.strerror}")
            return
        if not data:
            self.lost("")
            return
        if ancillary:
            seconds, nanos = struct.unpack("qq", ancillary[0][2])
            arrived = seconds * 1_000_000_000 + nanos
        else:
            arrived = time.time_ns()
        self.arrived = arrived
        self.heard(arrived)
        self._in += data
        while not self.closed:
            text, found, rest = self._in.partition(b"\n\n")
            if not found:
                return
            headers: dict[str, str] = {}
            first, _, more = text.lstrip(b"\n").decode("utf-8", "replace").partition("\n")
            for line in more.split("\n"):
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            size = int(headers.get("content-length", "0"))
            if len(rest) < size:
                return
            if size:
                headers["execute-app-arg"] = rest[:size].decode("utf-8", "replace")
            self._in = rest[size:]
            if first:
                self.command(first.strip(), headers)

    def close(self) -> None:
        """Close the socket; harmless twice."""
        if not self.closed:
            self.closed = True
            self.switch.forget(self)
            self.sock.close()

    # What a subclass is told

    def heard(self, arrived: int) -> None:
        """Bytes came; the argument is the kernel's moment of arrival in ns since 1970."""

    def lost(self, why: str) -> None:
        """The client closed (no reason), or the socket failed."""
        self.close()

    # Subscriptions

    def wants(self, name: str, uuid: str) -> bool:
        """Whether an event of that name, of that call, is delivered here."""
        if not (self.everything or name in self.names):
            return False
        if not self.filters:
            return True
        for header, value in self.filters:
            if header in {"unique-id", "channel-call-uuid", "variable_uuid"} and value == uuid:
                return True
            if header == "event-name" and value == name:
                return True
        return False

    def command(self, line: str, headers: dict[str, str]) -> None:
        """One message of the client."""
        verb, _, rest = line.partition(" ")
        if verb == "api":
            text = self.switch.api(rest).encode()
            self.send(b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(text), text))
            self.switch.keys.answered(rest, self.arrived)
        elif verb == "bgapi":
            self._bgapi(rest, headers.get("job-uuid", ""))
        elif verb == "sendmsg":
            self._sendmsg(rest, headers)
        elif verb == "event":
            self._event(rest.split())
        elif verb == "filter" and rest:
            name, _, value = rest.partition(" ")
            if name == "delete":
                self.filters = [f for f in self.filters if f[0] != value.split(" ")[0].lower()]
                self.send(reply(f"+OK filter deleted. [{value}]"))
            else:
                self.filters.append((name.lower(), value))
                self.send(reply(f"+OK filter added. [{name}]=[{value}]"))
        elif verb == "noevents":
            self.names, self.everything = frozenset(), False
            self.send(reply("+OK no longer listening for events"))
        elif verb == "nixevent":
            self.names -= frozenset(rest.split())
            self.send(reply("+OK events nixed"))
        elif verb in {"log", "nolog", "divert_events", "resume", "sendevent"}:
            self.send(reply("+OK"))
        elif verb == "exit":
            self.send(reply("+OK bye"))
            self.send(
                b"Content-Type: text/disconnect-notice\nContent-Length: %d\n\n%b"
                % (len(GOODBYE), GOODBYE)
            )
            self.lost("")
        else:
            self.send(reply("-ERR command not found"))

    def _event(self, words: list[str]) -> None:
        if words and words[0] in {"plain", "json"}:
            self.as_json = words.pop(0) == "json"
        if "ALL" in words or "all" in words:
            self.everything = True
        if not words:
            self.send(reply("-ERR no keywords supplied"))
            return
        self.names |= frozenset(words)
        self.send(reply(f"+OK event listener enabled {'json' if self.as_json else 'plain'}"))

    def _sendmsg(self, uuid: str, headers: dict[str, str]) -> None:
        call: Call | None = self.switch.calls.get(uuid.strip())
        if call is None:
            self.send(reply(f"-ERR invalid session id [{uuid}]"))
        else:
            self.send(reply("+OK"))
            call.message(headers)

    def _bgapi(self, line: str, job: str) -> None:
        job = job or self.switch.new_uuid()
        text = self.switch.api(line)
        self.send(
            b"Content-Type: command/reply\nReply-Text: +OK Job-UUID: %b\nJob-UUID: %b\n\n"
            % (job.encode(), job.encode())
        )
        wanted = self.everything or "BACKGROUND_JOB" in self.names
        if wanted and (not self.filters or ("job-uuid", job) in self.filters):
            self.send(self.switch.background_job(job, line, text, self.as_json))


LOOKS_S = 0.02
"""FreeSWITCH's event socket looks for new events so often, and when bytes come from the client."""


class Inbound(Peer):
    """A client that came to the driver's inbound event socket."""

    __slots__ = ("_due", "_known", "_looked")

    def __init__(self, switch: Switch, sock: socket.socket) -> None:
        super().__init__(switch, sock)
        self._known = False
        self._looked = time.monotonic()
        self._due: list[Callable[[], None]] = []
        self.send(b"Content-Type: auth/request\n\n")

    def tell(self, send: Callable[[], None]) -> None:
        """Send an event when FreeSWITCH would."""
        self._due.append(send)
        if len(self._due) == 1:
            since = time.monotonic() - self._looked
            self.switch.after(LOOKS_S - since % LOOKS_S, self._look)

    def _look(self) -> None:
        self._looked = time.monotonic()
        due, self._due = self._due, []
        for send in due:
            send()

    def heard(self, arrived: int) -> None:
        """See :class:`Peer`."""
        self._look()

    def command(self, line: str, headers: dict[str, str]) -> None:
        """``auth`` first (any password will do), then everything."""
        if line.startswith("auth "):
            self._known = True
            self.send(reply("+OK accepted"))
        elif self._known:
            super().command(line, headers)
        else:
            self.send(reply("-ERR command not found"))

    def lost(self, why: str) -> None:
        """See :class:`Peer`."""
        self.switch.inbound.discard(self)
        self.close()
