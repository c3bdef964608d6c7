"""What all calls share: the clock, the configuration in force, the disk, the metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.clock import Clock, Timer
from ivr.config.load import Configuration
from ivr.core.entries import Entry, Stamp, Stamped
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


def _nobody(*_ids: str) -> None:
    """No inbound connection yet."""


def _nothing_left(_call_id: str) -> Sequence[Stamped] | None:
    """No earlier run."""
    return None


def _nothing(_call_id: str) -> Sequence[Stamped]:
    """No earlier run."""
    return ()


def _nowhere_else(_path: str) -> str:
    """Nobody looks after the folders yet."""
    return ""


def _no_watch() -> Path | None:
    """Nobody looks after the folders yet."""
    return None


def _unsent(_text: bytes, *replies: OnReply | None) -> None:
    """No inbound connection yet: nothing is done, and that is what is answered."""
    for told in replies:
        if told is not None:
            told(None)


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
    unknown: set[Arrival] = field(default_factory=set)
    """Connections that have not said yet which call they are for."""
    me: str = ""
    """Which engine this is, among those that share a FreeSWITCH."""
    left: Callable[[str], Sequence[Stamped] | None] = _nothing_left
    """What the journal has of a call that an earlier run left and nobody has taken up yet."""
    recall: Callable[[str], Sequence[Stamped]] = _nothing
    """The same; whoever asks has taken it up."""
    left_recordings: Callable[[], Mapping[str, str]] = dict
    """Where those are being recorded that nobody has taken up yet."""
    forsake: Callable[[str], None] = _nobody
    """FreeSWITCH died, and such a call with it."""
    release: Callable[[str], None] = _nobody
    """Takes a call that another engine has: it makes the record."""
    room: Callable[[], Path | None] = _no_watch
    """The folder that the next recording goes to; None where there is no room."""
    elsewhere: Callable[[str], str] = _nowhere_else
    """Another folder than that of this path that takes recordings; empty where none does."""
    switch: Callable[[], str] = str
    """Core-UUID of the FreeSWITCH that is there; empty where none is."""
    follow: Callable[[str], None] = _nobody
    """Has the inbound connection tell of a call whose own socket is gone."""
    unfollow: Callable[[str], None] = _nobody
    """Has it tell no more."""
    follow_leg: Callable[[str, str], None] = _nobody
    """The same of the leg that is recorded, where that is not the A leg."""
    post: Callable[..., None] = _unsent
    """Sends commands over the inbound connection, with what is told their replies."""
    nobody_there: Callable[[], bool] = bool
    """Whether nothing listens on FreeSWITCH's port: it is not running."""
    connected: Callable[[], bool] = bool
    """Whether the inbound connection stands."""
    agents: dict[str, CallDriver] = field(default_factory=dict)
    """Calls by the id of their agent's leg, which feature codes come from."""
    _soon: Timer | None = None

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
