"""Calls in which a customer keys a card, in and around every edge of a pause (R6, R7).

Each presses the same keys (:func:`tests.leaks.cards.keyed`); they differ in what happens
meanwhile. Those that wait for the test (``asks``) say for what: it makes the moment when it has
done it. The others run by themselves. :attr:`Story.told` says which keys may be told of in events
and logs, for they were pressed, or released, while the call was not paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.lab import CallScript, Destination, Moment
from ivr.lab.script import (
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Hold,
    KeyDown,
    Keys,
    KeyUp,
    Step,
    Tell,
    Unhold,
    Wait,
    WaitFor,
    WhenConnected,
    WhenMasked,
    WhenUnmasked,
)
from tests.leaks.cards import keyed

COLLEAGUE = "4000"
"""An extension that the dialplan itself bridges, to ``sofia/lab/colleague``."""
PAYMENT = "5555"
"""The same of a payment line, to ``sofia/lab/pay``."""


@dataclass(frozen=True)
class Story:
    """A call, and what a test must know of it."""

    name: str
    script: CallScript
    keys: str
    """What the customer presses in all."""
    asks: Mapping[str, Moment] = field(default_factory=dict)
    """What the test does in mid-call, and the moment that it makes when it has."""
    ready: Moment | None = None
    """When it is time for the test to do that."""
    told: str = ""
    """Keys that may be told of: they were not keyed in the pause."""
    staff: bool = False
    """A member of staff calls; the customer is who is called."""
    pauses: int = 1
    """How many of them are in the record."""


def _quick(keys: str) -> Keys:
    return Keys(keys, gap_ms=60, press_ms=80)


def _inbound(customer: tuple[Step, ...], agent: tuple[Step, ...]) -> CallScript:
    return CallScript(
        steps=(WhenConnected(), *customer), destination=Destination(steps=(*agent,), hz=880)
    )


def _pauses(*, until: Moment) -> tuple[Step, ...]:
    """The agent pauses, and resumes when the customer is done."""
    return (WhenConnected(500), Keys("*7"), WaitFor(until, 300), Keys("*8"), Wait(1000), HangUp())


def by_themselves(card: str) -> list[Story]:
    """The stories in which the test has nothing to do."""
    keys = keyed(card)
    return [
        _plain(keys),
        _before_the_mask(keys),
        _during_unmask(keys),
        _twice_and_never_resumed(keys),
        _hangs_up_with_a_key_down(keys),
        _held(keys),
        _transferred(keys),
        _handed_over(keys),
        _agent_types(keys),
        _paused_twice(keys),
    ]


def _plain(keys: str) -> Story:
    done = Moment("keyed")
    customer = (WhenMasked(200), _quick(keys), Tell(done), WhenUnmasked(5000))
    return Story("keyed in the pause", _inbound(customer, _pauses(until=done)), keys)


def _paused_twice(keys: str) -> Story:
    """Keyed, resumed, talked, and all of it once more."""
    once, again = Moment("keyed"), Moment("keyed again")
    customer = (
        WhenMasked(200),
        _quick(keys),
        Tell(once),
        WhenUnmasked(500),
        WhenMasked(200),
        _quick(keys),
        Tell(again),
        WhenUnmasked(5000),
    )
    agent = (
        WhenConnected(500),
        Keys("*7"),
        WaitFor(once, 300),
        Keys("*8"),
        Wait(2000),
        *_pauses(until=again)[1:],
    )
    return Story("paused, resumed, paused again", _inbound(customer, agent), keys * 2, pauses=2)


def _before_the_mask(keys: str) -> Story:
    """The first key is down before the pause is asked for, and up after it is confirmed."""
    almost, done = Moment("half of the code"), Moment("keyed")
    customer = (
        WaitFor(almost, 150),
        KeyDown(keys[0]),
        WhenMasked(60),
        KeyUp(),
        _quick(keys[1:]),
        Tell(done),
    )
    agent = (
        WhenConnected(500),
        Keys("*"),
        Tell(almost),
        Wait(100),
        Keys("7"),
        WaitFor(done, 300),
        Keys("*8"),
        Wait(1000),
        HangUp(),
    )
    return Story("a key down before the mask", _inbound(customer, agent), keys)


def _during_unmask(keys: str) -> Story:
    """The last key is down in the pause, and up after it: FreeSWITCH tells of it then."""
    last = Moment("the last key is down")
    customer = (
        WhenMasked(200),
        _quick(keys[:-1]),
        KeyDown(keys[-1]),
        Tell(last),
        WhenUnmasked(100),
        KeyUp(),
        Wait(5000),
    )
    agent = (WhenConnected(500), Keys("*7"), WaitFor(last), Keys("*8"), Wait(1500), HangUp())
    return Story("a key up after the unmask", _inbound(customer, agent), keys, told=keys[-1])


def _twice_and_never_resumed(keys: str) -> Story:
    half, more = Moment("half"), Moment("paused again")
    customer = (
        WhenMasked(100),
        _quick(keys[:8]),
        Tell(half),
        WaitFor(more, 200),
        _quick(keys[8:]),
        Wait(500),
        HangUp(),
    )
    agent = (WhenConnected(500), Keys("*7"), WaitFor(half), Keys("*7"), Tell(more))
    return Story("paused twice, never resumed", _inbound(customer, agent), keys)


def _hangs_up_with_a_key_down(keys: str) -> Story:
    customer = (WhenMasked(50), _quick(keys[:-1]), KeyDown(keys[-1]), Wait(100), HangUp())
    agent = (WhenConnected(500), Keys("*7"))
    return Story("hangs up with a key down", _inbound(customer, agent), keys[:-1])


def _held(keys: str) -> Story:
    half, held, done = Moment("half"), Moment("on hold"), Moment("keyed")
    customer = (
        WhenMasked(100),
        _quick(keys[:6]),
        Tell(half),
        WaitFor(held, 100),
        _quick(keys[6:]),
        Tell(done),
    )
    agent = (
        WhenConnected(500),
        Keys("*7"),
        WaitFor(half),
        Hold(),
        Tell(held),
        WaitFor(done, 100),
        Unhold(),
        Wait(300),
        Keys("*8"),
        Wait(1000),
        HangUp(),
    )
    return Story("keyed on hold", _inbound(customer, agent), keys)


def _transferred(keys: str) -> Story:
    """The transfer comes between two keys; the colleague has no codes, so it stays paused."""
    half = Moment("half")
    customer = (
        WhenMasked(100),
        _quick(keys[:8]),
        Tell(half),
        Wait(60),
        _quick(keys[8:]),
        Wait(1500),
        HangUp(),
    )
    agent = (WhenConnected(500), Keys("*7"), WaitFor(half), BlindTransfer(COLLEAGUE))
    return Story("transferred in mid-number", _inbound(customer, agent), keys)


def _handed_over(keys: str) -> Story:
    half = Moment("half")
    customer = (
        WhenMasked(100),
        _quick(keys[:8]),
        Tell(half),
        _quick(keys[8:]),
        Wait(3000),
        HangUp(),
    )
    agent = (WhenConnected(500), Keys("*7"), WaitFor(half), AttendedTransfer(COLLEAGUE, 400))
    return Story("handed over in mid-number", _inbound(customer, agent), keys)


def _agent_types(keys: str) -> Story:
    """The customer says the number; the agent types it, with keys on the telephone."""
    agent = (
        WhenConnected(500),
        Keys("*7"),
        Wait(300),
        _quick(keys),
        Wait(300),
        Keys("*8"),
        Wait(1000),
        HangUp(),
    )
    return Story("the agent keys it", _inbound((), agent), "")


def with_the_test(card: str) -> list[Story]:
    """The stories in which the test pauses and resumes (``pause``, ``resume``: over HTTP, say), or
    ends the engine and starts it again (``restart``) in mid-number."""
    keys = keyed(card)
    return [_by_a_page(keys), _engine_restarted(keys)]


def _by_a_page(keys: str) -> Story:
    """Wait for ``ready``, pause; the customer keys by itself; resume after ``pause`` is past."""
    ready, paused, resumed = Moment("connected"), Moment("pause"), Moment("resume")
    customer = (Wait(500), Tell(ready), WaitFor(paused), _quick(keys), WaitFor(resumed, 1000))
    story = _inbound((*customer, HangUp()), ())
    return Story("by a page", story, keys, {"pause": paused, "resume": resumed}, ready)


def _engine_restarted(keys: str) -> Story:
    """Keys are pressed before, while and after the engine is away; paused all the time."""
    half, back = Moment("half"), Moment("restart")
    customer = (
        WhenMasked(100),
        _quick(keys[:8]),
        Tell(half),
        _quick(keys[8:12]),
        WaitFor(back, 200),
        _quick(keys[12:]),
        Wait(1000),
        HangUp(),
    )
    agent = (WhenConnected(500), Keys("*7"))
    return Story("the engine restarted", _inbound(customer, agent), keys, {"restart": back}, half)


def of_staff(card: str, number: str, extension: str = "2001") -> list[Story]:
    """A member of staff calls ``number`` and pauses; the customer who is called keys."""
    keys = keyed(card)
    done = Moment("keyed")
    customer = (WhenConnected(), WhenMasked(200), _quick(keys), Tell(done))
    script = CallScript(
        number=extension,
        caller="Customer Services",
        dialled=number,
        context="default",
        steps=_pauses(until=done),
        destination=Destination(steps=customer, hz=880),
    )
    return [Story("staff called", script, keys, staff=True)]


def to_the_payment_line(card: str) -> list[Story]:
    """The agent sends the caller to a payment line: the keys must reach it, and be kept nowhere.

    ``call.at("pay").heard_keys`` are what reached it. Keys that FreeSWITCH relays are told in DTMF
    events to whoever asked for those (docs/freeswitch.md 14b), so they are in the switch's traffic,
    and in its log but for a level of NOTICE or above; the engine must drop them unread.
    """
    keys = keyed(card)
    there = Moment("at the payment line")
    script = CallScript(
        steps=(WhenConnected(), WaitFor(there, 500), _quick(keys), Wait(500), HangUp()),
        destination=Destination(steps=(WhenConnected(1000), BlindTransfer(PAYMENT)), hz=880),
        destinations={"pay": Destination(steps=(WhenConnected(), Tell(there)), hz=620)},
    )
    return [Story("at a payment line", script, keys)]


def with_nobody_pausing(card: str) -> list[Story]:
    """A customer keys the card before anybody thought of a pause; ``card_digits`` must see it."""
    keys = keyed(card)
    customer = (Wait(800), _quick(keys), Wait(2000), HangUp())
    return [Story("nobody pauses", _inbound(customer, ()), keys)]
