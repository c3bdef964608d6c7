"""What stops all destruction: in doubt nothing is destroyed (R14).

A recording that was kept too long can be destroyed tomorrow; one that was destroyed too early
never comes back. So before anything goes, the clock has to be believed, and the index has to be
the one that knows the cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ivr.errors import StoreError
from ivr.retention.index.meta import Meta
from ivr.storage.atomic import write_durably

DAY_MS = 86_400_000
LONGEST_SILENCE_DAYS = 7
"""A service that saw no clock for longer than this cannot tell a host that was off from a clock
that went wrong, and asks."""

_SEEN = "seen_ms"
_NAME = "id"


class Stopped(StoreError):
    """Nothing may be destroyed; the message says why, and what to do."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        """One word for metrics: ``clock-back``, ``clock-ahead``, ``index``, ``schedule``."""


class Guard:
    """Remembers the latest clock and which index belongs to the archive."""

    def __init__(self, meta: Meta, state: Path) -> None:
        self._meta = meta
        self._name = state / "index.id"

    def seen(self, now_ms: int) -> None:
        """The clock showed this. Later checks measure against it, unless it is one of those that
        they refuse: a wrong clock must not become the measure by being looked at."""
        last = self._last()
        if last is None or not _jumped(last, now_ms):
            self._meta.set(_SEEN, str(max(now_ms, last or 0)))

    def unsaid(self) -> bool:
        """Whether no index was ever said to be the archive's."""
        return not self._written()

    def belongs(self) -> None:
        """The index is the archive's from now on: said once, when both are new."""
        data = f"{self._id()}\n".encode()
        write_durably(self._name, data, self._name.with_suffix(".tmp"))

    def check(self, now_ms: int, *, clock_is_right: bool = False) -> None:
        """Raises Stopped where nothing may be destroyed.

        ``clock_is_right``: a person has looked at the clock, and means it.
        """
        if self._written() != self._id():
            raise Stopped(
                "index",
                f"the index is not the one that this archive's cases are in ({self._name}):"
                " nothing is destroyed\n  restore the index from its backup, or make it again"
                " with its cases: ivr index rebuild",
            )
        last = self._last()
        if clock_is_right:
            self._meta.set(_SEEN, str(now_ms))
        elif last is None:
            raise Stopped(
                "clock-back",
                "no clock has been seen yet: nothing is destroyed\n"
                "  look at the host's clock (timedatectl); the service believes it when it"
                " starts, and so does: ivr retention sweep --clock-is-right",
            )
        elif how := _jumped(last, now_ms):
            raise Stopped(f"clock-{how}", _clock(last, now_ms, f"went {how}"))

    def _last(self) -> int | None:
        text = self._meta.get(_SEEN)
        return int(text) if text is not None and text.isdecimal() else None

    def _id(self) -> str:
        return self._meta.get(_NAME) or ""

    def _written(self) -> str:
        try:
            return self._name.read_text().strip()
        except OSError:
            return ""


def _jumped(last_ms: int, now_ms: int) -> Literal["", "back", "ahead"]:
    if now_ms < last_ms - DAY_MS:
        return "back"
    return "ahead" if now_ms > last_ms + LONGEST_SILENCE_DAYS * DAY_MS else ""


def _clock(last_ms: int, now_ms: int, how: str) -> str:
    days = abs(now_ms - last_ms) / DAY_MS
    return (
        f"the clock {how} by {days:.1f} days since it was seen last: nothing is destroyed\n"
        "  look at the host's clock (timedatectl); where it is right:"
        " ivr retention sweep --clock-is-right"
    )
