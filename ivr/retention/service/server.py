"""An HTTP server on a Unix socket: a thread for each connection, and limits to all of it.

Those who reach it are people of this host whom the socket's group lets in; there are few of
them, and each has one connection a command. So threads of Python's own do, where the engine,
which has thousands of callers, needs gevent.
"""

from __future__ import annotations

import os
import socket
import socketserver
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog

from ivr.errors import SetupError
from ivr.retention.service.peer import peer_of

log = structlog.get_logger(__name__)

MOST = 64
"""Connections at once; further ones wait in the socket's queue."""
IDLE_S = 60.0
"""How long a client may take over what it sends or takes."""
LARGEST_BODY = 1 << 20
"""Bytes of a request's body."""
PERSON = "ivr.person"
"""Where the WSGI environment has the :class:`ivr.retention.model.Person`."""


class _Handler(WSGIRequestHandler):
    """One request; the connection ends with it."""

    timeout = IDLE_S
    server_version = "ivr"
    sys_version = ""

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
        """See socketserver; waits while too many are being answered."""
        self._free.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See socketserver."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

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
