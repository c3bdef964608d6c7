"""What taking in came to: for the log, the metrics and who called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ivr.errors import IvrError


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the records that were looked at."""

    taken: int = 0
    """Entered: they are in the archive and the index, and out of the spool."""
    again: int = 0
    """Removed from the spool, for the same one was there already."""
    dropped: int = 0
    """Removed from the spool, for an earlier one of the call is kept."""
    not_kept: int = 0
    """Removed from the spool, for the call was destroyed before."""
    destroyed: int = 0
    """Calls of which there was something, and whose caller opted out in mid-call."""
    aside: Counter[str] = field(default_factory=Counter)
    """Set aside, by reason."""
    put_off: int = 0
    """Stay in the spool, and are tried again."""
    left: Counter[str] = field(default_factory=Counter)
    """Stay in the spool until they change, by reason."""
    error: IvrError | None = None
    """What refused last; what was put off waits for it to be mended."""

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.taken + other.taken,
            self.again + other.again,
            self.dropped + other.dropped,
            self.not_kept + other.not_kept,
            self.destroyed + other.destroyed,
            self.aside + other.aside,
            self.put_off + other.put_off,
            self.left + other.left,
            other.error or self.error,
        )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the spools, as far as the last look knows."""

    waiting: int
    """Records, those that are left included."""
    left: int
    """Records that stay until they change, such as a newer engine's."""
    strange: int
    """Names that are not the engine's."""
    oldest_ms: int | None
    """When the oldest of them was written, in milliseconds since 1970; None where none waits."""
