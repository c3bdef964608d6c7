"""Calls that staff make, in the rendered dialplan (R10).

- ``ivr-emergency``, before everything else: calls for help are bridged at once, no engine hears of
  them, and nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ivr.config.addresses import with_number
from ivr.config.render.xml import (
    DIGITS,
    action,
    any_of,
    only,
    set_to,
)
from ivr.config.routes import Beginning, Route
from ivr.config.settings import Configuration


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
