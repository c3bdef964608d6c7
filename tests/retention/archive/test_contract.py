"""What every archive promises, wherever it lies."""

from __future__ import annotations

import pytest

from ivr.errors import StoreError
from ivr.retention.archive.protocol import Archive, Item
from tests.retention.archive.parts import DAY, JSON, NEXT, SECOND, WAV, item, put, read
from tests.storage.parts import CALL


def test_what_was_put_is_there(archive: Archive) -> None:
    items = [item(archive, WAV, b"sound"), item(archive, JSON, b"{}")]
    items += [item(archive, SECOND, b"sealed", NEXT)]
    archive.put(items)
    assert archive.days() == [DAY, NEXT]
    assert archive.names(DAY) == [JSON, WAV]
    assert archive.names(NEXT) == [SECOND]
    assert [archive.has(DAY, WAV), archive.has(NEXT, WAV), archive.has(NEXT, SECOND)] == [
        True,
        False,
        True,
    ]
    assert read(archive, WAV) == b"sound"
    assert read(archive, SECOND, NEXT) == b"sealed"
    assert not any(each.source.exists() for each in items)


def test_an_open_file_can_be_read_again(archive: Archive) -> None:
    put(archive, WAV, b"0123456789")
    with archive.open(DAY, WAV) as file:
        assert file.read(4) == b"0123"
        file.seek(0)
        assert file.read() == b"0123456789"


def test_the_same_name_is_replaced(archive: Archive) -> None:
    put(archive, WAV, b"before, and longer")
    put(archive, WAV, b"after")
    assert read(archive, WAV) == b"after"
    assert archive.names(DAY) == [WAV]


def test_what_was_removed_is_gone(archive: Archive) -> None:
    for name in (WAV, JSON):
        put(archive, name)
    put(archive, SECOND, day=NEXT)
    archive.remove([(DAY, WAV), (NEXT, SECOND)])
    assert archive.names(DAY) == [JSON]
    assert not archive.has(DAY, WAV)
    assert archive.days() == [DAY]
    with pytest.raises(StoreError, match="is not in the archive"):
        archive.open(DAY, WAV)


def test_removing_what_is_missing_is_well(archive: Archive) -> None:
    archive.remove([(DAY, WAV), (DAY, JSON)])
    put(archive, JSON)
    archive.remove([(DAY, WAV), (DAY, JSON), (NEXT, WAV), (DAY, JSON)])
    assert archive.days() == []


def test_nothing_is_put_removed_or_read_twice_over_nothing(archive: Archive) -> None:
    archive.put([])
    archive.remove([])
    assert (archive.days(), archive.names(DAY)) == ([], [])
    with pytest.raises(StoreError, match="is not in the archive"):
        archive.open(DAY, WAV)


BAD = [
    "../../etc/passwd",
    f"../{WAV}",
    f"{CALL}/x.wav",
    f"{CALL}.mp3",
    f"{CALL}.wav.gz",
    f"{CALL}.wav.age.age",
    f"{CALL}.1.wav",
    f"{CALL}.02.wav",
    f"{CALL}.12345.wav",
    f"{CALL}.2.json",
    f"{CALL.upper()}.wav",
    f"{CALL}.wav\n",
    f"{CALL}.wav\0",
    f"x{CALL}.wav",
    ".scratch",
    "",
    "x" * 10_000,
]


def test_other_names_are_refused(archive: Archive) -> None:
    source = archive.scratch / "x"
    source.write_bytes(b"")
    for name in BAD:
        for call in (
            lambda name: archive.put([Item(DAY, name, source)]),
            lambda name: archive.open(DAY, name),
            lambda name: archive.remove([(DAY, name)]),
            lambda name: archive.has(DAY, name),
        ):
            with pytest.raises(StoreError, match="is no name of the archive"):
                call(name)
    assert archive.days() == []


def test_a_bad_name_stops_a_batch_before_it_begins(archive: Archive) -> None:
    put(archive, WAV)
    with pytest.raises(StoreError):
        archive.remove([(DAY, WAV), (DAY, "x")])
    assert archive.has(DAY, WAV)


def test_what_is_put_comes_from_its_scratch(archive: Archive) -> None:
    elsewhere = archive.scratch.parent / WAV
    elsewhere.write_bytes(b"")
    with pytest.raises(ValueError, match="is not in"):
        archive.put([Item(DAY, WAV, elsewhere)])


def test_scratch_is_emptied_when_asked(archive: Archive) -> None:
    left = item(archive, WAV, b"left by a crash")
    archive.empty_scratch()
    assert not left.source.exists()
    put(archive, WAV)
    assert archive.has(DAY, WAV)
