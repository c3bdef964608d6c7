"""A folder that takes no recording is seen, and why; one that was removed is made again (R22)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.errors import SetupError
from ivr.storage import room
from ivr.storage.places import Places, placed, prepare
from ivr.storage.room import FolderNow, look
from ivr.storage.spool import Spool, SpoolLimits
from tests.storage.parts import CALL, OTHER


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0, tmp_path / "fallback")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_the_fallback_gets_its_folders_and_rights(places: Places, tmp_path: Path) -> None:
    fallback = tmp_path / "fallback"
    assert places.folders == (tmp_path / "spool/recording", fallback / "recording")
    assert places.spare_journal == fallback / "journal"
    assert mode(fallback) == mode(fallback / "recording") == 0o2770
    assert mode(fallback / "journal") == 0o700
    assert sorted(os.listdir(fallback)) == ["journal", "recording", "spool.id"]
    assert [path.name for path in fallback.rglob("*") if path.is_file()] == ["spool.id"]
    assert places.recorded(CALL, 2, places.folders[1]) == f"{fallback}/recording/{CALL}.2.wav"
    assert Places(places.root).folders == (places.recording,)
    assert Places(places.root).spare_journal is None


def test_the_fallback_may_lie_on_another_file_system(tmp_path: Path, elsewhere: Path) -> None:
    places = Spool.prepare(tmp_path / "spool", SpoolLimits(least_free_bytes=0), elsewhere / "f")
    assert places.devices[0] != places.devices[1]
    assert all(folder.usable for folder in look(places, 0, ()).folders)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: f.write_text("x"), "fallback: cannot be made: File exists\n  expected a folder"),
        (lambda f: (f.mkdir(), (f / "recording").write_text("x")), "cannot be made or set up"),
        (lambda f: (f.mkdir(), (f / "journal").symlink_to(f)), "journal: is not a folder"),
        (lambda f: f.symlink_to(f.parent / "spool"), "fallback: the fallback is the spool itself"),
    ],
)
def test_a_fallback_that_is_no_use_stops_the_start(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    (tmp_path / "spool").mkdir()
    spoil(tmp_path / "fallback")
    with pytest.raises(SetupError, match=says):
        prepare(tmp_path / "spool", 0, tmp_path / "fallback")


def test_room_in_one_of_the_two_is_enough_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full: list[str] = ["spool"]
    real = os.statvfs

    def statvfs(path: Path) -> object:
        found = real(path)
        return os.statvfs_result((*found[:4], 0, *found[5:])) if path.name in full else found

    monkeypatch.setattr(os, "statvfs", statvfs)
    prepare(tmp_path / "spool", 1, tmp_path / "fallback")
    full.append("fallback")
    with pytest.raises(SetupError, match="spool: only 0 MiB are free"):
        prepare(tmp_path / "spool", 1, tmp_path / "fallback")


def test_sizes_of_what_is_there(places: Places) -> None:
    here, there = places.recorded(CALL), places.recorded(OTHER, 2, places.folders[1])
    Path(here).write_bytes(b"12345")
    Path(there).write_bytes(b"")
    seen = look(places, 0, [here, there, places.recorded(OTHER)])
    assert seen.sizes == {here: 5, there: 0}
    assert [(f.path, f.usable, f.why) for f in seen.folders] == [
        (folder, True, "") for folder in places.folders
    ]
    assert all(folder.free_bytes > 0 for folder in seen.folders)
    assert sorted(os.listdir(places.recording)) == [f"{CALL}.wav"], "nothing of the look is left"


def test_what_a_killed_look_left_goes_at_the_next_start(places: Places) -> None:
    for folder in places.folders:
        (folder / ".probe-1").write_bytes(bytes(4096))
        (folder / f"{CALL}.wav").write_bytes(b"")
    prepare(places.root, 0, places.fallback)
    assert [os.listdir(folder) for folder in places.folders] == [[f"{CALL}.wav"]] * 2


def test_too_little_room_is_no_use(places: Places) -> None:
    first, second = look(places, 1 << 62, ()).folders
    assert not first.usable
    assert not second.usable
    assert first.why == f"only {first.free_bytes >> 20} MiB are free, expected {1 << 42}"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_folder_that_takes_no_file_is_no_use(
    places: Places, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = os.write

    def refuse(fd: int, data: bytes) -> int:
        if os.path.dirname(os.readlink(f"/proc/self/fd/{fd}")) == str(places.recording):
            raise OSError(number, os.strerror(number))
        return real(fd, data)

    monkeypatch.setattr(room.os, "write", refuse)
    first, second = look(places, 0, ()).folders
    assert (first.usable, first.why) == (False, f"takes no file: {os.strerror(number)}")
    assert second.usable
    assert os.listdir(places.recording) == []
    monkeypatch.undo()
    assert look(places, 0, ()).folders[0].usable, "it comes back by itself"


def test_a_disk_that_takes_only_a_part_is_no_use(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.os, "write", lambda _fd, data: len(data) - 1)
    assert [f.why for f in look(places, 0, ()).folders] == [
        "takes no file: No space left on device"
    ] * 2


def test_a_folder_that_was_removed_is_made_again(places: Places) -> None:
    for folder in (*places.folders, places.tmp, places.spare_journal):
        assert folder is not None
        folder.rmdir()
    assert all(folder.usable for folder in look(places, 0, ()).folders)
    assert [mode(folder) for folder in places.folders] == [0o2770] * 2
    assert mode(places.tmp) == 0o2750
    assert mode(places.root.parent / "fallback/journal") == 0o700


def test_a_mount_point_whose_disk_is_gone_is_not_filled(places: Places) -> None:
    """The folder beneath lies on another file system than at the start."""
    gone = replace(places, devices=(places.devices[0] + 1, places.devices[1]))
    places.recording.rmdir()
    first, second = look(gone, 0, ()).folders
    assert first == FolderNow(places.recording, 0, False, "is not there: No such file or directory")
    assert second.usable
    assert not places.recording.exists()
    assert not look(Places(places.root), 0, ()).folders[0].usable, "never seen, never made"
    assert look(placed(places.root), 0, ()).folders[0].usable


def test_what_stands_in_a_folders_place_is_told(places: Places) -> None:
    places.recording.rmdir()
    places.recording.symlink_to(places.new)
    first, second = look(places, 0, ()).folders
    assert (first.usable, second.usable) == (False, True)
    assert first.why == "takes no file: Not a directory"
    assert os.listdir(places.new) == []


def test_a_folder_that_cannot_be_made_again_is_told(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_how: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    places.recording.rmdir()
    monkeypatch.setattr(Path, "mkdir", refuse)
    first, second = look(places, 0, ()).folders
    assert "cannot be made or set up: Read-only file system" in first.why
    assert second.usable
