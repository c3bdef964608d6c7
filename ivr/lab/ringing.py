"""A telephone that is called: it rings, is answered or not, and somebody speaks then."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lab.hooks import api_on, execute_on
from ivr.lab.leg import Leg
from ivr.lab.person import Person
from ivr.lab.script import Destination
from ivr.lab.session import live

RINGS_MS = 10
"""Even a telephone that is answered at once needs this long."""


def live_at(leg: Leg, place: Destination, person: Person, task: Callable[[Leg], None]) -> None:
    """The life of a telephone that is called, from its ringing on."""
    if place.refusal is None and (place.answer_ms is None or place.answer_ms > RINGS_MS):
        leg.times.progress = leg.wall_us()
        leg.fire("CHANNEL_PROGRESS")
        if leg.other is not None:
            leg.other.times.progress = leg.times.progress
            leg.other.callee = leg.party.dialled
    ringing = None if place.answer_ms is None else max(RINGS_MS, place.answer_ms)
    end = None if ringing is None else leg.clock.monotonic_ms() + ringing
    while not leg.down and (end is None or leg.clock.monotonic_ms() < end):
        leg.wait(end)
    if not leg.down and place.refusal is not None:
        leg.hang_up(place.refusal, by="destination")
    elif not leg.down:
        leg.answer()
        execute_on(leg, "execute_on_answer")
        api_on(leg, "api_on_answer")
        leg.switch.spawn(person.act, place.steps)
    live(leg, task)
