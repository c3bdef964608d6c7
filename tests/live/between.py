"""Stands between FreeSWITCH and the engine: counts the keys that the engine is told of, and has
FreeSWITCH refuse the mask of chosen calls, or not hear of it.

FreeSWITCH refuses a mask only for a recording that it does not have (docs/freeswitch.md 15). So
the path in the engine's command is spoilt on its way: the refusal is FreeSWITCH's own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

import gevent
from gevent.event import Event
from gevent.server import StreamServer
from gevent.socket import create_connection, socket

_CALL = re.compile(rb"^Unique-ID: (\S+)", re.MULTILINE)
_MASK = re.compile(rb"(uuid_record (\S+) mask [^\s]+)")


class Between:
    """Passes on what the two say to each other, call by call."""

    def __init__(self, engine: int) -> None:
        self._engine = engine
        self.refused: set[str] = set()
        """Legs whose masks are spoilt."""
        self.late: dict[str, Event] = {}
        """Calls of which FreeSWITCH hears nothing more, from the mask on, until the event."""
        self._told: defaultdict[str, bytes] = defaultdict(bytes)
        self._server = StreamServer(("127.0.0.1", 0), self._pass)
        self._server.start()
        self.port: int = self._server.server_port

    def close(self) -> None:
        self._server.stop()

    def keys(self, call_id: str) -> int:
        """Of how many keys FreeSWITCH has told the engine on the call's own socket."""
        return self._told[call_id].count(b"Event-Name: DTMF\n")

    def _pass(self, switch: socket, _address: object) -> None:
        try:
            engine = create_connection(("127.0.0.1", self._engine))
        except OSError:  # it is dead, and FreeSWITCH shall notice
            return
        with engine:
            both = [
                gevent.spawn(_pump, switch, engine, self._keeper()),
                gevent.spawn(_pump, engine, switch, self._hinder),
            ]
            gevent.wait(both, count=1)
            gevent.killall(both)

    def _keeper(self) -> Callable[[bytes], bytes]:
        """Keeps what FreeSWITCH says on one connection."""
        call_id, said = "", b""

        def keep(data: bytes) -> bytes:
            nonlocal call_id, said
            if not call_id:
                said += data
                if not (named := _CALL.search(said)):
                    return data
                call_id = named[1].decode()
                self._told[call_id] = said
            else:
                self._told[call_id] += data
            return data

        return keep

    def _hinder(self, data: bytes) -> bytes:
        for match in _masks(data):
            if late := self.late.get(match[2].decode()):
                late.wait()
        return self._spoil(data)

    def _spoil(self, data: bytes) -> bytes:
        for match in reversed(_masks(data)):
            if match[2].decode() in self.refused:
                data = data[: match.end()] + b".not" + data[match.end() :]
        return data


def _masks(data: bytes) -> list[re.Match[bytes]]:
    """Those of pauses: a recording that begins masked is, in one breath."""
    return [
        match
        for match in _MASK.finditer(data)
        if b"uuid_record %s start" % match[2] not in data[: match.start()]
    ]


def _pump(come: socket, go: socket, change: Callable[[bytes], bytes]) -> None:
    try:
        while data := come.recv(65_536):
            go.sendall(change(data))
    except OSError:  # one of the two is gone: so is the connection
        return
