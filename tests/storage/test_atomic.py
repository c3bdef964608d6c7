"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.errors import DiskError
from ivr.storage.atomic import write_durably
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
