"""Both ends of an event socket in one test: a test plays FreeSWITCH, byte by byte."""

from __future__ import annotations

import socket as plain
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.server import StreamServer
from greenswitch.esl import ESLEvent, OutboundSession

from ivr.esl.session import Link
from ivr.esl.wire import Message
from ivr.lab.clock import TurnedClock

_CLOCK = TurnedClock()


def settle() -> None:
    """Let everything happen that can: what has not happened then, never will by itself."""
    _CLOCK.settle()


def pair(send_buffer: int = 0) -> tuple[Any, Any]:
    """Two ends of one TCP connection; the first may have a small buffer for what it sends."""
    listener = socket.socket()
    if send_buffer:
        listener.setsockopt(plain.SOL_SOCKET, plain.SO_RCVBUF, send_buffer)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    near = socket.socket()
    if send_buffer:
        near.setsockopt(plain.SOL_SOCKET, plain.SO_SNDBUF, send_buffer)
    near.connect(listener.getsockname())
    far, _ = listener.accept()
    listener.close()
    return near, far


class Switch:
    """FreeSWITCH's end."""

    def __init__(self, end: Any) -> None:
        self.end = end

    def say(self, *texts: bytes) -> None:
        """Send bytes and let the other side handle them."""
        for text in texts:
            self.end.sendall(text)
        settle()

    def heard(self) -> bytes:
        """All that has come and was not looked at yet."""
        found = b""
        settle()
        while True:
            try:
                data = self.end._sock.recv(1 << 20)
            except BlockingIOError:
                settle()
                try:
                    data = self.end._sock.recv(1 << 20)
                except BlockingIOError:
                    return found
            if not data:
                return found
            found += data

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.end.close()
        settle()


class Ours:
    """The engine's end, and what it was told."""

    def __init__(self, send_buffer: int = 0) -> None:
        near, far = pair(send_buffer)
        self.switch = Switch(far)
        self.messages: list[Message] = []
        self.lost: list[str] = []
        self.on_message: Callable[[Message], None] = self.messages.append
        self.on_lost: Callable[[str], None] = self.lost.append
        self.link = Link(
            plain.socket(fileno=near.detach()),
            lambda message: self.on_message(message),
            lambda reason: self.on_lost(reason),
        )

    def close(self) -> None:
        self.link.stop()
        self.switch.end.close()


class Stock:
    """A session of greenswitch 0.0.19 as it comes, and what its ``*`` handler was told."""

    def __init__(self, send_buffer: int = 0) -> None:
        near, far = pair(send_buffer)
        self.switch = Switch(far)
        self.session = OutboundSession(("127.0.0.1", 0), near)
        self.events: list[ESLEvent] = []
        self.session.register_handle("*", self.events.append)
        self.greenlets = [
            self.session._receive_events_greenlet,
            self.session._process_events_greenlet,
        ]

    def beside(self, function: Callable[[], Any]) -> gevent.Greenlet:
        """Run something that may never return."""
        self.greenlets.append(gevent.spawn(function))
        settle()
        return self.greenlets[-1]

    @property
    def reads(self) -> bool:
        """Whether anything still reads the socket."""
        return not self.session._receive_events_greenlet.dead

    def close(self) -> None:
        self.session._run = False
        gevent.killall(self.greenlets)
        self.session.sock.close()
        self.switch.end.close()


class StockEngine:
    """An application on greenswitch 0.0.19, with a socket that a lab switch can connect to."""

    def __init__(self, application: Callable[[OutboundSession], Any]) -> None:
        self.application = application
        self.result: AsyncResult[Any] = AsyncResult()
        self.sessions: list[OutboundSession] = []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def _serve(self, connection: Any, address: Any) -> None:
        session = OutboundSession(address, connection)
        self.sessions.append(session)
        session.connect()
        self.result.set(self.application(session))
        session._receive_events_greenlet.join()

    def close(self) -> None:
        for session in self.sessions:
            session._run = False
            greenlets = [session._receive_events_greenlet, session._process_events_greenlet]
            gevent.killall(greenlets)
            session.sock.close()
        self._server.stop()
