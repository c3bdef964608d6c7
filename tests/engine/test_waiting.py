"""Records that wait for a disk (R22)."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from ivr.errors import DiskError
from ivr.lab import CallScript, Destination
from ivr.storage.atomic import REAL
from ivr.storage.spool import Spool


def test_records_that_wait_for_the_disk_take_no_call_the_place(build):
    house = build(more="limits:\n  connections: 1\n")
    refusing = []

    def rename(source: str, target: str) -> None:
        if refusing and target.endswith(".json"):
            raise OSError(errno.ENOSPC, "No space left on device", target)
        REAL.rename(source, target)

    house.start(replace(REAL, rename=rename))
    refusing.append(True)
    script = CallScript(destination=Destination.talks(1000))
    first = house.place(script)
    house.clock.run_until(first.done.ready)
    house.clock.run(5000)
    assert first.uuid in house.engine.context.calls, "its record waits"
    second = house.place(script)
    house.until(second, "connected")
    refusing.clear()
    house.over(first)
    house.over(second).assert_heard(1000)


def test_a_start_without_any_folder_of_recordings_can_be_tried_again(build, monkeypatch):
    """It ends with the code of a disk that refuses, after which systemd starts it once more."""

    def orphans(_spool, _known):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Spool, "orphans", orphans)
    with pytest.raises(DiskError, match="cannot look for recordings in"):
        build().start()
