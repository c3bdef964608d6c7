"""What ``schedule.yaml`` says now: an officer's change counts without a restart (R18)."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from ivr.config.schedule import load_schedule
from ivr.core.schedule import Schedule
from ivr.errors import ConfigError

log = structlog.get_logger(__name__)


class WantedSchedule:
    """Reads the file again where it has changed."""

    def __init__(self, path: Path, first: Schedule) -> None:
        """``first`` is what was read of it at the start."""
        self._path = path
        self._known = first
        self._seen = _looks(path)

    def read(self) -> Schedule:
        """What it says now. Raises ConfigError with every mistake in it."""
        looks = _looks(self._path)
        if looks is None or looks != self._seen:
            self._known = load_schedule(self._path)
            self._seen = looks
        return self._known

    def last(self) -> Schedule:
        """What it said when it was right last."""
        try:
            return self.read()
        except ConfigError as error:
            log.warning("schedule.yaml has a mistake: what it said before holds", error=str(error))
            return self._known


def _looks(path: Path) -> tuple[int, int, int] | None:
    """By what a change is seen; None where the file cannot be looked at."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
