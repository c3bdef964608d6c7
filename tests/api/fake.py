"""Calls in memory, and a server of its own for them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gevent import socket

from ivr.api.access import Access
from ivr.api.calls import CallNow, Outcome, Why
from ivr.api.http import HttpServer
from ivr.api.tokens import USE, Scope
from ivr.metrics import Metrics
from ivr.tokens.file import TokenFile

ONE = CallNow(
    call="3deba8b7-291b-4a57-8511-68a5e1a242a9",
    direction="inbound",
    team="customer-services",
    route="main-line",
    phase="connected",
    arrived_at="2026-03-02T10:00:00+00:00",
    connected_at="2026-03-02T10:00:21+00:00",
    caller="+441632960961",
    extension="1001",
    recording="recording",
    pause="off",
    keys_hidden=False,
    paused_since="",
    paused_by="",
    overdue=False,
    marks=(),
)
OTHER = ONE._replace(call="9f1b2c3d-1111-4222-8333-444455556666", extension="1002", team="revenues")
SINCE = "2026-03-02T10:01:00+00:00"


class FakeCalls:
    """As the engine would be, confirmed by a FreeSWITCH that is told how to answer."""

    def __init__(self, *calls: CallNow) -> None:
        self.now = {call.call: call for call in calls}
        self.why = Why.DONE
        self.gone = False
        """The call is no more when the answer comes."""
        self.asked: list[tuple[str, str, str]] = []
        self.before_answer: Callable[[], None] = lambda: None

    def calls(self) -> Iterator[CallNow]:
        there = tuple(self.now)
        return (self.now[call] for call in there if call in self.now)

    def find(self, call_id: str) -> CallNow | None:
        return self.now.get(call_id)

    def on_extension(self, number: str) -> Sequence[CallNow]:
        return [call for call in self.now.values() if call.extension == number]

    def pause(self, call_id: str, by: str) -> Outcome:
        return self._change(
            "pause",
            call_id,
            by,
            recording="paused",
            pause="on",
            keys_hidden=True,
            paused_since=SINCE,
            paused_by=by,
        )

    def resume(self, call_id: str, by: str) -> Outcome:
        return self._change(
            "resume",
            call_id,
            by,
            recording="recording",
            pause="off",
            keys_hidden=False,
            paused_since="",
            paused_by="",
            overdue=False,
        )

    def mark_abuse(self, call_id: str, by: str) -> Outcome:
        return self._change("mark", call_id, by, marks=("abuse",))

    def _change(self, what: str, call_id: str, by: str, **new: Any) -> Outcome:
        self.asked.append((what, call_id, by))
        self.before_answer()
        if self.gone:
            del self.now[call_id]
            return Outcome(self.why, None)
        if self.why is Why.DONE:
            self.now[call_id] = self.now[call_id]._replace(**new)
        return Outcome(self.why, self.now[call_id])


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """A server with three tokens of different scopes; ask it."""

    folder: Path
    calls: FakeCalls = field(default_factory=lambda: FakeCalls(ONE, OTHER))
    engineer: str = ""
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.file = TokenFile(self.folder / "tokens.json", USE, now=self.now)
        self.all = self.file.add("crm", list(Scope))
        self.metrics = Metrics()
        self.server = HttpServer(
            ("127.0.0.1", 0),
            self.metrics,
            lambda: {"ready": True},
            calls=self.calls,
            access=Access(lambda: self.folder / "tokens.json", self.engineer, self.now),
        )
        self.server.start()

    def close(self) -> None:
        self.server.stop()

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        headers: Sequence[str] = (),
        body: bytes = b"",
    ) -> Answer:
        """Ask by a connection of its own, with the token of all scopes where none is given."""
        token = self.all if token is None else token
        lines = [f"{method} {path} HTTP/1.1", "Host: here", "Connection: close", *headers]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        return self.send("\r\n".join((*lines, "", "")).encode("latin-1") + body)

    def send(self, request: bytes) -> Answer:
        """Send bytes and take the answer."""
        return parsed(self.raw(request))

    def raw(self, request: bytes) -> bytes:
        """Send bytes, and take all that comes back."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return received(connection)

    def refusals(self) -> dict[tuple[str, str], float]:
        """How often what was refused."""
        return {
            (sample.labels["status"], sample.labels["reason"]): sample.value
            for metric in self.metrics.registry.collect()
            if metric.name == "ivr_http_refusals"
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.value
        }


def received(connection: socket.socket) -> bytes:
    """All that comes until the end."""
    found = b""
    try:
        while data := connection.recv(1 << 16):
            found += data
    except ConnectionResetError:
        pass
    return found


def parsed(answer: bytes) -> Answer:
    """The one answer that there is."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), headers, body)
