"""Files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ivr.errors import DiskError
from ivr.storage.atomic import REAL, write_durably, write_new
from tests.storage.parts import ENOSPC, Trace


def test_synced_before_renamed_and_the_folder_after(tmp_path: Path) -> None:
    trace = Trace(short=3)
    target = tmp_path / "new"
    write_durably(target, b"0123456789", tmp_path / "scratch", trace.disk())
    assert target.read_bytes() == b"0123456789"
    assert [name for name, _path in trace.calls] == [
        "open", "fchmod", "write", "write", "write", "write", "fsync", "close", "rename",
        "open", "fsync", "close",
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["open", "fchmod", "write", "fsync", "rename"])
def test_a_refused_write_leaves_the_target_as_it_was(tmp_path: Path, call: str) -> None:
    target = tmp_path / "new"
    target.write_bytes(b"before")
    trace = Trace(failing={call: ENOSPC})
    with pytest.raises(DiskError, match=r"new: cannot write: No space left on device\n"):
        write_durably(target, b"after", tmp_path / "scratch", trace.disk())
    assert target.read_bytes() == b"before"
    opened = sum(name == "open" and not path.endswith("!") for name, path in trace.calls)
    assert opened == sum(name == "close" for name, _path in trace.calls)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Somebody else of the spool's group may have put it there (R19)."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for target in (victim, tmp_path / "not there yet"):
        link = tmp_path / f"link to {target.name}"
        link.symlink_to(target)
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            write_new(REAL, str(link), b"of the engine")
        with pytest.raises(DiskError, match="Too many levels of symbolic links"):
            write_durably(tmp_path / "new", b"of the engine", link)
        assert link.is_symlink()
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "not there yet").exists()
    assert not (tmp_path / "new").exists()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """Whoever shares the folder's group could have put it there."""
    os.mkfifo(tmp_path / "call.json.why")
    with pytest.raises(OSError, match="No such device"):
        write_new(REAL, str(tmp_path / "call.json.why"), b"x")
