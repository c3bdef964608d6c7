"""FreeSWITCH's XML dialplan, and its queues, out of the configuration (R8, R10, R20, R22).

What is rendered of each route says :mod:`ivr.config.render.routes`, of the exempt extension
:mod:`ivr.config.render.exempt`, of calls that staff make :mod:`ivr.config.render.staff`. The order
matters: FreeSWITCH takes the first extension that fits. Calls for help come first, then those with
the exempt extension, so that no route can have them.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ivr.config.render import exempt, staff
from ivr.config.render.exempt import EXEMPT_HEADER
from ivr.config.render.routes import (
    MOST_OFFERS,
    again_extension,
    fallback_extension,
    to_engine,
    without_engine,
)
from ivr.config.render.xml import (
    AGAIN_PREFIX,
    CALLED_VARIABLE,
    EXEMPT_VARIABLE,
    HAD_VARIABLE,
    NEXT_VARIABLE,
    NUMBER_VARIABLE,
    ROUTE_VARIABLE,
    UNRECORDED_VARIABLE,
)
from ivr.config.settings import Configuration

__all__ = [
    "AGAIN_PREFIX",
    "CALLED_VARIABLE",
    "EXEMPT_HEADER",
    "EXEMPT_VARIABLE",
    "HAD_VARIABLE",
    "MOST_OFFERS",
    "NEXT_VARIABLE",
    "NUMBER_VARIABLE",
    "ROUTE_VARIABLE",
    "UNRECORDED_VARIABLE",
    "again_extension",
    "fallback_extension",
    "render",
]


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
    settings = config.site.render
    if whole_context:
        callers = ET.SubElement(include, "context", name=settings.context)
        _first(callers, config, for_staff=False)
        _callers(callers, config)
        dialled = ET.Element("context", name=settings.staff_context)
        _first(dialled, config, for_staff=True)
        _staff(dialled, config)
        if len(dialled):
            include.append(dialled)
    else:
        _first(include, config, for_staff=True)
        _callers(include, config)
        _staff(include, config)
    ET.indent(include)
    return ET.tostring(include, encoding="unicode") + "\n"


def _first(holder: ET.Element, config: Configuration, *, for_staff: bool) -> None:
    """What no route may have; closed to callers by their own conditions are those for staff."""
    if for_staff:
        staff.emergency(holder, config)
    exempt.to_exempt(holder, config)
    if for_staff:
        exempt.from_exempt(holder, config)
    exempt.back_from_exempt(holder, config)
    if for_staff:
        # Of those that are the same the last is for anybody.
        different = {(one.digits, one.route.strip): one for one in config.beginnings}
        for beginning in different.values():
            exempt.dialled_another_way(holder, config, beginning)


def _callers(holder: ET.Element, config: Configuration) -> None:
    """The routes of the context in which callers' calls arrive."""
    inbound = [route for route in config.routes if not route.policy.staff_call]
    for make, name in _MAKES:
        for route in inbound:
            numbers = "|".join(re.escape(number) for number in route.numbers)
            make(holder, config, route, f"{name}{route.name}", f"^(?:{numbers})$")
    for route in inbound:
        without_engine(holder, config, route)


def _staff(holder: ET.Element, config: Configuration) -> None:
    """The routes of the context in which staff dial."""
    for make, name in _MAKES:
        for route, what, expression in staff.numbers_of(config):
            make(holder, config, route, f"{name}{what}", expression)
    for route in config.routes:
        if route.policy.staff_call:
            without_engine(holder, config, route)


_MAKES = ((exempt.unrecorded, "ivr-unrecorded-"), (to_engine, "ivr-"))
"""For each number first what the exempt telephone gets, then what others do."""
