"""A plain client of the event socket, for tests of the switch alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import gevent
from gevent import socket
from gevent.event import AsyncResult
from gevent.server import StreamServer

from ivr.clock import Clock
from ivr.lab.alarm import sleep_until


@dataclass(frozen=True)
class Message:
    """One message of the switch; an event's headers stand in ``event``, still encoded."""

    headers: dict[str, str]
    body: str
    event: dict[str, str]

    @property
    def name(self) -> str:
        return self.event.get("Event-Name", "")

    def value(self, header: str) -> str:
        return unquote(self.event.get(header, self.headers.get(header, "")))

    def label(self) -> str:
        """What kind of message it is, in a word or two."""
        kind = self.headers.get("Content-Type", "")
        if self.name:
            return f"event {self.name}"
        if kind == "text/disconnect-notice":
            return f"notice {self.headers.get('Content-Disposition', '')}".rstrip()
        if kind == "api/response":
            return f"api {self.body}"
        return f"{kind} {self.headers.get('Reply-Text', '')}".rstrip()


def read_head(text: str) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in text.split("\n") if ": " in line)
    return {pair[0]: pair[1] for pair in pairs}


def make_message(head: str, body: str) -> Message:
    headers = read_head(head)
    event: dict[str, str] = {}
    if headers.get("Content-Type") == "text/event-plain":
        event = read_head(body.split("\n\n")[0])
    elif headers.get("Content-Type") == "text/event-json":
        event = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in json.loads(body).items()
        }
    elif "Event-Name" in headers:
        event = headers
    return Message(headers, body, event)


class Client:
    """One end of an event socket."""

    def __init__(self, connection, clock: Clock) -> None:
        self.socket = connection
        self.clock = clock
        self._buffer = b""
        self.seen: list[Message] = []

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode("utf-8", "surrogateescape") + b"\n\n")

    def message(self) -> Message | None:
        """The next message; None at the end of the stream."""
        self._buffer = self._buffer.lstrip(b"\n")
        while b"\n\n" not in self._buffer:
            if not self._more():
                return None
        head, self._buffer = self._buffer.split(b"\n\n", 1)
        text = head.decode("utf-8", "surrogateescape")
        size = int(read_head(text).get("Content-Length", 0))
        while len(self._buffer) < size:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        message = make_message(text, body.decode("utf-8", "surrogateescape"))
        self.seen.append(message)
        return message

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except OSError:
            return False
        self._buffer = self._buffer.lstrip(b"\n") if not self._buffer.strip() else self._buffer
        self._buffer += data
        return bool(data)

    def ask(self, text: str) -> Message:
        """Send a command and read until its reply; events on the way stay in ``seen``."""
        self.send(text)
        while (message := self.message()) is not None:
            if message.headers.get("Content-Type") in {"command/reply", "api/response"}:
                return message
        raise EOFError(text)

    def execute(self, app: str, arg: str = "", **headers: str) -> Message:
        lines = ["sendmsg", "call-command: execute", f"execute-app-name: {app}"]
        if arg:
            lines.append(f"execute-app-arg: {arg}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.ask("\n".join(lines))

    def until(self, name: str, **values: str) -> Message:
        """Read until an event of this name whose headers have these values."""
        wanted = {key.replace("_", "-"): value for key, value in values.items()}
        while (message := self.message()) is not None:
            if message.name == name and all(
                message.value(key) == value for key, value in wanted.items()
            ):
                return message
        raise EOFError(f"no {name} before the end: {[m.label() for m in self.seen]}")

    def rest(self) -> list[Message]:
        """Everything until the end of the stream."""
        found = []
        while (message := self.message()) is not None:
            found.append(message)
        return found

    def pause(self, ms: int) -> None:
        sleep_until(self.clock, self.clock.monotonic_ms() + ms)


EVENTS = (
    "CHANNEL_ANSWER CHANNEL_EXECUTE_COMPLETE PLAYBACK_START PLAYBACK_STOP DTMF RECORD_START "
    "RECORD_STOP CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE"
)


class Engine:
    """Accepts the switch's outbound sockets and plays a part on each."""

    def __init__(self, clock: Clock, part: Callable[[Client], object]) -> None:
        self.clock = clock
        self.part = part
        self.results: list[AsyncResult] = []
        self.clients: list[Client] = []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def _serve(self, connection, _address) -> None:
        result = AsyncResult()
        self.results.append(result)
        client = Client(connection, self.clock)
        self.clients.append(client)
        try:
            result.set(self.part(client))
        except Exception as error:  # noqa: BLE001 - the test that waits for it raises it again
            result.set_exception(error)
        client.rest()

    def finished(self) -> bool:
        return bool(self.results) and all(result.ready() for result in self.results)

    def close(self) -> None:
        self._server.stop()
        for client in self.clients:
            client.socket.close()


def begin(client: Client, *, kind: str = "plain", events: str = EVENTS) -> str:
    """What every engine says first; the id of the call's leg."""
    hello = client.ask("connect")
    uuid = hello.value("Unique-ID")
    client.ask("linger 5")
    client.ask(f"filter Unique-ID {uuid}")
    client.ask(f"event {kind} {events}")
    return uuid


def inbound(clock: Clock, address: tuple[str, int], password: str = "ClueCon") -> Client:
    """A client that connects to the switch itself."""
    client = Client(socket.create_connection(address), clock)
    client.message()
    client.ask(f"auth {password}")
    return client


def spawn(function: Callable[[], object]) -> AsyncResult:
    """Run on a greenlet; the result or what went wrong."""
    result = AsyncResult()

    def run() -> None:
        try:
            result.set(function())
        except Exception as error:  # noqa: BLE001 - the test that waits for it raises it again
            result.set_exception(error)

    gevent.spawn(run)
    return result
