"""One connection of the event socket: commands in, replies and events out."""

from __future__ import annotations

import uuid as uuids
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from gevent.event import Event as Signal

from ivr.clock import Clock, Timer
from ivr.lab import wire
from ivr.lab.event import Event
from ivr.lab.faults import Faults
from ivr.lab.leg import Leg
from ivr.lab.names import MYEVENTS
from ivr.lab.wanted import Wanted
from ivr.lab.wire import ClientMessage, ClientReader, command_reply

_LOST = 500
"""A listener that lost more than this is dropped (docs/freeswitch.md 10c)."""

_AT_ONCE = 65_536  # bytes handed to the socket, about


class Host(Protocol):
    """What a connection needs of the switch."""

    clock: Clock
    password: str
    longest_queue: int
    """Events a listener may be behind; what comes then is lost."""
    faults: Faults

    def spawn(self, function: Callable[..., object], *words: Any) -> None:
        """Have something done beside all else, as long as the switch lives."""

    def api(self, command: str, arg: str) -> str:
        """Run an API command; its answer."""

    def find(self, uuid: str) -> Leg | None:
        """The leg of this id, if there is one."""

    def fire_named(self, name: str, headers: list[tuple[str, str]], body: str | None) -> None:
        """Fire an event that belongs to no leg."""

    def closed(self, listener: Listener) -> None:
        """A connection is over."""


class Listener:
    """A client of the event socket, either way round."""

    def __init__(
        self, host: Host, connection: Any, leg: Leg | None = None, words: tuple[str, ...] = ()
    ) -> None:
        self._host = host
        self._socket = connection
        self.leg = leg
        """The leg it controls; None for an inbound connection."""
        self._mode = "async" if "async" in words else "static"
        self._mine_by_name = leg is None
        self._full = leg is None or "full" in words
        self._authorised = leg is not None
        self.connected = False
        """Whether the engine said ``connect``."""
        self.running = True
        """Whether the connection stands."""
        self.lingers = False
        self._linger_s = -1
        self._linger_timer: Timer | None = None
        self._gone = False
        self._mine = False
        self._logs = False
        self._wanted = Wanted()
        self._filters = self._wanted.filters
        self._out: deque[bytes] = deque()
        self._held: deque[bytes] | None = None
        self._lost = 0
        self._wake = Signal()
        self._ended = Signal()
        self._closing = False
        self._doomed = False
        """Whether it lost too much: it is dropped when it has read what was sent."""

    # -- life -------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to serve the connection."""
        self._host.spawn(self._write)
        self._host.spawn(self._read)
        if self.leg is None:
            self._send(b"Content-Type: auth/request\n\n")
        else:
            self._host.clock.after(25_000, self._too_late)

    def join(self) -> None:
        """Wait until the connection is over."""
        self._ended.wait()

    def _too_late(self) -> None:
        if not self.connected:
            self.close()

    def _read(self) -> None:
        reader = ClientReader()
        try:
            while self.running and not self._closing:
                data = self._socket.recv(65_536)
                if not data:
                    break
                for message in reader.feed(data):
                    self._host.faults.wait_while_frozen()
                    self._handle(message)
                    if self._closing or not self.running:
                        break
        except OSError:
            pass
        self.close()

    def _write(self) -> None:
        try:
            while self.running:
                if not self._out:
                    if self._closing:
                        break
                    self._wake.wait()
                    self._wake.clear()
                    continue
                self._host.faults.wait_while_frozen()
                self._socket.sendall(self._next())
                if self._doomed:
                    break
        except OSError:
            pass
        self._over()

    def _next(self) -> bytes:
        """What is sent next: some messages of the queue."""
        messages, size = [], 0
        while self._out and size < _AT_ONCE:
            messages.append(self._out.popleft())
            size += len(messages[-1])
        return b"".join(messages)

    def close(self) -> None:
        """Say goodbye and end the connection."""
        if not self._closing:
            self._closing = True
            self._flush_held()
            self._send(wire.disconnect_notice(self.leg.uuid if self.leg is not None else None))
            self._wake.set()

    def drop(self) -> None:
        """Cut the connection without a word, as a broken network does."""
        self._closing = True
        self._over()

    def cut(self) -> None:
        """Close the socket as a dying process does: nothing of the switch notices."""
        self._closing, self.running = True, False
        if self._doomed:
            self._host.faults.reader_gone()
        self._wake.set()
        self._ended.set()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        self._socket.close()

    def _over(self) -> None:
        if not self.running:
            return
        self.cut()
        self._host.closed(self)
        if self._mine_by_name:
            return
        if self.leg is not None and self.leg.down and self._gone:
            self.leg.destroy()
        elif self.leg is not None and not self.leg.down:
            # A second connection loses the call as well (docs/freeswitch.md 69).
            self.leg.controlled = False
            self.leg.reset = self.leg.true("socket_resume")
            self.leg.attend(self.leg.tick_ms(after=True))

    def channel_down(self) -> None:
        """The leg it controls was hung up (docs/freeswitch.md 7)."""
        if self._gone or self.leg is None:
            return
        self._gone = True
        if not self.lingers:
            self.close()
            return
        self._send(wire.linger_notice(self.leg.uuid, self.leg.channel, self._linger_s))
        if self._linger_s >= 0:
            self._linger_timer = self._host.clock.after((self._linger_s + 1) * 1000, self.close)

    # -- out --------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        self._out.append(data)
        self._wake.set()

    def wants(self, name: str) -> bool:
        """Whether events of this name may be wanted."""
        return name in self._wanted.names

    def offer(self, event: Event) -> None:
        """Send an event if it was asked for."""
        if not self.running or self._closing or not self._wanted.passes(event):
            return
        if self._mine and self.leg is not None and event.get("Unique-ID") != self.leg.uuid:
            return
        queue = self._out if self._held is None else self._held
        if len(queue) >= self._host.longest_queue:
            self._lost += 1
            if self._lost > _LOST and not self._doomed:
                self._doomed = True
                self._host.faults.wait_for_reader()
            return
        queue.append(self._wanted.written(event))
        self._wake.set()

    def _flush_held(self) -> None:
        held, self._held = self._held, None
        if held:
            self._out.extend(held)
            self._wake.set()

    # -- commands ---------------------------------------------------------------------------

    def _handle(self, message: ClientMessage) -> None:
        word, _, rest = message.command.partition(" ")
        word, rest = word.lower(), rest.strip()
        if word == "exit":
            self._send(command_reply("+OK bye"))
            self.close()
            return
        if not self._authorised:
            self._authenticate(word, rest)
            return
        if word == "api" and rest and self._full:
            self._api(rest)
            return
        if word == "connect" and self.leg is not None:
            self._connect(self.leg)
            return
        if word == "bgapi" and rest and self._full:
            self._bgapi(rest, message.header("job-uuid") or str(uuids.uuid4()))
            return
        command = self._command(word)
        reply = command(rest, message) if command is not None else ""
        self._send(command_reply(reply or "-ERR command not found"))

    def _command(self, word: str) -> Callable[[str, ClientMessage], str] | None:
        always = {
            "filter": self._filter,
            "sendmsg": self._sendmsg,
            "getvar": self._getvar,
            "myevents": self._myevents,
            "resume": self._resume,
        }
        full = {
            "event": self._event,
            "nixevent": self._nixevent,
            "noevents": self._noevents,
            "linger": self._linger,
            "nolinger": self._nolinger,
            "log": self._log,
            "nolog": self._nolog,
            "sendevent": self._sendevent,
        }
        return always.get(word) or (full.get(word) if self._full else None)

    def _authenticate(self, word: str, rest: str) -> None:
        if word == "auth" and rest == self._host.password:
            self._authorised = True
            self._send(command_reply("+OK accepted"))
        elif word == "auth":
            self._send(command_reply("-ERR invalid"))
            self.close()
        else:
            self._send(command_reply("-ERR command not found"))

    def _connect(self, leg: Leg) -> None:
        self.connected = leg.controlled = True
        event = leg.event("CHANNEL_DATA")
        profile = leg.profile("Channel-")
        at = next(n for n, (key, _) in enumerate(event.headers) if key == "Channel-State")
        event.headers[at:at] = profile
        event.headers += [
            ("Content-Type", "command/reply"),
            ("Reply-Text", "+OK\n"),
            ("Socket-Mode", self._mode),
            ("Control", "full" if self._full else "single-channel"),
        ]
        self._send(event.text())

    def _api(self, rest: str) -> None:
        command, _, arg = rest.partition(" ")
        self._held = deque()
        try:
            answer = self._host.api(command, arg)
        finally:
            held, self._held = self._held, None
        self._send(wire.api_response(answer or "-ERR no reply\n"))
        self._out.extend(held or ())

    def _bgapi(self, rest: str, job: str) -> None:
        command, _, arg = rest.partition(" ")
        self._send(command_reply(f"+OK Job-UUID: {job}", f"Job-UUID: {job}\n"))

        def work() -> None:
            answer = self._host.api(command, arg)
            headers = [("Job-UUID", job), ("Job-Command", command)]
            if arg:
                headers.append(("Job-Command-Arg", arg))
            self._host.fire_named("BACKGROUND_JOB", headers, answer)

        self._host.spawn(work)

    def _log(self, rest: str, message: ClientMessage) -> str:
        self._logs = True
        return f"+OK log level {rest or 'DEBUG'} [7]"

    def _nolog(self, rest: str, message: ClientMessage) -> str:
        logged, self._logs = self._logs, False
        return "+OK no longer logging" if logged else "-ERR not loging"

    def _event(self, rest: str, message: ClientMessage) -> str:
        return self._wanted.event(rest)

    def _nixevent(self, rest: str, message: ClientMessage) -> str:
        return self._wanted.nixevent(rest)

    def _noevents(self, rest: str, message: ClientMessage) -> str:
        listened, reply = bool(self._wanted.names), self._wanted.noevents()
        self._mine = self._mine and not listened
        return reply

    def _myevents(self, rest: str, message: ClientMessage) -> str:
        if self._mine:
            return "-ERR aready enabled."
        if self.leg is None:
            name = rest.split(" ")[0]
            self.leg = self._host.find(name)
            if self.leg is None:
                return "-ERR invalid uuid" if name else ""
            self.leg.watchers.append(self._watch_mine)
        if "json" in rest.lower():
            self._wanted.format = "json"
        self._mine = True
        self._wanted.names |= MYEVENTS
        return "+OK Events Enabled"

    def _watch_mine(self, name: str, leg: Leg) -> None:
        if name == "CHANNEL_DESTROY" and leg is self.leg:
            self.channel_down()

    def _filter(self, rest: str, message: ClientMessage) -> str:
        return self._wanted.filter(rest)

    def _sendmsg(self, rest: str, message: ClientMessage) -> str:
        name = rest or message.header("session-id") or ""
        leg = self.leg if not name or (self.leg and name == self.leg.uuid) else None
        if leg is None:
            leg = self._host.find(name)
        if leg is None:
            return f"-ERR invalid session id [{name}]"
        leg.send(message)
        return "+OK"

    def _getvar(self, rest: str, message: ClientMessage) -> str:
        return self.leg.get(rest) if self.leg is not None else ""

    def _resume(self, rest: str, message: ClientMessage) -> str:
        if self.leg is None:
            return ""
        self.leg.set("socket_resume", "true")
        return "+OK"

    def _linger(self, rest: str, message: ClientMessage) -> str:
        if self.leg is None:
            return "-ERR not controlling a session"
        self.lingers = True
        self._linger_s = (int(rest) if rest.isdigit() else 0) if rest else -1
        return f"+OK will linger {self._linger_s} seconds" if rest else "+OK will linger"

    def _nolinger(self, rest: str, message: ClientMessage) -> str:
        if self.leg is None:
            return "-ERR not controlling a session"
        self.lingers = False
        return "+OK will not linger"

    def _sendevent(self, rest: str, message: ClientMessage) -> str:
        name = str(uuids.uuid4())
        headers = [(key.title(), value) for key, value in message.headers.items()]
        self._host.fire_named(rest, [*headers, ("Event-UUID", name)], message.body or None)
        return f"+OK {name}"
