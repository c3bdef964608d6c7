"""One event socket connection: the only place that knows greenswitch.

:class:`Link` is a greenswitch ``ESLProtocol`` by its interface (``connected``,
``send``, ``stop``) with another inside. What greenswitch 0.0.19 does in two greenlets,
a queue and a blocking file is done here by one watcher of gevent's loop, because
a thousand calls wait more than they work, and because of what was seen of it
(docs/freeswitch.md 5): a message it does not know kills its reader, an end of stream
spins or blocks for ever, and ``sock.send`` drops what does not fit.

Rules: bytes in are handled at once, on the hub, and nothing called from here may
block; replies go to whoever sent the command, in order; when the link is lost, each
outstanding reply is told so, once, and so is the owner. What is called from here may
fail: gevent would stop the watcher and the call would hang in silence, so it is logged
and the link is lost, from where the owner has a way on.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
import structlog
from gevent.event import AsyncResult
from greenswitch.esl import ESLProtocol, NotConnectedError

from ivr.errors import WireError
from ivr.esl.wire import API, REPLY, Framer, Message, line

log = structlog.get_logger(__name__)

_READ, _WRITE = 1, 2
_CHUNK = 65536
MOST_UNSENT = 4 * 1024 * 1024
"""Bytes that may wait for FreeSWITCH to read; more than that and it is not reading."""

OnReply = Callable[["Message | None"], None]
"""Told the reply, or None when the link was lost before it came."""


class Link(ESLProtocol):  # type: ignore[misc]  # greenswitch has no types
    """A connection to FreeSWITCH, either way round."""

    __slots__ = (
        "_closed",
        "_framer",
        "_on_lost",
        "_on_message",
        "_reader",
        "_unsent",
        "_waiting",
        "_writer",
        "connected",
        "sock",
    )

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Message], None],
        on_lost: Callable[[str], None],
    ) -> None:
        """Take over a connected socket; ``on_message`` gets all that is not a reply."""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.connected = True
        self._closed = False
        self._on_message = on_message
        self._on_lost = on_lost
        self._framer = Framer()
        self._waiting: deque[OnReply | None] = deque()
        self._unsent = bytearray()
        loop = gevent.get_hub().loop
        self._reader: Any = loop.io(sock.fileno(), _READ)
        self._writer: Any = None
        self._reader.start(self._readable)

    def hand_to(
        self, on_message: Callable[[Message], None], on_lost: Callable[[str], None]
    ) -> None:
        """Have another owner told from here on."""
        self._on_message, self._on_lost = on_message, on_lost

    # Sending.

    def post(self, data: bytes, *replies: OnReply | None) -> None:
        """Send one or more commands; one of ``replies`` for each of them, in order.

        Never blocks. Where the link is lost, the replies are told None.
        """
        self._waiting.extend(replies)
        if not self.connected:
            self._tell_lost()
            return
        if self._unsent:
            self._unsent += data
        else:
            try:
                sent = self.sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._lose(f"sending failed: {error.strerror}")
                return
            if sent == len(data):
                return
            self._unsent += memoryview(data)[sent:]
            self._writer = gevent.get_hub().loop.io(self.sock.fileno(), _WRITE)
            self._writer.start(self._writable)
        if len(self._unsent) > MOST_UNSENT:
            self._lose(f"FreeSWITCH has not read {len(self._unsent)} bytes")

    def send(self, data: str) -> Message:
        """Send one command and wait for its reply; for greenlets, never for the hub.

        Raises:
            NotConnectedError: the link is lost, or gets lost before the reply (greenswitch's).
        """
        result: AsyncResult[Message | None] = AsyncResult()
        self.post(line(data), result.set)
        reply: Message | None = result.get()
        if reply is None:
            # Only the word: after ``auth`` comes the password.
            word = data.partition(" ")[0]
            raise NotConnectedError(f"the connection was lost before the answer to {word!r}")
        return reply

    def _writable(self) -> None:
        try:
            sent = self.sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"sending failed: {error.strerror}")
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._drop_writer()

    # Receiving.

    def _readable(self) -> None:
        try:
            data = self.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"receiving failed: {error.strerror}")
            return
        if not data:
            self._lose("FreeSWITCH closed the connection")
            return
        try:
            for message in self._framer.feed(data):
                self.handle_event(message)
                if self._closed:
                    return
        except WireError as error:
            self._lose(str(error))
        except Exception as error:
            # The root of what the hub calls: nobody further up would hear of it.
            log.exception("a message could not be handled")
            self._lose(f"the engine failed at a message: {error!r}")

    def handle_event(self, event: Message) -> None:
        """Give a message to whoever waits for it. One that nobody knows is passed on too."""
        if event.kind in (REPLY, API) or (
            # A reply without its Content-Type, passed over, would shift all replies after it.
            not event.kind and event.head("Reply-Text") is not None
        ):
            told = self._waiting.popleft() if self._waiting else None
            if told is not None:
                told(event)
        else:
            self._on_message(event)

    # Ending.

    def stop(self) -> None:
        """Close the connection at once; outstanding replies are told None, the owner nothing."""
        self._close()

    def _lose(self, reason: str) -> None:
        if not self._closed:
            self._close()
            try:
                self._on_lost(reason)
            except Exception:
                log.exception("the owner failed at the loss of its link", reason=reason)

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.connected = False
        self._reader.stop()
        self._reader.close()
        self._drop_writer()
        self._unsent.clear()
        self.sock.close()
        self._tell_lost()

    def _tell_lost(self) -> None:
        """Tell each outstanding reply that it will not come; one that fails keeps it from none."""
        while self._waiting:
            told = self._waiting.popleft()
            if told is not None:
                try:
                    told(None)
                except Exception:
                    log.exception("a command's owner failed at the loss of its link")

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.stop()
            writer.close()
