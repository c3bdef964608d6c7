"""What lies in the folders and is not as FreeSWITCH leaves it: links, pipes, folders, garbage, what
a look left (R7, R22, R23)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.errors import DiskError, SetupError
from ivr.storage import aside, known, places
from ivr.storage.aside import Aside
from ivr.storage.atomic import REAL, SourceError
from ivr.storage.filing import Filing, file_batch
from ivr.storage.look import verify
from ivr.storage.places import Places, prepare, probe_name
from ivr.storage.readback import ReadBack
from ivr.storage.room import look
from ivr.storage.tape import Listing, Tape
from tests.recording.wavs import is_silent, is_speech, talk
from tests.storage.bench import MAKER
from tests.storage.parts import CALL, OTHER, Trace, whole_call
from tests.storage.paused import FIRST, LEAKED, PAUSED, SECOND, file, put
from tests.storage.test_fallback import in_fallback

LONG, SHORT = talk(8_000), talk(5_000)
ODD: dict[str, Callable[[Path], object]] = {
    "link": lambda path: path.symlink_to("/etc/hostname"),
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
}


@pytest.fixture
def far(tmp_path: Path, elsewhere: Path) -> Places:
    """With a fallback on another disk."""
    return prepare(tmp_path / "spool", 0, elsewhere / "fallback")


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return ODD[request.param]


def there(far: Places) -> Path:
    """The first part, in the fallback's folder."""
    return Path(far.recorded(CALL, 1, far.folders[1]))


def every(far: Places) -> list[Path]:
    own = [far.recording, far.new, far.tmp, far.aside, far.journal]
    assert far.spare_journal is not None
    return [*own, far.folders[1], far.spare_journal]


def test_what_is_no_file_in_the_fallback_stays_there_and_holds_up_nobody(
    far: Places, odd: Callable[[Path], object]
) -> None:
    odd(there(far))
    filed = file(far, whole_call())
    assert filed.error is None
    assert filed.record is not None
    assert filed.record.recording.reason == "unreadable"
    assert os.listdir(far.folders[1]) == [f"{CALL}.wav.aside"]
    why = (far.aside / f"{CALL}.wav.why").read_text()
    assert f"what is no file cannot be copied: it is {there(far)}.aside" in why


def test_what_is_no_file_and_turns_up_late(far: Places, odd: Callable[[Path], object]) -> None:
    put(far, LONG)
    assert file(far, PAUSED).record is not None
    odd(there(far))
    assert file(far, PAUSED).error is None
    assert os.listdir(far.folders[1]) == [f"{CALL}.wav.aside"]


def test_a_folder_that_another_user_made_in_a_recordings_place(far: Places) -> None:
    """Who may write into the folder above, and not into it, cannot move it elsewhere."""
    Path(far.recorded(CALL)).mkdir()

    def rename(source: str, target: str) -> None:
        if os.path.dirname(source) != os.path.dirname(target) and os.path.isdir(source):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), source)
        os.rename(source, target)

    disk = replace(REAL, rename=rename)
    [filed] = file_batch(disk, far, MAKER, [Filing(CALL, whole_call())])
    assert filed.error is None
    assert os.listdir(far.recording) == [f"{CALL}.wav.aside"]


def test_nothing_that_stays_there_is_overwritten(
    far: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        raise SourceError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(aside, "copy_all", refuse)
    one = Aside(Trace().disk(), far)
    for data in (b"one", b"two"):
        there(far).write_bytes(data)
        one.put(str(there(far)), "damaged\n")
    assert sorted(path.read_bytes() for path in far.folders[1].iterdir()) == [b"one", b"two"]


def test_what_grew_since_it_was_copied_is_silent_in_its_pauses(
    far: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(far).write_bytes(LEAKED)
    real = ReadBack._heard

    def heard(self: ReadBack, *args: object) -> object:
        found = real(self, *args)  # type: ignore[arg-type] # any words
        if not os.listdir(far.aside):
            with there(far).open("ab") as file:
                file.write(bytes(320))
        return found

    monkeypatch.setattr(ReadBack, "_heard", heard)
    assert file(far, PAUSED).record is not None
    grown = far.aside / f"{CALL}.wav"
    assert grown.stat().st_size == len(LEAKED) + 320
    assert is_silent(grown, 1_750, 5_250), "what was said in the pause is nowhere"
    assert is_speech(grown, 0, 1_750)
    assert os.listdir(far.folders[1]) == os.listdir(far.tmp) == []


def test_what_grows_while_it_is_copied_is_told_of_as_it_was_copied(
    far: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(far).write_bytes(LONG)
    real = ReadBack._copy

    def copy(self: ReadBack, tape: Tape) -> None:
        with there(far).open("ab") as file:
            file.write(bytes(3200))
        real(self, tape)

    monkeypatch.setattr(ReadBack, "_copy", copy)
    filed = file(far, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.duration_ms == 8_100
    assert verify(far.root, CALL)[0].verdict == "good"


@pytest.mark.parametrize("own", [True, False])
def test_audio_that_can_be_read_is_the_part_and_not_garbage_that_is_longer(
    far: Places, own: bool
) -> None:
    here = Path(far.recorded(CALL))
    good, garbage = (here, there(far)) if own else (there(far), here)
    good.write_bytes(SHORT)
    garbage.write_bytes(bytes(len(LONG)))
    filed = file(far, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.state == "kept"
    assert filed.record.recording.duration_ms == 5_000
    assert (far.aside / f"{CALL}.wav").stat().st_size == len(LONG)


def test_a_copy_that_was_made_before_a_crash_outlives_its_source(
    far: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback's disk fails between the copy and the record."""
    there(far).write_bytes(LONG)
    Path(far.audio(CALL)).write_bytes(LONG)
    real = os.pread

    def pread(fd: int, count: int, offset: int) -> bytes:
        if os.fstat(fd).st_dev == far.devices[1]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, count, offset)

    monkeypatch.setattr(os, "pread", pread)
    filed = file(far, whole_call())
    assert filed.record is not None
    assert filed.record.recording.state == "kept"
    assert Path(far.audio(CALL)).read_bytes() == LONG


# ---- what a look leaves, and what lies in its way ----


def test_what_a_killed_start_left_goes_everywhere(far: Places) -> None:
    for folder in every(far):
        (folder / ".probe-1").write_bytes(b"")
    (far.recording / ".probe-2").mkdir()
    prepare(far.root, 0, far.fallback)
    assert [os.listdir(folder) for folder in every(far)] == [[".probe-2"], *[[]] * 6]


def test_a_pipe_in_the_way_of_a_look_is_not_waited_for(far: Places) -> None:
    os.mkfifo(far.recording / probe_name())
    first, second = look(far, 0, ()).folders
    assert (first.usable, second.usable) == (True, True)


@pytest.mark.parametrize("number", [0, 1])
def test_a_link_in_the_way_of_a_start_is_not_followed(
    far: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(places, "_no_old_probes", lambda _places: None)
    precious = tmp_path / "precious"
    precious.write_text("x")
    (far.folders[number] / probe_name()).symlink_to(precious)
    prepare(far.root, 0, far.fallback)
    assert precious.read_text() == "x"


# ---- a fallback whose disk fails at the start ----


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ENOSPC, errno.ESTALE])
@pytest.mark.parametrize("step", ["mkdir", "chmod", "probe"])
def test_a_fallback_whose_disk_fails_keeps_no_engine_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int
) -> None:
    fallback = tmp_path / "fallback"
    refuse_in(fallback, monkeypatch, step, number)
    places = prepare(tmp_path / "spool", 0, fallback)
    assert places.fallback == fallback


@pytest.mark.parametrize("step", ["mkdir", "chmod", "probe"])
def test_a_fallback_that_may_not_be_written_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fallback = tmp_path / "fallback"
    refuse_in(fallback, monkeypatch, step, errno.EACCES)
    with pytest.raises(SetupError, match=r"fallback.*Permission denied"):
        prepare(tmp_path / "spool", 0, fallback)


def refuse_in(folder: Path, patch: pytest.MonkeyPatch, step: str, number: int) -> None:
    owner, name = (places, "write_probe") if step == "probe" else (Path, step)
    real = getattr(owner, name)

    def refuse(path: Path, *args: object, **named: object) -> object:
        if path == folder or folder in path.parents:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *args, **named)

    patch.setattr(owner, name, refuse)


def test_a_spool_without_room_and_a_fallback_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_in(tmp_path / "fallback", monkeypatch, "mkdir", errno.EROFS)
    with pytest.raises(SetupError, match="spool: only"):
        prepare(tmp_path / "spool", 1 << 62, tmp_path / "fallback")


# ---- a fallback that is not the folder that it was ----


@pytest.fixture
def unmounted(far: Places) -> Places:
    """Its disk was not mounted when the engine started again."""
    put(far, FIRST)
    there(far).with_name(f"{CALL}.2.wav").write_bytes(SECOND)
    assert far.fallback is not None
    far.fallback.rename(far.fallback.with_name("unmounted"))
    far.fallback.mkdir()
    return prepare(far.root, 0, far.fallback)


def mount(places: Places) -> None:
    fallback = places.fallback
    assert fallback is not None
    fallback.rmdir()
    fallback.with_name("unmounted").rename(fallback)


def test_a_call_waits_for_a_disk_that_was_not_mounted_at_the_start(unmounted: Places) -> None:
    entries = in_fallback(unmounted)
    assert file(unmounted, entries).error is not None
    mount(unmounted)
    filed = file(unmounted, entries)
    assert filed.record is not None
    assert len(filed.record.recording.parts) == 2
    assert os.listdir(unmounted.folders[1]) == []


def test_a_mount_point_is_not_filled_at_the_start_and_takes_no_recordings(
    unmounted: Places,
) -> None:
    assert unmounted.fallback is not None
    first, second = look(unmounted, 0, ()).folders
    assert (first.usable, second.usable) == (True, False)
    assert second.why == (
        f"is not the folder that it was: mount its disk, or remove {unmounted.root}/fallback.id"
    )
    assert os.listdir(unmounted.fallback) == []
    mount(unmounted)
    assert [each.usable for each in look(unmounted, 0, ()).folders] == [True, True]


def test_what_lies_in_another_fallback_is_not_looked_for(unmounted: Places) -> None:
    assert unmounted.fallback is not None
    unmounted.folders[1].mkdir()
    (unmounted.folders[1] / f"{OTHER}.wav").write_bytes(b"")
    assert set(Listing(unmounted).readable) == {unmounted.recording}
    assert look(unmounted, 0, (), 1).folders[0].usable is False


def test_another_folder_for_good(unmounted: Places, tmp_path: Path) -> None:
    """Another path, or the word is removed."""
    for path in (tmp_path / "other", unmounted.fallback):
        assert path is not None
        again = prepare(unmounted.root, 0, path)
        assert all(folder.usable for folder in look(again, 0, ()).folders)
        assert (again.root / "fallback.id").read_text().endswith(f"\n{path}\n")


def test_the_fallback_of_another_spool_is_not_used(tmp_path: Path) -> None:
    """As where a site file was copied for a second engine: their recordings are not ours."""
    shared = tmp_path / "fallback"
    prepare(tmp_path / "spool", 0, shared)
    other = prepare(tmp_path / "other", 0, shared)
    first, second = look(other, 0, ()).folders
    assert (first.usable, second.usable) == (True, False)
    assert second.why == (
        f"is another spool's ({shared}/spool.id): give this one a folder of its own"
    )
    (other.folders[1] / f"{OTHER}.wav").write_bytes(b"")
    assert set(Listing(other).readable) == {other.recording}


def test_a_fallback_that_takes_no_word_is_as_good_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_args: object) -> None:
        raise DiskError(f"{path}: full")

    monkeypatch.setattr(known, "write_durably", refuse)
    places = prepare(tmp_path / "spool", 0, tmp_path / "fallback")
    assert not (places.root / "fallback.id").exists()
    assert all(folder.usable for folder in look(places, 0, ()).folders)
