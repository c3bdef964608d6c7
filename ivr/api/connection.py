"""One client's connection, with a limit to all that it can send and to how long it may take.

gevent's server has limits of its own to the request's line and the number of headers, and none
to time, to connections or to what a body discards. Nothing of a body is ever used here, so a
small one is read and forgotten before the request is answered, and a large one is refused.
"""

from __future__ import annotations

import http.client
from http import HTTPStatus
from typing import Any

import gevent
import structlog
from gevent.pywsgi import WSGIHandler, WSGIServer
from gevent.socket import SHUT_RDWR, SHUT_WR

from ivr.api.counts import HttpCounts
from ivr.api.problem import MEDIA_TYPE, Kind, Refused

log = structlog.get_logger(__name__)

MOST = 128
"""Connections at once; beyond them the one that has waited longest gives way."""
IDLE_S = 30.0
"""How long a connection may stay between requests."""
REQUEST_S = 5.0
"""How long a client may take over headers and body, once it has begun."""
LARGEST_HEADERS = 16 << 10
LARGEST_BODY = 8 << 10

_SEND_S = 30.0
"""How long a client may take over an answer."""
_LINGER_S = 1.0
_DRAINED = 1 << 20
_DETAILS = {
    Kind.BAD_REQUEST: "The request is not one of HTTP's.",
    Kind.LONG_PATH: "The request's line is too long.",
    Kind.LARGE_HEADERS: f"Expected up to {LARGEST_HEADERS >> 10} KiB of headers, 100 at most.",
    Kind.LARGE_BODY: f"Expected a body of up to {LARGEST_BODY >> 10} KiB, or none.",
    Kind.NO_LENGTH: "Expected a body with Content-Length, or none.",
    Kind.SLOW: f"Expected the request within {REQUEST_S:g} s.",
    Kind.CROWDED: "Too many requests are being answered: try again.",
}


class _Unfit(Exception):
    """The request breaks a limit."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.title)
        self.kind = kind


class _Idle(OSError):
    """Nothing was asked for in time."""


class _Headers:
    """What the headers are read from, up to their limit."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = LARGEST_HEADERS

    def readline(self, size: int = -1) -> bytes:
        """Raises _Unfit beyond the limit."""
        most = self._left + 1 if size < 0 else min(size, self._left + 1)
        line: bytes = self._file.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise _Unfit(Kind.LARGE_HEADERS)
        return line


def refusal(kind: Kind) -> bytes:
    """The whole answer to what is no request that the interface could see."""
    body = Refused(kind, _DETAILS[kind]).body()
    again = "Retry-After: 1\r\n" if kind is Kind.CROWDED else ""
    head = (
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n{again}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


class Connection(WSGIHandler):  # type: ignore[misc] # gevent has no types
    """See gevent's; this one keeps to limits, and prints nothing."""

    server: Server

    def handle(self) -> None:
        """Answer the requests of a connection until it ends."""
        self.socket.settimeout(_SEND_S)
        try:
            super().handle()
        finally:
            self.server.idle.pop(self, None)

    def shut(self) -> None:
        """End the connection, whatever it waits for."""
        self.server.idle.pop(self, None)
        try:
            self.socket.shutdown(SHUT_RDWR)
        except OSError:
            return

    def read_requestline(self) -> str:
        """Wait for a request. Raises OSError where none comes, or not in time."""
        self.server.idle.pop(self, None)
        self.server.idle[self] = None
        with gevent.Timeout(IDLE_S, _Idle()):
            line: str = super().read_requestline()
        return line

    def read_request(self, raw_requestline: str) -> bool:
        """Read all of the request. Raises ValueError, HTTPException or _Unfit for a bad one."""
        with gevent.Timeout(REQUEST_S, _Unfit(Kind.SLOW)):
            super().read_request(raw_requestline)
            self._forget_body()
        self.server.idle.pop(self, None)
        return True

    def MessageClass(self, file: Any, *more: Any) -> Any:
        """Parse the headers. Raises as :meth:`read_request`."""
        return super().MessageClass(_Headers(file), *more)

    def _forget_body(self) -> None:
        if self.headers.get("transfer-encoding") is not None:
            raise _Unfit(Kind.NO_LENGTH)
        lengths = self.headers.get_all("content-length", [])
        if not lengths:
            return
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            raise _Unfit(Kind.BAD_REQUEST)
        length = int(lengths[0]) if len(lengths[0]) < 10 else LARGEST_BODY + 1
        if length > LARGEST_BODY:
            raise _Unfit(Kind.LARGE_BODY)
        if length and self.headers.get("expect", "").lower() == "100-continue":
            self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(self.rfile.read(length)) < length:
            raise _Unfit(Kind.BAD_REQUEST)
        self.content_length = None  # nothing is left to be read

    def start_response(self, *words: Any, **named: Any) -> Any:
        """The answer is known: from here on the connection may give way to others."""
        self.server.idle[self] = None
        return super().start_response(*words, **named)

    def handle_one_request(self) -> Any:
        """Answer one request; see gevent's for what comes back."""
        result = super().handle_one_request()
        if not isinstance(result, tuple):
            return result
        if result[0] == "414":
            result = self._refused(Kind.LONG_PATH)
        self._leave(result[1])
        return None

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        if isinstance(ex, _Unfit):
            return self._refused(ex.kind)
        if isinstance(ex, http.client.HTTPException):  # a line too long, or too many of them
            return self._refused(Kind.LARGE_HEADERS)
        return self._refused(Kind.BAD_REQUEST)

    def _refused(self, kind: Kind) -> tuple[str, bytes]:
        self.server.counts.refused(kind)
        return str(kind.status), refusal(kind)

    def _leave(self, answer: bytes) -> None:
        """Answer and close; what still comes is taken first, lest its reset swallow the answer."""
        with gevent.Timeout(_LINGER_S, False):
            try:
                self.socket.sendall(answer)
                self.socket.shutdown(SHUT_WR)
                left = _DRAINED
                while left > 0 and (data := self.socket.recv(1 << 16)):
                    left -= len(data)
            except OSError:
                return

    def _log_error(self, kind: Any, fault: Any, trace: Any) -> None:
        if not issubclass(kind, gevent.GreenletExit):
            self.server.counts.refused(Kind.FAULT)
            log.error("fault in the http server", exc_info=(kind, fault, trace))


class Server(WSGIServer):  # type: ignore[misc] # gevent has no types
    """gevent's server of at most :data:`MOST` connections."""

    def __init__(self, address: tuple[str, int], application: Any, counts: HttpCounts) -> None:
        # A few more than may stay: those that are told that there is no room.
        super().__init__(
            address,
            application,
            log=None,
            error_log=None,
            handler_class=Connection,
            spawn=2 * MOST,
        )
        self.counts = counts
        self.idle: dict[Connection, None] = {}
        """Connections that wait for their client, the longest first."""
        self._open = 0

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection, until it ends."""
        if self._open >= MOST and not self._make_room():
            self.counts.refused(Kind.CROWDED)
            with gevent.Timeout(_LINGER_S, False):
                sock.sendall(refusal(Kind.CROWDED))
            return
        self._open += 1
        try:
            super().handle(sock, address)
        finally:
            self._open -= 1

    def _make_room(self) -> bool:
        for connection in self.idle:
            connection.shut()
            return True
        return False

    def stop(self, timeout: float | None = None) -> None:
        """End what waits for its client at once, and the rest within the time."""
        self.stop_accepting()
        for connection in tuple(self.idle):
            connection.shut()
        super().stop(timeout)
