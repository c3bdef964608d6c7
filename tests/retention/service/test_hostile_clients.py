"""Clients that are slow, many, or say nothing (R16, R23)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ivr.retention.service import server as serving
from ivr.retention.service.server import SocketServer

_HEAD = b"POST /v1/x HTTP/1.0\r\nContent-Length: %d\r\n\r\n"


def _echo(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(serving, "EACH", 4)
    with TemporaryDirectory(prefix="ivr-") as folder:
        path = Path(folder) / "s"
        server = SocketServer(path, _echo)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield path
        server.shutdown()
        server.server_close()
        thread.join()


def connected(path: Path, opened: ExitStack, sends: bytes = b"") -> socket.socket:
    client = opened.enter_context(socket.socket(socket.AF_UNIX))
    client.settimeout(60)
    client.connect(str(path))
    client.sendall(sends)
    return client


def answer(client: socket.socket) -> bytes:
    with client.makefile("rb") as file:
        return file.read()


def test_a_user_with_many_slow_requests_is_refused_more_at_once(path: Path) -> None:
    with ExitStack() as opened:
        slow = [connected(path, opened, _HEAD % 3) for _ in range(4)]
        said = answer(connected(path, opened))
        assert said.startswith(b"HTTP/1.0 503 ")
        told = json.loads(said.partition(b"\r\n\r\n")[2])
        assert told["error"] == "StoreError"
        assert "4 requests of yours" in told["text"]
        for client in slow:
            client.sendall(b"abc")
            assert answer(client).endswith(b"abc")


def test_who_was_refused_may_come_again(path: Path) -> None:
    with ExitStack() as opened:
        for _ in range(20):
            assert answer(connected(path, opened, _HEAD % 2 + b"hi")).endswith(b"hi")


def test_a_byte_now_and_then_holds_no_connection(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "IDLE_S", 0.2)
    with ExitStack() as opened:
        client = connected(path, opened, _HEAD % 1_000_000)
        over, never = threading.Event(), threading.Event()

        def drip() -> None:
            try:
                while not over.is_set():
                    client.sendall(b"x")
                    never.wait(0.02)
            except OSError:
                return

        dripping = threading.Thread(target=drip)
        dripping.start()
        with suppress(ConnectionError):
            answer(client)  # it ends, although something always comes
        over.set()
        dripping.join()


def test_the_service_stops_while_every_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MOST", 2)
    with TemporaryDirectory(prefix="ivr-") as folder, ExitStack() as opened:
        path = Path(folder) / "s"
        server = SocketServer(path, _echo)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        clients = [connected(path, opened, _HEAD % 3) for _ in range(5)]
        server.shutdown()
        thread.join(60)
        assert not thread.is_alive()
        server.server_close()
        for client in clients:
            client.close()
