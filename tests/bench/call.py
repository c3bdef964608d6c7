"""One call as FreeSWITCH lives it: applications one after the other, events, the hangup."""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from .peer import GOODBYE, MYEVENTS, Peer, reply
from .sound import length_ms
from .templates import AT, Values, json_value, plain_value, variable

if TYPE_CHECKING:
    from .switch import Switch

AT_ONCE = 0.0
LATER_STEPS_S = 0.005
"""From CHANNEL_HANGUP to the bridge's end, and from there to CHANNEL_HANGUP_COMPLETE."""
AFTER_STOP_S = 0.002
PLAYS = frozenset({"playback", "endless_playback", "play_and_get_digits", "speak", "say", "read"})


class Application:
    """One ``execute`` of the client."""

    __slots__ = ("data", "name", "serial", "uuid")

    def __init__(self, name: str, data: str, uuid: str, serial: int) -> None:
        self.name = name
        self.data = data
        self.uuid = uuid
        self.serial = serial


class Call(Peer):
    """A caller who listens, talks, and hangs up."""

    __slots__ = (
        "_began",
        "_bridged",
        "_connect_ns",
        "_done",
        "_established_ns",
        "_heard_prompt",
        "_hung",
        "_linger",
        "_masked",
        "_prompt_ns",
        "_queue",
        "_recorded",
        "_running",
        "_serial",
        "_variables",
        "json_values",
        "other",
        "plain_values",
        "recorded_to",
        "stays",
        "uuid",
    )

    def __init__(
        self, switch: Switch, sock: socket.socket, number: int, connect_ns: int, stays: bool
    ) -> None:
        super().__init__(switch, sock)
        self.uuid = switch.new_uuid()
        self.other = switch.new_uuid()
        """The agent's leg."""
        self.stays = stays
        self._connect_ns = connect_ns
        self._established_ns = 0
        self._prompt_ns = 0
        self._began = time.monotonic()
        self._queue: deque[Application] = deque()
        self._running: Application | None = None
        self._serial = 0
        self.recorded_to: list[str] = []
        self._variables: dict[str, str] = {}
        self._linger: float | None = 0.0
        self._heard_prompt = self._recorded = self._bridged = self._masked = False
        self._hung = self._done = False
        self.plain_values, self.json_values = self._first_values(number)
        switch.calls[self.uuid] = self

    def _first_values(self, number: int) -> tuple[Values, Values]:
        tag = f"{number:08d}"
        load = self.switch.load
        frames = load.audio_ms * 8
        words = {
            "core": self.switch.core,
            "session": str(number),
            "uuid": self.uuid,
            "other": self.other,
            "number": f"0999{number:07d}",
            "dialled": load.dialled,
            "name": f"Caller-{tag}",
            "sip_call": f"9f05{tag}-621f-1240-e588-2af5bdb5f768",
            "from_tag": f"K0tjU{tag}",
            "to_tag": f"m9KBX{tag}",
            "local_port": str(20000 + number * 2 % 20000),
            "remote_port": str(40000 + number * 2 % 20000),
            "ssrc": str(1700000000 + number),
            "created": str(time.time_ns() // 1000),
            "answered": "0",
            "bridged": "0",
            "hungup": "0",
            "response": "_none_",
            "status": "done",
            "heard_samples": "0",
            "heard_ms": "0",
            "heard_s": "0",
            "record_size": str(44 + frames * 4),
            "record_samples": str(frames),
            "record_s": str(load.audio_ms // 1000),
            "record_ms": str(load.audio_ms),
            "agent": f"2{number:06d}",
            "feature": "",
        }
        values = [b""] * len(AT)
        for name, word in words.items():
            values[AT[name]] = word.encode()
        return values, values.copy()

    def _set(self, name: str, text: str) -> None:
        self.plain_values[AT[name]] = plain_value(text)
        self.json_values[AT[name]] = json_value(text)

    def _let(self, name: str, value: str) -> None:
        """A channel variable of the client's, seen in every later event."""
        self._variables[name] = value
        for values, as_json in ((self.plain_values, False), (self.json_values, True)):
            values[AT["vars"]] = b"".join(
                variable(key, text, as_json) for key, text in self._variables.items()
            )

    # The socket

    def on_events(self, mask: int) -> None:
        """See :class:`~.peer.Peer`."""
        if not self._established_ns and not self._establish():
            return
        super().on_events(mask)

    def _establish(self) -> bool:
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.lost(f"connect failed: {os.strerror(error)}")
            return False
        self.established(time.time_ns())
        self.switch.want_write(self, False)
        return True

    def established(self, now_ns: int) -> None:
        """The three-way handshake is over."""
        self._established_ns = now_ns
        self.switch.connecting.append((now_ns - self._connect_ns) / 1e6)

    def heard(self, arrived: int) -> None:
        """See :class:`~.peer.Peer`."""
        if self._established_ns > 0:
            self.switch.first_byte.append(max(0.0, (arrived - self._established_ns) / 1e6))
            self._established_ns = -1
        if self._prompt_ns > 0:
            self.switch.next_command.append(max(0.0, (arrived - self._prompt_ns) / 1e6))
            self._prompt_ns = -1

    def lost(self, why: str) -> None:
        """The end of the socket is the end of this call's account."""
        if self.closed:
            return
        if self._done:
            # A client that closes with the last notices unread resets the connection: no harm.
            why = ""
        elif not why:
            why = "the client closed before the end"
        missing = [
            word
            for word, there in (
                ("announcement", self._heard_prompt),
                ("recording", self._recorded),
                ("bridge", self._bridged),
            )
            if not there
        ]
        if not why and missing:
            why = "ended without " + ", ".join(missing)
        self.close()
        self.switch.over(self, why, self._masked)

    # Commands of the client

    def command(self, line: str, headers: dict[str, str]) -> None:
        """What only the outbound socket knows; the rest is common."""
        verb, _, rest = line.partition(" ")
        if verb == "connect":
            self.switch.stamp(self.plain_values, self.json_values)
            self._set("app", "socket")
            self._set("data", f"127.0.0.1:{self.switch.load.port} async full")
            self.send(self.switch.connect_reply.fill(self.plain_values))
        elif verb == "linger":
            self._linger = float(rest) if rest else None
            self.send(reply(f"+OK will linger {rest} seconds" if rest else "+OK will linger"))
        elif verb == "nolinger":
            self._linger = 0.0
            self.send(reply("+OK will not linger"))
        elif verb == "myevents":
            self.names |= MYEVENTS
            self.as_json = "json" in rest
            self.send(reply("+OK Events Enabled"))
        elif verb == "sendmsg" and rest.strip() in {"", self.uuid}:
            if self._hung:
                self.send(reply("-ERR invalid session id"))
            else:
                self.send(reply("+OK"))
                self.message(headers)
        else:
            super().command(line, headers)

    def message(self, headers: dict[str, str]) -> None:
        """``sendmsg``: queued behind the application that runs."""
        order = headers.get("call-command", "")
        if order == "hangup":
            self.hang_up()
        elif order == "execute" and not self._hung:
            self._serial += 1
            self._queue.append(
                Application(
                    headers.get("execute-app-name", ""),
                    headers.get("execute-app-arg", ""),
                    headers.get("event-uuid") or self.switch.new_uuid(),
                    self._serial,
                )
            )
            if self._running is None:
                self._next()

    # Applications

    def emit(self, template: str) -> None:
        """Send an event to whoever subscribed to it."""
        self.switch.emit(self, template)

    def _introduce(self, app: Application) -> None:
        self._set("app", app.name)
        self._set("data", app.data)
        self._set("appid", app.uuid)
        self._set("response", "_none_")

    def _next(self) -> None:
        while self._queue and self._running is None and not self._hung:
            app = self._running = self._queue.popleft()
            self._introduce(app)
            self.emit("CHANNEL_EXECUTE")
            seconds = self._begin(app)
            if seconds == AT_ONCE:
                self._complete(app)
            elif seconds is not None:
                self.switch.after(seconds, partial(self._timed_out, app))

    def _timed_out(self, app: Application) -> None:
        if self._running is app and not self._hung:
            self._complete(app)
            self._next()

    def _begin(self, app: Application) -> float | None:
        """Do it; how many seconds it takes, None where something else ends it."""
        load = self.switch.load
        if app.name == "answer":
            self._set("answered", str(time.time_ns() // 1000))
            self.emit("CHANNEL_PROGRESS_MEDIA")
            self.emit("CHANNEL_ANSWER")
        elif app.name in {"set", "export"}:
            name, _, value = app.data.partition("=")
            self._let(name, value)
        elif app.name == "multiset":
            for pair in app.data.split(" "):
                name, _, value = pair.partition("=")
                self._let(name, value)
        elif app.name in PLAYS:
            self.emit("PLAYBACK_START")
            return load.prompt_ms / 1000
        elif app.name == "bridge":
            self.switch.after(load.ring_ms / 1000, self._answered_by_agent)
            return None
        elif app.name == "sleep":
            return max(0.001, float(app.data or 0) / 1000)
        elif app.name == "park":
            return None
        elif app.name == "record_session":
            self.record("start", app.data)
        elif app.name == "hangup":
            self.switch.after(0.001, self.hang_up)
        return AT_ONCE

    def _complete(self, app: Application, status: str = "done") -> None:
        self._introduce(app)
        template = "CHANNEL_EXECUTE_COMPLETE.set"
        if app.name in PLAYS:
            # Time is compressed: a prompt takes ``prompt_ms`` and was heard to its end.
            heard = length_ms(app.data) or self.switch.load.prompt_ms
            self._set("heard_ms", str(heard))
            self._set("heard_s", str(heard // 1000))
            self._set("heard_samples", str(heard * 8))
            self._set("status", status)
            self.emit("PLAYBACK_STOP")
            self._set("response", "FILE PLAYED")
            template = "CHANNEL_EXECUTE_COMPLETE.playback"
            if not self._heard_prompt:
                self._heard_prompt = True
                self._prompt_ns = time.time_ns()
        elif app.name == "answer":
            template = "CHANNEL_EXECUTE_COMPLETE.answer"
        self.emit(template)
        self._running = None

    def _answered_by_agent(self) -> None:
        if not self._hung:
            self._set("bridged", str(time.time_ns() // 1000))
            self._bridged = True
            self.switch.agents.add(self.other)
            self.emit("CHANNEL_BRIDGE")
            if self.stays:
                self.switch.keys.connected(self)
            else:
                self.switch.after(self.switch.load.talk_ms / 1000, self.hang_up)

    def stop_playing(self) -> None:
        """``uuid_break``."""
        app = self._running
        if app is not None and app.name in PLAYS:
            self._complete(app, "break")
            self._next()

    # What api does to a call

    def get(self, name: str) -> str:
        """``uuid_getvar``."""
        return self._variables.get(name, "_undef_")

    def let(self, name: str, value: str) -> None:
        """``uuid_setvar``."""
        self._let(name, value)

    def record(self, action: str, path: str) -> str:
        """``uuid_record``."""
        if action == "start":
            if path not in self.recorded_to:
                self.switch.recordings.begin(path)
                self.recorded_to.append(path)
                self._recorded = True
                self._set("record", path)
                self.emit("RECORD_START")
        elif action == "stop":
            if path in self.recorded_to:
                self.recorded_to.remove(path)
                self.switch.after(AFTER_STOP_S, lambda: self._stopped(path))
        elif action in {"mask", "unmask", "pause", "resume"}:
            if path not in self.recorded_to:
                return f"-ERR Cannot {action} recording session!\n"
            self._masked = self._masked or action == "mask"
        else:
            return "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>]\n"
        return "+OK Success\n"

    def _stopped(self, path: str) -> None:
        self.switch.recordings.end(path)
        self._set("record", path)
        self.emit("RECORD_STOP.live" if not self._hung else "RECORD_STOP")

    # The end

    def hang_up(self) -> None:
        """The call is over; events follow as FreeSWITCH's threads send them."""
        if self._hung:
            return
        self._hung = True
        self._queue.clear()
        self._set("hungup", str(time.time_ns() // 1000))
        self.emit(self._ending("CHANNEL_HANGUP"))
        self.emit(self._ending("CHANNEL_STATE"))
        self.switch.after(LATER_STEPS_S, self._end_applications)

    def _ending(self, template: str) -> str:
        return template if self._bridged else f"{template}.unbridged"

    def _end_applications(self) -> None:
        if self._bridged:
            self.emit("CHANNEL_UNBRIDGE")
        app, self._running = self._running, None
        if app is not None:
            self._introduce(app)
            if app.name in PLAYS:
                self.emit("PLAYBACK_STOP.unbridged")
                self._set("response", "PLAYBACK ERROR")
            self.emit(self._ending("CHANNEL_EXECUTE_COMPLETE"))
        data = f"127.0.0.1:{self.switch.load.port} async full"
        self._introduce(Application("socket", data, self.switch.new_uuid(), 0))
        self.emit(self._ending("CHANNEL_EXECUTE_COMPLETE.socket"))
        while self.recorded_to:
            self._stopped(self.recorded_to.pop(0))
        self.switch.after(LATER_STEPS_S, self._report)

    def _report(self) -> None:
        # The reporting variables name what ran last, which was the bridge.
        self._set("app", "bridge" if self._bridged else "playback")
        self._done = True
        self.emit(self._ending("CHANNEL_HANGUP_COMPLETE"))
        self.emit(self._ending("CHANNEL_STATE"))
        if self._linger == 0.0:
            self._disconnect()
            return
        channel = f"Channel-Name: sofia/lab/{self.plain_values[AT['number']].decode()}@127.0.0.1"
        seconds = -1 if self._linger is None else int(self._linger)
        self.send(
            (
                f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {self.uuid}\n"
                f"Content-Disposition: linger\n{channel}\nLinger-Time: {seconds}\n"
                "Content-Length: 0\n\n"
            ).encode()
        )
        self.emit(self._ending("CHANNEL_DESTROY"))
        if self._linger is not None:
            self.switch.after(self._linger, self._disconnect)

    def _disconnect(self) -> None:
        if self.closed:
            return
        self.send(
            b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: %b\n"
            b"Content-Disposition: disconnect\nContent-Length: %d\n\n%b"
            % (self.uuid.encode(), len(GOODBYE), GOODBYE)
        )
        self.lost("")
