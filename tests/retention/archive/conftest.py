from __future__ import annotations

from pathlib import Path

import pytest

from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.protocol import Archive


@pytest.fixture
def folder(tmp_path: Path) -> FolderArchive:
    return FolderArchive(tmp_path / "archive")


@pytest.fixture(params=["folder"])
def archive(request: pytest.FixtureRequest) -> Archive:
    """The same tests run on every kind of archive."""
    found: Archive = request.getfixturevalue(request.param)
    return found
