"""The HTTP interface: metrics and health (R21), and the calls in progress under ``/v1`` (R6).

- ``/metrics``: what Prometheus scrapes.
- ``/healthz``: 200 as long as the engine answers; the body says how it is.
- ``/readyz``: 200 when calls can be taken and recorded, else 503.
- ``/v1/...``: see :mod:`ivr.api.v1`. Only there is data of calls, and only for a token.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

from ivr.api.access import Access
from ivr.api.calls import Calls
from ivr.api.connection import Server
from ivr.api.counts import HttpCounts
from ivr.api.v1 import V1
from ivr.errors import SetupError
from ivr.metrics import Metrics


class HttpServer:
    """A small server on gevent's loop."""

    def __init__(
        self,
        address: tuple[str, int],
        metrics: Metrics,
        health: Callable[[], dict[str, object]],
        *,
        calls: Calls,
        access: Access,
    ) -> None:
        """Listen; registers metrics of its own with those of the engine.

        Raises:
            SetupError: the port is taken or the address is not this host's.
        """
        self._health = health
        self._metrics_app = make_wsgi_app(metrics.registry)
        counts = HttpCounts(metrics.registry)
        self._v1 = V1(calls, access, counts).app.wsgi_app
        self._server = Server(address, self._answer, counts)
        try:
            self._server.init_socket()
        except OSError as error:
            raise SetupError(
                f"cannot serve metrics on {address[0]}:{address[1]}: "
                f"{os.strerror(error.errno or 0)};"
                " is another engine running? (http.listen in the site file)"
            ) from error

    @property
    def port(self) -> int:
        """The port that was bound; of use where 0 was asked for."""
        bound: int = self._server.socket.getsockname()[1]
        return bound

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self._server.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.stop(timeout=1)

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            answer: Iterable[bytes] = self._metrics_app(environ, start)
            return answer
        if path in ("/healthz", "/readyz"):
            health = self._health()
            ok = path == "/healthz" or health["ready"]
            start(
                "200 OK" if ok else "503 Service Unavailable",
                [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            )
            return [json.dumps(health).encode() + b"\n"]
        return self._v1(environ, start)  # which also says, and counts, what is not here
