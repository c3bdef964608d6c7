"""A call that the journal has finished, since another engine had it, comes back (R5, R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.core.entries import Answered, Finished, HungUp, RecordingStopped, Stamp, Stamped
from ivr.storage.journal import Journal
from ivr.storage.segments import read
from tests.storage.parts import ARRIVED, CALL, OTHER, WALL, whole_call
from tests.storage.test_journal import Bench


def at(ms: int, *entries: object) -> tuple[Stamped, ...]:
    return tuple(Stamped(Stamp(WALL + ms, ms), each) for each in entries)  # type: ignore[arg-type]


FIRST = at(100, ARRIVED, Answered(), Finished())
SECOND = at(9_000, ARRIVED, Answered())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "journal"
    folder.mkdir()
    bench = Bench(folder)
    yield bench
    bench.journal.close()


def left(folder: Path) -> dict[str, tuple[Stamped, ...]]:
    return dict(read(folder))


def test_it_is_open_again_with_what_happened_since(bench: Bench) -> None:
    bench.append(CALL, *FIRST)
    assert bench.sync() is None
    bench.append(CALL, *SECOND)
    assert bench.sync() is None
    assert left(bench.folder) == {CALL: SECOND}
    [call] = read(bench.folder).calls
    assert (call.next_number, call.missing) == (2, 0)
    bench.append(CALL, *at(9_900, HungUp("caller", "", 16), Finished()))
    assert bench.sync() is None
    assert left(bench.folder) == {}


def test_the_next_engine_goes_on_where_it_was(bench: Bench) -> None:
    bench.append(CALL, *FIRST)
    assert bench.sync() is None
    bench.append(CALL, *SECOND)
    bench.journal.close()
    again = Journal(bench.folder, bench.clock)
    again.open()
    assert again.entries_of(CALL) == 2
    [hung_up] = at(9_900, HungUp("caller", "", 16))
    again.append(CALL, hung_up.entry, hung_up.stamp)
    assert again.close()
    assert left(bench.folder) == {CALL: (*SECOND, hung_up)}


def test_what_was_carried_over_is_not_mixed_up(bench: Bench) -> None:
    """Into a segment that is cut short after the first entries, which are the old ones."""
    bench.append(OTHER, *whole_call()[:1])
    bench.append(CALL, *FIRST)
    assert bench.sync() is None
    bench.append(CALL, *SECOND)
    bench.journal.close()
    [segment] = bench.folder.iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    for cut in range(len(lines) + 1):
        (bench.folder / "0000000002.journal").write_bytes(b"".join(lines[:cut]))
        assert left(bench.folder)[CALL] == SECOND


def test_what_is_heard_of_it_after_its_end_begins_nothing(bench: Bench) -> None:
    bench.append(CALL, *FIRST)
    assert bench.sync() is None
    bench.append(CALL, *at(9_000, RecordingStopped("x.wav", "", 0)))
    assert bench.sync() is None
    assert left(bench.folder) == {}
