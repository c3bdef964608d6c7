"""What became of a call while nobody listened: FreeSWITCH is asked (R6, R22).

It may be connected to somebody else by now, or to nobody, or to a payment line; it may have been
paused in the last moment of an engine that was killed; another engine may have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from ivr.clock import Clock
from ivr.core import events
from ivr.core.events import Event
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.esl.session import OnReply
from ivr.esl.translate import ENGINE_VARIABLE, EXEMPT, Legs, is_leg, place_of, remembered
from ivr.esl.wire import Message
from ivr.esl.wording import (
    PAUSED_VARIABLE,
    WHO,
    asked,
    asked_about,
    asked_place,
    asked_since,
    asked_whether_held,
    is_overheard,
    made_sure,
)

log = structlog.get_logger(__name__)

_UNSET = "_undef_"
"""What FreeSWITCH answers for a variable that has no value."""
JOINED = "bridge_to"
"""The leg that a call is joined to now. ``bridge_uuid`` stays when they are parted, as while the
next agent's telephone rings: measured (docs/freeswitch.md 51)."""
_HELD = "HELD"
OVERHEARD_MS = 2_000
"""How soon it is asked again whether a third is still heard through a leg."""

Post = Callable[..., None]
"""Sends commands, with what is told their replies."""


class Looked(Protocol):
    """A call that is looked at."""

    call_id: str
    state: CallState
    policy: CallPolicy

    @property
    def legs(self) -> Legs:
        """Who is at which channel."""

    def take(self, event: Event) -> None:
        """Let the machine have an event."""

    def is_of(self, engine: str) -> None:
        """Which engine had the call last."""


def look(post: Post, call: Looked, clock: Clock) -> None:
    """Ask, and have the call told what it does not know yet, as the answers come."""

    def told(answers: list[str]) -> None:
        engine, leg, exempt = answers
        call.is_of(engine)
        if exempt == "true":
            call.take(events.Exempt(clock.monotonic_ms()))
            return
        if is_leg(leg) and (leg != call.state.other_leg or not call.state.together):
            _who(post, call, clock, leg)
            return
        if leg == "":  # it has none
            call.take(events.Unbridged(clock.monotonic_ms()))
        elif call.policy.exempt and is_leg(leg):
            make_sure(post, call, clock, leg)
        _paused(post, call, clock)

    _ask(post, asked(call.call_id, ENGINE_VARIABLE, JOINED, EXEMPT), 3, told)


def make_sure(post: Post, call: Looked, clock: Clock, leg: str) -> None:
    """Ask whose leg this is that the call is joined to, and whether a third is heard through it, as
    a supervisor who listens in: then the recording waits until nobody is (R8)."""

    def one(reply: Message | None) -> None:
        if reply is None or reply.refused or call.state.phase is Phase.DONE:
            return
        sure = made_sure(clock.monotonic_ms(), reply.reply)
        if sure is not None:
            call.take(sure)
        elif is_overheard(reply.reply):
            log.warning(
                "recording waits, since a third is heard through the agent's leg", call=call.call_id
            )
            clock.after(OVERHEARD_MS, again)

    def again() -> None:
        if call.state.veiled and call.state.other_leg == leg:
            make_sure(post, call, clock, leg)

    asking = asked_about(leg)
    post(asking[0], *(one,) * asking[1])


def ask_place(post: Post, call: Looked, clock: Clock, queue: str) -> None:
    """Ask which place the caller has in a queue (R9)."""

    def told(reply: Message | None) -> None:
        place = 0 if reply is None or reply.refused else place_of(call.call_id, reply.reply)
        if place:
            call.take(events.QueuePlace(clock.monotonic_ms(), place))

    post(asked_place(queue), told)


def _who(post: Post, call: Looked, clock: Clock, leg: str) -> None:
    """Whose leg it is that the call is joined with."""

    def told(answers: list[str]) -> None:
        direction, called, caller, since_us = answers
        # A leg of which that is not known is gone, or FreeSWITCH is: nothing is made of it.
        if direction in ("inbound", "outbound"):
            number = called if direction == "outbound" else caller
            # A payment line may have been told a card number by now (R6).
            ago_ms = clock.wall_ms() - int(since_us) // 1000 if _is_time(since_us) else 0
            call.take(events.Bridged(clock.monotonic_ms(), leg, number, max(0, ago_ms)))
        _paused(post, call, clock)

    _ask(post, asked(leg, *WHO) + asked_since(leg), len(WHO) + 1, told)


def _is_time(text: str) -> bool:
    """Whether it is one, and not none, which is 0."""
    return text.isascii() and text.isdigit() and len(text) < 20 and text != "0"


def _paused(post: Post, call: Looked, clock: Clock) -> None:
    """Whether nothing may be kept, by what the customer's leg remembers, and who of the two has
    the call on hold."""

    def told(answers: list[str]) -> None:
        paused = remembered(answers[0])
        if paused is not None:
            by, since = paused
            call.take(events.WasPaused(clock.monotonic_ms(), by, since))
        look_who_holds(post, call, clock)

    if call.legs.customer:
        _ask(post, asked(call.legs.customer, PAUSED_VARIABLE), 1, told)


def look_who_holds(post: Post, call: Looked, clock: Clock) -> None:
    """Ask whether one of the two has the call on hold: of holds only the engine's own line tells,
    also where the call has its own."""
    legs = call.legs

    def agent(answers: list[str]) -> None:
        held = answers[0] == _HELD
        call.take(
            events.Held(clock.monotonic_ms()) if held else events.Unheld(clock.monotonic_ms())
        )

    def customer(answers: list[str]) -> None:
        held = answers[0] == _HELD
        call.take(
            events.CustomerHeld(clock.monotonic_ms())
            if held
            else events.CustomerBack(clock.monotonic_ms())
        )

    if legs.agent:
        _ask(post, asked_whether_held(legs.agent), 1, agent)
    if legs.customer:
        _ask(post, asked_whether_held(legs.customer), 1, customer)


def _ask(post: Post, text: bytes, many: int, told: Callable[[list[str]], None]) -> None:
    """Have all the answers told at once; none where the channel or the connection is gone."""
    answers: list[str] = []

    def one(reply: Message | None) -> None:
        if reply is not None and not reply.refused:  # as of a channel that is gone
            answers.append("" if reply.reply == _UNSET else reply.reply)
            if len(answers) == many:
                told(answers)

    replies: tuple[OnReply, ...] = (one,) * many
    post(text, *replies)
