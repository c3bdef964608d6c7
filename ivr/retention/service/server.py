"""An HTTP server on a Unix socket: a thread for each connection, and limits to all of it.

Those who reach it are people of this host whom the socket's group lets in; there are few of
them, and each has one connection a command. So threads of Python's own do, where the engine,
which has thousands of callers, needs gevent.
"""

from __future__ import annotations

import io
import os
import socket
import socketserver
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog

from ivr.errors import SetupError
from ivr.retention.service.peer import peer_of, user_of

log = structlog.get_logger(__name__)

MOST = 128
"""Connections at once; further ones wait in the socket's queue."""
EACH = 32
"""Connections of one user at once; further ones are refused, so that nobody keeps others out."""
IDLE_S = 60.0
"""How long a client may take over all that it sends, and over each piece that it takes."""
LARGEST_BODY = 1 << 20
"""Bytes of a request's body."""
_WAIT_S = 0.1
"""How long the end of the service may be unnoticed while too many are being answered."""
_BUSY = b"""HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n\
{"error": "StoreError", "text": "%d requests of yours are being answered: wait for one of them"}"""
PERSON = "ivr.person"
"""Where the WSGI environment has the :class:`ivr.retention.model.Person`."""


class _Received(socket.SocketIO):
    """What a client sends, all of it within a time: a byte now and then holds no thread."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection, "r")
        self._connection = connection
        self._until = time.monotonic() + IDLE_S

    def readinto(self, buffer: Any) -> int | None:
        """See io.RawIOBase. Raises TimeoutError."""
        self._connection.settimeout(max(self._until - time.monotonic(), 0.001))
        try:
            return super().readinto(buffer)
        finally:
            self._connection.settimeout(IDLE_S)


class _Sent(io.RawIOBase):
    """What a client takes; one that takes nothing for too long has gone."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def writable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def write(self, data: Any) -> int:
        """See io.RawIOBase. Raises ConnectionError, which is no fault of the program's."""
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            raise ConnectionAbortedError("the client takes nothing") from error
        return len(data)


class _Handler(WSGIRequestHandler):
    """One request; the connection ends with it."""

    timeout = IDLE_S
    server_version = "ivr"
    sys_version = ""

    def setup(self) -> None:
        """See socketserver."""
        super().setup()
        self.rfile = io.BufferedReader(_Received(self.connection))
        self.wfile = _Sent(self.connection)  # type: ignore[assignment]  # as socketserver's own

    def address_string(self) -> str:
        """A Unix socket's clients have no address."""
        return "local"

    def get_environ(self) -> dict[str, Any]:
        """See wsgiref; with the person that the kernel names."""
        self.client_address = ("local", 0)
        environ: dict[str, Any] = super().get_environ()
        environ[PERSON] = peer_of(self.connection)
        return environ

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in the audit trail; a log of them would hold numbers."""

    def handle(self) -> None:
        """See wsgiref; a client that breaks off ends its own request only."""
        try:
            super().handle()
        except (TimeoutError, ConnectionError):
            return


class SocketServer(socketserver.ThreadingMixIn, WSGIServer):
    """Serves a WSGI application on a Unix socket."""

    address_family = socket.AF_UNIX
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, path: Path, application: Callable[..., Any], mode: int = 0o660) -> None:
        """Listen at ``path``. A socket that a killed service left there is replaced.

        Raises SetupError where another service listens there, or the folder refuses it.
        """
        self._path = path
        self._free = threading.BoundedSemaphore(MOST)
        self._ending = threading.Event()
        self._busy: Counter[int] = Counter()
        """Connections of each user, by number."""
        self._lock = threading.Lock()
        _clear(path)
        try:
            super().__init__(str(path), _Handler)  # type: ignore[arg-type]  # a path, not a port
            os.chmod(path, mode)
        except OSError as error:
            raise SetupError(
                f"{path}: cannot listen here: {error.strerror or error}\n"
                "  expected a folder that this user may write to, and a path of 107 bytes at most"
            ) from error
        self.set_app(application)

    def server_bind(self) -> None:
        """See socketserver; a Unix socket has neither host nor port."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "local", 0
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """See socketserver; waits while too many are being answered, and refuses a user who has
        too many."""
        user = user_of(request)
        with self._lock:
            refused = self._busy[user] >= EACH
            if not refused:
                self._busy[user] += 1
        if refused:
            request.setblocking(False)
            with suppress(OSError):
                request.send(_BUSY % EACH)
            with suppress(OSError):
                request.recv(LARGEST_BODY)  # what is left unread would break the answer off
            self.shutdown_request(request)
            return
        while not self._free.acquire(timeout=_WAIT_S):
            if self._ending.is_set():
                self._left(user)
                self.shutdown_request(request)
                return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            self._left(user)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See socketserver."""
        user = user_of(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()
            self._left(user)

    def _left(self, user: int) -> None:
        with self._lock:
            self._busy[user] -= 1
            if not self._busy[user]:
                del self._busy[user]

    def shutdown(self) -> None:
        """See socketserver; also where it waits for a client."""
        self._ending.set()
        super().shutdown()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A fault of one request is logged and ends no other."""
        log.error("a request ended by a fault of the program", exc_info=True)

    def server_close(self) -> None:
        """Stop listening and take the socket's name away."""
        super().server_close()
        self._path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Remove a socket at which nobody listens. Raises SetupError where somebody does."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise SetupError(f"{path}: something that is no socket lies here: move it away")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(1.0)
        try:
            trial.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SetupError(f"{path}: cannot be looked at: {error.strerror}") from error
    raise SetupError(f"{path}: another retention service listens here; there is one a host")
