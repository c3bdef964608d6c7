"""The extensions of a route (R20, R22; docs/freeswitch.md 8, 9, 10b, 11).

- its numbers go to the engine. Behind ``socket`` the call goes where ``ivr_next`` says: to the
  fallback, where nobody took it;
- the fallback does what the team decided for calls without an engine. The dead-man transfer goes
  there too: from an engine that accepts a call and then says nothing;
- an engine that takes a call sets ``ivr_next`` to the third: should it be gone before the call
  is, the call comes there and is offered again, to the next engine. ``ivr_next`` is the fallback
  once more, so that no call goes round without one.

People who talk, and transfer each other to the number of a route, come to its first extension too.
The engine that follows them sends them on, and the fallback connects them; their recording goes on.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ivr.config.addresses import dials_number, with_number, with_variables
from ivr.config.render.xml import (
    AGAIN_PREFIX,
    CALLED_VARIABLE,
    DIGITS,
    HAD_VARIABLE,
    NEXT_VARIABLE,
    NUMBER_VARIABLE,
    OFFERS_VARIABLE,
    RESUME,
    ROUTE_VARIABLE,
    UNRECORDED_VARIABLE,
    action,
    any_of,
    only,
    set_to,
)
from ivr.config.routes import Route
from ivr.config.settings import Configuration
from ivr.config.staff import calling_expression

MOST_OFFERS = 10
"""A call that so many engines, one after the other, took and did not keep goes to the fallback:
it may be what ends them."""

_RECORDING = (
    ("RECORD_STEREO", "true"),
    ("RECORD_MIN_SEC", "0"),
    ("RECORD_PRE_BUFFER_FRAMES", "0"),
    ("enable_file_write_buffering", "false"),
)
_BEFORE_THE_SOCKET = (
    ("playback_terminators", "none"),  # a "*" would end the announcement
    RESUME,
    ("hangup_after_bridge", "true"),
)


def fallback_extension(route: str) -> str:
    """The extension of a route that does without an engine."""
    return f"ivr-fallback-{route}"


def again_extension(route: str) -> str:
    """The extension of a route that offers a call again whose engine is gone (R22)."""
    return f"{AGAIN_PREFIX}{route}"


def to_engine(
    holder: ET.Element, config: Configuration, route: Route, name: str, expression: str
) -> None:
    """Calls to the route's numbers, offered to the engines."""
    staff = route.policy.staff_call
    extension = ET.SubElement(holder, "extension", name=name)
    if staff:
        # The folder that it is put into may be included in the callers' context too.
        only(extension, "context", re.escape(config.site.render.staff_context))
    if route.calling:
        only_calls_of(extension, route.calling)
    condition = ET.SubElement(
        extension, "condition", field="destination_number", expression=expression
    )
    set_to(condition, ROUTE_VARIABLE, route.name, export=staff)
    set_to(condition, CALLED_VARIABLE, "${destination_number}")
    set_to(condition, HAD_VARIABLE, f"${{{NEXT_VARIABLE}}}")
    if staff:
        set_to(condition, NUMBER_VARIABLE, "$1")
    for variable, value in _BEFORE_THE_SOCKET:
        set_to(condition, variable, value)
    for variable, value in _RECORDING:  # in a call that staff make the other leg is recorded
        set_to(condition, variable, value, export=staff)
    set_to(condition, *DIGITS, export=True)
    action(condition, "unset", OFFERS_VARIABLE)
    _offer(condition, config, route)


def only_calls_of(extension: ET.Element, calling: tuple[str, ...]) -> None:
    """By the account whose password was proven, and by what a telephone without one calls itself:
    nobody takes the route of another."""
    its = any_of([calling_expression(one) for one in calling])
    only(extension, "${user_name}|${caller_id_number}", rf"(?:{its}\|.*|\|{its})")


def _offer(condition: ET.Element, config: Configuration, route: Route) -> None:
    """Offer the call to the engines; one that takes it says where it goes after that engine."""
    fallback, context = fallback_extension(route.name), _context(config, route)
    set_to(condition, NEXT_VARIABLE, fallback)
    dead_man = f"+{config.site.render.dead_man_s} {fallback} XML {context}"
    action(condition, "sched_transfer", dead_man)
    action(condition, "socket", f"{engines(config)} async full")
    # Nobody answered: the dead man's transfer would take the call away in mid-conversation.
    action(condition, "sched_cancel")
    action(condition, "transfer", f"${{{NEXT_VARIABLE}}} XML {context}")


def engines(config: Configuration) -> str:
    """Where the engines are, the second for where the first refuses (docs/freeswitch.md 8)."""
    return "|".join(str(engine) for engine in config.site.engines)


def _context(config: Configuration, route: Route) -> str:
    settings = config.site.render
    return settings.staff_context if route.policy.staff_call else settings.context


def without_engine(holder: ET.Element, config: Configuration, route: Route) -> None:
    """What a route has for calls that an engine lost, and for those that none takes."""
    again, fallback = again_extension(route.name), fallback_extension(route.name)
    offers = (f"${{{OFFERS_VARIABLE}}}", f"x{{0,{MOST_OFFERS - 1}}}")
    condition = _of_the_route(holder, route, again, (again,), offers)
    action(condition, "set", f"{OFFERS_VARIABLE}=${{{OFFERS_VARIABLE}}}x")
    # By a history of transfers the engine knows that an agent sent the call elsewhere.
    action(condition, "unset", "transfer_history")
    action(condition, "unset", HAD_VARIABLE)
    set_to(condition, *RESUME)
    _offer(condition, config, route)

    had = (f"${{{HAD_VARIABLE}}}", f"{re.escape(AGAIN_PREFIX)}.+")
    condition = _of_the_route(holder, route, f"ivr-transferred-{route.name}", (fallback,), had)
    _by_ourselves(condition)
    set_to(condition, NEXT_VARIABLE, f"${{{HAD_VARIABLE}}}")  # for the next transfer
    _connect(condition, route, recorded=bool(config.exempt))

    # A call that was offered often enough finds the first one closed, and comes in here.
    condition = _of_the_route(holder, route, fallback, (again, fallback))
    # What an engine began to record goes on without one, and nobody could pause it for a payment.
    action(condition, "stop_record_session", "all")
    _by_ourselves(condition)
    set_to(condition, UNRECORDED_VARIABLE, "true")
    if route.no_engine is None:
        _connect(condition, route)
        return
    # A call that staff make is not answered before the customer does, also where none will.
    action(condition, "pre_answer" if route.policy.staff_call else "answer")
    action(condition, "playback", route.no_engine.files[8000].path)
    action(condition, "hangup")


def _of_the_route(
    holder: ET.Element, route: Route, name: str, numbers: tuple[str, ...], *more: tuple[str, str]
) -> ET.Element:
    """An extension for calls that came through the route; the condition for its actions.

    ``more`` are further conditions, each a field and what it must match.
    """
    extension = ET.SubElement(holder, "extension", name=name)
    only(extension, f"${{{ROUTE_VARIABLE}}}", re.escape(route.name))
    if route.policy.staff_call:
        only(extension, f"${{{NUMBER_VARIABLE}}}", r"\+?[0-9]{1,20}")
    for field, expression in more:
        only(extension, field, expression)
    return only(extension, "destination_number", any_of([re.escape(one) for one in numbers]))


def _by_ourselves(condition: ET.Element) -> None:
    """FreeSWITCH goes on without what an engine set that had the call before.

    With the first, a bridge ends when an engine dies that was silent (docs/freeswitch.md 10b). The
    others are for one that speaks to callers itself: without it they shall hear what the telephone
    network says of a failure.
    """
    set_to(condition, *DIGITS, export=True)
    for variable in ("socket_resume", "continue_on_fail", "ignore_early_media"):
        action(condition, "unset", variable)


def _connect(condition: ET.Element, route: Route, *, recorded: bool = False) -> None:
    """Connect without an engine.

    A telephone that sends a ``recorded`` call on to another host would have FreeSWITCH call there
    as if it were that telephone, perhaps the exempt one (R8): such a call is not answered.
    """
    if route.policy.queue is not None:
        # FreeSWITCH's own queue needs no engine; whom nobody takes in time is hung up.
        action(condition, "answer")
        action(condition, "callcenter", route.policy.queue.name)
        action(condition, "hangup")
        return
    ring_s = -(-route.policy.ring_ms // 1000)
    set_to(condition, "call_timeout", str(ring_s))
    dial = route.policy.dial_string
    if dials_number(dial):
        dial = with_number(dial, f"${{{NUMBER_VARIABLE}}}")
    if recorded:
        dial = with_variables(dial, "outbound_redirect_fatal=true")
    action(condition, "bridge", dial)
    action(condition, "hangup")
