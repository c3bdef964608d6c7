"""Where FreeSWITCH hands over calls: the outbound socket's listener.

greenswitch's accept loop sleeps 100 ms between calls and stops at 100 connections
(docs/freeswitch.md 5). This one wakes when there is something to accept.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import gevent
import structlog

from ivr.config.addresses import Address
from ivr.errors import SetupError

log = structlog.get_logger(__name__)

_READ = 1
_AT_ONCE = 64
"""Calls taken per turn of the loop, so that a burst does not hold up calls in progress."""
_PAUSE_S = 0.1
"""How long accepting rests when the process has no file descriptors left."""


class CallServer:
    """Accepts connections and gives each to ``on_call``."""

    def __init__(
        self,
        address: tuple[str, int],
        on_call: Callable[[socket.socket], None],
        room: Callable[[], bool],
        ready: socket.socket | None = None,
    ) -> None:
        """Listen; ``room`` says whether one more call is welcome.

        Where it is not, the connection is closed at once, and FreeSWITCH goes on with
        what the dialplan has after ``socket`` (docs/freeswitch.md 8).

        ``ready`` is a socket that listens already, and goes on when this process is gone
        (:func:`ivr.engine.systemd.listening`): it is used instead of the address.

        Raises:
            SetupError: the port is taken or the address is not this host's.
        """
        self._socket = _bound(*address) if ready is None else ready
        if ready is not None and not _is_at(ready, *address):
            log.warning(
                "calls are taken where systemd listens, not at outbound.listen",
                listening=str(self.address),
                configured=str(Address(*address)),
                do="have the socket unit, outbound.listen and outbound.engines agree",
            )
        self._socket.setblocking(False)
        self._on_call = on_call
        self._room = room
        loop = gevent.get_hub().loop
        self._watcher: Any = loop.io(self._socket.fileno(), _READ)
        self._rest: Any = loop.timer(_PAUSE_S)
        self._watcher.start(self._accept)

    @property
    def address(self) -> Address:
        """Where calls are taken."""
        host, port = self._socket.getsockname()[:2]
        return Address(host, port)

    @property
    def port(self) -> int:
        """The port that was bound; of use where 0 was asked for."""
        return self.address.port

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, _peer = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    log.error("cannot accept calls", error=error.strerror, retry_s=_PAUSE_S)
                    self._watcher.stop()
                    self._rest.start(lambda: self._watcher.start(self._accept))
                return
            try:
                if self._room():
                    self._on_call(sock)
                    continue
            except Exception as fault:  # gevent stops a watcher that raises
                log.error("a connection could not be taken", exc_info=fault)
            sock.close()

    def stop(self) -> None:
        """Take no more calls; those in progress go on.

        Closed, not shut down: a socket of systemd's goes on to listen, and calls wait in it for
        the next engine.
        """
        for watcher in (self._watcher, self._rest):
            watcher.stop()
            watcher.close()
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(1024)
    except OSError as error:
        found.close()
        raise SetupError(
            f"cannot listen for calls on {host}:{port}: {error.strerror};"
            " is another engine running? (outbound.listen in the site file)"
        ) from error
    return found


def _is_at(ready: socket.socket, host: str, port: int) -> bool:
    """Whether the socket listens at the address; port 0 is any."""
    real_host, real_port = ready.getsockname()[:2]
    if port not in (0, real_port):
        return False
    try:
        named = socket.getaddrinfo(host, real_port, ready.family, socket.SOCK_STREAM)
    except OSError:
        return False
    return real_host in {address[0] for *_, address in named}
