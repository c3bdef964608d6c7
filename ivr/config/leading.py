"""Where calls lead that are not answered, or come out of hours (R9, R20)."""

from __future__ import annotations

from collections.abc import Mapping

from ivr.config.addresses import dials_number
from ivr.config.document import Document
from ivr.config.mistakes import quoted


def check_leading(teams: Mapping[str, Document], routes: Document, destinations: Document) -> None:
    """Note destinations that a call cannot go to from where a team, or a route, names them."""
    for document in teams.values():
        for n in range(_count(document.at("overflow"))):
            _not_dialled(document, ("overflow", n, "destination"), destinations)
        _not_dialled(document, ("out_of_hours", "destination"), destinations)
        _twice(document, "overflow", "destination")
    for n in range(_count(routes.value)):
        direction = routes.text(n, "direction") or "inbound"
        team = teams.get(routes.text(n, "team") or "")
        if direction == "inbound" and team is not None:
            _to_itself(team, routes, n)
        if direction != "inbound":
            _of_staff(routes, n, destinations)


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _not_dialled(document: Document, where: tuple[str | int, ...], destinations: Document) -> None:
    name = document.text(*where)
    if name and dials_number(destinations.text(name, "dial") or ""):
        document.say(
            where,
            f"destination {quoted(name)} calls $number, which staff dial, expected another "
            "destination",
        )


def _twice(document: Document, key: str, inner: str) -> None:
    seen: set[str] = set()
    for n in range(_count(document.at(key))):
        name = document.text(key, n, inner)
        if name is not None and name in seen:
            document.say(
                (key, n, inner),
                f"{quoted(name)} is in the overflow twice, expected each destination once",
            )
        seen.add(name or "")


def _to_itself(team: Document, routes: Document, n: int) -> None:
    to = routes.text(n, "destination")
    for k in range(_count(team.at("overflow"))):
        if to is not None and team.text("overflow", k, "destination") == to:
            place = routes.place((n, "destination"))
            team.say(
                ("overflow", k, "destination"),
                f"the overflow leads to {quoted(to)} itself, which was not reached "
                f"({routes.shown}:{place.line}:{place.column}), expected another destination",
            )


def _of_staff(routes: Document, n: int, destinations: Document) -> None:
    """Staff's calls wait in no queue."""
    name = routes.text(n, "destination")
    if name is not None and destinations.at(name, "queue") is not None:
        routes.say(
            (n, "destination"),
            f"destination {quoted(name)} is a queue, which is for callers, expected dial or a ring "
            "group in a route of staff",
        )
