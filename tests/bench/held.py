"""FreeSWITCH as an engine finds it that starts again: calls went on, and so do their recordings.

    python -m tests.bench.held --inbound-port 8021 --spool FOLDER --calls 500 --paused 100

offers the inbound event socket of a FreeSWITCH that has the first so many calls of
:mod:`tests.bench.left`, whose recordings grow as those of calls do. A line of JSON goes to
standard output with the moment at which all of them are listened to, and one with that at which
all that were paused are masked. It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click

from ivr.storage.places import Places

from .contender import NUMBER
from .journalled import agent_of, call_id
from .left import SWITCH
from .peer import Inbound
from .switch import OK, Switch

_GROWS_S = 0.25
_SECOND = 32_000


class _Listener(Inbound):
    """A client that says which calls it wants to hear of."""

    __slots__ = ()

    def command(self, line: str, headers: dict[str, str]) -> None:
        """See :class:`Inbound`."""
        super().command(line, headers)
        words = line.split(" ")
        if words[0] == "filter" and isinstance(self.switch, Held):
            self.switch.listened(words[-1])


class Held(Switch):
    """Calls that are connected and stay so."""

    client = _Listener

    def __init__(self, calls: Iterable[str], paused: Iterable[str], places: Places) -> None:
        super().__init__()
        self.core = SWITCH
        self._legs = {leg: call for call in calls for leg in (call, agent_of(call))}
        self._silent = set(self._legs.values())
        """Those of which no client wants to hear yet."""
        self._paused = frozenset(paused)
        self._unmasked = set(self._paused)
        self._growing = {
            places.recorded(call): os.open(places.recorded(call), os.O_WRONLY | os.O_APPEND)
            for call in self._silent
        }
        self._piece = bytes(int(_SECOND * _GROWS_S))
        self.after(_GROWS_S, self._grow)

    def listened(self, leg: str) -> None:
        """A client wants to hear of this leg."""
        if leg in self._silent:
            self._silent.discard(leg)
            if not self._silent:
                _say("followed")

    def api(self, line: str) -> str:
        """See :class:`Switch`."""
        verb, *words = line.split(" ")
        if verb == "global_getvar":
            return self.core
        leg = words[0].removeprefix("uuid:") if words else ""
        if leg not in self._legs:
            return super().api(line)
        match verb, words[1:]:
            case "uuid_exists", _:
                return "true"
            case "eval", _:
                return "ACTIVE"
            case "uuid_getvar", [name, *_]:
                return self._variable(leg, name)
            case "uuid_record", ["mask", *_]:
                if leg in self._unmasked:
                    self._unmasked.discard(leg)
                    if not self._unmasked:
                        _say("masked")
            case "uuid_record", ["stop", path, *_] if path in self._growing:
                os.close(self._growing.pop(path))
        return OK

    def _variable(self, leg: str, name: str) -> str:
        agent = self._legs[leg] != leg
        return {
            "bridge_uuid": self._legs[leg] if agent else agent_of(leg),
            "direction": "outbound" if agent else "inbound",
            "destination_number": "2001" if agent else NUMBER,
            "caller_id_number": "07700900123",
            "ivr_route": "bench",
            "ivr_called": NUMBER,
            "ivr_paused": "agent@1" if leg in self._paused else "_undef_",
        }.get(name, "_undef_")

    def _grow(self) -> None:
        self.after(_GROWS_S, self._grow)
        for file in self._growing.values():
            os.write(file, self._piece)


def _say(what: str) -> None:
    print(json.dumps({what: time.monotonic()}), flush=True)


@click.command(help=__doc__)
@click.option("--inbound-port", type=int, required=True)
@click.option("--spool", type=click.Path(path_type=Path), required=True)
@click.option("--calls", default=500, show_default=True)
@click.option("--paused", default=100, show_default=True)
def main(inbound_port: int, spool: Path, calls: int, paused: int) -> None:
    """Have the calls."""
    ids = [call_id(number) for number in range(calls)]
    switch = Held(ids, ids[:paused], Places(spool))
    switch.listen(inbound_port)
    _say("listening")
    switch.idle(sys.stdin.fileno())


if __name__ == "__main__":
    main()
