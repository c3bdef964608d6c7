"""``originate``: the switch calls somebody by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from gevent.event import Event

from ivr.clock import Clock
from ivr.lab.board import Party
from ivr.lab.dialling import RING_SECONDS, Dial, parse_dial_string
from ivr.lab.leg import Leg

_USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] "
    "[<cid_name>] [<cid_num>] [<timeout_sec>]\n"
)


class Caller(Protocol):
    """What it needs of the switch."""

    clock: Clock

    def task_for(self, number: str, dialplan: str, context: str) -> Callable[[Leg], None]:
        """What the dialplan does with a number: a task for a leg's session."""

    def ring(self, dial: Dial, party: Party, task: Callable[[Leg], None]) -> Leg:
        """Call a telephone for nobody; what is done with it when it answers."""


def originate(switch: Caller, text: str) -> str:
    """``{vars}endpoint number|&app(arg) [dialplan] [context] ...``; answers when answered."""
    match = re.match(r"((?:\{[^}]*\})?(?:\[[^\]]*\])?\S+)\s+(&\S+|\S+)(?:\s+(\S+))?", text)
    groups = parse_dial_string(match[1]) if match is not None else []
    if match is None or not groups:
        return _USAGE
    dial = groups[0][0]
    number = dial.get("origination_caller_id_number") or "0000000000"
    application = re.fullmatch(r"&(\w+)(?:\((.*)\))?", match[2])
    task = (
        switch.task_for(f"{application[1]}:'{application[2] or ''}'", "inline", "")
        if application is not None
        else switch.task_for(match[2], match[3] or "XML", "public")
    )
    done = Event()
    leg = switch.ring(dial, Party(number, dial.get("origination_caller_id_name"), dial.user), task)
    leg.watchers.append(lambda name, _: _ended_ringing(name, done))
    seconds = dial.get("originate_timeout")
    limit_ms = (int(seconds) if seconds.isdigit() else RING_SECONDS) * 1000
    timer = switch.clock.after(limit_ms, lambda: _give_up(leg))
    done.wait()
    timer.cancel()
    return f"-ERR {leg.hangup_cause}\n" if leg.down else f"+OK {leg.uuid}\n"


def _give_up(leg: Leg) -> None:
    if not leg.answered:
        leg.hang_up("NO_ANSWER")


def _ended_ringing(name: str, done: Event) -> None:
    if name in {"CHANNEL_ANSWER", "CHANNEL_HANGUP"}:
        done.set()
