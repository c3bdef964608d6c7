"""A telephone that is called: it rings, is answered or not, and somebody speaks then."""

from __future__ import annotations

from collections.abc import Callable

from ivr.lab.hooks import api_on, execute_on
from ivr.lab.leg import Leg
from ivr.lab.moving import transfer
from ivr.lab.person import Person
from ivr.lab.script import Destination
from ivr.lab.session import execute, live

RINGS_MS = 10
"""Even a telephone that is answered at once needs this long."""


Place = tuple[Destination, Callable[[], Person]]
"""A telephone, and who is at it."""


def live_at(
    leg: Leg, at: Place, elsewhere: Callable[[str], Place], task: Callable[[Leg], None]
) -> None:
    """The life of a telephone that is called, from its ringing on.

    ``elsewhere`` is who is at another number: where the telephone sends the call on.
    """
    place, comes = at
    person = comes()
    while _rings(leg, place):
        if place.redirect is None:
            _answers(leg, place, person)
        elif leg.true("outbound_redirect_fatal"):
            leg.hang_up("REQUESTED_CHAN_UNAVAIL")
        elif "@" in place.redirect:
            # FreeSWITCH calls there itself, on the same leg; the dialplan hears nothing of it.
            place, comes = elsewhere(place.redirect.partition("@")[0])
            person = comes()
            continue
        else:
            _sent_on(leg, place.redirect)
        break
    live(leg, leg.next_task or task)


def _rings(leg: Leg, place: Destination) -> bool:
    """Let it ring; whether it is up still."""
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
    return not leg.down


def _answers(leg: Leg, place: Destination, person: Person) -> None:
    leg.answer()
    execute_on(leg, "execute_on_answer")
    api_on(leg, "api_on_answer")
    leg.switch.spawn(person.act, place.steps)
    if leg.confirming:
        _confirm(leg)


def _sent_on(leg: Leg, to: str) -> None:
    """A 302 to a number of this switch: who called goes there by the dialplan."""
    caller = leg.other
    if caller is not None:
        caller.set("sip_redirected_to", f"<sip:{to}@{leg.party.address}>")
        caller.passed_on = True
        transfer(caller, to, "XML", caller.party.context)
    while not leg.down:
        leg.wait()


def _confirm(leg: Leg) -> None:
    """Do first what ``group_confirm_file`` says; who called is joined when that is over, whatever
    came of it."""
    app, _, arg = leg.get("group_confirm_file").partition(" ")
    execute(leg, app, arg)
    if not leg.leaving:
        leg.confirming = False
        if leg.other is not None:
            leg.other.attend(leg.other.tick_ms(after=True))
