"""Rights of the spool's folders and files are those promised, whatever the umask (R19)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from ivr.storage.atomic import REAL, write_durably
from ivr.storage.filing import Filing, Maker, file_batch
from ivr.storage.places import prepare
from tests.storage.parts import CALL, OTHER, unconnected_call, wav, whole_call


@pytest.fixture(params=[0o077, 0o027, 0o022, 0o000], ids=oct, autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """What a service manager or a shell may have set."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path | str) -> int:
    """All rights, set-group-id included."""
    return os.stat(path).st_mode & 0o7777


def test_a_file_of_the_spool_is_the_groups_to_read(tmp_path: Path) -> None:
    write_durably(tmp_path / "new", b"whole", tmp_path / "scratch")
    assert mode(tmp_path / "new") == 0o640


def test_records_and_reasons_are_the_groups_to_read(tmp_path: Path) -> None:
    places = prepare(tmp_path / "spool", 0)
    no_audio = Path(places.recorded(CALL))
    no_audio.write_bytes(b"this is no recording")
    filings = [Filing(CALL, whole_call()), Filing(OTHER, unconnected_call())]
    assert [one.error for one in file_batch(REAL, places, Maker("h", "1", UTC), filings)] == [
        None,
        None,
    ]
    assert mode(places.record(CALL)) == mode(places.record(OTHER)) == 0o640
    assert mode(places.aside / f"{CALL}.wav.why") == 0o640


def test_a_recording_keeps_the_rights_that_freeswitch_gave_it(tmp_path: Path) -> None:
    places = prepare(tmp_path / "spool", 0)
    audio = Path(places.recorded(CALL))
    audio.write_bytes(wav(800))
    audio.chmod(0o660)
    [filed] = file_batch(REAL, places, Maker("h", "1", UTC), [Filing(CALL, whole_call())])
    assert filed.error is None
    assert mode(places.audio(CALL)) == 0o660


def test_freeswitch_and_the_consumer_reach_a_spool_that_is_made_here(tmp_path: Path) -> None:
    places = prepare(tmp_path / "above" / "spool", 0)
    assert mode(tmp_path / "above") == 0o711
    for folder in (places.root, places.recording, places.new, places.aside):
        assert mode(folder) == 0o2770
    assert mode(places.tmp) == 0o2750
    assert mode(places.journal) == 0o700


def test_a_spool_that_was_there_keeps_its_own_rights(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    root.mkdir()
    root.chmod(0o2775)
    prepare(root, 0)
    assert mode(root) == 0o2775


def test_aside_of_an_engine_before_becomes_the_groups_to_write(tmp_path: Path) -> None:
    """The consumer destroys there what is due."""
    aside = prepare(tmp_path / "spool", 0).aside
    aside.chmod(0o2750)
    prepare(tmp_path / "spool", 0)
    assert mode(aside) == 0o2770
