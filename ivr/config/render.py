"""FreeSWITCH's XML dialplan out of the routes (R20, R22; docs/freeswitch.md 8, 9, 10b, 11).

One extension a route sends its numbers to the engine. What happens to a call without an
engine is decided per team, and twice: in the same extension where nobody answers, and in a
fallback extension to which the dead-man transfer takes a call from an engine that has
accepted it and then says nothing.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ivr.config.settings import Configuration, Route

ROUTE_VARIABLE = "ivr_route"
"""Names the route on the channel; the fallback extension is closed to calls without it, so
that a caller who dials its name gets nowhere (R23)."""
UNRECORDED_VARIABLE = "ivr_unrecorded"
"""``true`` on a call that FreeSWITCH connected without an engine, and so without recording."""

_BEFORE_THE_SOCKET = (
    ("playback_terminators", "none"),  # a "*" would end the announcement
    ("socket_resume", "true"),  # a socket lost before "connect" would leave the call in silence
    ("hangup_after_bridge", "true"),
    ("RECORD_STEREO", "true"),
    ("RECORD_MIN_SEC", "0"),
    ("RECORD_PRE_BUFFER_FRAMES", "0"),
    ("enable_file_write_buffering", "false"),
)


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
    holder = include
    if whole_context:
        holder = ET.SubElement(include, "context", name=config.site.render.context)
    for route in config.routes:
        _to_engine(holder, config, route)
    for route in config.routes:
        _fallback(holder, route)
    ET.indent(include)
    return ET.tostring(include, encoding="unicode") + "\n"


def fallback_extension(route: str) -> str:
    """The extension that the dead-man transfer of a route goes to."""
    return f"ivr-fallback-{route}"


def _to_engine(holder: ET.Element, config: Configuration, route: Route) -> None:
    numbers = "|".join(re.escape(number) for number in route.numbers)
    extension = ET.SubElement(holder, "extension", name=f"ivr-{route.name}")
    condition = ET.SubElement(
        extension, "condition", field="destination_number", expression=f"^(?:{numbers})$"
    )
    _set(condition, ROUTE_VARIABLE, route.name)
    for name, value in _BEFORE_THE_SOCKET:
        _set(condition, name, value)
    site = config.site
    _action(
        condition,
        "sched_transfer",
        f"+{site.render.dead_man_s} {fallback_extension(route.name)} XML {site.render.context}",
    )
    engines = "|".join(str(engine) for engine in site.engines)
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
    condition = ET.SubElement(
        extension,
        "condition",
        field="destination_number",
        expression=f"^{re.escape(fallback_extension(route.name))}$",
    )
    _without_engine(condition, route)


def _without_engine(condition: ET.Element, route: Route) -> None:
    # Or the bridge below ends when the engine that was silent dies (docs/freeswitch.md 10b).
    _action(condition, "unset", "socket_resume")
    _set(condition, UNRECORDED_VARIABLE, "true")
    if route.no_engine is None:
        ring_s = -(-route.policy.ring_ms // 1000)
        _set(condition, "call_timeout", str(ring_s))
        _action(condition, "bridge", route.policy.dial_string)
    else:
        _action(condition, "answer")
        _action(condition, "playback", route.no_engine.files[8000].path)
    _action(condition, "hangup")


def _set(condition: ET.Element, name: str, value: str) -> None:
    _action(condition, "set", f"{name}={value}")


def _action(condition: ET.Element, application: str, data: str | None = None) -> None:
    action = ET.SubElement(condition, "action", application=application)
    if data is not None:
        action.set("data", data)
