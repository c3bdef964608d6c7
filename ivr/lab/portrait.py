"""What an event shows of a leg: its headers, its caller profile and the other leg's."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ivr.lab import headers
from ivr.lab.event import Event, Value

if TYPE_CHECKING:
    from ivr.lab.board import Switchboard
    from ivr.lab.leg import Leg


def fields(leg: Leg) -> dict[str, str]:
    """What the tables of :mod:`ivr.lab.headers` are filled with."""
    party, times, other = leg.party, leg.times, leg.other
    return {
        "uuid": leg.uuid,
        "call_uuid": other.uuid if leg.outbound and other is not None else leg.uuid,
        "originator": other.uuid if other is not None else "",
        "channel": leg.channel,
        "session": str(leg.session),
        "direction": "outbound" if leg.outbound else "inbound",
        "logical_direction": "outbound" if leg.outbound else "inbound",
        "hit_dialplan": "false" if leg.outbound else "true",
        "username": party.number,
        "number": party.number,
        "name": party.name,
        "dialled": party.dialled,
        "context": party.context,
        "address": party.address,
        "host": party.address,
        "callee_name": leg.callee,
        "callee_number": leg.callee,
        "state": leg.state,
        "state_number": str(leg.state_number),
        "callstate": leg.callstate,
        "answer_state": ("hangup" if leg.down else "answered" if leg.answered else "ringing"),
        "hangup_cause": leg.hangup_cause,
        "codec": "PCMU" if leg.rate == 8000 else "G722",
        "rate": str(leg.rate),
        "dialplan": leg.dialplan,
        "rdnis": leg.rdnis,
        "transfer_source": leg.transfer_source,
        "profile_index": str(leg.profiles),
        "profile_us": str(times.profile),
        "created_us": str(times.created),
        "answered_us": str(times.answered),
        "progress_us": str(times.progress),
        "media_us": str(times.media),
        "hangup_us": str(times.hangup),
        "bridged_us": str(times.bridged),
        "sip_call_id": f"{leg.uuid[::-1]}",
        "from_tag": f"labF{leg.session}",
        "to_tag": f"labT{leg.session}",
        "branch": f"lab{leg.session}",
        "sdp": str(1_795_400_000 + leg.session),
        "media_port": str(20_000 + 2 * (leg.session % 10_000)),
        "ssrc": str(1_730_000_000 + leg.session),
    }


def look_up(leg: Leg, name: str) -> str:
    """What ``${name}`` stands for: a variable of the leg, of its caller profile, of the switch."""
    profile = {
        "direction": "outbound" if leg.outbound else "inbound",
        "destination_number": leg.party.dialled,
        "caller_id_name": leg.party.name,
        "caller_id_number": leg.party.number,
        "context": leg.party.context,
        "dialplan": leg.dialplan,
        "rdnis": leg.rdnis,
        "uuid": leg.uuid,
    }
    return leg.get(name) or profile.get(name) or leg.switch.variables.get(name, "")


def event_of(
    leg: Leg,
    name: str,
    after: Iterable[tuple[str, str]],
    before: Iterable[tuple[str, str]],
    *,
    variables: bool,
) -> Event:
    """An event of a leg: core, channel and profile headers, then its variables."""
    found: list[tuple[str, Value]] = [("Event-Name", name), *event_stamp(leg.switch, name)]
    found += before
    known = fields(leg)
    found += headers.fill(headers.CHANNEL, known)
    if leg.times.media:
        found += headers.fill(headers.CODECS, known)
    found += _prefixed("Caller-", known)
    if leg.other is not None:
        found.append(("Other-Type", "originator" if leg.outbound else "originatee"))
        found += _others_profile(leg, leg.other)
    if variables:
        found += [(f"variable_{key}", value) for key, value in leg.variables.items()]
    found += after
    return Event(name, found)


def profile(leg: Leg, prefix: str) -> list[tuple[str, str]]:
    """A leg's caller profile under a prefix."""
    return _prefixed(prefix, fields(leg))


def _others_profile(leg: Leg, other: Leg) -> list[tuple[str, str]]:
    """The other leg as it was copied into this one; the called leg's copy has no times."""
    known = {**fields(other), "logical_direction": "inbound"}
    known |= {"profile_index": "", "transfer_source": "", "rdnis": ""}
    if leg.outbound:
        known |= {name: "0" for name in known if name.endswith("_us")}
        known |= {"callee_name": "", "callee_number": ""}
    return _prefixed("Other-Leg-", known)


def event_stamp(switch: Switchboard, name: str) -> list[tuple[str, str]]:
    """Which switch made an event, when, and where in its program."""
    us = switch.clock.wall_ms() * 1000
    moment = time.gmtime(us // 1_000_000)
    file, function, line = headers.CALLING.get(name, headers.CALLING_ELSE)
    return [
        ("Core-UUID", switch.core_uuid),
        *headers.SWITCH,
        ("Event-Date-Local", time.strftime("%Y-%m-%d %H:%M:%S", moment)),
        ("Event-Date-GMT", time.strftime("%a, %d %b %Y %H:%M:%S GMT", moment)),
        ("Event-Date-Timestamp", str(us)),
        ("Event-Calling-File", file),
        ("Event-Calling-Function", function),
        ("Event-Calling-Line-Number", line),
        ("Event-Sequence", str(switch.next_sequence())),
    ]


def _prefixed(prefix: str, known: Mapping[str, str]) -> list[tuple[str, str]]:
    return headers.fill(headers.PROFILE, known, prefix)
