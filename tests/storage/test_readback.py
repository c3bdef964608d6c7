"""Pauses are proved and parts kept together when a call is filed (R6, R7, R22)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ivr.core.entries import PauseStarted, Stamped
from ivr.storage import readback
from ivr.storage.filing import Filing, file_batch
from ivr.storage.look import ls, show, verify
from ivr.storage.places import Places, prepare
from tests.recording.wavs import is_silent, is_speech, talk
from tests.storage.bench import MAKER, Bench
from tests.storage.dying import die_everywhere
from tests.storage.parts import CALL, EIO, ENOSPC, OTHER, Trace, whole_call
from tests.storage.paused import (
    FIRST,
    HELD,
    LEAKED,
    MASKED,
    PAUSED,
    SECOND,
    STOPPED,
    TWICE,
    file,
    names,
    put,
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0)


def assert_silent(places: Places) -> None:
    audio = Path(places.audio(CALL))
    assert is_silent(audio, 1_750, 5_250)
    assert is_speech(audio, 0, 1_750)
    assert is_speech(audio, 5_250, 8_000)


def test_a_pause_is_silent_before_the_record_is_there(places: Places) -> None:
    put(places, MASKED)
    trace = Trace()
    filed = file(places, PAUSED, trace)
    assert filed.record is not None
    assert_silent(places)
    [pause] = filed.record.recording.pauses
    assert (pause.verdict, pause.peak, pause.leaked_peak) == ("repaired", HELD, 0)
    assert (pause.start_ms, pause.end_ms, pause.part) == (1_750, 5_250, 1)
    assert names(places)["tmp"] == []
    assert [finding.verdict for finding in verify(places.root)] == ["good"]
    told = trace.calls.index(("rename", f"tmp/{CALL}.proofs"))
    written = trace.calls.index(("pwrite", f"recording/{CALL}.wav"))
    synced = trace.calls.index(("fsync", f"recording/{CALL}.wav"))
    record = trace.calls.index(("open", f"tmp/{CALL}.json"))
    assert told < written < synced < record, "what was found is safe first, the record last"


def test_a_leak_is_told(places: Places) -> None:
    put(places, LEAKED)
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.pauses[0].leaked_peak == HELD
    assert_silent(places)


@pytest.mark.parametrize("kept", [(1, 2, 3), (2, 3), (3,)])
def test_a_pause_whose_beginning_is_lost_is_made_silent(
    places: Places, kept: tuple[int, ...]
) -> None:
    """A line of the journal may be damaged (R7, R22)."""
    first = next(n for n, each in enumerate(PAUSED) if isinstance(each.entry, PauseStarted))
    told = {first + number for number in kept}
    left = [e for n, e in enumerate(PAUSED) if n in told or not first <= n < first + 4]
    put(places, LEAKED)
    filed = file(places, tuple(left))
    assert filed.record is not None
    [pause] = filed.record.recording.pauses
    assert (pause.verdict, pause.by) == ("repaired", "")
    assert is_silent(Path(places.audio(CALL)), 2_000, 5_250)


def test_every_pause_of_a_file_is_made_silent(places: Places) -> None:
    put(places, LEAKED)
    filed = file(places, TWICE)
    assert filed.record is not None
    first, second = filed.record.recording.pauses
    assert (first.verdict, first.leaked_peak) == ("repaired", HELD)
    assert (second.verdict, second.leaked_peak) == ("repaired", HELD)
    audio = Path(places.audio(CALL))
    for begin, end in ((750, 2_750), (4_750, 6_750)):
        assert is_silent(audio, begin, end)
    assert is_speech(audio, 2_750, 4_750)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


def test_what_was_silent_is_not_written(places: Places) -> None:
    data = talk(8_000, [(1_500, 5_500)])
    put(places, data)
    trace = Trace()
    filed = file(places, PAUSED, trace)
    assert filed.record is not None
    assert filed.record.recording.pauses[0].verdict == "verified"
    assert Path(places.audio(CALL)).read_bytes() == data
    written = {call for call in trace.calls if call[0] in ("pwrite", "rename")}
    assert written == {("rename", f"new/{CALL}.{end}") for end in ("wav", "json")}


def test_a_crashed_header_and_a_pause(places: Places) -> None:
    broken = bytearray(MASKED)
    broken[4:8] = broken[40:44] = bytes(4)
    put(places, bytes(broken))
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.repaired
    assert_silent(places)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


class Strict(Trace):
    """A disk that refuses to open for writing what lies in recording/."""

    def _traced(self, name: str, real: object) -> object:  # type: ignore[override]
        call = super()._traced(name, real)  # type: ignore[arg-type] # any words

        def strict(first: object, *rest: object) -> object:
            if name == "open" and "/recording/" in str(first) and int(rest[0]) & os.O_RDWR:  # type: ignore[call-overload] # any words
                raise PermissionError(13, "Permission denied", first)
            return call(first, *rest)

        return strict


def test_a_read_only_file_is_made_silent_in_a_copy_and_goes(places: Places) -> None:
    put(places, MASKED)
    filed = file(places, PAUSED, Strict())
    assert filed.error is None
    assert_silent(places)
    assert names(places) == {
        "new": [f"{CALL}.json", f"{CALL}.wav"], "recording": [], "tmp": [], "aside": [],
    }  # fmt: skip
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


@pytest.mark.parametrize("step", ["pwrite:.wav", "rename:.proofs", "fsync:recording/{}.wav"])
@pytest.mark.parametrize("number", [ENOSPC, EIO])
def test_a_disk_that_refuses_is_tried_again_and_shows_nothing(
    places: Places, step: str, number: int
) -> None:
    put(places, MASKED)
    filed = file(places, PAUSED, Trace(failing={step.format(CALL): number}))
    assert filed.error is not None
    assert not filed.fault
    assert names(places)["new"] == []
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.pauses[0].peak == HELD
    assert_silent(places)


def crash_everywhere(
    tmp_path: Path, entries: tuple[Stamped, ...], parts: tuple[bytes, ...], kind: type[Trace]
) -> list[Places]:
    """Die before each call of the disk in turn. An empty part is not there."""

    def lay(places: Places) -> None:
        put(places, *parts)
        for number, data in enumerate(parts, 1):
            if not data:
                Path(places.recorded(CALL, number)).unlink()

    def spool(number: int) -> Places:
        return prepare(tmp_path / str(number), 0)

    return die_everywhere(spool, lay, entries, kind)


@pytest.mark.parametrize("kind", [Trace, Strict])
def test_after_a_crash_at_any_moment_the_record_tells_what_was_there_first(
    tmp_path: Path, kind: type[Trace]
) -> None:
    spools = crash_everywhere(tmp_path, PAUSED, (LEAKED,), kind)
    assert len(spools) > 20
    for places in spools:
        [pause] = show(places.root, CALL).recording.pauses
        assert (pause.verdict, pause.peak, pause.leaked_peak) == ("repaired", HELD, HELD)
        assert_silent(places)
        assert names(places) == {
            "new": [f"{CALL}.json", f"{CALL}.wav"], "recording": [], "tmp": [], "aside": [],
        }  # fmt: skip


@pytest.mark.parametrize("kind", [Trace, Strict])
def test_after_a_crash_at_any_moment_all_parts_are_there(tmp_path: Path, kind: type[Trace]) -> None:
    for places in crash_everywhere(tmp_path, STOPPED, (FIRST, SECOND), kind):
        sound = show(places.root, CALL).recording
        assert [part.path for part in sound.parts] == [f"new/{CALL}.wav", f"new/{CALL}.2.wav"]
        assert [pause.verdict for pause in sound.pauses] == ["repaired"]
        assert names(places) == {
            "new": [f"{CALL}.2.wav", f"{CALL}.json", f"{CALL}.wav"],
            "recording": [], "tmp": [], "aside": [],
        }  # fmt: skip


def test_both_parts_are_filed_and_the_first_one_ends_silent(places: Places) -> None:
    put(places, FIRST, SECOND)
    filed = file(places, STOPPED)
    assert filed.record is not None
    sound = filed.record.recording
    assert (sound.state, sound.duration_ms, sound.unrecorded_ms) == ("kept", 4_630, 2_970)
    assert [part.offset_ms for part in sound.parts] == [0, 5_400]
    [pause] = sound.pauses
    assert (pause.part, pause.how, pause.start_ms, pause.end_ms) == (1, "stopped", 1_750, 2_030)
    assert is_silent(Path(places.audio(CALL)), 1_750, 2_030)
    assert Path(places.audio(CALL, 2)).read_bytes() == SECOND
    [finding] = verify(places.root)
    assert finding.verdict == "good"
    assert finding.detail.startswith("2030 ms, SHA-256 ")
    assert "; 2600 ms, SHA-256 " in finding.detail
    [row] = ls(places.root)
    assert (row.recording_ms, row.fault) == (4_630, "")
    assert row.size == sum(path.stat().st_size for path in places.new.iterdir())


@pytest.mark.parametrize(
    ("second", "aside", "detail"),
    [
        (b"OggS" + bytes(100), True, "part 2: recording: not a WAV file"),
        (talk(0), True, "part 2 holds no audio"),
        (None, False, "part 2 is missing"),
    ],
)
def test_a_part_that_is_no_recording_goes_aside_and_the_other_is_kept(
    places: Places, second: bytes | None, aside: bool, detail: str
) -> None:
    put(places, FIRST, *([] if second is None else [second]))
    filed = file(places, STOPPED)
    assert filed.record is not None
    assert filed.record.recording.state == "kept"
    assert filed.record.recording.detail.startswith(detail)
    there = names(places)
    assert there["recording"] == there["tmp"] == []
    assert there["new"] == [f"{CALL}.json", f"{CALL}.wav"]
    assert there["aside"] == ([f"{CALL}.2.wav", f"{CALL}.2.wav.why"] if aside else [])
    assert verify(places.root, CALL)[0].verdict == "good"


def test_an_unreadable_file_leaves_its_pause_unproved(places: Places) -> None:
    put(places, b"OggS" + bytes(100))
    filed = file(places, PAUSED)
    assert filed.record is not None
    [pause] = filed.record.recording.pauses
    assert (pause.verdict, filed.record.recording.reason) == ("unproved", "unreadable")


def test_a_part_that_the_journal_does_not_know_is_found(places: Places) -> None:
    put(places, wav := talk(1_000), wav, wav)
    filed = file(places, whole_call())
    assert filed.record is not None
    assert len(filed.record.recording.parts) == 3
    assert filed.record.recording.detail == (
        "part 2 is not in the journal; part 3 is not in the journal"
    )
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


@pytest.mark.parametrize("entries", [(), PAUSED])
def test_a_part_behind_one_that_is_not_there_is_found(
    places: Places, entries: tuple[Stamped, ...]
) -> None:
    put(places, FIRST)
    Path(places.recorded(CALL, 4)).write_bytes(SECOND)
    filed = file(places, entries)
    assert filed.record is not None
    paths = [part.path for part in filed.record.recording.parts]
    assert paths == [f"new/{CALL}.wav", f"new/{CALL}.4.wav"]
    assert names(places)["recording"] == []
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


def test_after_a_crash_at_any_moment_a_part_behind_a_gap_is_there(tmp_path: Path) -> None:
    for places in crash_everywhere(tmp_path, STOPPED[:7], (FIRST, b"", SECOND), Trace):
        paths = [part.path for part in show(places.root, CALL).recording.parts]
        assert paths == [f"new/{CALL}.wav", f"new/{CALL}.3.wav"]
        assert names(places)["recording"] == []


def test_a_part_of_a_call_that_was_filed_already_goes_aside(places: Places) -> None:
    put(places, FIRST)
    file(places, STOPPED)
    record = Path(places.record(CALL)).read_bytes()
    Path(places.recorded(CALL, 2)).write_bytes(SECOND)
    filed = file(places, ())
    assert (filed.record, filed.error, filed.fault) == (None, None, "")
    assert Path(places.record(CALL)).read_bytes() == record
    assert names(places)["aside"] == [f"{CALL}.2.wav", f"{CALL}.2.wav.why"]
    assert "the record of its call" in (places.aside / f"{CALL}.2.wav.why").read_text()


DOUBT = ": there may be pauses that are not known, and were not made silent"


@pytest.mark.parametrize(
    ("entries", "missing", "says"),
    [
        ((), 0, f"the call is not in the journal{DOUBT}; part 1 is not in the journal; part 2 "),
        (PAUSED[1:], 0, f"the beginning of the call is not in the journal{DOUBT}; part 2 "),
        (PAUSED, 2, f"2 entries of the call are lost from the journal{DOUBT}; part 2 is "),
        (PAUSED, 0, "part 2 is not in the journal"),
    ],
)
def test_where_the_journal_is_not_whole_nothing_is_verified(
    places: Places, entries: tuple[Stamped, ...], missing: int, says: str
) -> None:
    """A pause may be among what was lost, and what places one as well (R7, R22)."""
    put(places, talk(8_000, [(1_500, 5_500)]), talk(100))
    [filed] = file_batch(Trace().disk(), places, MAKER, [Filing(CALL, entries, missing)])
    assert filed.record is not None
    sound = filed.record.recording
    assert sound.state == "kept"
    assert sound.detail.startswith(says)
    expected = ["unproved" if DOUBT in says else "verified"] if entries else []
    assert [pause.verdict for pause in sound.pauses if pause.part == 1] == expected


def test_a_lost_line_of_the_journal_is_told_in_the_record(bench: Bench) -> None:
    for stamped in PAUSED:
        for call in (CALL, OTHER):
            bench.journal.append(call, stamped.entry, stamped.stamp)
    bench.record_audio(CALL, LEAKED)
    bench.finish(CALL, entries=PAUSED[:4] + PAUSED[5:])
    bench.record_audio(OTHER, LEAKED)
    bench.finish(OTHER, entries=PAUSED)
    lost, whole = (filed.record for filed in bench.filed)
    assert lost is not None
    assert whole is not None
    assert lost.recording.detail == f"an entry of the call is lost from the journal{DOUBT}"
    assert whole.recording.detail == ""


def test_orphans_are_calls_whichever_part_is_left(bench: Bench) -> None:
    for name in (f"{CALL}.2.wav", f"{CALL}.3.wav", f"{OTHER}.02.wav", f"{OTHER}.x.wav", "a.2.wav"):
        (bench.places.recording / name).write_bytes(talk(10))
    assert bench.spool.orphans(()) == (CALL,)
    assert bench.spool.orphans({CALL}) == ()
    bench.finish(CALL, entries=())
    assert bench.names("new") == [f"{CALL}.2.wav", f"{CALL}.3.wav", f"{CALL}.json"]
    assert bench.filed[0].record is not None
    assert bench.filed[0].record.recording.path == f"new/{CALL}.2.wav"
    assert [finding.verdict for finding in verify(bench.root)] == ["good"]


@pytest.mark.parametrize("broken", ["survey", "silence"])
def test_without_the_proving_step_what_was_said_would_be_there(
    places: Places, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Sabotage. A proof that finds nothing lets a record through, which says that it is none.
    Silencing that does nothing is noticed, for the file is read once more."""
    put(places, LEAKED)
    monkeypatch.setattr(readback, broken, lambda *_: ())
    filed = file(places, PAUSED)
    if broken == "survey":
        assert is_speech(Path(places.audio(CALL)), 0, 8_000)
        assert filed.record is not None
        assert [pause.verdict for pause in filed.record.recording.pauses] == ["unproved"]
    else:
        assert filed.error is not None
        assert names(places)["new"] == []


def test_a_copy_that_a_crash_left_goes_with_all_that_was_said_in_it(places: Places) -> None:
    put(places, MASKED)
    Path(places.copied(CALL, 1)).write_bytes(LEAKED)
    Path(f"{places.proofs(CALL, 1)}.new").write_bytes(b"{")
    file(places, PAUSED)
    assert names(places)["tmp"] == []
    Path(places.copied(CALL, 1)).write_bytes(LEAKED)
    assert file(places, PAUSED).record is None, "filed before"
    assert names(places)["tmp"] == []


def test_a_file_that_is_put_in_the_recordings_place_is_not_written_to(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another member of the spool's group, after the recording was opened (R23)."""
    put(places, MASKED)
    real = readback.survey

    def swap(*rest: object) -> object:
        Path(places.recorded(CALL)).unlink()
        put(places, LEAKED)
        return real(*rest)  # type: ignore[arg-type] # any words

    monkeypatch.setattr(readback, "survey", swap)
    filed = file(places, PAUSED)
    assert filed.error is not None
    assert Path(places.recorded(CALL)).read_bytes() == LEAKED
    assert names(places)["new"] == []


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_a_file_that_is_swapped_before_it_is_moved_is_not_shown_unproved(
    places: Places, tmp_path: Path, link: bool, before: bool
) -> None:
    """Nothing needs to be written in it, so that only the move can notice (R23)."""
    put(places, talk(8_000, [(1_500, 5_500)]))
    source = Path(places.recorded(CALL))
    secret = tmp_path / "secret"
    secret.write_bytes(LEAKED)

    class Swap(Trace):
        def _traced(self, name: str, real: object) -> object:  # type: ignore[override]
            call = super()._traced(name, real)  # type: ignore[arg-type] # any words

            def one(*args: object) -> object:
                at_record = name == "fsync" and self.paths.get(args[0], "").endswith(".json")  # type: ignore[call-overload] # any words
                if at_record if before else name == "rename" and args[0] == str(source):
                    source.rename(tmp_path / "first")
                    if link:
                        source.symlink_to(secret)
                    else:
                        source.write_bytes(LEAKED)
                return call(*args)

            return one

    filed = file(places, PAUSED, Swap())
    assert filed.error is not None
    assert "another file was put in its place" in str(filed.error)
    assert not os.path.lexists(places.record(CALL))
    assert (tmp_path / "first").exists()
    filed = file(places, PAUSED)
    assert (filed.error, filed.fault) == (None, "")
    assert filed.record is not None
    if link:
        assert filed.record.recording.state == "lost"
        assert secret.read_bytes() == LEAKED
    else:
        assert filed.record.recording.pauses[0].leaked_peak == HELD
        assert_silent(places)
