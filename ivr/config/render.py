"""FreeSWITCH's XML dialplan out of the routes (R20, R22; docs/freeswitch.md 8, 9, 10b, 11).

One extension a route sends its numbers to the engine. What happens to a call without an
engine is decided per team, and twice: in the same extension where nobody answers, and in a
fallback extension to which the dead-man transfer takes a call from an engine that has
accepted it and then says nothing.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ivr.config.addresses import dials_number, with_number
from ivr.config.settings import LEAST_MORE, MOST_MORE, Configuration, Route

ROUTE_VARIABLE = "ivr_route"
"""Names the route on the channel; the fallback extension is closed to calls without it, so
that a caller who dials its name gets nowhere (R23)."""
UNRECORDED_VARIABLE = "ivr_unrecorded"
"""``true`` on a call that FreeSWITCH connected without an engine, and so without recording."""

NUMBER_VARIABLE = "ivr_number"
"""What staff dialled, without what a route strips: on calls of outbound routes."""

_RECORDING = (
    ("RECORD_STEREO", "true"),
    ("RECORD_MIN_SEC", "0"),
    ("RECORD_PRE_BUFFER_FRAMES", "0"),
    ("enable_file_write_buffering", "false"),
)
_BEFORE_THE_SOCKET = (
    ("playback_terminators", "none"),  # a "*" would end the announcement
    ("socket_resume", "true"),  # a socket lost before "connect" would leave the call in silence
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
        _fallback(holder, route)
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
        _fallback(holder, route)


def fallback_extension(route: str) -> str:
    """The extension that the dead-man transfer of a route goes to."""
    return f"ivr-fallback-{route}"


def _to_engine(
    holder: ET.Element, config: Configuration, route: Route, name: str, expression: str
) -> None:
    settings = config.site.render
    outbound = route.policy.direction == "outbound"
    extension = ET.SubElement(holder, "extension", name=name)
    if outbound:
        # The folder that it is put into may be included in the callers' context too.
        only = f"^{re.escape(settings.staff_context)}$"
        ET.SubElement(extension, "condition", field="context", expression=only)
    condition = ET.SubElement(
        extension, "condition", field="destination_number", expression=expression
    )
    _set(condition, ROUTE_VARIABLE, route.name)
    if outbound:
        _set(condition, NUMBER_VARIABLE, "$1")
    for variable, value in _BEFORE_THE_SOCKET:
        _set(condition, variable, value)
    for variable, value in _RECORDING:  # in a call that staff make the other leg is recorded
        _set(condition, variable, value, export=outbound)
    _set(condition, *_DIGITS, export=True)
    context = settings.staff_context if outbound else settings.context
    _action(
        condition,
        "sched_transfer",
        f"+{settings.dead_man_s} {fallback_extension(route.name)} XML {context}",
    )
    engines = "|".join(str(engine) for engine in config.site.engines)
    _action(condition, "socket", f"{engines} async full")
    # Nobody answered: the dead man's transfer would take the call away in mid-conversation.
    _action(condition, "sched_cancel")
    _without_engine(condition, route)


def _fallback(holder: ET.Element, route: Route) -> None:
    extension = ET.SubElement(holder, "extension", name=fallback_extension(route.name))
    ET.SubElement(
        extension,
        "condition",
        field=f"${{{ROUTE_VARIABLE}}}",
        expression=f"^{re.escape(route.name)}$",
    )
    if route.policy.direction == "outbound":
        ET.SubElement(
            extension,
            "condition",
            field=f"${{{NUMBER_VARIABLE}}}",
            expression=r"^\+?[0-9]{1,20}$",
        )
    condition = ET.SubElement(
        extension,
        "condition",
        field="destination_number",
        expression=f"^{re.escape(fallback_extension(route.name))}$",
    )
    _set(condition, *_DIGITS, export=True)
    _without_engine(condition, route)


def _without_engine(condition: ET.Element, route: Route) -> None:
    # Or the bridge below ends when the engine that was silent dies (docs/freeswitch.md 10b).
    _action(condition, "unset", "socket_resume")
    _set(condition, UNRECORDED_VARIABLE, "true")
    if route.no_engine is None:
        ring_s = -(-route.policy.ring_ms // 1000)
        _set(condition, "call_timeout", str(ring_s))
        dial = route.policy.dial_string
        if dials_number(dial):
            dial = with_number(dial, f"${{{NUMBER_VARIABLE}}}")
        _action(condition, "bridge", dial)
    else:
        # A call that staff make is not answered before the customer does, also where none will.
        outbound = route.policy.direction == "outbound"
        _action(condition, "pre_answer" if outbound else "answer")
        _action(condition, "playback", route.no_engine.files[8000].path)
    _action(condition, "hangup")


def _set(condition: ET.Element, name: str, value: str, *, export: bool = False) -> None:
    """Set a variable; where it is exported, also on every leg that is called."""
    _action(condition, "export" if export else "set", f"{name}={value}")


def _action(condition: ET.Element, application: str, data: str | None = None) -> None:
    action = ET.SubElement(condition, "action", application=application)
    if data is not None:
        action.set("data", data)
