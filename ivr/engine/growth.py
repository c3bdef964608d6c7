"""Watches recordings grow, and the folders that they go to (R22).

Twice a second, in a thread, the files of all recordings in progress are looked at, and whether
their folders take more. A call whose recording should grow and does not is told, again and again;
what it does about it is the machine's affair (``ivr.core.stalling``). New calls are told where
there is room before they are recorded.

A folder may also not answer at all, as a network disk that is away. Then the look does not come
back, and that folder counts as unusable until it does. Each folder has a thread of its own, so
that one that hangs says nothing of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from gevent.threadpool import ThreadPool

from ivr.clock import Timer
from ivr.core import events
from ivr.engine.context import Context
from ivr.engine.driver import CallDriver
from ivr.storage.places import Places
from ivr.storage.room import FolderNow, Seen, look

log = structlog.get_logger(__name__)

LOOK_MS = 500
STILL_MS = 1_000
"""A recording that has not grown for so long does not grow."""
LATE_MS = 2_000
"""A look that takes longer than this may never come back."""
GONE_MS = 10_000
"""FreeSWITCH is dead where nothing has listened on its port for so long, while nothing of what it
was recording grew."""
_AWAY = "does not answer"

Stalled = Callable[[int, int], None]
"""Told now, and since when a recording stands still."""


@dataclass(slots=True)
class _Tape:
    """What was seen of a recording."""

    path: str
    size: int
    since_ms: int
    """When it last grew, or should have begun to."""
    told_ms: int
    """When that was, or when the call was last told that it does not."""


class Growth:
    """Looks until :meth:`stop`. All but the look itself belongs to the hub's thread."""

    def __init__(self, context: Context, places: Places) -> None:
        self._context = context
        self._places = places
        self._pools = tuple(ThreadPool(1) for _ in places.folders)
        self._within = tuple(f"{path}/" for path in places.folders)
        self._timer: Timer | None = None
        self._looking_ms: list[int | None] = [None for _ in places.folders]
        """When the look began that is under way in each folder."""
        self._tapes: dict[str, _Tape] = {}
        # They were seen to be fit when the spool was prepared.
        self._folders = tuple(FolderNow(path, 0, True, "") for path in places.folders)
        self._away_ms: int | None = None
        """Since when nothing has listened on FreeSWITCH's port."""

    def start(self) -> None:
        """Begin to look."""
        self._tick()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        for pool, looking_ms in zip(self._pools, self._looking_ms, strict=True):
            if looking_ms is None:
                pool.kill()

    def room(self) -> Path | None:
        """The folder that the next recording goes to; None where none takes any."""
        return next((folder.path for folder in self._folders if folder.usable), None)

    def elsewhere(self, path: str) -> str:
        """Another folder than that of this path that takes recordings; empty where none does."""
        usable = [str(folder.path) for folder in self._folders if folder.usable]
        return next((folder for folder in usable if not path.startswith(f"{folder}/")), "")

    def _here(self) -> str:
        folder = self.room()
        return "" if folder is None else str(folder)

    @property
    def folders(self) -> tuple[FolderNow, ...]:
        """The spool's own, and the fallback's, as they were last seen."""
        return self._folders

    def _tick(self) -> None:
        now = self._context.clock.monotonic_ms()
        self._timer = self._context.clock.after(LOOK_MS, self._tick)
        self._away(now)
        least = self._context.configuration.site.limits.least_free_bytes
        paths = [path for path, _stalled in self._watched().values()]
        for number, began in enumerate(self._looking_ms):
            if began is None:
                self._looking_ms[number] = now
                here = [path for path in paths if self._number(path) == number]
                job = self._pools[number].spawn(look, self._places, least, here, number)
                job.rawlink(partial(self._looked, number))
            elif now - began > LATE_MS:
                folder = self._folders[number]
                self._take(number, replace(folder, usable=False, why=_AWAY))
                self._judge(now, {}, number)

    def _number(self, path: str) -> int:
        """The folder that a recording lies in; of one that is configured no more, the first."""
        for number, within in enumerate(self._within):
            if path.startswith(within):
                return number
        return 0

    def _watched(self) -> Mapping[str, tuple[str, Stalled]]:
        """What is looked at, by the calls' ids: each recording's path, and what to do where it
        stands still."""
        watched: dict[str, tuple[str, Stalled]] = {
            driver.call_id: (driver.state.path, partial(self._stands_still, driver))
            for driver in self._context.calls.values()
            if driver.grows
        }
        if self._away_ms is not None:
            for call_id, path in self._context.left.recordings().items():
                watched[call_id] = (path, partial(self._left_still, call_id))
        return watched

    def _looked(self, number: int, result: Any) -> None:
        """On the hub's thread: the look at a folder is over."""
        self._looking_ms[number] = None
        seen: Seen = result.get()
        self._take(number, seen.folders[0])
        self._judge(self._context.clock.monotonic_ms(), seen.sizes, number)

    def _take(self, number: int, folder: FolderNow) -> None:
        before = self._folders[number]
        if before.usable and not folder.usable:
            log.error("no room for recordings", folder=str(folder.path), why=folder.why)
        elif folder.usable and not before.usable:
            log.info("room for recordings again", folder=str(folder.path))
        self._folders = (*self._folders[:number], folder, *self._folders[number + 1 :])

    def _judge(self, now: int, sizes: Mapping[str, int], number: int) -> None:
        """Tell each call whose recording should have grown in this folder and has not."""
        tapes = {}
        for call_id, (path, stalled) in self._watched().items():
            size = sizes.get(path, -1)
            tape = self._tapes.get(call_id)
            if self._number(path) != number:
                if tape is not None:
                    tapes[call_id] = tape
                continue
            if tape is None or tape.path != path:
                tape = _Tape(path, size, now, now)
            elif size > tape.size:  # thousands of new ones would be the collector's to go through
                stood = tape.told_ms != tape.since_ms
                tape.size, tape.since_ms, tape.told_ms = size, now, now
                driver = self._context.calls.get(call_id) if stood else None
                if driver is not None:
                    driver.take(events.GrowsAgain(now))
            elif now - tape.told_ms >= STILL_MS:
                tape.told_ms = now
                stalled(now, tape.since_ms)
            tapes[call_id] = tape
        self._tapes = tapes

    def _stands_still(self, driver: CallDriver, now: int, since_ms: int) -> None:
        if self._gone(now, since_ms):
            driver.vanished(switch_lost=True)
        elif driver.reachable():
            driver.take(events.Stalled(now, self.elsewhere(driver.state.path) or self._here()))

    def _left_still(self, call_id: str, now: int, since_ms: int) -> None:
        if self._gone(now, since_ms):
            self._context.left.found(call_id, in_progress=False)

    def _gone(self, now: int, since_ms: int) -> bool:
        """Whether FreeSWITCH has died, and its recordings with it."""
        away = self._away_ms is not None and now - self._away_ms >= GONE_MS
        return away and now - since_ms >= GONE_MS

    def _away(self, now: int) -> None:
        if not self._context.line.nobody_there:
            self._away_ms = None
        elif self._away_ms is None:
            self._away_ms = now
