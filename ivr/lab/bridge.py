"""Two legs joined: calling the second one, talking, and parting (docs/freeswitch.md 22, 23)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.lab import headers
from ivr.lab.audio import SILENCE, RingBack
from ivr.lab.board import Key
from ivr.lab.holding import end_hold
from ivr.lab.hooks import POST_BRIDGE, execute_on
from ivr.lab.leg import Leg
from ivr.lab.session import application, run_keys, run_messages

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


def parse_dial_string(text: str) -> list[Dial]:
    """Read ``{a=b}[c=d]endpoint|endpoint,...``; tried one after the other."""
    everyone, rest = _brackets(text.strip(), "{}")
    found = []
    for part in re.split(r"[|,](?![^\[]*\])", rest):
        own, endpoint = _brackets(part.strip(), "[]")
        if endpoint:
            found.append(Dial(endpoint, (*everyone, *own)))
    return found


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


@application("bridge")
def bridge(leg: Leg, arg: str) -> None:
    """Call a destination and join the legs until one of them ends."""
    cause = "DESTINATION_OUT_OF_ORDER"
    for dial in parse_dial_string(arg):
        other, cause = _originate(leg, dial)
        if other is not None:
            join(leg, other)
            _after(leg)
            return
        if leg.leaving or cause in {"ORIGINATOR_CANCEL"}:
            break
    leg.set("originate_failed_cause", cause)
    if not leg.leaving and not _goes_on(leg, cause):
        leg.hang_up(cause)


def _goes_on(leg: Leg, cause: str) -> bool:
    wanted = leg.get("continue_on_fail")
    if not wanted or wanted.lower() == "false":
        return False
    return leg.true("continue_on_fail") or cause in wanted.upper().split(",")


def _originate(leg: Leg, dial: Dial) -> tuple[Leg | None, str]:
    other = leg.switch.call(leg, dial)
    leg.set("originate_signal_bond", other.uuid)
    leg.set("originated_legs", f"{other.uuid};Outbound Call;{dial.user}")
    cause = _ring(leg, other, _limit_ms(leg, dial))
    leg.set("originate_disposition", cause)
    leg.set("DIALSTATUS", _DIALSTATUS.get(cause, cause))
    leg.set("originate_causes", f"{other.uuid};{'NONE' if cause == 'SUCCESS' else cause}")
    if cause == "SUCCESS":
        leg.set("originate_signal_bond", None)
        return other, cause
    if cause in _SIP:
        status, phrase = _SIP[cause]
        leg.set("sip_invite_failure_status", status)
        leg.set("sip_invite_failure_phrase", phrase)
        leg.set("sip_hangup_phrase", phrase)
        leg.set("last_bridge_proto_specific_hangup_cause", f"sip:{status}")
    leg.set("last_bridge_hangup_cause", cause)
    return None, cause


def _limit_ms(leg: Leg, dial: Dial) -> int:
    seconds = [
        int(text)
        for text in (
            dial.get("leg_timeout"),
            dial.get("originate_timeout"),
            dial.get("call_timeout") or leg.get("call_timeout"),
            leg.get("originate_timeout"),
        )
        if text.isdigit() and int(text)
    ]
    return min(seconds, default=RING_SECONDS) * 1000


def _ring(leg: Leg, other: Leg, limit_ms: int) -> str:
    """Wait while it rings; the cause, ``SUCCESS`` where it was answered."""
    end = leg.clock.monotonic_ms() + limit_ms
    before = leg.ear.source
    leg.ear.change(RingBack(leg.clock.monotonic_ms()) if leg.answered else SILENCE)
    try:
        while True:
            if leg.leaving:
                other.hang_up("ORIGINATOR_CANCEL")
                return "ORIGINATOR_CANCEL"
            run_messages(leg)
            run_keys(leg)
            if other.down:
                return other.hangup_cause
            if other.answered:
                return "SUCCESS"
            if leg.clock.monotonic_ms() >= end:
                other.hang_up("NO_ANSWER")
                return "NO_ANSWER"
            if not leg.leaving:
                leg.wait(end)
    finally:
        leg.ear.change(before)


def join(leg: Leg, other: Leg) -> None:
    """Let two legs hear each other until one ends or is sent elsewhere."""
    if not leg.answered:
        leg.answer()
    now = leg.wall_us()
    leg.times.bridged, leg.other, other.other = now, other, leg
    leg.callee = other.party.dialled if other.outbound else other.party.number
    for one, partner in ((leg, other), (other, leg)):
        one.set("signal_bond", partner.uuid)
    leg.set("video_media_flow", "inactive")
    leg.set("text_media_flow", "inactive")
    leg.set("switch_m_sdp", other.get("rtp_local_sdp_str") or "v=0\r\n")
    names = _pair(leg, other)
    leg.fire("CHANNEL_BRIDGE", before=names)
    other.times.bridged = now
    other.tell("CHANNEL_BRIDGE")
    other.state, other.state_number = "CS_EXCHANGE_MEDIA", 5
    for one, partner in ((leg, other), (other, leg)):
        one.mouth.about_to_change()
        one.ear.change(partner.mouth)
        one.peer, one.bridged, one.moved = partner, True, False
        one.set("bridge_to", partner.uuid)
        one.set("last_bridge_to", partner.uuid)
        one.set("bridge_channel", partner.channel)
        one.set("bridge_uuid", partner.uuid)
    for one, name, number in (
        (leg, leg.callee, leg.callee),
        (other, leg.party.name, leg.party.number),
    ):
        one.set("last_sent_callee_id_name", name)
        one.set("last_sent_callee_id_number", number)
    other.attend()
    _talk(leg, other)
    _part(leg, other)


def _pair(leg: Leg, other: Leg) -> list[tuple[str, str]]:
    return [("Bridge-A-Unique-ID", leg.uuid), ("Bridge-B-Unique-ID", other.uuid)]


def _talk(leg: Leg, other: Leg) -> None:
    leg.break_asked = False
    while not leg.leaving and not other.down and not other.moved and not leg.break_asked:
        run_messages(leg)
        if leg.leaving or other.down or other.moved:
            continue
        run_keys(leg, lambda key: relay(other, key))
        leg.wait()
    leg.break_asked = False


def relay(to: Leg, key: Key) -> None:
    """Send a key on to the other telephone; sensitive keys are not (docs/freeswitch.md 14a)."""
    if not key.sensitive:
        to.heard_keys += key.digit


def _part(leg: Leg, other: Leg) -> None:
    end_hold(leg)
    end_hold(other)
    execute_on(leg, POST_BRIDGE)
    for one in (leg, other):
        one.mouth.about_to_change()
        one.ear.change(SILENCE)
        one.peer, one.bridged = None, False
        one.set("bridge_to", None)
    if not leg.down and other.down:
        leg.set("last_bridge_hangup_cause", other.hangup_cause)
        if other.ended_by != "switch":
            for name, value in headers.fill(headers.OTHER_HUNG_UP, {"cause": other.hangup_cause}):
                leg.set(name, value)
    leg.set("bridge_hangup_cause", leg.hangup_cause or other.hangup_cause or None)
    if not other.down and not other.moved:
        other.set("last_bridge_hangup_cause", leg.hangup_cause or "NORMAL_CLEARING")
        other.hang_up(leg.hangup_cause or "NORMAL_CLEARING")
    leg.fire("CHANNEL_UNBRIDGE", before=_pair(leg, other))
    other.tell("CHANNEL_UNBRIDGE")
    other.attend()


def _after(leg: Leg) -> None:
    if not leg.leaving and leg.true("hangup_after_bridge"):
        leg.hang_up("NORMAL_CLEARING")


def be_bridged(leg: Leg) -> None:
    """What the second leg's session does: talk until parted."""
    while not leg.leaving and not leg.bridged:
        run_messages(leg)
        if not leg.leaving and not leg.bridged:
            leg.wait()
    partner = leg.peer
    while not leg.leaving and leg.bridged:
        run_messages(leg)
        if leg.leaving or partner is None:
            break
        run_keys(leg, lambda key: relay(partner, key))
        leg.wait()
    if partner is not None:
        execute_on(leg, POST_BRIDGE)
        partner.attend()
