"""What the rest of the engine is given: checked, resolved, frozen (R18, R20)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from ivr.config.addresses import Address
from ivr.config.document import Source
from ivr.config.exempt import ExemptExtension
from ivr.config.routes import LEAST_MORE, MOST_MORE, Beginning, Route
from ivr.config.staff import Emergency
from ivr.core.entries import Arrived, Stamped
from ivr.core.policy import CallPolicy, Prompt

__all__ = [
    "LEAST_MORE",
    "MOST_MORE",
    "Address",
    "Beginning",
    "CallQueue",
    "Configuration",
    "Emergency",
    "EventSocket",
    "ExemptExtension",
    "Limits",
    "LogSettings",
    "RenderSettings",
    "Route",
    "Site",
]


@dataclass(frozen=True, slots=True)
class EventSocket:
    """FreeSWITCH's event socket."""

    address: Address
    password: str = field(repr=False)
    """Kept out of logs."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the log looks like."""

    format: Literal["auto", "json", "text"]
    level: Literal["debug", "info", "warning", "error"]
    numbers: Literal["masked", "full"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, how much at once, and how full a disk may be."""

    command_ms: int
    connections: int
    least_free_bytes: int = 512_000_000
    """A folder with less free is not used for new recordings (R22)."""
    stop_ms: int = 10_000
    """How long a stop may take."""


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What the rendered dialplan needs (docs/freeswitch.md 8, 9)."""

    context: str
    """In which callers' calls arrive."""
    staff_context: str
    """In which staff dial."""
    dead_man_s: int


@dataclass(frozen=True, slots=True)
class Site:
    """This host: ``deploy/ivr.yaml``, with absolute paths."""

    file: Path
    listen: Address
    """Of the outbound socket; port 0 is any that is free."""
    engines: tuple[Address, ...]
    """One or two, as FreeSWITCH reaches them."""
    freeswitch: EventSocket
    spool: Path
    http: Address
    """Of metrics, health and the control of calls; port 0 is any that is free."""
    tokens: Path
    """The hashed tokens of those who may control calls; need not exist."""
    log: LogSettings
    limits: Limits
    render: RenderSettings
    dialplan: Path
    prompts: Path
    fallback: Path | None = None
    """Where recordings go on while the spool cannot be written (R22); ``None`` is nowhere."""
    time_zone: ZoneInfo | None = None
    """By whose clock teams are open and closed; ``None`` is the host's."""


@dataclass(frozen=True, slots=True)
class CallQueue:
    """A queue of callers, as FreeSWITCH's own module is to have it (R9)."""

    name: str
    """Of the destination."""
    members: tuple[str, ...]
    """As FreeSWITCH dials them, in the order of the file."""
    strategy: Literal["at-once", "in-order", "round"]
    music: str
    announcement: Prompt | None
    """Spoken again and again while a caller waits."""
    every_s: int
    """How long it is from one announcement to the next."""
    longest_ms: int
    """How long a caller waits at most."""
    ring_ms: int
    """How long a member's telephone rings."""
    place: Source = field(compare=False)


@dataclass(frozen=True, slots=True)
class Configuration:
    """All YAML and prompts, as they were when :func:`ivr.config.load.load` read them."""

    site: Site
    policy_version: str
    version: str
    """Twelve hex digits of a SHA-256 over all YAML and the prompts' hashes."""
    routes: tuple[Route, ...]
    by_number: Mapping[str, tuple[Route, ...]] = field(repr=False)
    """The routes that name a number whole, as FreeSWITCH's destination_number holds it."""
    beginnings: tuple[Beginning, ...] = field(repr=False)
    """Of the numbers of staff's routes, the longest first."""
    queues: tuple[CallQueue, ...] = ()
    extensions: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Of each team's staff, by team."""
    exempt: tuple[ExemptExtension, ...] = ()
    emergency: Emergency | None = None

    def route_for(self, number: str, *, caller: str = "", route: str = "") -> Route | None:
        """The route that claims a call to the number; ``None`` where none does.

        A number that is named whole comes before those that are claimed by how they begin, and the
        longest beginning before shorter ones; of routes with the same number the one that is for
        this caller. ``route`` is the one that FreeSWITCH's dialplan has taken, which knows better
        who calls; where that one claims the number no more, another may. Calls for help and those
        with the exempt extension have no route.
        """
        if self.is_left_alone(number):
            return None
        claiming = self._claiming(number)
        taken = (one for one in claiming if one.name == route)
        return next(taken, None) or next((one for one in claiming if one.takes(caller)), None)

    def is_left_alone(self, number: str) -> bool:
        """Whether FreeSWITCH connects calls to the number by itself: one for help (R10) or of the
        exempt extension (R8), with or without what a route of staff strips."""
        helps = self.emergency.numbers if self.emergency else ()
        if any(number.removeprefix(strip) in helps for strip in self.strips):
            return True
        rests = {number, *(number.removeprefix(one.strip) for one in self._claiming(number))}
        return any(one.is_dialled_by(rest) for one in self.exempt for rest in rests)

    @property
    def strips(self) -> tuple[str, ...]:
        """All that may be dialled before a number, and nothing."""
        return tuple(sorted({"", *(route.strip for route in self.routes)}))

    def _claiming(self, number: str) -> list[Route]:
        """The routes that claim a number for anybody, in their order."""
        begun = (one.route for one in self.beginnings if re.fullmatch(one.expression, number))
        return [*self.by_number.get(number, ()), *begun]

    def policy_for(
        self,
        number: str,
        *,
        caller: str = "",
        at: datetime | None = None,
        turn: int = 0,
        route: str = "",
    ) -> CallPolicy | None:
        """How a call to the number is treated; ``None`` where no route claims it.

        ``caller`` and ``route`` are as :meth:`route_for` has them, ``at`` the moment at which the
        call arrived (now; one without a zone is by the site's clock), and ``turn`` how many calls
        its route had before (for ring groups whose members ring by turns). The same arguments give
        the same answer. A call that is looked up again later in its life must be given the moment
        at which it arrived, or a team that closed meanwhile would be closed to it: for a call with
        a journal :meth:`policy_left` does that. The dial string is complete: where a beginning
        claimed the number, what goes into it is digits only (R23).
        """
        found = self.route_for(number, caller=caller, route=route)
        if found is None:
            return None
        return found.policy_for(number, at=at or datetime.now(UTC), turn=turn)

    def policy_left(self, journal: Iterable[Stamped]) -> CallPolicy:
        """How a call is treated that an earlier engine left, by its journal: as one to the number
        that was called, at the moment at which it arrived; of a number that no route claims any
        more, or of a call of which nothing is known, the policy that gives a call the longest time
        (R22). What goes on with a call that has a journal asks this, never :meth:`policy_for`."""
        for one in journal:
            if isinstance(one.entry, Arrived):
                at = _moment(one.stamp.wall_ms)
                arrived = one.entry
                found = self.policy_for(
                    arrived.number, caller=arrived.caller, at=at, route=arrived.route
                )
                if found is not None:
                    return found
        policies = (route.policy for route in self.routes)
        return max(policies, key=lambda policy: policy.longest_call_ms)


_LAST_MS = 200_000_000_000_000
"""In the year 8307: a clock that is later is broken, and Python's dates end soon after."""


def _moment(wall_ms: int) -> datetime:
    return datetime.fromtimestamp(min(max(wall_ms, 0), _LAST_MS) / 1000, UTC)
