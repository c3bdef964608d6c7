"""Joining legs that are there already: ``uuid_bridge``, and a telephone that picks a call up."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lab.bridge import be_bridged, join
from ivr.lab.holding import forget_hold
from ivr.lab.leg import Leg
from ivr.lab.moving import be_joined
from ivr.lab.session import application


@application("intercept")
def intercept(leg: Leg, arg: str) -> None:
    """``[-bleg] uuid``: take a call from whoever has it (docs/freeswitch.md 50).

    This switch also takes ``at:number``: whoever a telephone talks to, or rings for.
    """
    words = arg.split()
    taken = _meant(leg, words[-1]) if words else None
    if taken is not None and words[0] == "-bleg":
        taken = partner(taken)
    if taken is None or taken is leg or taken.down:
        return
    left = partner(taken)
    leg.answer()
    if taken.outbound and not taken.answered:
        # A telephone that rings has nothing to be joined to: all three end.
        if left is not None:
            left.hang_up("PICKED_OFF")
        taken.hang_up("DESTINATION_OUT_OF_ORDER")
        leg.hang_up("ORIGINATOR_CANCEL")
        return
    taken.answer()
    bridge_legs(leg, taken)
    if left is not None:
        left.hang_up("PICKED_OFF")


def _meant(leg: Leg, text: str) -> Leg | None:
    number = text.removeprefix("at:")
    if number == text:
        return leg.switch.find(text)
    up = (one for one in reversed(leg.switch.legs()) if one.outbound and not one.down)
    there = next((one for one in up if one.party.dialled == number), None)
    return None if there is None else partner(there)


def partner(leg: Leg) -> Leg | None:
    """The leg that this one is bridged to, calls, or is called by."""
    uuid = leg.get("signal_bond") or leg.get("originate_signal_bond")
    return leg.peer or (leg.switch.find(uuid) if uuid else None)


def bridge_legs(leg: Leg, other: Leg) -> None:
    """Join two legs that are there already (docs/freeswitch.md 10a, 23b)."""
    be_joined(other, leg, be_bridged)
    be_joined(leg, other, _bridge_to(other))


def _bridge_to(other: Leg) -> Callable[[Leg], None]:
    def task(leg: Leg) -> None:
        while other.next_task is not None and not leg.leaving and not other.down:
            leg.wait(leg.tick_ms(after=True))
        if not leg.leaving and not other.down:
            leg.state, leg.state_number = "CS_SOFT_EXECUTE", 3
            leg.other = other
            leg.set("signal_bond", other.uuid)
            leg.last_app = ("uuid_bridge", other.uuid)
            leg.set("current_application_response", None)
            leg.set("current_application_data", other.uuid)
            leg.set("current_application", "uuid_bridge")
            application = [("Application", "uuid_bridge"), ("Application-Data", other.uuid)]
            leg.fire("CHANNEL_EXECUTE", *application)
            forget_hold(leg)
            forget_hold(other)
            join(leg, other)
        if not leg.leaving:
            leg.hang_up("NORMAL_CLEARING")

    return task
