"""Parts of a recording that lie in the fallback's folder, on another disk or not (R5, R7, R22)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pytest

from ivr.core.entries import RecordingIntended, RecordingStalled, RecordingStarted, Stamped
from ivr.storage import readback, tape
from ivr.storage.filing import Filing, file_batch
from ivr.storage.look import show, verify
from ivr.storage.places import Places, prepare
from ivr.storage.readback import ReadBack
from tests.recording.wavs import is_silent, is_speech, talk
from tests.storage.bench import MAKER
from tests.storage.dying import die_everywhere
from tests.storage.parts import CALL, ENOSPC, OTHER, Trace, unconnected_call, wav, whole_call
from tests.storage.paused import FIRST, HELD, LEAKED, PAUSED, SECOND, STOPPED, file, put
from tests.storage.paused import names as in_spool


@pytest.fixture(params=["here", "elsewhere"])
def fallback(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A fallback on the spool's file system, and one on another."""
    if request.param == "here":
        return tmp_path / "fallback"
    there: Path = request.getfixturevalue("elsewhere")
    return there / "fallback"


@pytest.fixture
def places(tmp_path: Path, fallback: Path) -> Places:
    return prepare(tmp_path / "spool", 0, fallback)


def there(places: Places, part: int = 1, call: str = CALL) -> Path:
    """A part in the fallback's folder."""
    return Path(places.recorded(call, part, places.folders[1]))


def names(places: Places) -> dict[str, list[str]]:
    """Of what lies in the folders; only of those that are not empty."""
    assert places.fallback is not None
    found = {**in_spool(places), "fallback": sorted(os.listdir(places.folders[1]))}
    return {folder: there for folder, there in found.items() if there}


def whole(*parts: int) -> dict[str, list[str]]:
    audio = [f"{CALL}.wav" if part == 1 else f"{CALL}.{part}.wav" for part in parts]
    return {"new": sorted([f"{CALL}.json", *audio])}


def test_a_call_is_filed_from_both_folders(places: Places) -> None:
    put(places, FIRST)
    there(places, 2).write_bytes(SECOND)
    filed = file(places, STOPPED)
    assert filed.record is not None
    assert filed.aside == ()
    sound = filed.record.recording
    assert [part.path for part in sound.parts] == [f"new/{CALL}.wav", f"new/{CALL}.2.wav"]
    assert Path(places.audio(CALL, 2)).read_bytes() == SECOND
    assert names(places) == whole(1, 2)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


def test_a_pause_in_the_fallback_is_silent_before_anything_is_seen(places: Places) -> None:
    there(places).write_bytes(LEAKED)
    there(places).chmod(0o660)
    trace = Trace()
    filed = file(places, PAUSED, trace)
    assert filed.record is not None
    [pause] = filed.record.recording.pauses
    assert (pause.verdict, pause.peak, pause.leaked_peak) == ("repaired", HELD, HELD)
    audio = Path(places.audio(CALL))
    assert is_silent(audio, 1_750, 5_250)
    assert is_speech(audio, 0, 1_750)
    assert is_speech(audio, 5_250, 8_000)
    assert audio.stat().st_mode & 0o777 == 0o660
    assert names(places) == whole(1)
    elsewhere = places.devices[0] != places.devices[1]
    if elsewhere:
        calls = [call for call in trace.calls if call[0] in ("fsync", "rename", "unlink")]
        steps = [
            ("fsync", f"tmp/{CALL}.wav"),
            ("rename", f"new/{CALL}.wav"),
            ("rename", f"new/{CALL}.json"),
            ("fsync", "spool/new"),
            ("unlink", f"recording/{CALL}.wav"),
        ]
        at = [len(calls) - 1 - calls[::-1].index(step) for step in steps]
        assert at == sorted(at), "the source goes last, when the record is safe"


@pytest.mark.parametrize("first", [FIRST, b""])
def test_after_a_crash_at_any_moment_all_is_there_once(
    tmp_path: Path, fallback: Path, first: bytes
) -> None:
    def spool(number: int) -> Places:
        return prepare(tmp_path / str(number), 0, fallback / str(number))

    def lay(places: Places) -> None:
        if first:
            put(places, first)
        there(places, 2).write_bytes(SECOND)

    spools = die_everywhere(spool, lay, STOPPED)
    assert len(spools) > 15
    for places in spools:
        sound = show(places.root, CALL).recording
        assert [part.path for part in sound.parts][-1] == f"new/{CALL}.2.wav"
        assert names(places) == (whole(1, 2) if first else whole(2))


def test_after_a_crash_at_any_moment_the_record_tells_of_the_leak(
    tmp_path: Path, fallback: Path
) -> None:
    def spool(number: int) -> Places:
        return prepare(tmp_path / str(number), 0, fallback / str(number))

    for places in die_everywhere(spool, lambda each: put_there(each, LEAKED), PAUSED):
        [pause] = show(places.root, CALL).recording.pauses
        assert (pause.verdict, pause.peak, pause.leaked_peak) == ("repaired", HELD, HELD)
        assert is_silent(Path(places.audio(CALL)), 1_750, 5_250)
        assert names(places) == whole(1)


def put_there(places: Places, data: bytes) -> None:
    there(places).write_bytes(data)


LONG, SHORT = talk(8_000), talk(5_000)


@pytest.mark.parametrize(("own", "other"), [(LONG, SHORT), (SHORT, LONG)])
def test_of_the_same_part_in_both_the_longer_one_is_kept(
    places: Places, own: bytes, other: bytes
) -> None:
    put(places, own)
    put_there(places, other)
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.duration_ms == 8_000
    assert [line.partition(":")[0] for line in filed.aside] == [f"{CALL}.wav"]
    assert "part 1 lies in two folders" in filed.record.recording.detail
    assert names(places) == {**whole(1), "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}
    assert "part 1 lies in two folders" in (places.aside / f"{CALL}.wav.why").read_text()
    aside = places.aside / f"{CALL}.wav"
    assert is_silent(aside, 1_750, 5_000), "what was said in the pause is nowhere"
    assert is_silent(Path(places.audio(CALL)), 1_750, 5_250)
    assert verify(places.root, CALL)[0].verdict == "good"


@pytest.mark.parametrize(("own", "other"), [(LONG, SHORT), (SHORT, LONG)])
def test_after_a_crash_at_any_moment_both_of_a_part_are_there_once(
    tmp_path: Path, fallback: Path, own: bytes, other: bytes
) -> None:
    def spool(number: int) -> Places:
        return prepare(tmp_path / str(number), 0, fallback / str(number))

    def lay(places: Places) -> None:
        put(places, own)
        put_there(places, other)

    spools = die_everywhere(spool, lay, PAUSED, verdicts=frozenset({"good", "leftover"}))
    for places in spools:
        assert show(places.root, CALL).recording.duration_ms == 8_000
        assert names(places) == {**whole(1), "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}
        assert (places.aside / f"{CALL}.wav").stat().st_size == len(SHORT)


def test_two_that_are_no_recordings_are_both_kept_aside(places: Places) -> None:
    put(places, b"OggS" + bytes(100))
    put_there(places, b"OggS" + bytes(99))
    filed = file(places, whole_call())
    assert filed.record is not None
    assert filed.record.recording.reason == "unreadable"
    aside = [f"{CALL}.wav", f"{CALL}.wav.2"]
    assert names(places) == {
        "new": [f"{CALL}.json"],
        "aside": sorted([*aside, *(f"{name}.why" for name in aside)]),
    }
    assert {(places.aside / name).stat().st_size for name in aside} == {103, 104}
    assert len(filed.aside) == 2


@pytest.mark.parametrize("data", [wav(0), b""])
def test_an_empty_recording_in_the_fallback_goes(places: Places, data: bytes) -> None:
    put_there(places, data)
    filed = file(places, unconnected_call())
    assert (filed.error, filed.aside) == (None, ())
    assert names(places) == {"new": [f"{CALL}.json"]}


def test_a_full_spool_keeps_nothing_half_and_the_fallback_keeps_its_own(
    tmp_path: Path, elsewhere: Path
) -> None:
    places = prepare(tmp_path / "spool", 0, elsewhere / "fallback")
    put_there(places, LEAKED)
    for step in (f"write:tmp/{CALL}.wav", f"open:tmp/{CALL}.wav", f"write:tmp/{CALL}.json"):
        filed = file(places, PAUSED, Trace(failing={step: ENOSPC}, short=4_000))
        assert filed.error is not None
        assert "new" not in names(places)
        assert there(places).read_bytes() == LEAKED
        if step != f"write:tmp/{CALL}.json":
            assert "tmp" not in names(places), "its room is needed"
    assert file(places, PAUSED).record is not None
    assert names(places) == whole(1)


def test_what_grew_since_it_was_copied_is_not_thrown_away(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = prepare(tmp_path / "spool", 0, elsewhere / "fallback")
    put_there(places, LONG)
    real = ReadBack.listen

    def listen(*args: object) -> object:
        found = real(*args)  # type: ignore[arg-type] # any words
        with there(places).open("ab") as file:
            file.write(bytes(320))
        return found

    monkeypatch.setattr(ReadBack, "listen", listen)
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert len(filed.aside) == 1
    assert names(places) == {**whole(1), "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}
    assert "written to after" in (places.aside / f"{CALL}.wav.why").read_text()
    assert (places.aside / f"{CALL}.wav").stat().st_size == len(LONG) + 320


# ---- a folder that is away ----


@pytest.fixture
def away(places: Places) -> Iterator[Path]:
    """Where the fallback's recordings are while it is away."""
    with TemporaryDirectory(dir=places.folders[1].parent.parent) as folder:
        yield Path(folder) / "recording"


def in_fallback(places: Places) -> tuple[Stamped, ...]:
    """A call with its second part in the fallback's folder."""
    second = str(there(places, 2))
    paths = {
        RecordingIntended: RecordingIntended(second),
        RecordingStarted: RecordingStarted(second),
    }
    return tuple(
        Stamped(each.stamp, paths[type(each.entry)])
        if type(each.entry) in paths and "2.wav" in str(each.entry)
        else each
        for each in STOPPED
    )


def test_a_call_waits_for_a_folder_that_the_journal_names(places: Places, away: Path) -> None:
    put(places, FIRST)
    there(places, 2).write_bytes(SECOND)
    Path(places.recorded(OTHER)).write_bytes(wav())
    places.folders[1].rename(away)
    entries = in_fallback(places)
    waits, filed = file_batch(
        Trace().disk(), places, MAKER, [Filing(CALL, entries), Filing(OTHER, whole_call())]
    )
    assert waits.error is not None
    assert "No such file or directory" in str(waits.error)
    assert filed.record is not None, "no other call waits for it"
    away.rename(places.folders[1])
    again = file(places, entries)
    assert again.record is not None
    assert len(again.record.recording.parts) == 2


def test_a_call_of_which_not_all_is_known_waits_for_the_spools_own_folder(
    places: Places,
) -> None:
    there(places, 2).write_bytes(SECOND)
    places.recording.rename(places.root / "away")
    assert file(places, ()).error is not None
    assert file(places, STOPPED[:1]).record is not None, "nothing of it can lie there"


def test_what_comes_back_after_its_record_was_made_belongs_to_none(places: Places) -> None:
    put(places, LONG)
    assert file(places, PAUSED).record is not None
    filed = Path(places.audio(CALL)).read_bytes()
    put_there(places, SHORT)
    later = file(places, ())
    assert (later.record, later.error, later.fault) == (None, None, "")
    assert Path(places.audio(CALL)).read_bytes() == filed
    assert names(places) == {**whole(1), "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}
    assert later.aside == (f"{CALL}.wav: the record of its call is there already, without it",)


def test_what_comes_back_while_the_journal_knows_is_silent_in_its_pauses(places: Places) -> None:
    put(places, LONG)
    assert file(places, PAUSED).record is not None
    put_there(places, SHORT)
    assert len(file(places, PAUSED).aside) == 1
    aside = places.aside / f"{CALL}.wav"
    assert is_silent(aside, 1_750, 5_000)
    assert names(places) == {**whole(1), "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}


def test_what_comes_back_and_cannot_be_read_is_set_aside(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(places, LONG)
    assert file(places, PAUSED).record is not None
    put_there(places, SHORT)
    damaged(monkeypatch, "inspect_fd", tape)
    [line] = file(places, ()).aside
    assert line == f"{CALL}.wav: unreadable: recording: cannot be read: Input/output error"
    assert names(places) == {**whole(1), "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}


def test_a_folder_that_the_configuration_has_no_more_is_looked_into(places: Places) -> None:
    put(places, FIRST)
    there(places, 2).write_bytes(SECOND)
    filed = file(Places(places.root), in_fallback(places))
    assert filed.record is not None
    assert len(filed.record.recording.parts) == 2
    assert names(places) == whole(1, 2)


def test_a_folder_of_two_names_holds_one_file(places: Places, tmp_path: Path) -> None:
    put(places, LONG)
    (tmp_path / "s").symlink_to(places.root)
    renamed = f"{tmp_path}/s/recording/{CALL}.wav"
    intended = Stamped(PAUSED[1].stamp, RecordingIntended(renamed))
    filed = file(places, (PAUSED[0], intended, *PAUSED[2:]))
    assert filed.record is not None
    assert filed.aside == ()
    assert names(places) == whole(1)


@pytest.mark.parametrize("more", [b"", bytes(3)])
def test_what_was_copied_before_a_crash_goes(places: Places, more: bytes) -> None:
    put_there(places, LEAKED)
    assert file(places, PAUSED).record is not None
    put_there(places, LEAKED + more)
    assert file(places, PAUSED).aside == ()
    assert names(places) == whole(1)


def test_what_only_looks_like_a_copy_does_not_go(places: Places) -> None:
    put_there(places, LEAKED)
    assert file(places, PAUSED).record is not None
    put_there(places, LEAKED[:-2] + b"\x01\x02")
    assert len(file(places, PAUSED).aside) == 1
    assert (places.aside / f"{CALL}.wav").read_bytes().endswith(b"\x01\x02")


def test_a_folder_that_takes_no_change_keeps_the_call_waiting(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_there(places, LEAKED)
    assert file(places, PAUSED).record is not None
    put_there(places, LEAKED)
    monkeypatch.setattr(os, "access", lambda *_: False)
    waits = file(places, PAUSED)
    assert "Read-only file system" in str(waits.error)
    assert there(places).exists()


# ---- what cannot be read ----


def damaged(monkeypatch: pytest.MonkeyPatch, name: str, module: ModuleType = readback) -> None:
    def refuse(*_args: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(module, name, refuse)


@pytest.mark.parametrize("step", ["inspect_fd", "survey", "sha256_fd", "peak_between"])
def test_audio_that_the_disk_cannot_give_back_is_set_aside(
    places: Places, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    put_there(places, LEAKED)
    damaged(monkeypatch, step)
    filed = file(places, PAUSED)
    assert filed.record is not None
    sound = filed.record.recording
    assert (sound.state, sound.reason) == ("lost", "unreadable")
    assert sound.detail == "recording: cannot be read: Input/output error"
    assert [pause.verdict for pause in sound.pauses] == ["unproved"]
    assert len(filed.aside) == 1
    assert names(places) == {"new": [f"{CALL}.json"], "aside": [f"{CALL}.wav", f"{CALL}.wav.why"]}
    aside = places.aside / f"{CALL}.wav"
    assert aside.stat().st_size == len(LEAKED)
    assert is_speech(aside, 6_000, 8_000)


def test_what_cannot_even_be_copied_stays_there_under_another_name(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = prepare(tmp_path / "spool", 0, elsewhere / "fallback")
    put_there(places, LEAKED)
    real = os.pread

    def pread(fd: int, count: int, offset: int) -> bytes:
        if count > 1 << 16 and os.fstat(fd).st_dev == places.devices[1]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, count, offset)

    monkeypatch.setattr(os, "pread", pread)
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.reason == "unreadable"
    assert names(places) == {
        "new": [f"{CALL}.json"], "fallback": [f"{CALL}.wav.aside"], "aside": [f"{CALL}.wav.why"],
    }  # fmt: skip
    told = verify(places.root)[-1]
    assert (told.name, told.verdict) == (f"aside/{CALL}.wav.why", "leftover")
    assert told.detail.startswith("stays where it is, set aside: unreadable: recording: cannot")
    why = (places.aside / f"{CALL}.wav.why").read_text()
    assert f"its disk cannot be read: it is {there(places)}.aside" in why
    assert len(filed.aside) == 1
    monkeypatch.undo()
    assert (places.folders[1] / f"{CALL}.wav.aside").read_bytes() == LEAKED
    assert file(places, ()).record is None, "and it is no call's file any more"


def test_proofs_that_cannot_be_read_are_set_aside_and_told(places: Places) -> None:
    put(places, talk(8_000, [(1_000, 6_000)]))
    Path(places.proofs(CALL, 1)).mkdir()
    filed = file(places, PAUSED)
    assert filed.record is not None
    sound = filed.record.recording
    assert [pause.verdict for pause in sound.pauses] == ["unproved"]
    assert sound.detail.startswith("what was found of its pauses before a crash cannot be read")
    assert filed.aside == (f"{CALL}.proofs: is a folder, expected a file",)
    assert names(places)["aside"] == [f"{CALL}.proofs", f"{CALL}.proofs.why"]
    assert "tmp" not in names(places)


def test_the_journal_of_a_stalled_recording_names_both_folders(places: Places) -> None:
    one, two = places.recorded(CALL), str(there(places, 2))
    stalled = Stamped(STOPPED[4].stamp, RecordingStalled(one, two))
    put(places, FIRST)
    there(places, 2).write_bytes(SECOND)
    filed = file(places, (*STOPPED[:5], stalled, *STOPPED[5:]))
    assert filed.record is not None
    assert len(filed.record.recording.parts) == 2
