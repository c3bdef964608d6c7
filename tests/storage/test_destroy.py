"""What was recorded of a caller who opted out is gone before its record is there (R4)."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from gevent.event import Event

from ivr.core.entries import (
    HungUp,
    OptOutConfirmed,
    OptOutStarted,
    Parted,
    RecordingStarted,
    Stamped,
)
from ivr.errors import DiskError
from ivr.storage.filing import Filing, file_batch
from ivr.storage.look import show, verify
from ivr.storage.places import Places, prepare
from ivr.storage.segments import read
from tests.storage.bench import LIMITS, MAKER, Bench
from tests.storage.dying import Died, dying
from tests.storage.parts import ARRIVED, CALL, OTHER, Trace, settle, wait, wav
from tests.storage.paused import BEGIN, MASKED, PAUSED, at, file, names, put

CONFIRMED = OptOutConfirmed("timeout", "destroy")
OPTED = at(
    *BEGIN, (5_000, OptOutStarted(True)), (5_030, Parted()), (9_000, CONFIRMED),
    (9_100, HungUp("engine", "NORMAL_CLEARING", 16, "opted-out")),
)  # fmt: skip
KEPT = tuple(each for each in OPTED if each.entry is not CONFIRMED)
FIRST, SECOND = wav(800), wav(400)
ALL = ("recording", "new", "tmp", "aside")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0, tmp_path / "fallback")


def audio(places: Places) -> list[str]:
    """Every file in which something that was said may be."""
    tops = [places.root / name for name in ALL]
    if places.fallback is not None:
        tops.append(places.fallback / "recording")
    files = [path for top in tops if top.is_dir() for path in top.iterdir()]
    return sorted(str(path) for path in files if ".wav" in path.name)


def lay_everywhere(places: Places) -> int:
    """Two parts of the call, and all that engines before may have made of them; their bytes."""
    assert places.fallback is not None
    put(places, FIRST)
    spare = places.fallback / "recording"
    laid = {
        f"{spare}/{CALL}.2.wav": SECOND,
        f"{spare}/{CALL}.wav.aside": b"1",
        f"{spare}/{CALL}.wav.aside.2": b"22",
        places.audio(CALL, 2): SECOND,
        places.copied(CALL, 1): FIRST,
        f"{places.tmp}/{CALL}.wav.aside": b"333",
        f"{places.aside}/{CALL}.wav": FIRST,
        f"{places.aside}/{CALL}.2.wav.2": SECOND,
    }
    for path, data in laid.items():
        Path(path).write_bytes(data)
    Path(f"{places.aside}/{CALL}.wav.why").write_text("why")
    return len(FIRST) + sum(map(len, laid.values()))


def destroyed(places: Places) -> tuple[int, int]:
    """The parts and bytes that the record says were destroyed."""
    sound = show(places.root, CALL).recording
    assert (sound.state, sound.reason, sound.parts) == ("destroyed", "opted-out", [])
    assert (sound.frames, sound.size, sound.sha256, sound.missing_ms) == (0, 0, "", 0)
    assert sound.destroyed is not None
    return sound.destroyed.parts, sound.destroyed.bytes


def test_all_of_it_goes_wherever_it_lies(places: Places) -> None:
    size = lay_everywhere(places)
    others = [places.recording / f"{OTHER}.wav", places.aside / f"{OTHER}.wav"]
    for other in others:
        other.write_bytes(FIRST)
    filed = file(places, OPTED)
    assert (filed.error, filed.fault, filed.shown) == (None, "", True)
    assert audio(places) == sorted(map(str, others))
    assert destroyed(places) == (2, size)
    assert filed.record is not None
    assert filed.record.ended.reason == "opted-out"
    assert filed.aside == ()
    for other in others:
        other.unlink()
    assert names(places) == {"new": [f"{CALL}.json"], "recording": [], "tmp": [], "aside": []}
    [finding] = verify(places.root)
    assert (finding.verdict, finding.detail.endswith(f"2 parts, {size} bytes (opted-out)")) == (
        "good", True,
    )  # fmt: skip


def test_what_is_kept_is_kept(places: Places) -> None:
    """The same call on a route that keeps it."""
    put(places, FIRST)
    keeps = tuple(
        replace(each, entry=OptOutConfirmed("timeout", "keep")) if each.entry is CONFIRMED else each
        for each in OPTED
    )
    filed = file(places, keeps)
    assert filed.record is not None
    assert (filed.record.recording.state, filed.record.recording.destroyed) == ("kept", None)
    assert audio(places) == [places.audio(CALL)]


def test_its_pauses_are_told_and_no_sample_of_them(places: Places) -> None:
    put(places, MASKED)
    file(places, (*PAUSED[:-2], *OPTED[-4:]))
    [pause] = show(places.root, CALL).recording.pauses
    assert (pause.verdict, pause.part, pause.by, pause.peak) == ("nothing", 0, "agent", 0)


def test_the_order_is_gone_before_told(places: Places) -> None:
    lay_everywhere(places)
    trace = Trace()
    file(places, OPTED, trace)
    told = [one for one in trace.calls if one[0] in ("fsync", "rename", "unlink")]
    begun = told.index(("rename", f"tmp/{CALL}.destroyed"))
    assert told[begun + 1] == ("fsync", "spool/tmp"), "what is to go is on disk"
    record = told.index(("rename", f"new/{CALL}.json"))
    gone = [n for n, (name, path) in enumerate(told) if name == "unlink" and ".wav" in path]
    assert len(gone) == 10
    assert begun < min(gone)
    assert max(gone) < record
    for folder in ("spool/recording", "fallback/recording", "spool/new", "spool/tmp"):
        assert ("fsync", folder) in told[max(gone) : record], folder
    assert ("fsync", "spool/aside") in told[max(gone) : record]
    forgotten = told.index(("unlink", f"tmp/{CALL}.destroyed"))
    assert told[forgotten + 1] == ("fsync", "spool/tmp"), "it does not come back"
    assert forgotten > record


Start = Callable[[Places], tuple[Stamped, ...]]


def goes_on(_places: Places) -> tuple[Stamped, ...]:
    return OPTED


def journal_lost(places: Places) -> tuple[Stamped, ...]:
    """Once it was begun, the journal may be lost, all of it."""
    return () if os.path.lexists(places.destroyed(CALL)) else OPTED


def line_lost(places: Places) -> tuple[Stamped, ...]:
    """Or the one line that says so."""
    return KEPT if os.path.lexists(places.destroyed(CALL)) else OPTED


@pytest.mark.parametrize("next_start", [goes_on, journal_lost, line_lost])
def test_killed_at_any_moment_the_next_start_ends_it(tmp_path: Path, next_start: Start) -> None:
    survived, moment = False, 0
    while not survived:
        places = prepare(tmp_path / f"{moment}" / "spool", 0, tmp_path / f"{moment}" / "fallback")
        size = lay_everywhere(places)
        try:
            file(places, OPTED, dying(Trace, moment))
            survived = True
        except Died:
            pass
        there = os.path.lexists(places.record(CALL))
        assert not (there and audio(places)), (moment, "a record while there is audio")
        filed = file(places, next_start(places))
        assert (filed.error, filed.fault) == (None, ""), moment
        assert audio(places) == [], moment
        assert destroyed(places) == (2, size), moment
        assert names(places)["tmp"] == []
        assert [finding.verdict for finding in verify(places.root)] == ["good"], moment
        moment += 1
        shutil.rmtree(places.root.parent)
    assert moment > 30


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (f"unlink:recording/{CALL}.wav", errno.EACCES),
        (f"unlink:recording/{CALL}.2.wav", errno.EROFS),
        (f"unlink:aside/{CALL}.wav", errno.EIO),
        (f"unlink:new/{CALL}.2.wav", errno.EPERM),
        ("fsync:spool/recording", errno.EIO),
        ("fsync:fallback/recording", errno.EIO),
        (f"rename:tmp/{CALL}.destroyed", errno.ENOSPC),
        (f"write:tmp/{CALL}.destroyed.new", errno.ENOSPC),
    ],
)
def test_where_the_disk_refuses_there_is_no_record(places: Places, call: str, number: int) -> None:
    size = lay_everywhere(places)
    trace = Trace(failing={call: number})
    filed = file(places, OPTED, trace)
    assert isinstance(filed.error, DiskError)
    assert not filed.shown
    assert not os.path.lexists(places.record(CALL))
    assert filed.again is not None
    trace.failing.clear()
    [again] = file_batch(trace.disk(), places, MAKER, [filed.again])
    assert (again.error, again.shown) == (None, True)
    assert audio(places) == []
    assert destroyed(places) == (2, size)


def test_the_refusal_says_what_and_what_to_do(places: Places) -> None:
    put(places, FIRST)
    filed = file(places, OPTED, Trace(failing={f"unlink:recording/{CALL}.wav": errno.EACCES}))
    assert str(filed.error) == (
        f"{places.recording}/{CALL}.wav: cannot be destroyed, though its caller opted out:"
        " Permission denied\n  the call gets no record until it is gone, and it is tried again;"
        " mend the disk or its rights"
    )


def test_that_it_is_gone_is_looked_at(places: Places) -> None:
    """A disk that says yes and keeps the file, or somebody who puts it back."""
    put(places, FIRST)
    disk = replace(Trace().disk(), unlink=lambda _path: None)
    [filed] = file_batch(disk, places, MAKER, [Filing(CALL, OPTED)])
    assert "it is there again" in str(filed.error)
    assert not os.path.lexists(places.record(CALL))


def test_the_spool_tells_of_it_and_tries_again(bench: Bench) -> None:
    bench.record_audio(CALL, FIRST)
    rule = f"unlink:recording/{CALL}.wav"
    bench.trace.failing[rule] = errno.EACCES
    done = Event()
    bench.spool.finish(CALL, OPTED, lambda _filed: done.set())
    bench.clock.turn(LIMITS.gather_ms)
    while not bench.refused:
        settle()
    assert bench.refused[0][0] == CALL
    assert bench.spool.waiting == 1
    assert bench.names("new") == []
    bench.trace.failing.clear()
    bench.clock.turn(LIMITS.retry_ms)
    wait(done)
    assert bench.names("new") == [f"{CALL}.json"]
    assert bench.names("recording") == []
    assert bench.journal.flush()
    assert dict(read(bench.places.journal)) == {}


@pytest.mark.parametrize("entries", [OPTED, ()], ids=["journal", "record"])
def test_a_part_that_turns_up_after_the_record_goes_too(
    places: Places, entries: tuple[Stamped, ...]
) -> None:
    """What it is, its journal says, or its record."""
    put(places, FIRST)
    file(places, OPTED)
    before = Path(places.record(CALL)).read_bytes()
    late = Path(places.recorded(CALL, 3, places.folders[1]))
    late.write_bytes(SECOND)
    filed = file(places, entries)
    assert (filed.error, filed.shown, filed.aside) == (None, True, ())
    assert audio(places) == []
    assert names(places)["aside"] == names(places)["tmp"] == []
    assert Path(places.record(CALL)).read_bytes() == before


def test_what_was_left_after_the_record_is_tried_again(places: Places) -> None:
    """The memory of it cannot be removed."""
    put(places, FIRST)
    trace = Trace(failing={f"unlink:tmp/{CALL}.destroyed": errno.EIO})
    filed = file(places, OPTED, trace)
    assert (filed.shown, filed.again is None) == (True, False)
    Path(places.record(CALL)).unlink()  # a consumer took it
    trace.failing.clear()
    assert filed.again is not None
    [again] = file_batch(trace.disk(), places, MAKER, [filed.again])
    assert again.error is None
    assert names(places) == {"new": [], "recording": [], "tmp": [], "aside": []}


def test_what_was_shown_waits_for_no_folder_any_more(places: Places) -> None:
    """Its record was taken, and nothing remembers what was destroyed."""
    [filed] = file_batch(Trace().disk(), places, MAKER, [Filing(CALL, OPTED, shown=True)])
    assert (filed.error, filed.shown) == (None, True)
    assert names(places)["new"] == []


def test_what_was_removed_before_a_crash_is_synced_after_it(places: Places) -> None:
    put(places, FIRST)
    file(places, OPTED, Trace(failing={"fsync:spool/recording": errno.EIO}))
    assert audio(places) == []
    trace = Trace()
    file(places, OPTED, trace)
    synced = trace.calls.index(("fsync", "spool/recording"))
    assert synced < trace.calls.index(("rename", f"new/{CALL}.json"))


def test_a_record_of_a_life_before_goes_before_its_audio(places: Places) -> None:
    put(places, FIRST)
    file(places, KEPT)
    assert audio(places) == [places.audio(CALL)]
    trace = Trace()
    file(places, OPTED, trace)
    assert audio(places) == []
    assert destroyed(places) == (1, len(FIRST))
    told = trace.calls
    record = told.index(("unlink", f"new/{CALL}.json"))
    assert record < told.index(("unlink", f"new/{CALL}.wav"))
    assert ("fsync", "spool/new") in told[record : told.index(("unlink", f"new/{CALL}.wav"))]


def test_it_waits_for_a_fallback_that_is_away(places: Places, tmp_path: Path) -> None:
    assert places.fallback is not None
    two = str(places.folders[1] / f"{CALL}.2.wav")
    named = (*OPTED[:4], Stamped(OPTED[3].stamp, RecordingStarted(two)), *OPTED[4:])
    put(places, FIRST)
    Path(two).write_bytes(SECOND)
    places.fallback.rename(tmp_path / "away")
    places.folders[1].mkdir(parents=True)  # its mount point
    filed = file(places, named)
    assert isinstance(filed.error, DiskError)
    assert not os.path.lexists(places.record(CALL))
    [lossy] = file_batch(Trace().disk(), places, MAKER, [Filing(CALL, OPTED, missing=1)])
    assert isinstance(lossy.error, DiskError), "who knows what else the journal named"
    shutil.rmtree(places.fallback)
    (tmp_path / "away").rename(places.fallback)
    assert file(places, named).error is None
    assert audio(places) == []


def test_it_does_not_wait_for_a_fallback_that_has_none_of_it(
    places: Places, tmp_path: Path
) -> None:
    assert places.fallback is not None
    put(places, FIRST)
    places.fallback.rename(tmp_path / "away")
    assert file(places, OPTED).error is None
    assert destroyed(places) == (1, len(FIRST))


def test_it_waits_for_a_folder_that_no_configuration_names(places: Places, tmp_path: Path) -> None:
    gone = tmp_path / "unmounted"
    begun = RecordingStarted(f"{gone}/{CALL}.2.wav")
    named = (*OPTED[:4], Stamped(OPTED[3].stamp, begun), *OPTED[4:])
    put(places, FIRST)
    filed = file(places, named)
    assert "its folder is not there; mount its disk" in str(filed.error)
    assert not os.path.lexists(places.record(CALL))
    gone.mkdir()
    (gone / f"{CALL}.2.wav").write_bytes(SECOND)
    assert file(places, named).error is None
    assert list(gone.iterdir()) == []
    assert destroyed(places) == (2, len(FIRST + SECOND))


def test_another_name_of_a_file_holds_nothing(places: Places, tmp_path: Path) -> None:
    put(places, FIRST)
    other = tmp_path / "link.wav"
    other.hardlink_to(places.recorded(CALL))
    file(places, OPTED)
    assert other.read_bytes() == b""
    assert destroyed(places) == (1, len(FIRST))


def test_a_link_goes_and_what_it_points_to_stays(places: Places, tmp_path: Path) -> None:
    target = tmp_path / "somebodys"
    target.write_bytes(b"x")
    os.symlink(target, places.recorded(CALL))
    assert file(places, OPTED).error is None
    assert audio(places) == []
    assert target.read_bytes() == b"x"


def test_a_folder_of_its_name_is_no_recording(places: Places) -> None:
    os.mkdir(places.recorded(CALL, 2))
    put(places, FIRST)
    assert file(places, OPTED).error is None
    assert destroyed(places) == (1, len(FIRST))


def test_one_that_was_begun_is_found_without_a_journal(bench: Bench) -> None:
    """Killed after all of it had gone, and the journal was lost."""
    bench.record_audio(CALL, FIRST)
    bench.trace.failing[f"open:tmp/{CALL}.json"] = errno.EIO
    [filed] = file_batch(bench.trace.disk(), bench.places, MAKER, [Filing(CALL, OPTED)])
    assert filed.error is not None
    bench.trace.failing.clear()
    assert bench.names("recording") == []
    assert bench.spool.orphans(()) == (CALL,)
    bench.finish(*bench.spool.orphans(()), entries=())
    assert destroyed(bench.places) == (1, len(FIRST))
    assert bench.spool.orphans(()) == ()


@pytest.mark.parametrize("folder", ALL)
def test_audio_that_is_there_after_all_is_bad(places: Places, folder: str) -> None:
    put(places, FIRST)
    file(places, OPTED)
    (places.root / folder / f"{CALL}.2.wav").write_bytes(SECOND)
    finding = verify(places.root, CALL)[0]
    assert finding.verdict == "bad"
    assert finding.detail.endswith(f"but {places.root}/{folder}/{CALL}.2.wav is there")


def test_where_the_word_is_lost_the_record_says_that_it_may_be(places: Places) -> None:
    """The one line that says what becomes of it is damaged."""
    put(places, FIRST)
    [filed] = file_batch(Trace().disk(), places, MAKER, [Filing(CALL, KEPT, missing=1)])
    assert filed.record is not None
    assert filed.record.recording.state == "kept"
    assert "it may be that nothing was to be kept" in filed.record.recording.detail
    ended = at(*BEGIN, (9_000, HungUp("caller", "", 16)))
    [other] = file_batch(Trace().disk(), places, MAKER, [Filing(OTHER, ended, missing=1)])
    assert other.record is not None
    assert "nothing was to be kept" not in other.record.recording.detail


def test_what_cannot_be_read_of_the_memory_is_left_out(places: Places) -> None:
    put(places, FIRST)
    memory = Path(places.destroyed(CALL))
    known = {"path": f"{places.recording}/{CALL}.2.wav", "part": 2, "bytes": 7, "written_ms": 1}
    lines = ("{", json.dumps({**known, "part": "2"}), json.dumps({"of": "later"}))
    memory.write_text("\n".join((*lines, json.dumps(known))))
    file(places, ())
    assert destroyed(places) == (2, len(FIRST) + 7)


def test_a_call_that_was_never_recorded_has_nothing_destroyed(places: Places) -> None:
    told = at((0, ARRIVED), (10, OptOutStarted()), (20, CONFIRMED))
    filed = file(places, told)
    assert filed.record is not None
    sound = filed.record.recording
    assert (sound.state, sound.reason, sound.destroyed) == ("none", "opted-out", None)
    assert names(places)["tmp"] == []
