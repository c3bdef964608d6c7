"""Calls that staff make: whose calls a route is for, and calls for help (R10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.config.document import Document, Where
from ivr.config.mistakes import quoted
from ivr.config.schema.policy import PolicyFile
from ivr.config.telephone import Calling, Extension

STAFF = ("outbound", "internal")
"""Directions of routes by which staff call."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """Calls for help: FreeSWITCH connects them at once, and no engine hears of them."""

    numbers: tuple[str, ...]
    dial: str
    """What FreeSWITCH's ``bridge`` is given; ``$number`` is which of the numbers it is."""


def emergency(policy: PolicyFile) -> Emergency | None:
    """How staff call for help, by a policy without mistakes."""
    if policy.emergency is None:
        return None
    return Emergency(tuple(policy.emergency.numbers), policy.emergency.dial)


def calling_expression(calling: str) -> str:
    """A regular expression for an extension that calls, or for those that begin so."""
    return f"{calling[:-1]}[0-9]{{1,20}}" if calling.endswith("*") else calling


def is_calling(caller: str, calling: tuple[str, ...]) -> bool:
    """Whether an extension is one of those that are named, whole or by how they begin."""
    return any(re.fullmatch(calling_expression(one), caller) for one in calling)


def check_staff(routes: Document, policy: Document, teams: Mapping[str, Document]) -> None:
    """Note what is for calls of staff and stands elsewhere, and numbers that two routes claim."""
    for n in range(_length(routes.value)):
        _keys(routes, n, teams)
    _help(routes, policy, teams)
    _names(routes)
    _claims(routes, teams)


def _keys(routes: Document, n: int, teams: Mapping[str, Document]) -> None:
    inbound = routes.at(n, "direction") in (None, "inbound")
    for key in ("from", "from_team", "announce"):
        value = routes.at(n, key)
        if inbound and value is not None and value is not False:
            routes.say(
                (n, key),
                f"{quoted(key)} is for calls that staff make, expected direction: outbound or "
                f"internal, or no {key}",
                at_key=True,
            )
    team = routes.text(n, "team") or ""
    if inbound or routes.at(n, "from_team") is not True:
        return
    if team in teams and not _extensions(teams[team]):
        routes.say(
            (n, "from_team"),
            f"team {quoted(team)} has no extensions, expected them in {teams[team].shown}, or "
            'from: ["1001"] instead',
            at_key=True,
        )


def _help(routes: Document, policy: Document, teams: Mapping[str, Document]) -> None:
    """What is dialled for help is nothing else: those calls come first, and nothing delays them."""
    ways = _ways_to_help(routes, policy)
    if not ways:
        return
    for n in range(_length(routes.value)):
        strip = routes.text(n, "strip") or ""
        for k in range(_length(routes.at(n, "numbers"))):
            number = routes.text(n, "numbers", k) or ""
            if help_ := ways.get(number) or ways.get(number.removeprefix(strip)):
                routes.say(
                    (n, "numbers", k),
                    f"{quoted(number)} is {help_}, expected another: such calls go by no route",
                )
    taken: list[tuple[Document, Where]] = [
        (policy, ("exempt", n, "extension")) for n in range(_length(policy.at("exempt")))
    ]
    for team in teams.values():
        taken += [(team, ("extensions", k)) for k in range(_length(team.at("extensions")))]
    for document, where in taken:
        if help_ := ways.get(document.text(*where) or ""):
            document.say(
                where,
                f"{quoted(document.text(*where) or '')} is {help_}, expected another: whoever "
                "dials it would be connected to the emergency services",
            )


def _ways_to_help(routes: Document, policy: Document) -> dict[str, str]:
    """All that is dialled for help, and what it is, with its place.

    FreeSWITCH takes a number for help also behind what any route strips.
    """
    strips = {"": ""}
    for n in range(_length(routes.value)):
        if strip := routes.text(n, "strip"):
            strips.setdefault(strip, f" behind the {quoted(strip)} that {_named(routes, n)} strips")
    ways: dict[str, str] = {}
    for m in range(_length(policy.at("emergency", "numbers"))):
        where: Where = ("emergency", "numbers", m)
        text = policy.text(*where)
        if text is None:
            continue
        place = policy.place(where)
        shown = f"({policy.shown}:{place.line}:{place.column})"
        for strip, behind in strips.items():
            ways.setdefault(strip + text, f"a number for help{behind} {shown}")
    return ways


def _named(routes: Document, n: int) -> str:
    name = routes.text(n, "name")
    return f"route {quoted(name)}" if name else "a route without a name"


@dataclass(frozen=True, slots=True)
class _Claim:
    """A route that claims a number."""

    where: Where
    place: str
    route: str
    staff: bool
    calling: tuple[str, ...]
    """For whose calls; empty is anybody's."""


def _names(routes: Document) -> None:
    """A route's name that stands twice."""
    names: dict[str, int] = {}
    for n in range(_length(routes.value)):
        name = routes.text(n, "name")
        if name is None:
            continue
        if name in names:
            routes.say(
                (n, "name"),
                f"route {quoted(name)} is here twice, expected another name (line {names[name]} "
                "has it already)",
            )
        names.setdefault(name, routes.place((n, "name")).line)


def _claims(routes: Document, teams: Mapping[str, Document]) -> None:
    """A number that two routes claim for the same caller: calls could go either way (R9)."""
    found: dict[str, list[_Claim]] = {}
    for n in range(_length(routes.value)):
        for k in range(_length(routes.at(n, "numbers"))):
            where: Where = (n, "numbers", k)
            number = routes.text(*where)
            if number is None:
                continue
            claim = _claim(routes, n, where, teams)
            others = found.setdefault(number, [])
            for other in others:
                if fault := _clash(number, claim, other):
                    routes.say(where, fault)
                    break
            else:
                others.append(claim)


def _claim(routes: Document, n: int, where: Where, teams: Mapping[str, Document]) -> _Claim:
    place = routes.place(where)
    calling = [routes.text(n, "from", k) for k in range(_length(routes.at(n, "from")))]
    right = [one for one in calling if one is not None and Calling().fits(one)]
    if routes.at(n, "from_team") is True:
        team = teams.get(routes.text(n, "team") or "")
        right += _extensions(team) if team else []
    return _Claim(
        where,
        f"{routes.shown}:{place.line}:{place.column}",
        _named(routes, n),
        routes.text(n, "direction") in STAFF,
        tuple(right),
    )


def _clash(number: str, one: _Claim, other: _Claim) -> str:
    """Why the two cannot both have the number; empty where they can."""
    if one.staff and other.staff and bool(one.calling) != bool(other.calling):
        return ""
    what = f"number {quoted(number)} is claimed twice"
    already = f"{other.place} claims it for {other.route} already"
    if not (one.staff and other.staff and one.calling):
        return f"{what}, expected it in one route ({already})"
    both = next((c for c in one.calling for d in other.calling if _overlap(c, d)), None)
    if both is None:
        return ""
    return f"{what} for calls from {quoted(both)}, expected one route for each caller ({already})"


def _overlap(one: str, other: str) -> bool:
    if one.endswith("*") and other.endswith("*"):
        return one.startswith(other[:-1]) or other.startswith(one[:-1])
    if one.endswith("*"):
        one, other = other, one
    return is_calling(one, (other,))


def _extensions(team: Document) -> list[str]:
    listed = [team.text("extensions", k) for k in range(_length(team.at("extensions")))]
    return [one for one in listed if one is not None and Extension().fits(one)]


def _length(listed: object) -> int:
    return len(listed) if isinstance(listed, list) else 0
