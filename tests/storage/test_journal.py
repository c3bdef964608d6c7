"""The journal: on disk before it says so, whatever the disk and crashes do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gevent.event import Event
from structlog.testing import capture_logs

from ivr.core.entries import Answered, Finished, HungUp, Stamp, Stamped
from ivr.errors import DiskError, SpoolError
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
    settle,
    wait,
    whole_call,
)

LIMITS = JournalLimits(gather_ms=0, segment_ms=60_000, carry_ms=600_000, retry_ms=1000)


class Bench:
    """A journal with its clock and a traced disk."""

    def __init__(self, folder: Path, limits: JournalLimits = LIMITS) -> None:
        self.folder = folder
        self.clock = StillClock()
        self.trace = Trace()
        self.journal = Journal(folder, self.clock, limits, self.trace.disk())

    def append(self, call: str, *entries: Stamped) -> None:
        for each in entries:
            self.journal.append(call, each.entry, each.stamp)

    def sync(self) -> DiskError | None:
        """Sync and wait for the answer."""
        told: list[DiskError | None] = []
        done = Event()
        self.journal.sync(lambda error: (told.append(error), done.set()))  # type: ignore[func-returns-value]
        wait(done)
        return told[0]

    def tidy(self, ms: int = 60_000) -> None:
        """Let the time for tidying come, and the job for it end."""
        self.clock.turn(ms)
        wait(self.journal._idle)
        settle()
        self.sync()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "journal"
    folder.mkdir()
    bench = Bench(folder)
    yield bench
    bench.trace.failing.clear()
    bench.journal.close()


def entries_of(folder: Path, call: str = CALL) -> tuple[Stamped, ...]:
    return dict(read(folder)).get(call, ())


def test_nothing_is_written_before_a_sync(bench: Bench) -> None:
    bench.append(CALL, *whole_call())
    settle()
    assert bench.files() == []


def test_the_callback_comes_after_data_and_folder_are_synced(bench: Bench) -> None:
    bench.append(CALL, *whole_call())
    bench.append(OTHER, *whole_call()[:2])
    done = Event()

    def synced(error: DiskError | None) -> None:
        bench.trace.calls.append(("callback", str(error)))
        done.set()

    bench.journal.sync(synced)
    bench.journal.sync(lambda _error: bench.trace.calls.append(("second callback", "")))
    wait(done)
    settle()
    assert bench.trace.calls == [
        ("open", "journal/0000000001.journal"),
        ("open", bench.folder.parent.name + "/journal"),
        ("fsync", bench.folder.parent.name + "/journal"),
        ("close", bench.folder.parent.name + "/journal"),
        ("write", "journal/0000000001.journal"),
        ("fdatasync", "journal/0000000001.journal"),
        ("callback", "None"),
        ("second callback", ""),
    ]
    assert entries_of(bench.folder) == whole_call()
    assert entries_of(bench.folder, OTHER) == whole_call()[:2]


def test_what_gathers_while_a_job_runs_goes_with_the_next_one(bench: Bench) -> None:
    answers: list[int] = []
    done = Event()
    for n in range(50):
        bench.append(call_id(n), *whole_call())
        bench.journal.sync(lambda _error, n=n: (answers.append(n), n == 49 and done.set()))
    wait(done)
    assert answers == list(range(50))
    assert bench.journal.syncs == 2
    assert len(tuple(read(bench.folder))) == 50


def test_syncs_keep_the_gathering_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, JournalLimits(gather_ms=20))
    bench.append(CALL, *whole_call()[:1])
    assert bench.sync() is None
    answers: list[DiskError | None] = []
    for each in whole_call()[1:4]:
        bench.append(CALL, each)
        bench.journal.sync(answers.append)
        bench.clock.turn(5)
        settle()
    assert answers == []
    bench.clock.turn(5)
    wait(bench.journal._idle)
    settle()
    assert answers == [None] * 3
    assert bench.journal.syncs == 2
    assert entries_of(tmp_path) == whole_call()[:4]


def test_a_sync_with_nothing_to_write_calls_back_and_touches_nothing(bench: Bench) -> None:
    assert bench.sync() is None
    assert bench.trace.calls == []


@pytest.mark.parametrize("call", ["write", "fdatasync", "open", "fsync"])
@pytest.mark.parametrize("number", [ENOSPC, EIO])
def test_a_refusing_disk_is_told_and_nothing_is_lost(bench: Bench, call: str, number: int) -> None:
    bench.append(CALL, *whole_call()[:1])
    if call in ("write", "fdatasync"):
        assert bench.sync() is None
    bench.append(CALL, *whole_call()[1:3])
    bench.trace.failing[call] = number
    bench.trace.short = 50 if call == "write" else 0
    error = bench.sync()
    assert isinstance(error, DiskError)
    assert "cannot write the journal" in str(error)
    assert error.retry
    assert bench.journal.error is error
    bench.append(CALL, *whole_call()[3:5])
    assert bench.sync() is not None, "still no room"
    bench.trace.failing.clear()
    bench.trace.short = 0
    bench.append(CALL, *whole_call()[5:])
    assert bench.sync() is None
    assert bench.journal.error is None
    assert entries_of(bench.folder) == whole_call()
    assert all(bad.torn for bad in read(bench.folder).bad)


def test_a_refused_write_is_tried_again_without_being_asked(bench: Bench) -> None:
    bench.trace.failing["write"] = ENOSPC
    bench.append(CALL, *whole_call())
    assert bench.sync() is not None
    bench.trace.failing.clear()
    bench.clock.turn(1000)
    wait(bench.journal._idle)
    settle()
    assert entries_of(bench.folder) == whole_call()


def test_a_failed_sync_is_not_believed_the_second_time(bench: Bench) -> None:
    """The kernel forgets pages that it could not write: the same file must not be used again."""
    bench.append(CALL, *whole_call())
    bench.trace.failing["fdatasync"] = EIO
    assert bench.sync() is not None
    bench.trace.failing.clear()
    bench.trace.calls.clear()
    assert bench.sync() is None
    assert ("write", "journal/0000000002.journal") in bench.trace.calls


def test_short_writes_are_carried_on(bench: Bench) -> None:
    bench.trace.short = 7
    bench.append(CALL, *whole_call())
    assert bench.sync() is None
    assert entries_of(bench.folder) == whole_call()


def test_a_torn_journal_reads_up_to_where_it_is_torn(tmp_path: Path) -> None:
    call = whole_call()
    lines = [line_of(CALL, n, each.entry, each.stamp) for n, each in enumerate(call)]
    data = b"".join(lines)
    path = tmp_path / "0000000001.journal"
    ends = [sum(map(len, lines[: n + 1])) for n in range(len(lines))]
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        reading = read(tmp_path)
        whole = sum(end <= cut for end in ends)
        assert dict(reading).get(CALL, ()) == call[:whole]
        assert [bad.torn for bad in reading.bad] == ([] if cut in (0, *ends) else [True])


def test_a_bad_line_stops_nothing_and_is_set_aside(tmp_path: Path) -> None:
    folder, aside = tmp_path / "journal", tmp_path / "aside"
    folder.mkdir()
    aside.mkdir()
    call = whole_call()
    lines = [line_of(CALL, n, each.entry, each.stamp) for n, each in enumerate(call)]
    lines[2] = lines[2].replace(b"announcement", b"announcemend")
    lines[4] = b"\0\xff garbage\n"
    (folder / "0000000007.journal").write_bytes(b"".join(lines) + b'{"c":"torn')
    (folder / "notes.txt").write_text("not ours")
    bench = Bench(folder)
    reading = bench.journal.open()
    [left] = reading.calls
    assert left.entries == (*call[:2], call[3], *call[5:])
    assert left.missing == 2
    assert [(bad.line, bad.torn) for bad in reading.bad] == [(3, False), (5, False), (10, True)]
    assert (aside / "0000000007.journal.bad").read_bytes() == lines[2] + lines[4]
    assert "line 3: its checksum" in (aside / "0000000007.journal.bad.why").read_text()
    assert sorted(path.name for path in aside.iterdir()) == [
        "0000000007.journal.bad",
        "0000000007.journal.bad.why",
    ]
    bench.append(CALL, *call[:1])
    assert bench.sync() is None
    assert "0000000008.journal" in bench.files()
    bench.journal.close()


def test_an_unreadable_segment_stops_nothing_and_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "0000000001.journal").mkdir()
    first = line_of(CALL, 0, ARRIVED, Stamp(1, 1))
    (tmp_path / "0000000002.journal").write_bytes(first)
    bench = Bench(tmp_path)
    reading = bench.journal.open()
    assert [call for call, _entries in reading] == [CALL]
    assert [(bad.segment, bad.line) for bad in reading.bad] == [("0000000001.journal", 0)]
    bench.append(CALL, Stamped(Stamp(2, 2), Finished()))
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert bench.files() == ["0000000001.journal"]
    bench.journal.close()


def test_a_restarted_engine_takes_up_open_calls_where_they_were(bench: Bench) -> None:
    bench.append(CALL, *whole_call()[:4])
    bench.append(OTHER, *whole_call(), Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    bench.journal.close()
    again = Bench(bench.folder)
    reading = again.journal.open()
    assert [(call.call_id, call.finished) for call in reading.calls] == [
        (CALL, False),
        (OTHER, True),
    ]
    assert again.journal.open_calls == 1
    again.append(CALL, *whole_call()[4:])
    assert again.sync() is None
    assert dict(read(bench.folder)) == {CALL: whole_call()}
    again.journal.close()


def test_the_journal_goes_when_every_call_is_finished(bench: Bench) -> None:
    bench.append(CALL, *whole_call())
    bench.append(OTHER, *whole_call())
    assert bench.sync() is None
    bench.append(CALL, Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    bench.tidy()
    assert bench.files() == ["0000000001.journal"], "a call in it is open"
    bench.append(OTHER, Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert bench.files() == []
    assert bench.journal.open_calls == 0
    assert bench.journal.segments == 1


def test_a_finished_entry_never_goes_before_what_it_finishes(bench: Bench) -> None:
    """Segments go oldest first: else the call would come back to life at the next start."""
    bench.append(CALL, *whole_call()[:5])
    bench.append(OTHER, *whole_call()[:5])
    assert bench.sync() is None
    bench.tidy()
    bench.append(CALL, Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert len(bench.files()) == 2
    assert [call for call, _entries in read(bench.folder)] == [OTHER]


def test_entries_of_a_long_call_are_carried_out_of_old_segments(bench: Bench) -> None:
    bench.append(CALL, *whole_call()[:5])
    for n in range(3):
        bench.append(call_id(n), *whole_call(), Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    for _ in range(9):
        bench.clock.turn(60_000)
        wait(bench.journal._idle)
        settle()
        bench.sync()
    assert "0000000001.journal" in bench.files()
    for _ in range(3):
        bench.tidy()
    assert "0000000001.journal" not in bench.files()
    assert dict(read(bench.folder)) == {CALL: whole_call()[:5]}
    assert b"".join(path.read_bytes() for path in bench.folder.iterdir()).count(b"\n") == 5
    bench.append(CALL, *whole_call()[5:])
    assert bench.sync() is None
    assert dict(read(bench.folder)) == {CALL: whole_call()}
    bench.append(CALL, Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    bench.tidy()
    bench.tidy()
    assert bench.files() == []


def test_a_segment_that_has_grown_is_followed_by_another(tmp_path: Path) -> None:
    bench = Bench(tmp_path, JournalLimits(gather_ms=0, segment_bytes=500))
    for n in range(4):
        bench.append(call_id(n), *whole_call())
        assert bench.sync() is None
    assert len(bench.files()) == 4
    assert len(tuple(read(tmp_path))) == 4
    bench.journal.close()


def test_a_segment_that_cannot_be_removed_is_tried_again(bench: Bench) -> None:
    bench.append(CALL, *whole_call(), Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    bench.trace.failing["unlink"] = EIO
    bench.tidy()
    assert bench.files() == ["0000000001.journal"]
    bench.trace.failing.clear()
    bench.tidy()
    assert bench.files() == []


@pytest.mark.parametrize("call", ["", "../x", CALL.upper(), CALL + "\n", CALL[:-1] + "٣", "x" * 36])
def test_hostile_ids_of_calls_are_refused(bench: Bench, call: str) -> None:
    with pytest.raises(SpoolError, match="is not the id of a call"):
        bench.journal.append(call, Answered(), Stamp(1, 1))
    assert bench.journal.open_calls == 0


def test_one_callback_that_fails_does_not_keep_the_others(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_error: DiskError | None) -> None:
        raise RuntimeError("in a callback")

    bench.append(CALL, *whole_call())
    bench.journal.sync(breaks)
    assert bench.sync() is None
    settle()
    assert "in a callback" in capsys.readouterr().err


def test_closing_puts_everything_on_disk(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.append(CALL, *whole_call())
    assert bench.journal.close()
    assert entries_of(tmp_path) == whole_call()


def test_closing_on_a_full_disk_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.trace.failing["write"] = ENOSPC
    bench.append(CALL, Stamped(Stamp(1, 1), HungUp("caller", "X", 0)))
    assert not bench.journal.close()


@pytest.mark.parametrize("call", ["open", "write", "fdatasync"])
def test_a_fault_in_writing_is_told_and_the_journal_goes_on(bench: Bench, call: str) -> None:
    """It may come in the middle of a line: what follows goes to another segment."""
    whole = bench.journal._job.writer._disk
    bench.append(CALL, *whole_call()[:3])

    def broken(*_args: object) -> int:
        if call == "write":
            whole.write(_args[0], b"half a li")  # type: ignore[arg-type] # any words
        raise ValueError("nobody thought of 07700900123")

    bench.journal._job.writer._disk = replace(whole, **{call: broken})
    told: list[DiskError | None] = []
    both = Event()
    for _ in range(2):
        bench.journal.sync(lambda error: (told.append(error), told[1:] and both.set()))  # type: ignore[func-returns-value]
    wait(both)
    assert bench.journal.error is told[1]
    for error in told:
        assert "by a fault of the engine: ValueError: nobody thought of ***********" in str(error)
    bench.journal._job.writer._disk = whole
    bench.append(CALL, *whole_call()[3:])
    assert bench.sync() is None
    assert bench.journal.error is None
    assert entries_of(bench.folder) == whole_call()
    assert [bad.torn for bad in read(bench.folder).bad] in ([], [True])


def test_a_fault_in_tidying_up_keeps_nothing_from_the_disk(bench: Bench) -> None:
    bench.append(CALL, *whole_call(), Stamped(Stamp(9, 9), Finished()))
    assert bench.sync() is None
    whole = bench.journal._job.writer._disk

    def broken(_path: str) -> None:
        raise ValueError("nobody thought of this")

    bench.journal._job.writer._disk = replace(whole, unlink=broken)
    with capture_logs() as logged:
        bench.tidy()
        bench.append(OTHER, *whole_call())
        assert bench.sync() is None
    assert bench.journal.error is None
    [line] = logged
    assert line["event"] == "the journal could not be tidied up"
    assert "by a fault of the engine: ValueError: nobody thought of this" in line["error"]
    assert "0000000001.journal" in bench.files()
    assert entries_of(bench.folder, OTHER) == whole_call()
    bench.journal._job.writer._disk = whole
    bench.tidy()
    assert "0000000001.journal" not in bench.files()


def test_a_job_that_dies_is_told_and_the_journal_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_work: object) -> None:
        raise RuntimeError("in the thread")

    monkeypatch.setattr(bench.journal._job, "run", dies)
    bench.append(CALL, *whole_call())
    error = bench.sync()
    assert "by a fault of the engine: RuntimeError: in the thread" in str(error)
    monkeypatch.undo()
    bench.clock.turn(1000)
    wait(bench.journal._idle)
    settle()
    assert bench.journal.error is None
    assert entries_of(bench.folder) == whole_call()


def test_an_entry_that_makes_no_line_is_missed_and_keeps_no_other_off_the_disk(
    bench: Bench,
) -> None:
    bench.append(CALL, *whole_call()[:2])
    none: Any = None
    faulty = Stamped(Stamp(1, 1), HungUp("caller", none, 16))
    bench.append(CALL, faulty)
    bench.append(OTHER, *whole_call()[:2])
    with capture_logs() as logged:
        assert bench.sync() is None
    assert [(each["event"], each["call"]) for each in logged] == [("fault in the engine", CALL)]
    bench.append(CALL, whole_call()[2])
    assert bench.sync() is None
    told = {call.call_id: call for call in read(bench.folder).calls}
    assert told[CALL].entries == whole_call()[:3]
    assert told[CALL].missing == 1
    assert told[OTHER].entries == whole_call()[:2]
    assert bench.journal.entries_of(CALL) == 4
