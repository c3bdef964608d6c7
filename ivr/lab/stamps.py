"""The last report of a leg: dates, durations and packets, as variables."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from ivr.lab import headers

if TYPE_CHECKING:
    from ivr.lab.leg import Leg

Q850 = {
    "UNALLOCATED_NUMBER": 1,
    "NO_ROUTE_DESTINATION": 3,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "DESTINATION_OUT_OF_ORDER": 27,
    "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "INCOMPATIBLE_DESTINATION": 88,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "MANDATORY_IE_MISSING": 96,
    "INTERWORKING": 127,
    "REQUESTED_CHAN_UNAVAIL": 44,
    "ORIGINATOR_CANCEL": 487,
    "LOSE_RACE": 502,
    "ALLOTTED_TIMEOUT": 602,
    "PICKED_OFF": 605,
    "MANAGER_REQUEST": 503,
}
"""The number of each cause; those above 127 are FreeSWITCH's own."""


def cause_named(text: str) -> str:
    """FreeSWITCH's reading of a cause: a name, a number, or NORMAL_CLEARING."""
    wanted = text.strip().upper()
    if wanted in Q850:
        return wanted
    for name, number in Q850.items():
        if wanted == str(number):
            return name
    return "NORMAL_CLEARING"


def final_variables(leg: Leg) -> dict[str, str]:
    """Everything that CHANNEL_HANGUP_COMPLETE adds to a leg's variables."""
    times = leg.times
    found = {
        "hangup_cause": leg.hangup_cause,
        "hangup_cause_q850": str(Q850.get(leg.hangup_cause, 16)),
        "digits_dialed": _digits_dialed(leg),
    }
    stamps = {
        "start": times.created,
        "profile_start": times.profile,
        "answer": times.answered,
        "bridge": times.bridged,
        "progress": times.progress,
        "progress_media": 0 if leg.outbound else times.media,
        "end": times.hangup,
    }
    for name, us in stamps.items():
        if us:
            moment = time.gmtime(us // 1_000_000)
            found[f"{name}_stamp"] = time.strftime("%Y-%m-%d %H:%M:%S", moment)
        found[f"{name}_epoch"] = str(us // 1_000_000)
        found[f"{name}_uepoch"] = str(us)
    found |= {"last_hold_epoch": "0", "last_hold_uepoch": "0"}
    found |= {"hold_accum_seconds": "0", "hold_accum_usec": "0", "hold_accum_ms": "0"}
    found |= {"resurrect_epoch": "0", "resurrect_uepoch": "0"}
    if leg.last_app is not None:
        found["last_app"], found["last_arg"] = leg.last_app
    found["caller_id"] = f'"{leg.party.name}" <{leg.party.number}>'
    start = times.created
    for prefix, suffix, us in (
        ("", "duration", times.hangup - start),
        ("bill", "", times.hangup - times.answered if times.answered else 0),
        ("progress", "", times.progress - start if times.progress else 0),
        ("answer", "", times.answered - start if times.answered else 0),
        ("wait", "", times.bridged - start if times.bridged else 0),
        ("progress_media", "", times.media - start if times.media else 0),
        ("flow_bill", "", times.hangup - start),
    ):
        if suffix:
            found |= {suffix: str(us // 1_000_000), f"m{suffix}": str(us // 1000)}
            found[f"u{suffix}"] = str(us)
        else:
            found |= {f"{prefix}sec": str(us // 1_000_000), f"{prefix}msec": str(us // 1000)}
            found[f"{prefix}usec"] = str(us)
    if times.media:
        packets = (times.hangup - times.media) // 20_000
        fields = {"packets": str(packets), "bytes": str(packets * 172)}
        found |= dict(headers.fill(headers.RTP_STATISTICS, fields))
    return found


def _digits_dialed(leg: Leg) -> str:
    """What the call's last report says was dialled (docs/freeswitch.md 14)."""
    pattern = leg.get("digits_dialed_filter")
    if not leg.digits:
        return "none"
    if not pattern:
        return leg.digits
    try:
        return re.sub(pattern, lambda match: "X" * len(match[0]), leg.digits)
    except re.error:
        return leg.digits
