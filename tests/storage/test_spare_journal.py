"""What the journal's own folder refuses goes into the spare one, and comes back (R22)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ivr.core.entries import Finished, Stamp, Stamped
from ivr.storage.journal import Journal, JournalLimits
from ivr.storage.lines import line_of
from ivr.storage.segments import read
from tests.storage.parts import (
    ARRIVED,
    CALL,
    EIO,
    ENOSPC,
    OTHER,
    StillClock,
    Trace,
    call_id,
    whole_call,
)
from tests.storage.test_journal import LIMITS
from tests.storage.test_journal import Bench as One

OVER = Stamped(Stamp(9, 9), Finished())


class Bench(One):
    """A journal with a spare folder."""

    def __init__(self, root: Path, limits: JournalLimits = LIMITS) -> None:
        self.folder, self.spare = root / "own", root / "spare"
        self.folder.mkdir(exist_ok=True)
        self.spare.mkdir(exist_ok=True)
        self.clock = StillClock()
        self.trace = Trace()
        self.journal = Journal(self.folder, self.clock, limits, self.trace.disk(), self.spare)

    def both(self) -> tuple[list[int], list[int]]:
        """The numbers of the segments in each folder."""
        own, spare = (
            sorted(int(path.name.partition(".")[0]) for path in folder.glob("*.journal"))
            for folder in (self.folder, self.spare)
        )
        return own, spare

    def refuse(self, folder: str, step: str = "open", number: int = ENOSPC) -> None:
        """From now on this folder's disk takes no segment."""
        for segment in range(1, 40):
            self.trace.failing[f"{step}:{folder}/{segment:010d}.journal"] = number

    def read(self) -> dict[str, tuple[Stamped, ...]]:
        return dict(read(self.folder, self.spare))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.trace.failing.clear()
    bench.journal.close()


@pytest.mark.parametrize("step", ["open", "write", "fdatasync"])
@pytest.mark.parametrize("number", [ENOSPC, EIO])
def test_what_is_refused_is_in_the_spare_folder_before_the_callback(
    bench: Bench, step: str, number: int
) -> None:
    bench.append(CALL, *whole_call()[:3])
    assert bench.sync() is None
    assert not bench.journal.on_spare
    if step == "open":
        bench.journal._rotate()
    bench.refuse("own", step, number)
    bench.trace.short = 50 if step == "write" else 0
    bench.append(CALL, *whole_call()[3:5])
    with capture_logs() as logged:
        assert bench.sync() is None
    assert bench.journal.error is None
    assert bench.journal.on_spare
    assert [line["event"] for line in logged] == ["the journal goes to the fallback folder"]
    assert f"{bench.folder}/000000000" in logged[0]["error"]
    own, spare = bench.both()
    assert own[0] == 1
    assert len(spare) == 1
    assert not {*own} & {*spare}
    assert bench.read() == {CALL: whole_call()[:5]}
    bench.append(CALL, *whole_call()[5:])
    assert bench.sync() is None
    assert bench.both()[1] == spare, "it goes on there"
    assert bench.read() == {CALL: whole_call()}


def test_the_spare_segment_is_synced_with_its_folder(bench: Bench) -> None:
    bench.refuse("own")
    bench.append(CALL, *whole_call())
    assert bench.sync() is None
    spare = f"{bench.spare.parent.name}/spare"
    assert bench.trace.calls[1:] == [
        ("open", "spare/0000000002.journal"),
        ("open", spare),
        ("fsync", spare),
        ("close", spare),
        ("write", "spare/0000000002.journal"),
        ("fdatasync", "spare/0000000002.journal"),
    ]


def test_it_comes_back_by_itself(bench: Bench) -> None:
    bench.refuse("own")
    for n in range(3):
        bench.append(call_id(n), *whole_call())
        assert bench.sync() is None
        bench.clock.turn(4_000)
    assert bench.both() == ([], [2, 4]), "its own folder was tried again after 5 s"
    bench.trace.failing.clear()
    bench.append(call_id(3), *whole_call())
    assert bench.sync() is None
    assert bench.journal.on_spare, "not yet tried again"
    bench.clock.turn(1_000)
    bench.append(call_id(4), *whole_call())
    with capture_logs() as logged:
        assert bench.sync() is None
    assert [line["event"] for line in logged] == ["the journal is in its own folder again"]
    assert not bench.journal.on_spare
    assert bench.both() == ([5], [2, 4])
    assert bench.read() == {call_id(n): whole_call() for n in range(5)}


def test_where_the_spare_one_refuses_its_own_is_tried_at_once(bench: Bench) -> None:
    bench.refuse("own")
    bench.append(CALL, *whole_call()[:3])
    assert bench.sync() is None
    bench.trace.failing.clear()
    bench.refuse("spare", "write")
    bench.append(CALL, *whole_call()[3:])
    assert bench.sync() is None
    assert not bench.journal.on_spare
    assert bench.both() == ([3], [2])
    assert bench.read() == {CALL: whole_call()}


@pytest.mark.parametrize("first", ["own", "spare"])
def test_where_both_refuse_it_is_told_and_nothing_is_lost(bench: Bench, first: str) -> None:
    if first == "spare":
        bench.refuse("own")
    bench.append(CALL, *whole_call()[:3])
    assert bench.sync() is None
    bench.refuse("own", "write")
    bench.refuse("spare", "write", EIO)
    bench.append(CALL, *whole_call()[3:5])
    for _ in range(2):
        error = bench.sync()
        assert bench.journal.error is error
        assert "own/000000000" in str(error)
        assert "No space left on device" in str(error)
    bench.trace.failing.clear()
    bench.append(CALL, *whole_call()[5:])
    assert bench.sync() is None
    assert bench.journal.error is None
    assert bench.read() == {CALL: whole_call()}


def test_both_folders_are_tidied_up(bench: Bench) -> None:
    bench.append(CALL, *whole_call())
    assert bench.sync() is None
    bench.refuse("own", "write")
    bench.append(OTHER, *whole_call())
    assert bench.sync() is None
    bench.trace.failing.clear()
    bench.append(CALL, OVER)
    bench.append(OTHER, OVER)
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert bench.both() == ([], [])
    assert bench.journal.segments == 1


def test_entries_of_a_long_call_are_carried_out_of_the_spare_folder(bench: Bench) -> None:
    bench.refuse("own")
    bench.append(CALL, *whole_call()[:5])
    assert bench.sync() is None
    bench.trace.failing.clear()
    for _ in range(12):
        bench.tidy()
    own, spare = bench.both()
    assert (len(own), spare) == (1, [])
    assert bench.read() == {CALL: whole_call()[:5]}


def test_the_next_engine_reads_both_and_goes_on_behind_them(bench: Bench) -> None:
    bench.append(CALL, *whole_call()[:2])
    assert bench.sync() is None
    bench.refuse("own", "write")
    bench.append(CALL, *whole_call()[2:4])
    bench.append(OTHER, *whole_call(), OVER)
    assert bench.sync() is None
    bench.journal.close()
    again = Bench(bench.folder.parent)
    reading = again.journal.open()
    assert [(call.call_id, call.entries) for call in reading.calls if not call.finished] == [
        (CALL, whole_call()[:4])
    ]
    assert reading.segments == (1, 2)
    again.append(CALL, *whole_call()[4:])
    again.append(CALL, OVER)
    assert again.sync() is None
    assert again.both() == ([1, 3], [2])
    again.tidy()
    again.tidy()
    assert again.both() == ([], [])
    again.journal.close()


def test_a_folder_that_is_away_keeps_its_segments_known(bench: Bench) -> None:
    """What was finished would come to life when the disk is back, if the newer ones went first."""
    bench.refuse("own")
    bench.append(CALL, *whole_call(), OVER)
    assert bench.sync() is None
    bench.trace.failing.clear()
    bench.spare.rename(bench.spare.with_name("away"))
    bench.clock.turn(5_000)
    bench.append(OTHER, *whole_call(), OVER)
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert bench.both()[0] != []
    bench.spare.with_name("away").rename(bench.spare)
    bench.tidy()
    bench.tidy()
    assert bench.both() == ([], [])


def test_segments_that_the_spare_folder_has_from_a_time_when_it_was_away(bench: Bench) -> None:
    """They keep nothing from the disk, and are not written over."""
    for number in range(2, 6):
        (bench.spare / f"{number:010d}.journal").write_bytes(b"")
    bench.append(OTHER, *whole_call()[:2])
    assert bench.sync() is None
    bench.refuse("own", "write")
    bench.append(CALL, *whole_call())
    assert bench.sync() is None
    assert bench.both() == ([1], [2, 3, 4, 5, 6])
    bench.append(OTHER, *whole_call()[2:], OVER)
    bench.append(CALL, OVER)
    assert bench.sync() is None
    bench.trace.failing.clear()
    bench.tidy()
    bench.tidy()
    assert bench.both() == ([], [2, 3, 4, 5])


def test_a_call_that_was_finished_while_the_spare_folder_was_away_stays_finished(
    bench: Bench,
) -> None:
    """The next engine knew of its recording alone: what it wrote has the same number."""
    over = Stamped(whole_call()[-1].stamp, Finished())
    for folder, one in ((bench.spare, whole_call()[0]), (bench.folder, over)):
        line = line_of(CALL, 0, one.entry, one.stamp)
        (folder / "0000000001.journal").write_bytes(line)
    orders = (bench.folder, bench.spare), (bench.spare, bench.folder)
    assert [read(*each).calls[0].finished for each in orders] == [True, True]


def test_a_folder_that_was_removed_takes_nothing_in_secret(bench: Bench) -> None:
    """The open segment has no name any more: nobody would find what is in it."""
    bench.append(CALL, *whole_call()[:3])
    assert bench.sync() is None
    shutil.rmtree(bench.folder)
    bench.append(CALL, *whole_call()[3:5])
    assert bench.sync() is None
    assert bench.journal.on_spare
    bench.folder.mkdir()
    bench.clock.turn(5_000)
    bench.append(CALL, *whole_call()[5:])
    assert bench.sync() is None
    assert not bench.journal.on_spare
    assert bench.read() == {CALL: whole_call()[3:]}


def test_a_spare_folder_that_cannot_be_listed_stops_nothing(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "aside").mkdir()
    bench.append(CALL, *whole_call())
    assert bench.sync() is None
    bench.journal.close()
    bench.spare.rmdir()
    bench.spare.write_text("no folder")
    journal = Journal(bench.folder, bench.clock, LIMITS, spare=bench.spare)
    reading = journal.open()
    assert dict(reading) == {CALL: whole_call()}
    [bad] = reading.bad
    assert (bad.line, bad.torn) == (0, False)
    assert "spare: cannot list: Not a directory" in bad.why
    assert "spare: cannot list" in (tmp_path / "aside/spare.why").read_text()
    journal.close()
    bench.spare.unlink()
    bench.spare.mkdir()
    journal = Journal(bench.folder, bench.clock, LIMITS, spare=bench.spare)
    journal.open()
    assert list((tmp_path / "aside").iterdir()) == [], "it is no news any more"
    journal.close()


@pytest.mark.parametrize("room", [True, False])
def test_damaged_lines_are_kept_where_there_is_room(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    (bench.spare / "0000000007.journal").write_bytes(b"garbage\n")
    (bench.folder / "0000000008.journal").mkdir()
    if not room:
        (aside / ".0000000007.journal").mkdir()  # where it would be written first
    reading = bench.journal.open()
    assert [(bad.segment, bad.line) for bad in reading.bad] == [
        ("0000000007.journal", 1),
        ("0000000008.journal", 0),
    ]
    kept = aside if room else bench.spare
    assert (kept / "0000000007.journal.bad").read_bytes() == b"garbage\n"
    why = (kept / "0000000008.journal.why").read_text()
    assert "cannot be read" in why
    assert "each start tries again" in why


def test_the_same_number_in_both_is_read_and_removed_in_both(bench: Bench) -> None:
    """Somebody moved files about."""
    name = "0000000003.journal"
    (bench.folder / name).write_bytes(line_of(CALL, 0, ARRIVED, Stamp(1, 1)))
    (bench.spare / name).write_bytes(line_of(OTHER, 0, ARRIVED, Stamp(1, 1)))
    assert [call for call, _entries in bench.journal.open()] == [CALL, OTHER]
    for call in (CALL, OTHER):
        bench.append(call, OVER)
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert bench.both() == ([], [])


def test_damaged_lines_of_an_older_segment_of_the_same_number_are_kept(
    bench: Bench, tmp_path: Path
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    for data in (b"first\n", b"second\n", b"second\n"):
        (bench.folder / "0000000001.journal").write_bytes(data)
        journal = Journal(bench.folder, bench.clock, LIMITS)
        journal.open()
        journal.close()
    names = ["0000000001.journal.bad", "0000000001.journal.bad.2"]
    assert [(aside / name).read_bytes() for name in names] == [b"first\n", b"second\n"]
    assert sorted(path.name for path in aside.iterdir()) == sorted(
        [*names, *(f"{name}.why" for name in names)]
    )
