"""What all calls share: the clock, the configuration in force, the disk, the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ivr.clock import Clock, Timer
from ivr.config.load import Configuration
from ivr.core.entries import Entry, Stamp, Stamped
from ivr.core.policy import CallPolicy
from ivr.errors import DiskError
from ivr.esl.session import OnReply
from ivr.metrics import Metrics
from ivr.storage.journal import Journal
from ivr.storage.spool import Spool

if TYPE_CHECKING:
    from ivr.engine.arriving import Arrival
    from ivr.engine.driver import CallDriver


SOON_MS = 250
"""How long an entry of the journal that nobody waits for may stay off the disk."""


class Line(Protocol):
    """The engine's own connection to FreeSWITCH: :class:`ivr.engine.control.Control`."""

    switch: str
    """Core-UUID of the FreeSWITCH that is, or was last, there; empty where none was."""
    nobody_there: bool
    """Nothing listens on FreeSWITCH's port: it is not running."""

    @property
    def connected(self) -> bool:
        """Whether it stands."""

    def post(self, text: bytes, *replies: OnReply | None) -> None:
        """Send commands, with what is told their replies."""

    def follow(self, call_id: str) -> None:
        """Tell of a call whose own socket is gone."""

    def tell_end(self, leg: str) -> None:
        """Tell of the end of a leg that belongs to no call of ours."""

    def follow_leg(self, call_id: str, leg: str) -> None:
        """The same of the leg that is recorded, where that is not the A leg."""

    def unfollow(self, call_id: str) -> None:
        """Tell no more of it."""


class Folders(Protocol):
    """Where there is room for recordings: :class:`ivr.engine.growth.Growth`."""

    def room(self) -> Path | None:
        """The folder that the next recording goes to; None where there is no room."""

    def elsewhere(self, path: str) -> str:
        """Another folder than that of this path that takes recordings; empty where none does."""


class Left(Protocol):
    """Calls that an earlier run left and nobody has taken up yet:
    :class:`ivr.engine.recovery.Recovery`."""

    def entries_of(self, call_id: str) -> Sequence[Stamped] | None:
        """What the journal has of a call; None where it is none of them."""

    def record_of(self, call_id: str) -> str:
        """The id of its record; empty where it is none of them."""

    def recall(self, call_id: str) -> Sequence[Stamped]:
        """The same; whoever asks has taken it up."""

    def recordings(self) -> Mapping[str, str]:
        """Where they are, or were, last being recorded."""

    def found(self, call_id: str, in_progress: bool) -> None:
        """It is known whether FreeSWITCH has the call."""


@dataclass(slots=True)
class Context:
    """Handed to every driver; ``configuration`` is replaced as a whole by a reload. ``line``,
    ``folders`` and ``left``, which know of it themselves, are set when they are made."""

    clock: Clock
    configuration: Configuration
    journal: Journal
    spool: Spool
    metrics: Metrics
    finish: Callable[[CallDriver, list[Stamped]], None]
    """Takes a call whose machine is done, with all it journalled."""
    release: Callable[[str, str, Sequence[Stamped]], None]
    """Takes a call that another engine has or had, by its channel and its record's id, with all
    that is journalled here: that engine makes the record."""
    me: str
    """Which engine this is, among those that share a FreeSWITCH."""
    here: str = ""
    """Where this engine takes calls, as FreeSWITCH reaches it: host:port."""
    line: Line = field(init=False)
    folders: Folders = field(init=False)
    left: Left = field(init=False)
    calls: dict[str, CallDriver] = field(default_factory=dict)
    """Calls in progress by their A leg's id."""
    unknown: set[Arrival] = field(default_factory=set)
    """Connections that have not said yet which call they are for."""
    customers: dict[str, CallDriver] = field(default_factory=dict)
    """Calls that staff make, by the id of their customer's leg."""
    agents: dict[str, CallDriver] = field(default_factory=dict)
    """Calls by the id of their agent's leg, which feature codes come from."""
    confidants: dict[str, frozenset[str]] = field(default_factory=dict)
    """Who speaks with the exempt extension now, by that call's leg: kept as long as that lasts, and
    nowhere else (R8)."""
    turns: Counter[str] = field(default_factory=Counter)
    """How many calls each route had, for telephones that ring by turns (R9)."""
    _soon: Timer | None = None

    def policy_for(self, number: str, caller: str, route_name: str) -> CallPolicy | None:
        """How a call that arrives now is treated; None where no route claims it. ``route_name`` is
        the route that FreeSWITCH's dialplan took."""
        route = self.configuration.route_for(number, caller=caller, route=route_name)
        if route is None:
            return None
        turn = self.turns[route.name]
        self.turns[route.name] += 1
        at = datetime.fromtimestamp(self.clock.wall_ms() / 1000, UTC)
        return route.policy_for(number, at=at, turn=turn)

    def note(self, call_id: str, entry: Entry, stamp: Stamp) -> None:
        """Journal an entry, and see to it that it is on disk soon, whoever waits for it or not:
        after a crash the record still says what the caller was told and chose (R1, R3, R22)."""
        self.journal.append(call_id, entry, stamp)
        if self._soon is None:
            self._soon = self.clock.after(SOON_MS, self._sync)

    def hasten(self) -> None:
        """Have what was journalled on disk as soon as can be, though nobody waits for it."""
        if self._soon is not None:
            self._soon.cancel()
        self._sync()

    def _sync(self) -> None:
        self._soon = None
        self.journal.sync(_unwaited)

    def stop(self) -> None:
        """Leave what is not on disk to the journal's own end."""
        if self._soon is not None:
            self._soon.cancel()


def _unwaited(_error: DiskError | None) -> None:
    """The journal keeps what was refused, and the health page says so."""
