"""Disks that are full, fail or are read-only for a while, under calls in progress (R22)."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import story
from tests.crash.place import Place
from tests.crash.telling import REST_MS, told

pytestmark = pytest.mark.usefixtures("mortals")

STORY_MS = 9_000
NOTICED_MS = 2_600
"""Of a recording that does not grow, until it is begun elsewhere; and what was not on disk yet."""
EVERY_MS = 310
CHUNKS = 4


def live(place: Place, during: Callable[[Place], None]) -> list[str]:
    """Tell the story on this place, and let something happen in it; what is wrong then."""
    try:
        place.start()
        place.clock.settle()
        story.tell(place)
        during(place)
        place.clock.run_until(lambda: place.callers.all_over, 120_000)
        place.clock.run(REST_MS)
        return place.books()
    finally:
        place.close()


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("with_fallback", [True, False], ids=["fallback", "alone"])
def test_recordings_find_no_room(tmp_path: Path, with_fallback: bool, chunk: int) -> None:
    """FreeSWITCH's disk is full from some time on, for a while, and nothing but the growth of
    files tells of it."""
    fallback = tmp_path / "fallback" if with_fallback else None
    unbalanced = {}
    for ms in range(100 + EVERY_MS * chunk, STORY_MS, EVERY_MS * CHUNKS):
        for lasts_ms in (600, 4_000):

            def fill(place: Place, ms: int = ms, lasts_ms: int = lasts_ms) -> None:
                place.may_miss_ms = NOTICED_MS + (0 if with_fallback else lasts_ms)
                place.clock.run(ms)
                place.switch.faults.fill(place.spool / "recording")
                place.clock.run(lasts_ms)
                place.switch.faults.free(place.spool / "recording")

            if wrong := live(Place(tmp_path, fallback=fallback), fill):
                unbalanced[f"full at {ms} for {lasts_ms} ms"] = wrong
    assert unbalanced == {}


WHAT = {
    "full": (errno.ENOSPC, ("open", "write")),
    "failing": (errno.EIO, ("open", "write", "pwrite", "ftruncate", "fsync", "fdatasync")),
    "read-only": (errno.EROFS, ("open", "rename", "unlink")),
}


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("with_fallback", [True, False], ids=["fallback", "alone"])
@pytest.mark.parametrize("how", WHAT)
def test_the_engine_finds_no_room(
    tmp_path: Path, how: str, with_fallback: bool, chunk: int
) -> None:
    """The engine's disk refuses from one of its steps on, for a while."""
    number, refused = WHAT[how]
    fallback = tmp_path / "fallback" if with_fallback else None
    every = [
        step for step in told(tmp_path, story.tell).steps if step.name.split(" ")[0] in refused
    ]
    assert len(every) > 10
    unbalanced = {}
    for at, step in enumerate(every[chunk :: 2 * CHUNKS]):
        lasts_ms = (700, 7_000)[at % 2]

        def refuse(place: Place, first: int = step.number, lasts_ms: int = lasts_ms) -> None:
            life, clock = place.life, place.clock
            over_ms: list[int] = []

            def answer(what: str, path: str) -> OSError | None:
                if what not in refused or not path.startswith(f"{place.spool}/"):
                    return None
                if len(life.steps) < first:
                    return None
                if not over_ms:
                    over_ms.append(clock.monotonic_ms() + lasts_ms)
                if clock.monotonic_ms() >= over_ms[0]:
                    return None
                return OSError(number, os.strerror(number), path)

            life.refuse = answer
            if not with_fallback:  # a journal that is not written keeps a recording from beginning
                place.may_go_unrecorded = True
                place.may_miss_ms = lasts_ms + NOTICED_MS

        if wrong := live(Place(tmp_path, fallback=fallback), refuse):
            unbalanced[f"{how} from {step} on for {lasts_ms} ms"] = wrong
    assert unbalanced == {}


def test_a_small_disk_is_full(tmp_path: Path) -> None:
    """A real one, of this test's own: records, journal and recordings all find no room."""
    for own in (["unshare", "-rm"], ["unshare", "-m"]):
        may = subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True)
        if may.returncode == 0:
            break
    else:
        pytest.skip(f"no file system can be mounted here: {may.stderr.decode().strip()}")
    there = [*own, sys.executable, "-m", "tests.crash.small_disk", str(tmp_path)]
    done = subprocess.run(there, capture_output=True, cwd=Path(__file__).parents[2], text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}
