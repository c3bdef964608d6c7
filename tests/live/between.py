"""Stands between FreeSWITCH and the engine, and has FreeSWITCH refuse the mask of chosen calls.

FreeSWITCH refuses a mask only for a recording that it does not have (docs/freeswitch.md 15). So
the path in the engine's command is spoilt on its way: the refusal is FreeSWITCH's own.
"""

from __future__ import annotations

import re

import gevent
from gevent.server import StreamServer
from gevent.socket import create_connection, socket

_MASK = re.compile(rb"(uuid_record (\S+) mask [^\s]+)")


class Between:
    """Passes on what the two say to each other, call by call."""

    def __init__(self, engine: int) -> None:
        self._engine = engine
        self.refused: set[str] = set()
        """Legs whose masks are spoilt."""
        self._server = StreamServer(("127.0.0.1", 0), self._pass)
        self._server.start()
        self.port: int = self._server.server_port

    def close(self) -> None:
        self._server.stop()

    def _pass(self, switch: socket, _address: object) -> None:
        try:
            engine = create_connection(("127.0.0.1", self._engine))
        except OSError:  # it is dead, and FreeSWITCH shall notice
            return
        with engine:
            both = [
                gevent.spawn(_pump, switch, engine, bytes),
                gevent.spawn(_pump, engine, switch, self._spoil),
            ]
            gevent.wait(both, count=1)
            gevent.killall(both)

    def _spoil(self, data: bytes) -> bytes:
        def spoilt(match: re.Match[bytes]) -> bytes:
            return match[1] + b".not" if match[2].decode() in self.refused else match[1]

        return _MASK.sub(spoilt, data)


def _pump(come: socket, go: socket, change: object) -> None:
    assert callable(change)
    try:
        while data := come.recv(65_536):
            go.sendall(change(data))
    except OSError:  # one of the two is gone: so is the connection
        return
