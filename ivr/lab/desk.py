"""What a telephone on a desk can do with a call: hold it, pass it on (docs/freeswitch.md 23a-c)."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lab.board import TICK_MS
from ivr.lab.holding import end_hold, hold
from ivr.lab.joining import bridge_legs
from ivr.lab.leg import Leg
from ivr.lab.moving import transfer
from ivr.lab.wire import ClientMessage

MUSIC = "local_stream://moh"
"""What is played to who is on hold, unless ``hold_music`` of the leg that holds says else."""


UNHOLD_MS = 250
"""FreeSWITCH waits so long before it ends a hold (docs/freeswitch.md 54)."""


class Desk:
    """The features of a telephone, beyond its keys."""

    def __init__(self, dial: Callable[[Leg, str, int], Leg]) -> None:
        self.dial = dial
        """Makes a second call from a leg's telephone to a number, at a pitch: its leg."""

    def blind_transfer(self, leg: Leg, to: str) -> None:
        """SIP REFER: the other side goes to another number."""
        other = leg.peer
        if other is not None:
            other.passed_on = True
            transfer(other, to, "XML", other.party.context)

    def hold(self, leg: Leg) -> None:
        """Re-INVITE, ``sendonly``: the other side hears music, until :meth:`unhold`."""
        other = leg.peer
        if not hold(leg) or other is None:  # nobody hears music of who holds while parked
            return
        message = {"call-command": "execute", "execute-app-name": "playback"}
        other.send(ClientMessage("sendmsg", {**message, "execute-app-arg": music_of(leg)}))

    def unhold(self, leg: Leg) -> None:
        """Re-INVITE, ``sendrecv``: after a moment both are joined again."""
        leg.clock.after(UNHOLD_MS, lambda: self._take_up(leg))

    def _take_up(self, leg: Leg) -> None:
        other = leg.peer
        if not leg.held:
            return
        if other is None:
            end_hold(leg)
            return
        music = music_of(leg)
        for queued in tuple(other.inbox):
            if queued[1].header("execute-app-arg") == music:
                other.inbox.remove(queued)
        if any(one.what == music and one.ms is None for one in other.heard):
            other.break_asked = True
            other.attend(other.tick_ms(after=True))
        leg.clock.after(TICK_MS, lambda: end_hold(leg))

    def join(self, leg: Leg, second: Leg) -> bool:
        """REFER with Replaces: the other sides of two calls of one telephone are joined."""
        held, target = leg.peer, second.peer
        if held is None or target is None:
            return False
        bridge_legs(held, target)
        second.hang_up("NORMAL_CLEARING", by="destination")
        return True


def music_of(leg: Leg) -> str:
    """What the other side of a leg hears while that leg holds it (docs/freeswitch.md 55)."""
    return leg.get("hold_music") or MUSIC
