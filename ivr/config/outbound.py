"""Routes by which staff call: to numbers that they dial (R10, R23)."""

from __future__ import annotations

from ivr.config.addresses import dials_number
from ivr.config.document import Document
from ivr.config.mistakes import quoted
from ivr.config.schema import Render
from ivr.config.staff import STAFF
from ivr.config.telephone import RouteNumber


def check_contexts(routes: Document, policy: Document, site: Document) -> None:
    """Note where a caller could dial out, or pass for staff: one context for both."""
    staff_calls = any(routes.text(n, "direction") in STAFF for n in _positions(routes))
    if not staff_calls and policy.at("emergency") is None and policy.at("exempt") is None:
        return
    staff = site.text("render", "staff_context") or Render.model_fields["staff_context"].default
    callers = site.text("render", "context") or Render.model_fields["context"].default
    if staff == callers:
        where = "staff_context" if site.text("render", "staff_context") else "context"
        site.say(
            ("render", where),
            f'"{where}" is {quoted(staff)}, in which both callers\' calls arrive and staff dial, '
            "expected two: callers could call out as staff do",
        )


def check_routes(routes: Document, destinations: Document) -> None:
    """Note what fits calls in one direction only and stands in a route of the other."""
    for n in _positions(routes):
        direction = "inbound" if routes.at(n, "direction") is None else routes.text(n, "direction")
        if direction == "inbound":
            _inbound(routes, n, destinations)
        elif direction in STAFF:
            _outbound(routes, n, destinations)


def _inbound(routes: Document, n: int, destinations: Document) -> None:
    for k, number in _numbers(routes, n):
        if number.endswith("*"):
            routes.say(
                (n, "numbers", k),
                f"{quoted(number)} is how numbers begin, expected a whole number, or "
                "direction: outbound",
            )
    if routes.text(n, "strip") is not None:
        routes.say(
            (n, "strip"),
            '"strip" is for calls that staff make, expected direction: outbound, or no strip',
            at_key=True,
        )
    name, dial = _destination(routes, n, destinations)
    if dials_number(dial):
        routes.say(
            (n, "destination"),
            f"destination {quoted(name)} calls $number, which staff dialled, expected "
            "direction: outbound, or another destination",
        )


def _outbound(routes: Document, n: int, destinations: Document) -> None:
    strip = routes.text(n, "strip") or ""
    name, dial = _destination(routes, n, destinations)
    for k, number in _numbers(routes, n):
        digits = number.removesuffix("*")
        if not digits.startswith(strip) or number == strip:
            routes.say(
                (n, "numbers", k),
                f"{quoted(number)} does not begin with {quoted(strip)} and go on, expected what "
                "staff dial, with the digits that strip takes away",
            )
        elif number != digits and dial and not dials_number(dial):
            routes.say(
                (n, "destination"),
                f"destination {quoted(name)} has no $number in its dial string, expected it where "
                f"the number goes that begins with {quoted(digits)}",
            )


def _positions(routes: Document) -> range:
    return range(len(routes.value) if isinstance(routes.value, list) else 0)


def _numbers(routes: Document, n: int) -> list[tuple[int, str]]:
    """The numbers that are right, each with its position."""
    listed = routes.at(n, "numbers")
    count = len(listed) if isinstance(listed, list) else 0
    texts = [(k, routes.text(n, "numbers", k)) for k in range(count)]
    return [(k, text) for k, text in texts if text is not None and RouteNumber().fits(text)]


def _destination(routes: Document, n: int, destinations: Document) -> tuple[str, str]:
    """The route's destination by name, and its dial string; empty where there is none."""
    name = routes.text(n, "destination") or ""
    return name, destinations.text(name, "dial") or ""
