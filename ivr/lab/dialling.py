"""Calling somebody from a leg: dial strings, ringing, and what is told of it.

docs/freeswitch.md 21, 35, and those on ring groups and on telling the called person first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ivr.lab.audio import SILENCE, RingBack
from ivr.lab.leg import Leg
from ivr.lab.session import run_messages

_DIALSTATUS = {
    "SUCCESS": "SUCCESS",
    "USER_BUSY": "BUSY",
    "NO_ANSWER": "NOANSWER",
    "NO_USER_RESPONSE": "NOANSWER",
    "ORIGINATOR_CANCEL": "CANCEL",
    "CALL_REJECTED": "DONTCALL",
    "UNALLOCATED_NUMBER": "INVALIDARGS",
}

_SIP = {
    "UNALLOCATED_NUMBER": ("404", "Not Found"),
    "USER_BUSY": ("486", "Busy Here"),
    "CALL_REJECTED": ("603", "Decline"),
    "NO_USER_RESPONSE": ("408", "Request Timeout"),
    "SUBSCRIBER_ABSENT": ("480", "Temporarily Unavailable"),
    "DESTINATION_OUT_OF_ORDER": ("502", "Bad Gateway"),
    "NORMAL_TEMPORARY_FAILURE": ("503", "Service Unavailable"),
}

RING_SECONDS = 60
"""How long FreeSWITCH lets a destination ring that nobody limited."""


@dataclass(frozen=True, slots=True)
class Dial:
    """One destination of a dial string."""

    endpoint: str
    """Such as ``sofia/lab/agent@127.0.0.1:5080`` or ``error/USER_BUSY``."""
    variables: tuple[tuple[str, str], ...]

    @property
    def user(self) -> str:
        """The number or name that is called."""
        return self.endpoint.rsplit("/", 1)[-1].split("@", 1)[0]

    def get(self, name: str) -> str:
        """A variable of the dial string, the last one where it is given twice."""
        return dict(self.variables).get(name, "")


def parse_dial_string(text: str) -> list[list[Dial]]:
    """Read ``{a=b}[c=d]endpoint,endpoint|endpoint``: groups that are tried one after the other,
    and in each the telephones that ring at once."""
    everyone, rest = _brackets(text.strip(), "{}")
    groups = []
    for part in re.split(r"\|(?![^\[]*\])", rest):
        group = []
        for one in re.split(r",(?![^\[]*\])", part):
            own, endpoint = _brackets(one.strip(), "[]")
            if endpoint:
                group.append(Dial(endpoint, (*everyone, *own)))
        if group:
            groups.append(group)
    return groups


def _brackets(text: str, pair: str) -> tuple[tuple[tuple[str, str], ...], str]:
    found: list[tuple[str, str]] = []
    while text.startswith(pair[0]) and pair[1] in text:
        inner, text = text[1:].split(pair[1], 1)
        for item in _split_commas(inner):
            name, _, value = item.partition("=")
            found.append((name.strip(), value.strip("'")))
    return tuple(found), text


def _split_commas(text: str) -> list[str]:
    """Split at commas that are neither quoted nor escaped."""
    items = re.findall(r"(?:'[^']*'|\\.|[^,'\\])+", text)
    return [item.replace("\\,", ",") for item in items]


@dataclass(slots=True)
class _Ringing:
    """A telephone that is being called."""

    leg: Leg
    dial: Dial
    end_ms: int | None
    """When it has rung for long enough."""

    def over(self, now: int) -> bool:
        """Whether it rang too long. Who hears an announcement first may have time for that."""
        late = self.end_ms is not None and now >= self.end_ms
        told = self.leg.answered and bool(self.dial.get("group_confirm_cancel_timeout"))
        return late and not told


def call_somebody(leg: Leg, groups: list[list[Dial]]) -> tuple[Leg | None, str]:
    """Call one group after the other; the leg that is to be joined, and ``SUCCESS``, or why there
    is none."""
    cause, told = "DESTINATION_OUT_OF_ORDER", []
    if not groups:
        return None, cause
    now = leg.clock.monotonic_ms()
    end = now + _whole_s(leg, groups[0][0]) * 1000
    with _hearing_it_ring(leg):
        for group in groups:
            ringing = [_call(leg, dial) for dial in group]
            winner, cause = _ring(leg, ringing, end)
            told += [f"{one.leg.uuid};{one.leg.hangup_cause or 'NONE'}" for one in ringing]
            leg.set("originate_causes", tuple(told) if len(told) > 1 else told[0])
            leg.set("originate_disposition", cause)
            leg.set("DIALSTATUS", _DIALSTATUS.get(cause, cause))
            if winner is not None:
                leg.set("originate_signal_bond", None)
                return winner, cause
            _failed(leg, cause, ringing[-1].leg.hangup_cause)
            if leg.leaving or leg.clock.monotonic_ms() >= end:
                break
    return None, cause


def _call(leg: Leg, dial: Dial) -> _Ringing:
    other = leg.switch.call(leg, dial)
    other.confirming = dial.get("group_confirm_key") == "exec"
    leg.set("originate_signal_bond", other.uuid)
    leg.set("originated_legs", f"{other.uuid};Outbound Call;{dial.user}")
    seconds = dial.get("leg_timeout")
    limit = int(seconds) * 1000 if seconds.isdigit() else 0
    return _Ringing(other, dial, leg.clock.monotonic_ms() + limit if limit else None)


def _failed(leg: Leg, cause: str, last: str) -> None:
    if cause in _SIP:
        status, phrase = _SIP[cause]
        leg.set("sip_invite_failure_status", status)
        leg.set("sip_invite_failure_phrase", phrase)
        leg.set("sip_hangup_phrase", phrase)
        leg.set("last_bridge_proto_specific_hangup_cause", f"sip:{status}")
    leg.set("last_bridge_hangup_cause", last or cause)


def _whole_s(leg: Leg, dial: Dial) -> int:
    """For how long the whole list is tried."""
    seconds = [
        int(text)
        for text in (
            dial.get("originate_timeout"),
            dial.get("call_timeout") or leg.get("call_timeout"),
            leg.get("originate_timeout"),
        )
        if text.isdigit() and int(text)
    ]
    return min(seconds, default=RING_SECONDS)


@contextmanager
def _hearing_it_ring(leg: Leg) -> Iterator[None]:
    before = leg.ear.source
    rings = leg.answered or bool(leg.get("ringback"))
    leg.ear.change(RingBack(leg.clock.monotonic_ms()) if rings else SILENCE)
    try:
        yield
    finally:
        leg.ear.change(before)


def _ring(leg: Leg, ringing: list[_Ringing], end: int) -> tuple[Leg | None, str]:
    """Wait while telephones ring; who is to be joined, and the cause: ``SUCCESS``, or that of the
    first telephone.

    No key of the caller is taken meanwhile: each is told once the legs are joined.
    """
    while True:
        now = leg.clock.monotonic_ms()
        if leg.leaving:
            _end(ringing, "ORIGINATOR_CANCEL")
            return None, "ORIGINATOR_CANCEL"
        run_messages(leg)
        up = [one for one in ringing if not one.leg.down]
        winner = next((one for one in up if one.leg.answered and not one.leg.confirming), None)
        if winner is not None:
            _end([one for one in up if one is not winner], "LOSE_RACE")
            return winner.leg, "SUCCESS"
        if now >= end:
            _end(up, "NO_ANSWER")
        _end([one for one in up if one.over(now)], "ALLOTTED_TIMEOUT")
        up = [one for one in up if not one.leg.down]
        if not up:
            return None, ringing[0].leg.hangup_cause
        if not leg.leaving:
            leg.wait(min([end, *(one.end_ms for one in up if one.end_ms and one.end_ms > now)]))


def _end(ringing: list[_Ringing], cause: str) -> None:
    for one in ringing:
        one.leg.hang_up(cause)
