"""Metrics and health over HTTP (R21). No call data here.

- ``/metrics``: what Prometheus scrapes.
- ``/healthz``: 200 as long as the engine answers; the body says how it is.
- ``/readyz``: 200 when calls can be taken and recorded, else 503.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from gevent.pywsgi import WSGIServer
from prometheus_client import make_wsgi_app

from ivr.errors import SetupError
from ivr.metrics import Metrics

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class HttpServer:
    """A small server on gevent's loop."""

    def __init__(
        self,
        address: tuple[str, int],
        metrics: Metrics,
        health: Callable[[], dict[str, object]],
    ) -> None:
        """Listen.

        Raises:
            SetupError: the port is taken or the address is not this host's.
        """
        self._health = health
        self._metrics_app = make_wsgi_app(metrics.registry)
        self._server = WSGIServer(address, self._answer, log=None, error_log=None)
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

    def _answer(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
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
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Not here. Try /metrics, /healthz or /readyz.\n"]
