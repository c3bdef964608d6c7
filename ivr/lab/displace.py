"""``uuid_displace``: mixed into what a leg hears, while people talk (docs/freeswitch.md 46).

The leg's own recording does not hold it here: nothing records a leg that it is played to.
"""

from __future__ import annotations

from ivr.lab.board import Heard
from ivr.lab.leg import Leg
from ivr.lab.play import length_ms

USAGE = "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"
_REFUSED = "-ERR Cannot displace session!\n"


def displace(leg: Leg, action: str, path: str) -> str:
    """Begin or end it; the answer."""
    if action == "stop":
        return "+OK Success\n" if _end(leg, path) else _REFUSED
    ms = length_ms(leg, path)
    if ms is None or path in leg.displaced:
        return _REFUSED
    heard = Heard(path, leg.clock.monotonic_ms())
    leg.heard.append(heard)
    leg.displaced[path] = heard

    def over() -> None:
        _end(leg, path)

    leg.clock.after(ms, over)
    return "+OK Success\n"


def _end(leg: Leg, path: str) -> bool:
    heard = leg.displaced.pop(path, None)
    if heard is not None:
        heard.ms = leg.clock.monotonic_ms() - heard.at_ms
    return heard is not None
