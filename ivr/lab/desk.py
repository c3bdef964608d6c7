"""What a telephone on a desk can do with a call: hold it, pass it on (docs/freeswitch.md 23a-c)."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lab.bridge import bridge_legs
from ivr.lab.leg import Leg
from ivr.lab.moving import transfer
from ivr.lab.wire import ClientMessage

MUSIC = "local_stream://moh"
"""What is played to who is on hold, unless ``hold_music`` says something else."""


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
        if other is None or leg.callstate == "HELD":
            return
        leg.callstate = "HELD"
        leg.fire("CHANNEL_HOLD")
        message = {"call-command": "execute", "execute-app-name": "playback"}
        other.send(ClientMessage("sendmsg", {**message, "execute-app-arg": music_for(other)}))

    def unhold(self, leg: Leg) -> None:
        """Re-INVITE, ``sendrecv``: both are joined again."""
        if leg.callstate != "HELD":
            return
        leg.callstate = "ACTIVE"
        leg.fire("CHANNEL_UNHOLD")
        other = leg.peer
        if other is None:
            return
        music = music_for(other)
        for queued in tuple(other.inbox):
            if queued[1].header("execute-app-arg") == music:
                other.inbox.remove(queued)
        if any(one.what == music and one.ms is None for one in other.heard):
            other.break_asked = True
            other.attend(other.tick_ms(after=True))

    def join(self, leg: Leg, second: Leg) -> bool:
        """REFER with Replaces: the other sides of two calls of one telephone are joined."""
        held, target = leg.peer, second.peer
        if held is None or target is None:
            return False
        bridge_legs(held, target)
        second.hang_up("NORMAL_CLEARING", by="destination")
        return True


def music_for(leg: Leg) -> str:
    """What a leg hears on hold."""
    return leg.get("hold_music") or MUSIC
