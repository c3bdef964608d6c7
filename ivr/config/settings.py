"""What the rest of the engine is given: checked, resolved, frozen (R18, R20)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ivr.config.addresses import Address, with_number
from ivr.core.entries import Arrived, Stamped
from ivr.core.policy import CallPolicy, Prompt

__all__ = [
    "Address",
    "Beginning",
    "Configuration",
    "EventSocket",
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


LEAST_MORE, MOST_MORE = 3, 15
"""How many digits follow the beginning of a number: not so few that ``9*`` claims 999, and no
more than a telephone number has."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Numbers of an outbound route, by how they begin."""

    digits: str
    strip: str
    """What of the beginning is not dialled on."""
    policy: CallPolicy
    """Its dial string has ``$number`` where the number goes."""

    def policy_for(self, number: str) -> CallPolicy | None:
        """How a call to this number is treated; ``None`` where it is not one of these."""
        more = f"[0-9]{{{LEAST_MORE},{MOST_MORE}}}"
        if not re.fullmatch(self.digits + more, number):
            return None
        dial = with_number(self.policy.dial_string, number.removeprefix(self.strip))
        return replace(self.policy, dial_string=dial)


@dataclass(frozen=True, slots=True)
class Route:
    """Numbers and how their calls are treated."""

    name: str
    numbers: tuple[str, ...]
    """Those that are named whole."""
    beginnings: tuple[str, ...]
    """How others begin, in an outbound route."""
    strip: str
    """Digits that are not dialled on; empty is none."""
    policy: CallPolicy
    """In an outbound route its dial string may have ``$number``: see
    :meth:`Configuration.policy_for`."""
    without_engine: Literal["connect", "message"]
    """What FreeSWITCH does with a call when no engine answers."""
    no_engine: Prompt | None
    """The message; ``None`` where calls are connected."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """All YAML and prompts, as they were when :func:`ivr.config.load.load` read them."""

    site: Site
    policy_version: str
    version: str
    """Twelve hex digits of a SHA-256 over all YAML and the prompts' hashes."""
    routes: tuple[Route, ...]
    policies: Mapping[str, CallPolicy] = field(repr=False)
    """By number, as FreeSWITCH's destination_number holds it."""
    beginnings: tuple[Beginning, ...] = field(repr=False)
    """Of the numbers of outbound routes, the longest first."""

    def policy_for(self, number: str) -> CallPolicy | None:
        """How a call to the number is treated; ``None`` where no route claims it.

        A number that is named whole comes before those that are claimed by how they begin, and the
        longest beginning before shorter ones. The dial string is complete: where a beginning
        claimed it, the number that goes into it is digits only (R23).
        """
        found = self.policies.get(number)
        if found is not None:
            return found
        tries = (beginning.policy_for(number) for beginning in self.beginnings)
        return next((policy for policy in tries if policy is not None), None)

    def policy_left(self, journal: Iterable[Stamped]) -> CallPolicy:
        """How a call is treated that an earlier engine left, by its journal: that of the number
        that was called; of a number that no route claims any more, or of a call of which nothing
        is known, the one that gives a call the longest time (R22)."""
        numbers = (one.entry.number for one in journal if isinstance(one.entry, Arrived))
        found = next(filter(None, map(self.policy_for, numbers)), None)
        return found or max(self.policies.values(), key=lambda policy: policy.longest_call_ms)
