"""An engine that stops does so in its time, whatever hangs (R22)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from ivr.core import events
from ivr.lab import CallScript, Destination
from ivr.lab.script import HangUp, WhenConnected
from ivr.storage.atomic import REAL
from tests.engine.disks import Disks
from tests.engine.house import Call, House

TALKS = CallScript(steps=(WhenConnected(3000), HangUp()), destination=Destination())
SHORTLY = 'limits:\n  stop: "2s"\n'


@pytest.fixture
def house(build) -> House:
    return build(more=SHORTLY)


class Hanging:
    """Syncs and renames that do not come back while it is so."""

    def __init__(self) -> None:
        self._moving = Event()
        self._moving.set()

    def hang(self) -> None:
        self._moving.clear()

    def go_on(self) -> None:
        self._moving.set()

    def fdatasync(self, fd: int) -> None:
        self._moving.wait()
        REAL.fdatasync(fd)

    def rename(self, source: str, target: str) -> None:
        self._moving.wait()
        REAL.rename(source, target)


@pytest.fixture
def disk() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.go_on()


def stopped(house: House) -> None:
    """Stopped by the host's clock, as SIGTERM does; then nothing hangs any more."""
    house.engine.stop()
    house.forget()


def test_the_journals_disk_hangs(house, disk, logged):
    """What could not be put on disk is said; the record is made of what is there."""
    house.start(replace(REAL, fdatasync=disk.fdatasync))
    call = house.place(TALKS)
    house.until(call, "connected")
    house.clock.run(1000)
    house.hung.add(house.engine.journal._pool)
    disk.hang()
    marked = events.AbuseMarked(house.clock.monotonic_ms(), "agent")
    house.engine.context.calls[call.uuid].take(marked)
    house.clock.run(500)
    stopped(house)
    said = [one["event"] for one in logged if one["log_level"] == "error"]
    assert "the journal could not be put on disk" in said
    assert logged[-1]["event"] == "engine stopped"
    disk.go_on()
    house.start()
    house.over(call).assert_heard(3000)


def test_the_records_disk_hangs(house, disk, logged):
    """The next engine makes it."""
    house.start(replace(REAL, rename=disk.rename))
    call = house.place(TALKS)
    house.until(call, "connected")
    disk.hang()
    house.hung.add(house.engine.spool._pool)
    house.clock.run_until(call.done.ready)
    house.clock.run(500)
    stopped(house)
    left = next(one for one in logged if one["event"] == "records left for the next start")
    assert left["waiting"] == 1
    assert logged[-1]["event"] == "engine stopped"
    disk.go_on()
    house.start()
    house.clock.run(1000)
    Call(house.spool, call).assert_heard(3000)


def test_the_look_at_the_folders_hangs(house, monkeypatch, logged):
    house.start()
    disks = Disks(house, monkeypatch)
    disks.hang()
    house.clock.run(5000)
    stopped(house)
    assert logged[-1]["event"] == "engine stopped"
    disks.go_on()
