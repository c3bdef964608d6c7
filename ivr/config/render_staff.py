"""Calls that staff make, in the rendered dialplan (R10).

- ``ivr-emergency``, before everything else: calls for help are bridged at once, no engine hears of
  them, and nothing is asked.
- ``ivr-announce``: whom staff call is told first, where a route says so, on a connection to the
  engine of its own. Without an engine that lets them through the two are not connected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ivr.config.addresses import with_number
from ivr.config.render_routes import engines
from ivr.config.render_xml import (
    AFTER_VARIABLE,
    DIGITS,
    FOR_VARIABLE,
    action,
    any_of,
    only,
    set_to,
)
from ivr.config.routes import Beginning, Route
from ivr.config.settings import Configuration

ANNOUNCE = "ivr-announce"
"""What FreeSWITCH does with a called leg before the two are connected (``group_confirm_file``)."""
JOIN = "ivr-join"
"""What an engine sets ``ivr_after`` to for a leg that is let through."""
REFUSE = "ivr-refuse"
"""What ``ivr_after`` is before, and where no engine is: the call ends."""
_LEG = "[0-9A-Fa-f-]{36}"


def emergency(holder: ET.Element, config: Configuration) -> None:
    """Calls for help, with and without what a route strips."""
    if config.emergency is None:
        return
    strips = any_of(list(config.strips))
    numbers = "|".join(re.escape(number) for number in config.emergency.numbers)
    extension = ET.SubElement(holder, "extension", name="ivr-emergency")
    only(extension, "context", re.escape(config.site.render.staff_context))
    condition = only(extension, "destination_number", f"{strips}({numbers})")
    set_to(condition, *DIGITS, export=True)
    action(condition, "bridge", with_number(config.emergency.dial, "$1"))
    action(condition, "hangup")


def announce(holder: ET.Element, config: Configuration) -> None:
    """What comes before a leg is connected that was called by a route which announces."""
    if not any(route.policy.announced for route in config.routes):
        return
    context = config.site.render.staff_context
    condition = _of_a_called_leg(holder, ANNOUNCE)
    set_to(condition, AFTER_VARIABLE, REFUSE)
    action(condition, "sched_hangup", f"+{config.site.render.dead_man_s} NORMAL_TEMPORARY_FAILURE")
    action(condition, "socket", f"{engines(config)} async full")
    action(condition, "execute_extension", f"${{{AFTER_VARIABLE}}} XML {context}")
    condition = _of_a_called_leg(holder, REFUSE)
    action(condition, "hangup", "NORMAL_TEMPORARY_FAILURE")
    condition = _of_a_called_leg(holder, JOIN)
    action(condition, "sched_cancel")


def _of_a_called_leg(holder: ET.Element, name: str) -> ET.Element:
    extension = ET.SubElement(holder, "extension", name=name)
    only(extension, f"${{{FOR_VARIABLE}}}", _LEG)
    return only(extension, "destination_number", name)


def numbers_of(config: Configuration) -> Iterator[tuple[Route, str, str]]:
    """The extensions of staff's routes: whole numbers, then the longest beginnings, and of those
    that are the same the ones for some callers first. FreeSWITCH takes the first that fits.

    Yields the route, what its extension is called behind ``ivr-``, and its expression, in which the
    first group is the number without what is stripped.
    """
    staff = [route for route in config.routes if route.policy.staff_call]
    for route in sorted(staff, key=lambda one: not one.calling):
        if route.numbers:
            whole = "|".join(re.escape(one.removeprefix(route.strip)) for one in route.numbers)
            yield route, route.name, f"^{route.strip}({whole})$"
    for one in config.beginnings:
        yield one.route, f"{one.route.name}:{one.digits}", f"^{_rest(one)}$"


def _rest(one: Beginning) -> str:
    """The expression of a beginning, with what is not stripped as its group."""
    return f"{one.route.strip}({one.expression.removeprefix(one.route.strip)})"
