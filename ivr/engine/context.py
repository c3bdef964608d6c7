"""What all calls share: the clock, the configuration in force, the disk, the metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ivr.clock import Clock
from ivr.config.load import Configuration
from ivr.core.entries import Stamped
from ivr.metrics import Metrics
from ivr.storage.journal import Journal
from ivr.storage.spool import Spool

if TYPE_CHECKING:
    from ivr.engine.driver import CallDriver


def _nobody(_call_id: str) -> None:
    """No inbound connection yet."""


@dataclass(slots=True)
class Context:
    """Handed to every driver; ``configuration`` is replaced as a whole by a reload."""

    clock: Clock
    configuration: Configuration
    journal: Journal
    spool: Spool
    metrics: Metrics
    finish: Callable[[CallDriver, list[Stamped]], None]
    """Takes a call whose machine is done, with all it journalled."""
    calls: dict[str, CallDriver] = field(default_factory=dict)
    """Calls in progress by their A leg's id."""
    follow: Callable[[str], None] = _nobody
    """Has the inbound connection tell of a call whose own socket is gone."""
    connect_ms: int = 10_000
    """How long FreeSWITCH may take to say which call a connection is for."""
