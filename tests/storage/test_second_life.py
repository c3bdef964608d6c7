"""What the journal keeps, and tidies up, of a call that ended here and came back (R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.core.entries import Answered, Entry, Finished, HungUp, Stamp, Stamped
from ivr.errors import DiskError
from ivr.storage.segments import read
from tests.storage.parts import ARRIVED, CALL, OTHER, WALL, settle, wait
from tests.storage.test_journal import Bench


def at(ms: int, *entries: Entry) -> tuple[Stamped, ...]:
    return tuple(Stamped(Stamp(WALL + ms, ms), each) for each in entries)


FIRST = at(100, ARRIVED, Answered())
OVER = at(200, Finished())
SECOND = at(9_000, ARRIVED, Answered())
ENDED = at(9_900, HungUp("caller", "", 16), Finished())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "journal"
    folder.mkdir()
    bench = Bench(folder)
    yield bench
    bench.journal.close()


def left(bench: Bench) -> dict[str, tuple[Stamped, ...]]:
    return dict(read(bench.folder))


def lines(bench: Bench, call: str) -> int:
    """How many lines of a call there are, in all segments."""
    return sum(path.read_bytes().count(call.encode()) for path in bench.folder.iterdir())


@pytest.mark.parametrize("on_its_way", [False, True])
def test_its_end_need_not_be_on_disk_when_it_is_back(bench: Bench, on_its_way: bool) -> None:
    bench.append(CALL, *FIRST)
    assert bench.sync() is None
    bench.append(CALL, *OVER)
    if on_its_way:
        bench.journal.sync(_unasked)
    bench.append(CALL, *SECOND[:1])
    assert bench.sync() is None
    bench.append(CALL, *SECOND[1:])
    assert bench.sync() is None
    assert left(bench) == {CALL: SECOND}
    assert bench.journal.entries_of(CALL) == len(SECOND)
    assert bench.journal.open_calls == 1
    bench.append(CALL, *ENDED)
    assert bench.sync() is None
    assert bench.journal.open_calls == 0
    bench.tidy()
    bench.tidy()
    assert bench.files() == []


def test_tidying_carries_over_what_is_of_now_alone(bench: Bench) -> None:
    bench.append(CALL, *FIRST, *OVER)
    assert bench.sync() is None
    bench.append(CALL, *SECOND)
    assert bench.sync() is None
    for minute in range(13):
        bench.append(OTHER, *at(10_000 + minute, ARRIVED, Finished()))
        assert bench.sync() is None
        bench.tidy()
    assert "0000000001.journal" not in bench.files()
    assert left(bench) == {CALL: SECOND}
    assert lines(bench, CALL) == len(SECOND)


def test_it_ends_and_comes_back_while_it_is_carried_over(bench: Bench) -> None:
    bench.append(CALL, *FIRST)
    assert bench.sync() is None
    for minute in range(10):
        bench.append(OTHER, *at(10_000 + minute, ARRIVED, Finished()))
        assert bench.sync() is None
        if minute < 9:
            bench.tidy()
    bench.clock.turn(60_000)  # the job that reads them has begun
    bench.append(CALL, *OVER, *SECOND)
    wait(bench.journal._idle)
    settle()
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert left(bench) == {CALL: SECOND}
    assert lines(bench, CALL) == len(OVER + SECOND)


def _unasked(_error: DiskError | None) -> None:
    """Nobody waits for it."""
