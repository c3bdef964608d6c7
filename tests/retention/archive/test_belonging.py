"""An empty mount point, or another place, is not taken for the archive: nothing seems destroyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.config.settings_retention import S3Place
from ivr.errors import StoreError
from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.places import archive_at
from tests.retention.archive.parts import DAY, WAV, item, put


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture(params=["folder", "bucket"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path | S3Place, Path | S3Place]:
    """An archive, and another one that is empty."""
    if request.param == "folder":
        return tmp_path / "archive", tmp_path / "empty"
    place: S3Place = request.getfixturevalue("place")
    return place, replace(place, prefix="elsewhere")


def calls(place: Path | S3Place, state: Path) -> list[Callable[[], object]]:
    """What would be wrong in another archive."""
    archive = archive_at(place, state)
    made = item(archive, WAV, b"sound")
    return [
        lambda: archive.remove([(DAY, WAV)]),
        lambda: archive.put([made]),
        archive.days,
    ]


def test_another_place_is_not_the_archive(
    two: tuple[Path | S3Place, Path | S3Place], state: Path
) -> None:
    ours, other = two
    put(archive_at(ours, state), WAV)
    for call in calls(other, state):
        with pytest.raises(StoreError, match=r"archive\.id is missing, expected [0-9a-f]{32}\n"):
            call()
    (state / "archive.id").unlink()
    put(archive_at(other, state), WAV)
    for call in calls(ours, state):
        with pytest.raises(StoreError, match=r"archive\.id is another one"):
            call()


def test_the_archive_is_known_again(
    two: tuple[Path | S3Place, Path | S3Place], state: Path
) -> None:
    ours, _other = two
    assert archive_at(ours, state).days() == []
    put(archive_at(ours, state), WAV)
    word = (state / "archive.id").read_text()
    again = archive_at(ours, state)
    assert again.days() == [DAY]
    assert again.names(DAY) == [WAV]
    again.remove([(DAY, WAV)])
    assert again.days() == []
    (state / "archive.id").unlink()  # the state folder is lost
    put(archive_at(ours, state), WAV)
    assert (state / "archive.id").read_text() == word


def test_a_disk_that_goes_away_while_we_run(tmp_path: Path, state: Path) -> None:
    archive = archive_at(tmp_path / "archive", state)
    put(archive, WAV)
    (tmp_path / "archive").rename(tmp_path / "unmounted")
    FolderArchive(tmp_path / "archive")  # the mount point
    with pytest.raises(StoreError, match="is its disk mounted"):
        archive.remove([(DAY, WAV)])
    with pytest.raises(StoreError, match="is its disk mounted"):
        put(archive, WAV)
    (tmp_path / "archive" / ".scratch" / WAV).unlink()
    (tmp_path / "archive" / ".scratch").rmdir()
    (tmp_path / "archive").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "archive")
    archive.remove([(DAY, WAV)])
    assert archive.days() == []
