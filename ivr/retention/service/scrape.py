"""Metrics and health over HTTP: what Prometheus asks for, and nothing of any recording (R21)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from ivr.config.addresses import Address
from ivr.errors import SetupError

Health = Callable[[], str]
"""What is wrong, in a line; empty where nothing is."""


_POLL_S = 0.1
"""How long a stop may be unnoticed."""


class _Quiet(WSGIRequestHandler):
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Scrape:
    """Listens on the address of the settings until it is closed."""

    def __init__(self, address: Address, registry: CollectorRegistry, health: Health) -> None:
        """Raises SetupError where the address is taken."""
        metrics = make_wsgi_app(registry)

        def application(environ: Any, start_response: Any) -> Iterable[bytes]:
            match environ["PATH_INFO"]:
                case "/metrics":
                    answered: Iterable[bytes] = metrics(environ, start_response)
                    return answered
                case "/healthz":
                    wrong = health()
                    status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
                    body = json.dumps({"ready": not wrong, "wrong": wrong}).encode() + b"\n"
                case _:
                    status, body = HTTPStatus.NOT_FOUND, b"not found\n"
            start_response(f"{status.value} {status.phrase}", [("Content-Length", str(len(body)))])
            return [body]

        try:
            self._server = _Server((address.host, address.port), _Quiet)
        except OSError as error:
            raise SetupError(
                f"{address}: cannot listen here: {error.strerror}\n"
                "  another process has the port, or the address is not this host's"
                " (retention.yaml: http, listen)"
            ) from error
        self._server.set_app(application)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="scrape", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
