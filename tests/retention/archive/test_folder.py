"""The archive in a folder: rights, links, other names, what the disk refuses, and crashes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ivr.errors import DiskError, SetupError, StoreError
from ivr.retention.archive.folder import FolderArchive
from tests.retention.archive.parts import DAY, JSON, NEXT, WAV, item, put, read, tree
from tests.storage.dying import Died, dying
from tests.storage.parts import ENOSPC, Trace


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_rights_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        archive = FolderArchive(tmp_path / "archive")
        put(archive, WAV)
    finally:
        os.umask(before)
    root = tmp_path / "archive"
    assert rights(root) == rights(root / "2024-05-01") == 0o750
    assert rights(root / "2024-05-01" / WAV) == 0o640
    assert rights(archive.scratch) == 0o700


def test_files_then_names_then_folders_are_synced(tmp_path: Path) -> None:
    trace = Trace()
    archive = FolderArchive(tmp_path / "archive", disk=trace.disk())
    items = [item(archive, WAV, b"1"), item(archive, JSON, b"2")]
    trace.calls.clear()
    archive.put(items)
    said = [f"{name} {path}" for name, path in trace.calls if name not in ("close", "fchmod")]
    assert said == [
        f"open .scratch/{WAV}",
        f"fsync .scratch/{WAV}",
        f"open .scratch/{JSON}",
        f"fsync .scratch/{JSON}",
        f"rename 2024-05-01/{WAV}",
        f"rename 2024-05-01/{JSON}",
        "open archive/2024-05-01",
        "fsync archive/2024-05-01",
        f"open {tmp_path.name}/archive",
        f"fsync {tmp_path.name}/archive",
    ]
    assert sum(name == "open" for name, _ in trace.calls) == sum(
        name == "close" for name, _ in trace.calls
    )


def test_a_removal_is_synced_before_it_is_believed(tmp_path: Path) -> None:
    trace = Trace()
    archive = FolderArchive(tmp_path / "archive", disk=trace.disk())
    for name in (WAV, JSON):
        put(archive, name)
    trace.calls.clear()
    archive.remove([(DAY, WAV), (DAY, JSON)])
    said = [f"{name} {path}" for name, path in trace.calls if name in ("unlink", "fsync")]
    assert said == [
        f"unlink 2024-05-01/{WAV}",
        f"unlink 2024-05-01/{JSON}",
        "fsync archive/2024-05-01",
        f"fsync {tmp_path.name}/archive",
    ]


NAMES = [f"{number:08x}-ceea-467f-a0e6-1b2c3d4e5f60.json" for number in range(300)]


def test_a_large_batch_is_put_and_removed_by_several_threads(folder: FolderArchive) -> None:
    folder.put([item(folder, name, name.encode()) for name in NAMES])
    assert folder.names(DAY) == NAMES
    assert all(read(folder, name) == name.encode() for name in NAMES)
    folder.remove([(DAY, name) for name in NAMES])
    assert folder.days() == []


def test_one_refusal_stops_a_large_batch(tmp_path: Path) -> None:
    """No name appears before all of it is on disk, and nothing that stays is called destroyed."""
    trace = Trace()
    archive = FolderArchive(tmp_path / "archive", disk=trace.disk())
    items = [item(archive, name, name.encode()) for name in NAMES]
    trace.failing[f"fsync:{NAMES[150]}"] = ENOSPC
    with pytest.raises(DiskError, match=f"{NAMES[150]}: cannot sync"):
        archive.put(items)
    assert archive.days() == []
    trace.failing.clear()
    archive.put(items)
    trace.failing[f"unlink:{NAMES[7]}"] = ENOSPC
    with pytest.raises(DiskError, match=f"{NAMES[7]}: cannot destroy"):
        archive.remove([(DAY, name) for name in NAMES])
    assert archive.names(DAY) == [NAMES[7]]


def test_links_are_not_followed(folder: FolderArchive, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of another user")
    put(folder, JSON)
    day = tmp_path / "archive" / "2024-05-01"
    (day / WAV).symlink_to(secret)
    with pytest.raises(StoreError, match="cannot be read"):
        folder.open(DAY, WAV)
    assert folder.names(DAY) == [JSON]
    assert not folder.has(DAY, WAV)
    folder.remove([(DAY, WAV)])
    assert not os.path.lexists(day / WAV)
    assert secret.read_bytes() == b"of another user"


def test_a_day_that_is_a_link_is_refused(folder: FolderArchive, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / WAV).write_bytes(b"of another user")
    (tmp_path / "archive" / "2024-05-01").symlink_to(other)
    with pytest.raises(StoreError, match="is a link, which is never followed, expected a folder"):
        put(folder, WAV)
    for call in (lambda: folder.remove([(DAY, WAV)]), lambda: folder.names(DAY)):
        with pytest.raises(StoreError, match="is a link"):
            call()
    with pytest.raises(StoreError, match="cannot be read"):
        folder.open(DAY, WAV)
    assert (other / WAV).read_bytes() == b"of another user"
    assert folder.days() == []


def test_a_link_in_the_scratch_is_not_put(folder: FolderArchive, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of another user")
    made = item(folder, WAV, b"")
    made.source.unlink()
    made.source.symlink_to(secret)
    with pytest.raises(DiskError, match="cannot sync"):
        folder.put([made])
    assert not folder.has(DAY, WAV)


def test_a_pipe_is_no_file(folder: FolderArchive, tmp_path: Path) -> None:
    put(folder, JSON)
    os.mkfifo(tmp_path / "archive" / "2024-05-01" / WAV)
    with pytest.raises(StoreError, match="is a device, pipe or socket, expected a file"):
        folder.open(DAY, WAV)


def test_strange_things_stay_and_are_not_shown(folder: FolderArchive, tmp_path: Path) -> None:
    put(folder, WAV)
    root = tmp_path / "archive"
    (root / "2024-05-01" / "notes.txt").write_bytes(b"of somebody")
    (root / "lost+found").mkdir()
    (root / "2024-13-01").mkdir()
    (root / "2024-05-03").write_bytes(b"a file")
    assert folder.days() == [DAY]
    assert folder.names(DAY) == [WAV]
    folder.remove([(DAY, WAV)])
    assert (root / "2024-05-01" / "notes.txt").exists()


def test_what_has_another_name_is_emptied(folder: FolderArchive, tmp_path: Path) -> None:
    """As where a backup linked it: nothing of it must stay (R14)."""
    put(folder, WAV, b"what was said")
    os.link(tmp_path / "archive" / "2024-05-01" / WAV, tmp_path / "backup.wav")
    folder.remove([(DAY, WAV)])
    assert (tmp_path / "backup.wav").read_bytes() == b""


@pytest.mark.parametrize("call", ["open", "fchmod", "fsync", "rename"])
def test_a_refused_put_is_a_disk_error_and_can_be_done_again(tmp_path: Path, call: str) -> None:
    trace = Trace()
    archive = FolderArchive(tmp_path / "archive", disk=trace.disk())
    items = [item(archive, WAV, b"sound")]
    trace.failing[call] = ENOSPC
    with pytest.raises(DiskError, match="No space left on device"):
        archive.put(items)
    trace.failing.clear()
    archive.put(items)
    assert read(archive, WAV) == b"sound"


@pytest.mark.parametrize("call", ["unlink", "fsync"])
def test_a_refused_removal_is_told(tmp_path: Path, call: str) -> None:
    trace = Trace()
    archive = FolderArchive(tmp_path / "archive", disk=trace.disk())
    put(archive, WAV)
    trace.failing[call] = ENOSPC
    with pytest.raises(DiskError, match="No space left on device"):
        archive.remove([(DAY, WAV)])
    trace.failing.clear()
    archive.remove([(DAY, WAV)])
    assert archive.days() == []


def test_what_comes_back_is_not_called_destroyed(tmp_path: Path) -> None:
    trace = Trace()
    real = trace.disk()
    archive = FolderArchive(tmp_path / "archive", disk=real)
    put(archive, WAV)
    path = tmp_path / "archive" / "2024-05-01" / WAV

    class Back(Trace):
        def _traced(self, name: str, real: object) -> object:
            call = super()._traced(name, real)  # type: ignore[arg-type]

            def one(*args: object) -> object:
                result = call(*args)
                if name == "unlink":
                    path.write_bytes(b"again")
                return result

            return one

    again = FolderArchive(tmp_path / "archive", disk=Back().disk())
    with pytest.raises(DiskError, match="is there again"):
        again.remove([(DAY, WAV)])


def test_a_folder_that_vanishes_meanwhile_is_made_again(tmp_path: Path) -> None:
    """Another process destroys what was left of the day in that moment."""
    root = tmp_path / "archive"

    class Sweeping(Trace):
        done = False

        def _traced(self, name: str, real: object) -> object:
            call = super()._traced(name, real)  # type: ignore[arg-type]

            def one(*args: object) -> object:
                if name == "rename" and not self.done:
                    self.done = True
                    (root / "2024-05-01").rmdir()
                return call(*args)

            return one

    archive = FolderArchive(root, disk=Sweeping().disk())
    put(archive, WAV)
    assert read(archive, WAV) == b"sound"


def test_without_a_parent_folder_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be the archive: No such file or directory"):
        FolderArchive(tmp_path / "not mounted" / "archive")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SetupError, match="cannot be the archive: Not a directory"):
        FolderArchive(tmp_path / "file")


def test_an_archive_that_is_gone_has_not_lost_its_days(
    folder: FolderArchive, tmp_path: Path
) -> None:
    """Nothing is called destroyed since its disk is away."""
    put(folder, WAV)
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    for call in (lambda: folder.remove([(DAY, WAV)]), lambda: folder.names(DAY), folder.days):
        with pytest.raises(StoreError, match="archive"):
            call()


def test_killed_at_any_call_nothing_is_half_there(tmp_path: Path) -> None:
    """Put, and removed, on a disk that dies; afterwards all is done once more (R22)."""
    left = 0
    survived = False
    while not survived:
        root = tmp_path / str(left)
        trace = dying(Trace, left)
        made = FolderArchive(root)
        items = [item(made, WAV, b"sound"), item(made, JSON, b"{}", NEXT)]
        try:
            archive = FolderArchive(root, disk=trace.disk())
            archive.put(items)
            archive.remove([(DAY, WAV)])
            survived = True
        except Died:
            pass
        found = {path.split("/")[-1]: data for path, data in tree(root).items()}
        assert set(found.items()) <= {(WAV, b"sound"), (JSON, b"{}")}
        after = FolderArchive(root)
        after.put([each for each in items if each.source.exists()])
        assert after.has(NEXT, JSON)
        after.remove([(DAY, WAV)])
        assert after.days() == [NEXT]
        left += 1
    assert left > 15
