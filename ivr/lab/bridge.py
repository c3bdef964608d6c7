"""Two legs joined: talking, and parting (docs/freeswitch.md 22, 23)."""

from __future__ import annotations

from ivr.lab import headers
from ivr.lab.audio import SILENCE
from ivr.lab.board import Key
from ivr.lab.dialling import call_somebody, parse_dial_string
from ivr.lab.holding import end_hold
from ivr.lab.hooks import POST_BRIDGE, execute_on
from ivr.lab.leg import Leg
from ivr.lab.session import application, run_keys, run_messages


@application("bridge")
def bridge(leg: Leg, arg: str) -> None:
    """Call destinations and join the legs until one of them ends."""
    other, cause = call_somebody(leg, parse_dial_string(arg))
    if other is not None:
        join(leg, other)
        _after(leg)
        return
    leg.set("originate_failed_cause", cause)
    if not leg.leaving and not _goes_on(leg, cause):
        leg.hang_up(cause)


def _goes_on(leg: Leg, cause: str) -> bool:
    wanted = leg.get("continue_on_fail")
    if not wanted or wanted.lower() == "false":
        return False
    return leg.true("continue_on_fail") or cause in wanted.upper().split(",")


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
