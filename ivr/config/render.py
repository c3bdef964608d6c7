"""FreeSWITCH's XML dialplan out of the routes (R20, R22; docs/freeswitch.md 8, 9, 10b, 11).

Three extensions a route:

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

from ivr.config.addresses import dials_number, with_number
from ivr.config.settings import LEAST_MORE, MOST_MORE, Configuration, Route

ROUTE_VARIABLE = "ivr_route"
"""Names the route on the channel; the other extensions of a route are closed to calls without
it, so that a caller who dials their names gets nowhere (R23)."""
CALLED_VARIABLE = "ivr_called"
"""What was dialled. FreeSWITCH's own ``destination_number`` is that only until a transfer, and a
call that is offered again was transferred."""
NEXT_VARIABLE = "ivr_next"
"""The extension that a call goes to where no engine has it, or has it any more."""
AGAIN_PREFIX = "ivr-again-"
"""How the extensions begin in which calls are offered again."""
HAD_VARIABLE = "ivr_had"
"""What ``ivr_next`` was when the call came to the route: where that begins with
:data:`AGAIN_PREFIX`, an engine had it, and people transferred it here."""
UNRECORDED_VARIABLE = "ivr_unrecorded"
"""``true`` on a call that FreeSWITCH connected without an engine: nobody began a recording."""

NUMBER_VARIABLE = "ivr_number"
"""What staff dialled, without what a route strips: on calls of outbound routes."""

_OFFERS_VARIABLE = "ivr_offers"
"""An ``x`` for each time that the call was offered again. FreeSWITCH's dialplan cannot count."""
MOST_OFFERS = 10
"""A call that so many engines, one after the other, took and did not keep goes to the fallback:
it may be what ends them."""

_RECORDING = (
    ("RECORD_STEREO", "true"),
    ("RECORD_MIN_SEC", "0"),
    ("RECORD_PRE_BUFFER_FRAMES", "0"),
    ("enable_file_write_buffering", "false"),
)
_RESUME = ("socket_resume", "true")
"""Or a socket that is lost before ``connect`` leaves the call in silence (docs/freeswitch.md 10b);
the engine that takes the call unsets it."""
_BEFORE_THE_SOCKET = (
    ("playback_terminators", "none"),  # a "*" would end the announcement
    _RESUME,
    ("hangup_after_bridge", "true"),
)
_DIGITS = ("digits_dialed_filter", "^(.+)$")
"""Keys become X in CDRs and in the events of a hangup; exported, on all legs (docs/freeswitch.md
14b)."""


def render(config: Configuration, *, whole_context: bool = True) -> str:
    """The dialplan as XML text.

    With ``whole_context`` the extensions stand in the context of the site's file; without,
    they stand alone, for a folder that FreeSWITCH's own context includes.
    """
    include = ET.Element("include")
    comment = (
        f" Made by `ivr dialplan render` from configuration {config.version}, policy "
        f"{config.policy_version}. Changes made here are lost: change dialplan/ and render. "
    )
    include.append(ET.Comment(comment.replace("--", "- -")))  # XML forbids "--" in a comment
    inbound = [route for route in config.routes if route.policy.direction == "inbound"]
    outbound = [route for route in config.routes if route.policy.direction == "outbound"]
    holder = _holder(include, config.site.render.context, whole_context)
    for route in inbound:
        numbers = "|".join(re.escape(number) for number in route.numbers)
        _to_engine(holder, config, route, f"ivr-{route.name}", f"^(?:{numbers})$")
    for route in inbound:
        _without_engine(holder, config, route)
    if outbound:
        holder = _holder(include, config.site.render.staff_context, whole_context)
        _outbound(holder, config, outbound)
    ET.indent(include)
    return ET.tostring(include, encoding="unicode") + "\n"


def _holder(include: ET.Element, context: str, whole_context: bool) -> ET.Element:
    return ET.SubElement(include, "context", name=context) if whole_context else include


def _outbound(holder: ET.Element, config: Configuration, routes: list[Route]) -> None:
    """FreeSWITCH takes the first extension that fits: whole numbers, then longest beginnings."""
    for route in routes:
        if route.numbers:
            whole = "|".join(re.escape(one.removeprefix(route.strip)) for one in route.numbers)
            expression = f"^{route.strip}({whole})$"
            _to_engine(holder, config, route, f"ivr-{route.name}", expression)
    by_name = {route.name: route for route in routes}
    for beginning in config.beginnings:
        route = by_name[beginning.policy.route]
        rest = beginning.digits.removeprefix(beginning.strip)
        expression = f"^{beginning.strip}({rest}[0-9]{{{LEAST_MORE},{MOST_MORE}}})$"
        _to_engine(holder, config, route, f"ivr-{route.name}:{beginning.digits}", expression)
    for route in routes:
        _without_engine(holder, config, route)


def fallback_extension(route: str) -> str:
    """The extension of a route that does without an engine."""
    return f"ivr-fallback-{route}"


def again_extension(route: str) -> str:
    """The extension of a route that offers a call again whose engine is gone (R22)."""
    return f"{AGAIN_PREFIX}{route}"


def _to_engine(
    holder: ET.Element, config: Configuration, route: Route, name: str, expression: str
) -> None:
    outbound = route.policy.direction == "outbound"
    extension = ET.SubElement(holder, "extension", name=name)
    if outbound:
        # The folder that it is put into may be included in the callers' context too.
        _only(extension, "context", re.escape(config.site.render.staff_context))
    condition = ET.SubElement(
        extension, "condition", field="destination_number", expression=expression
    )
    _set(condition, ROUTE_VARIABLE, route.name)
    _set(condition, CALLED_VARIABLE, "${destination_number}")
    _set(condition, HAD_VARIABLE, f"${{{NEXT_VARIABLE}}}")
    if outbound:
        _set(condition, NUMBER_VARIABLE, "$1")
    for variable, value in _BEFORE_THE_SOCKET:
        _set(condition, variable, value)
    for variable, value in _RECORDING:  # in a call that staff make the other leg is recorded
        _set(condition, variable, value, export=outbound)
    _set(condition, *_DIGITS, export=True)
    _action(condition, "unset", _OFFERS_VARIABLE)
    _offer(condition, config, route)


def _offer(condition: ET.Element, config: Configuration, route: Route) -> None:
    """Offer the call to the engines; one that takes it says where it goes after that engine."""
    fallback, context = fallback_extension(route.name), _context(config, route)
    _set(condition, NEXT_VARIABLE, fallback)
    dead_man = f"+{config.site.render.dead_man_s} {fallback} XML {context}"
    _action(condition, "sched_transfer", dead_man)
    engines = "|".join(str(engine) for engine in config.site.engines)
    _action(condition, "socket", f"{engines} async full")
    # Nobody answered: the dead man's transfer would take the call away in mid-conversation.
    _action(condition, "sched_cancel")
    _action(condition, "transfer", f"${{{NEXT_VARIABLE}}} XML {context}")


def _context(config: Configuration, route: Route) -> str:
    settings = config.site.render
    return settings.staff_context if route.policy.direction == "outbound" else settings.context


def _without_engine(holder: ET.Element, config: Configuration, route: Route) -> None:
    """What a route has for calls that an engine lost, and for those that none takes."""
    again, fallback = again_extension(route.name), fallback_extension(route.name)
    offers = (f"${{{_OFFERS_VARIABLE}}}", f"x{{0,{MOST_OFFERS - 1}}}")
    condition = _of_the_route(holder, route, again, (again,), offers)
    _action(condition, "set", f"{_OFFERS_VARIABLE}=${{{_OFFERS_VARIABLE}}}x")
    # By a history of transfers the engine knows that an agent sent the call elsewhere.
    _action(condition, "unset", "transfer_history")
    _action(condition, "unset", HAD_VARIABLE)
    _set(condition, *_RESUME)
    _offer(condition, config, route)

    had = (f"${{{HAD_VARIABLE}}}", f"{re.escape(AGAIN_PREFIX)}.+")
    condition = _of_the_route(holder, route, f"ivr-transferred-{route.name}", (fallback,), had)
    _by_ourselves(condition)
    _set(condition, NEXT_VARIABLE, f"${{{HAD_VARIABLE}}}")  # for the next transfer
    _connect(condition, route)

    # A call that was offered often enough finds the first one closed, and comes in here.
    condition = _of_the_route(holder, route, fallback, (again, fallback))
    # What an engine began to record goes on without one, and nobody could pause it for a payment.
    _action(condition, "stop_record_session", "all")
    _by_ourselves(condition)
    _set(condition, UNRECORDED_VARIABLE, "true")
    if route.no_engine is None:
        _connect(condition, route)
        return
    # A call that staff make is not answered before the customer does, also where none will.
    outbound = route.policy.direction == "outbound"
    _action(condition, "pre_answer" if outbound else "answer")
    _action(condition, "playback", route.no_engine.files[8000].path)
    _action(condition, "hangup")


def _of_the_route(
    holder: ET.Element, route: Route, name: str, numbers: tuple[str, ...], *only: tuple[str, str]
) -> ET.Element:
    """An extension for calls that came through the route; the condition for its actions.

    ``only`` are further conditions, each a field and what it must match.
    """
    extension = ET.SubElement(holder, "extension", name=name)
    _only(extension, f"${{{ROUTE_VARIABLE}}}", re.escape(route.name))
    if route.policy.direction == "outbound":
        _only(extension, f"${{{NUMBER_VARIABLE}}}", r"\+?[0-9]{1,20}")
    for field, expression in only:
        _only(extension, field, expression)
    escaped = [re.escape(number) for number in numbers]
    return _only(
        extension,
        "destination_number",
        escaped[0] if len(escaped) == 1 else f"(?:{'|'.join(escaped)})",
    )


def _only(extension: ET.Element, field: str, expression: str) -> ET.Element:
    """A condition whose field matches as a whole."""
    return ET.SubElement(extension, "condition", field=field, expression=f"^{expression}$")


def _by_ourselves(condition: ET.Element) -> None:
    """FreeSWITCH goes on without what an engine set that had the call before.

    With the first, a bridge ends when an engine dies that was silent (docs/freeswitch.md 10b). The
    others are for one that speaks to callers itself: without it they shall hear what the telephone
    network says of a failure.
    """
    _set(condition, *_DIGITS, export=True)
    for variable in ("socket_resume", "continue_on_fail", "ignore_early_media"):
        _action(condition, "unset", variable)


def _connect(condition: ET.Element, route: Route) -> None:
    ring_s = -(-route.policy.ring_ms // 1000)
    _set(condition, "call_timeout", str(ring_s))
    dial = route.policy.dial_string
    if dials_number(dial):
        dial = with_number(dial, f"${{{NUMBER_VARIABLE}}}")
    _action(condition, "bridge", dial)
    _action(condition, "hangup")


def _set(condition: ET.Element, name: str, value: str, *, export: bool = False) -> None:
    """Set a variable; where it is exported, also on every leg that is called."""
    _action(condition, "export" if export else "set", f"{name}={value}")


def _action(condition: ET.Element, application: str, data: str | None = None) -> None:
    action = ET.SubElement(condition, "action", application=application)
    if data is not None:
        action.set("data", data)
