"""A route as the engine asks it: whose calls, where to, and what holds when (R9, R10)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from ivr.config.addresses import dials_number, with_number
from ivr.config.document import Source
from ivr.config.groups import dial_string
from ivr.config.hours import Hours
from ivr.config.staff import is_calling
from ivr.core.policy import CallPolicy, Destination, Prompt

LEAST_MORE, MOST_MORE = 3, 15
"""How many digits follow the beginning of a number: not so few that ``9*`` claims 999, and no
more than a telephone number has."""


@dataclass(frozen=True, slots=True)
class Route:
    """Numbers and how their calls are treated."""

    name: str
    numbers: tuple[str, ...]
    """Those that are named whole."""
    beginnings: tuple[str, ...]
    """How others begin, in a route of staff."""
    strip: str
    """Digits that are not dialled on; empty is none."""
    policy: CallPolicy
    """As it is while the team is open, with the first turn of a ring group; in a route of staff its
    dial string may have ``$number``. A call's own is :meth:`policy_for`."""
    without_engine: Literal["connect", "message"]
    """What FreeSWITCH does with a call when no engine answers."""
    no_engine: Prompt | None
    """The message; ``None`` where calls are connected."""
    calling: tuple[str, ...] = ()
    """For whose calls it is: extensions, or how they begin (``10*``); empty is anybody's."""
    hours: Hours | None = None
    """When the team is open; ``None`` is always."""
    out_of_hours: CallPolicy | None = None
    """How a call is treated while the team is closed; there where hours are."""
    rounds: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """The members of its destinations whose telephones ring by turns, by destination."""
    places: Mapping[str, Source] = field(default_factory=dict, repr=False, compare=False)
    """Where what holds for it is written: ``route``, ``number:<number>`` and the route's other
    keys, ``destination:<name>``, and the team's keys as ``opt_out.keys``, those of policy.yaml
    where the team says nothing. A key that nobody wrote is not here."""

    def takes(self, caller: str) -> bool:
        """Whether it is for calls of this caller; all are, of a route that does not say so."""
        return not self.calling or is_calling(caller, self.calling)

    def begins(self, number: str) -> str:
        """The longest of its beginnings that claims the number; empty where none does."""
        more = f"[0-9]{{{LEAST_MORE},{MOST_MORE}}}"
        fits = [one for one in self.beginnings if re.fullmatch(re.escape(one) + more, number)]
        return max(fits, key=len, default="")

    def open_at(self, at: datetime) -> tuple[bool, str]:
        """Whether the team is open at the moment, and why, as a sentence for people."""
        return (True, "the team has no hours") if self.hours is None else self.hours.is_open(at)

    def policy_for(self, number: str, *, at: datetime, turn: int = 0) -> CallPolicy:
        """How a call to one of its numbers is treated that arrived at the moment.

        ``turn`` counts the route's calls: in a ring group that rings by turns each begins with the
        next member.
        """
        closed = self.out_of_hours is not None and not self.open_at(at)[0]
        policy = self.out_of_hours if closed and self.out_of_hours else self.policy
        dial = self._turned(policy.destination, policy.dial_string, turn)
        if dials_number(dial):
            dial = with_number(dial, number.removeprefix(self.strip))
        overflow = tuple(self._turned_overflow(one, turn) for one in policy.overflow)
        if (dial, overflow) == (policy.dial_string, policy.overflow):
            return policy
        return replace(policy, dial_string=dial, overflow=overflow)

    def _turned(self, destination: str, dial: str, turn: int) -> str:
        members = self.rounds.get(destination)
        return dial_string("round", members, turn) if members else dial

    def _turned_overflow(self, one: Destination, turn: int) -> Destination:
        dial = self._turned(one.name, one.dial_string, turn)
        return one if dial == one.dial_string else replace(one, dial_string=dial)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Numbers of a route of staff, by how they begin."""

    digits: str
    route: Route

    @property
    def expression(self) -> str:
        """A regular expression for the whole number."""
        return f"{self.digits}[0-9]{{{LEAST_MORE},{MOST_MORE}}}"

    @property
    def strip(self) -> str:
        """What of the beginning is not dialled on."""
        return self.route.strip

    @property
    def policy(self) -> CallPolicy:
        """Its dial string has ``$number`` where the number goes."""
        return self.route.policy


def by_number(routes: Iterable[Route]) -> Mapping[str, tuple[Route, ...]]:
    """The routes of every number that is named whole, those for some callers first."""
    found: dict[str, tuple[Route, ...]] = {}
    for route in sorted(routes, key=lambda one: not one.calling):
        for number in route.numbers:
            found[number] = (*found.get(number, ()), route)
    return MappingProxyType(found)


def beginnings(routes: Iterable[Route]) -> tuple[Beginning, ...]:
    """How other numbers begin, the longest first, and of those that are the same the ones for some
    callers, so that the first that fits is right."""
    found = [Beginning(digits, route) for route in routes for digits in route.beginnings]
    return tuple(
        sorted(found, key=lambda one: (-len(one.digits), one.digits, not one.route.calling))
    )
