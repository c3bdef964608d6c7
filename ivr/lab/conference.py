"""A conference room: everybody in it hears the others.

Nobody in it is bridged, so a recording that waits for a bridge does not grow in it, whoever else is
there (docs/freeswitch.md 81).
"""

from __future__ import annotations

import re

from ivr.lab.audio import SILENCE, Mix
from ivr.lab.leg import Leg
from ivr.lab.session import application, run_keys, run_messages


@application("conference")
def conference(leg: Leg, arg: str) -> None:
    """``name@profile``: stay there until hung up or sent elsewhere."""
    leg.answer()
    room = leg.switch.rooms.setdefault(re.split(r"[@+]", arg)[0], [])
    room.append(leg)
    _mix(room)
    try:
        while not leg.leaving:
            run_messages(leg)
            run_keys(leg)
            if not leg.leaving:
                leg.wait()
    finally:
        room.remove(leg)
        leg.ear.change(SILENCE)
        _mix(room)


def _mix(room: list[Leg]) -> None:
    for leg in room:
        leg.ear.change(Mix(SILENCE, *(other.mouth for other in room if other is not leg)))
