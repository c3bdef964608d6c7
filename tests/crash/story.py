"""One story that has everything, told by people of :mod:`tests.crash.people` (R22)."""

from __future__ import annotations

from tests.crash.callers import Caller
from tests.crash.people import Dialogue, Someone
from tests.crash.place import COLLEAGUE, Place
from tests.crash.switch import Span
from tests.engine.site import NUMBER
from tests.engine.town import PAY_BY_PHONE


def tell(place: Place) -> None:
    """Begin the story: three calls, one after the other; time is for the test to turn."""
    callers, clock = place.callers, place.clock
    callers.answering = {"desk": _agent, "colleague": _colleague, "pay": _line}
    everything = callers.place("everything", NUMBER, _everything)
    everything.ends = "destination"

    def later(label: str, dialled: str, caller: Caller) -> None:
        if not callers.switch.dead:
            callers.place(label, dialled, caller)

    clock.after(300, lambda: later("gives up", NUMBER, _gives_up))
    clock.after(700, lambda: later("pays", PAY_BY_PHONE, _pays))


def _everything(call: Dialogue) -> None:
    """Opts out, thinks better of it, and talks."""
    tried = False

    def opt_out() -> None:
        nonlocal tried
        if not tried:
            tried = True
            call.caller.wait(60)
            call.caller.press("*#*")

    def come_back() -> None:
        call.caller.wait(120)
        call.caller.press("1")

    call.listen({"announcement": opt_out, "reminder": come_back})


def _gives_up(call: Dialogue) -> None:
    """Hangs up in the announcement."""
    call.caller.until(lambda: bool(call.leg.heard))
    call.caller.wait(200)
    call.hang_up(call.caller)


def _pays(call: Dialogue) -> None:
    """Tells the payment line what nobody else may know."""
    caller = call.caller
    if caller.until(lambda: caller.connected):
        now = call.switch.clock.monotonic_ms
        call.pausing.append(Span(now()))
        caller.wait(200)
        call.tell_secret(500)
        caller.wait(200)
        call.pausing[-1].end_ms = now()
        call.hang_up(caller)


def _line(call: Dialogue, me: Someone) -> None:
    """The payment line takes what it is told."""


def _agent(call: Dialogue, me: Someone) -> None:
    """Talks, pauses for a card, puts the caller on hold, passes the caller on."""
    me.wait(400)
    call.pause(me)
    me.wait(300)
    call.hold(me, 300)
    me.wait(300)
    call.transfer(me, COLLEAGUE)


def _colleague(call: Dialogue, me: Someone) -> None:
    """Talks, pauses for another card, ends the call."""
    me.wait(300)
    call.pause(me)
    me.wait(400)
    call.hang_up(me)


def listen(call: Dialogue) -> None:
    """A caller who only listens."""
    call.listen({})


def chat(call: Dialogue, me: Someone) -> None:
    """An agent who talks a while and ends the call."""
    me.wait(500)
    call.hang_up(me)


CUSTOMER = "07700900124"
"""Is called by staff."""


def tell_harder(place: Place) -> None:
    """Three other calls: one whose mask is refused, one by staff, one that is handed over."""
    callers, clock = place.callers, place.clock
    callers.answering = {"desk": _refused, CUSTOMER: _customer, "colleague": _colleague}
    place.switch.faults.refuse_mask()
    refused = callers.place("refused", NUMBER, listen)
    refused.ends = "destination"
    clock.after(900, lambda: callers.place("goes out", f"9{CUSTOMER}", _staff, "default"))

    def hand_over() -> None:
        callers.answering["desk"] = _hands_over
        callers.place("handed over", NUMBER, listen).ends = "destination"

    clock.after(1_300, hand_over)


def _refused(call: Dialogue, me: Someone) -> None:
    """Pauses, and FreeSWITCH refuses to mask: the recording goes on as another part."""
    me.wait(200)
    call.pause(me)
    me.wait(400)
    call.hang_up(me)


def _staff(call: Dialogue) -> None:
    """Calls a customer and pauses for a card."""
    me = call.caller
    if me.until(lambda: me.connected):
        me.wait(300)
        call.pause(me)
        me.wait(300)
        call.hang_up(me)


def _customer(call: Dialogue, me: Someone) -> None:
    """Is called, and tells when asked."""
    call.customer = me


def _hands_over(call: Dialogue, me: Someone) -> None:
    """Asks a colleague and hands the caller over."""
    me.wait(300)
    call.hand_over(me, COLLEAGUE, 300)
