"""What the rest of the engine is given: checked, resolved, frozen (R18, R20)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ivr.config.addresses import Address
from ivr.core.policy import CallPolicy, Prompt

__all__ = [
    "Address",
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
    """How long FreeSWITCH may take, and how much at once."""

    command_ms: int
    connections: int


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What the rendered dialplan needs (docs/freeswitch.md 8, 9)."""

    context: str
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


@dataclass(frozen=True, slots=True)
class Route:
    """Numbers and how their calls are treated."""

    name: str
    numbers: tuple[str, ...]
    policy: CallPolicy
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

    def policy_for(self, number: str) -> CallPolicy | None:
        """How a call to the number is treated; ``None`` where no route claims it."""
        return self.policies.get(number)
