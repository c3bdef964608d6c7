"""Disks that fill, hang, and come back: of the engine's look and of the switch alike (R22)."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ivr.engine import growth
from ivr.storage import room
from tests.engine.house import House

FALLBACK = "fallback: ../fallback\n"
"""What the site's file says of a fallback that lies beside the spool."""


class Disks:
    """The disks that a house's recordings lie on."""

    def __init__(self, house: House, patch: pytest.MonkeyPatch) -> None:
        self._house = house
        self.spool = house.spool / "recording"
        self.fallback = house.folder / "fallback" / "recording"
        self._full: set[Path] = set()
        self._released = Event()
        self._released.set()
        self._hung: set[int] = set()
        probe, look = room._probe, growth.look

        def probed(folder: int) -> None:
            if Path(os.readlink(f"/proc/self/fd/{folder}")) in self._full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            probe(folder)

        def looked(*told: Any) -> room.Seen:
            if told[-1] in self._hung:
                self._released.wait()
            return look(*told)

        patch.setattr(room, "_probe", probed)
        patch.setattr(growth, "look", looked)

    def fill(self, *folders: Path) -> None:
        """No byte goes into these any more, of whoever writes."""
        for folder in folders or (self.spool,):
            self._full.add(folder)
            self._house.switch.faults.fill(folder)

    def free(self) -> None:
        """There is room everywhere again."""
        for folder in self._full:
            self._house.switch.faults.free(folder)
        self._full.clear()

    def hang(self, number: int = 0) -> None:
        """Whoever looks into this folder hears nothing, until :meth:`go_on`: that of the spool, or
        of the fallback (1)."""
        self._released.clear()
        self._hung.add(number)
        self._house.hung.add(self._house.engine.growth._pools[number])

    def go_on(self) -> None:
        """It answers again, also those who have waited."""
        self._hung.clear()
        self._released.set()
        self._house.hung.clear()
