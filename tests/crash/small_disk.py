"""Stories on disks that are small, and full for a while: real file systems of their own (R22).

    unshare -rm python -m tests.crash.small_disk FOLDER

mounts two file systems in the folder, which nobody else sees and which are gone with the process,
lives through the stories, and prints as JSON what does not balance.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import structlog

from ivr.engine import control
from tests.crash.killing import mortal
from tests.crash.place import SITES, Place
from tests.crash.test_full_disk import NOTICED_MS, live

SIZE = "80m"
"""More than an engine wants to find at its start."""
WHEN_MS = (100, 700, 1_100, 2_000, 3_300, 5_000, 6_100)
LASTS_MS = (1_200, 5_000)


def balloon(folder: Path) -> Path:
    """Fill the folder's disk to the last block."""
    path = folder / "balloon"
    with path.open("wb") as file:
        for piece in (1 << 20, 1 << 12):
            try:
                while True:
                    room = os.statvfs(folder)
                    free = room.f_bavail * room.f_frsize // piece * piece
                    if not free:
                        break
                    at = os.fstat(file.fileno()).st_size
                    os.posix_fallocate(file.fileno(), at, free)
            except OSError:
                continue
    return path


def run(folder: Path) -> dict[str, list[str]]:
    """Everything that does not balance."""
    SITES.append(folder / "site")
    spool, fallback = folder / "spool", folder / "fallback"
    for disk in (spool, fallback):
        disk.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=2770", "tmpfs", str(disk)], check=True
        )
    unbalanced = {}
    for with_fallback in (True, False):
        for number, ms in enumerate(WHEN_MS):
            lasts_ms = LASTS_MS[number % 2]
            during = _full(ms, lasts_ms, spool, with_fallback)
            place = Place(folder, spool=spool, fallback=fallback if with_fallback else None)
            if wrong := live(place, during):
                which = "with" if with_fallback else "without"
                unbalanced[f"full at {ms} for {lasts_ms} ms, {which} fallback"] = wrong
    return unbalanced


def _full(ms: int, lasts_ms: int, spool: Path, with_fallback: bool) -> Callable[[Place], None]:
    def during(place: Place) -> None:
        place.may_miss_ms = NOTICED_MS + (0 if with_fallback else lasts_ms)
        place.may_go_unrecorded = not with_fallback
        place.clock.run(ms)
        filled = balloon(spool)
        place.clock.run(lasts_ms)
        filled.unlink()

    return during


def _drop(*_: Any) -> NoReturn:
    raise structlog.DropEvent


if __name__ == "__main__":
    structlog.configure(processors=[_drop])
    control.KNOCK_MS = 500
    with mortal():
        print(json.dumps(run(Path(sys.argv[1]))))
