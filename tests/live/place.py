"""Places scripted calls on a real FreeSWITCH: the scripts are those of the lab switch."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import uuid4

import gevent
from gevent.event import Event
from gevent.socket import create_connection

from ivr.esl.session import Link
from ivr.esl.translate import FEATURE
from ivr.esl.wire import Message, line
from ivr.lab.script import (
    AfterPrompt,
    CallScript,
    DuringPrompt,
    HangUp,
    Keys,
    Step,
    Wait,
    WhenConnected,
)
from tests.live.freeswitch import PASSWORD

_EVENTS = (
    "CHANNEL_CREATE PLAYBACK_START PLAYBACK_STOP CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE"
    " DTMF CHANNEL_APPLICATION"
)
_MARKS = {
    DuringPrompt: "PLAYBACK_START",
    AfterPrompt: "PLAYBACK_STOP",
    WhenConnected: "CHANNEL_BRIDGE",
}
_CODECS = {8000: "PCMU", 16000: "L16@16000h"}
PATIENCE_S = 90.0


@dataclass
class Placed:
    """A call on its way."""

    script: CallScript
    caller_leg: str
    number: str = ""
    """The caller's."""
    a_leg: str = ""
    b_leg: str = ""
    """Whom the A leg is, or last was, connected to."""
    far_leg: str = ""
    """The other end of that leg: the agent's telephone, the payment line's."""
    seen: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    changed: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)
    events: list[str] = field(default_factory=list)


class Feature(NamedTuple):
    """A feature code that FreeSWITCH noticed."""

    leg: str
    name: str
    at_us: int
    """By the host's wall clock."""


class Caller:
    """Makes calls over one connection to FreeSWITCH's event socket."""

    def __init__(self, esl: int, sip: int, desk: int, before: Caller | None = None) -> None:
        """``desk`` is where staff call; ``before`` who called over a connection that is gone."""
        self._sip = sip
        self._desk = desk
        self._by_number: dict[str, Placed] = before._by_number if before else {}
        self._by_leg: dict[str, Placed] = before._by_leg if before else {}
        self._numbers: itertools.count[int] = (
            before._numbers if before else itertools.count(7700900000)
        )
        self.keys: defaultdict[str, str] = defaultdict(str)
        """By leg: the keys of which FreeSWITCH told this connection, for it asked."""
        self.features: list[Feature] = []
        plain = create_connection(("127.0.0.1", esl), 10)
        import socket

        self.link = Link(socket.socket(fileno=plain.detach()), self._heard, self._lost)
        assert self.link.send(f"auth {PASSWORD}").reply.startswith("+OK")
        assert not self.link.send(f"event plain {_EVENTS}").refused

    @property
    def calls(self) -> tuple[Placed, ...]:
        """All that were placed."""
        return tuple(self._by_number.values())

    def api(self, command: str) -> str:
        return self.link.send(f"api {command}").reply

    def place(
        self,
        script: CallScript,
        dialled: str,
        caller_name: str = "Jo Bloggs",
        *,
        desk: bool = False,
    ) -> Placed:
        """Begin a call, from the desk of staff or from outside; its steps are done in a greenlet
        of its own."""
        number = f"0{next(self._numbers)}"
        call = Placed(script, str(uuid4()), number)
        self._by_number[number] = call
        variables = (
            f"origination_uuid={call.caller_leg},origination_caller_id_number={number},"
            f"origination_caller_id_name='{caller_name}',absolute_codec_string={_CODECS[script.rate]}"
        )
        target = f"sofia/lab/{dialled}@127.0.0.1:{self._desk if desk else self._sip}"
        self.link.post(line(f"bgapi originate {{{variables}}}{target} caller XML public"), None)
        gevent.spawn(self._act, call)
        return call

    def _act(self, call: Placed) -> None:
        for step in call.script.steps:
            if not self._do(call, step):
                return

    def _do(self, call: Placed, step: Step) -> bool:
        match step:
            case Wait(ms):
                gevent.wait([call.over], timeout=ms / 1000)
            case Keys(keys=keys, gap_ms=gap_ms, press_ms=press_ms):
                for key in keys:
                    self.api(f"uuid_send_dtmf {call.caller_leg} {key}@{press_ms}")
                    gevent.wait([call.over], timeout=(press_ms + gap_ms) / 1000)
            case HangUp():
                self.api(f"uuid_kill {call.caller_leg}")
            case DuringPrompt(ms) | AfterPrompt(ms) | WhenConnected(ms):
                mark = _MARKS[type(step)]
                call.used[mark] += 1
                while call.seen[mark] < call.used[mark] and not call.over.is_set():
                    call.changed.clear()
                    gevent.wait([call.changed, call.over], count=1)
                gevent.wait([call.over], timeout=ms / 1000)
            case _:
                raise AssertionError(f"{step} is not for a real FreeSWITCH yet")
        return not call.over.is_set()

    def _heard(self, message: Message) -> None:
        leg = message.first(b"Unique-ID") or ""
        name = message.event_name
        if name == "DTMF":
            self.keys[leg] += message.first(b"DTMF-Digit") or ""
        elif name == "CHANNEL_APPLICATION" and message.last(FEATURE):
            at = int(message.first(b"Event-Date-Timestamp") or 0)
            self.features.append(Feature(leg, message.last(FEATURE) or "", at))
        if name == "CHANNEL_CREATE" and message.first(b"Call-Direction") == "inbound":
            number = message.first(b"Caller-Caller-ID-Number") or ""
            call = self._by_number.get(number)
            if call is not None and call.a_leg:
                call.far_leg = leg
            elif call is not None:
                call.a_leg = leg
                self._by_leg[leg] = call
        call = self._by_leg.get(leg)
        if name == "CHANNEL_BRIDGE":
            beside = self._by_leg.get(message.first(b"Bridge-B-Unique-ID") or "")
            if beside is not None:  # somebody took the call from elsewhere (50)
                beside.b_leg = leg
        if call is None:
            return
        if name == "CHANNEL_BRIDGE":
            call.b_leg = message.first(b"Other-Leg-Unique-ID") or ""
        call.seen[name] += 1
        call.events.append(name)
        call.changed.set()
        if name == "CHANNEL_HANGUP_COMPLETE":
            call.over.set()

    def _lost(self, reason: str) -> None:
        for call in [*self._by_leg.values(), *self._by_number.values()]:
            call.over.set()
