"""A telephone that holds the other side, and how that ends (docs/freeswitch.md 54 to 57)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.lab.board import TICK_MS

if TYPE_CHECKING:
    from ivr.lab.leg import Leg


def hold(leg: Leg) -> bool:
    """The telephone of a leg holds the other side; False where it cannot, or does already."""
    if leg.held or leg.down or not leg.answered:
        return False
    _change(leg, True, "HELD", "CHANNEL_HOLD")
    return True


def end_hold(leg: Leg) -> None:
    """The hold ends, however it does: its event comes before those of what ended it."""
    if not leg.held or leg.down:
        return
    _change(leg, False, "UNHELD", "CHANNEL_UNHOLD")

    def talks_again() -> None:
        if leg.callstate == "UNHELD":
            leg.callstate = "ACTIVE"

    leg.clock.after(TICK_MS, talks_again)


def forget_hold(leg: Leg) -> None:
    """A leg that was held while it was parked is joined: held no more, and nobody is told
    (docs/freeswitch.md 79)."""
    if leg.held:
        leg.mouth.about_to_change()
        leg.held, leg.callstate = False, "ACTIVE"


def _change(leg: Leg, held: bool, callstate: str, event: str) -> None:
    leg.mouth.about_to_change()  # its own recording stands still while it holds
    leg.held, leg.callstate = held, callstate
    leg.fire(event)
