"""Verifying pauses, parts and records of schema 1."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ivr.errors import SpoolError
from ivr.storage.heard import HeardRun, hear
from ivr.storage.look import ls, show, verify
from ivr.storage.places import Places, prepare
from tests.recording.wavs import BLOCK, LOUD, frames, talk
from tests.storage.parts import CALL, OTHER
from tests.storage.paused import FIRST, HELD, MASKED, PAUSED, SECOND, STOPPED, file, put


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0)


def edit(places: Places, change: Callable[[dict[str, Any]], object]) -> None:
    path = Path(places.record(CALL))
    record = json.loads(path.read_bytes())
    change(record)
    path.write_text(json.dumps(record))


def speak(places: Places, at_ms: int, part: int = 1) -> None:
    """Put a frame of speech into a finished recording, and the hash that goes with it."""
    path = Path(places.audio(CALL, part))
    data = bytearray(path.read_bytes())
    data[44 + frames(at_ms) * BLOCK : 48 + frames(at_ms) * BLOCK] = LOUD
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()

    def change(record: dict[str, Any]) -> None:
        record["recording"]["parts"][part - 1]["sha256"] = digest
        if part == 1:
            record["recording"]["sha256"] = digest

    edit(places, change)


@pytest.mark.parametrize(
    ("at_ms", "good"), [(1_749, True), (1_750, False), (5_249, False), (5_250, True)]
)
def test_a_pause_that_is_no_longer_silent_is_bad(places: Places, at_ms: int, good: bool) -> None:
    put(places, MASKED)
    file(places, PAUSED)
    speak(places, at_ms)
    [finding] = verify(places.root)
    assert (finding.verdict == "good") is good
    if not good:
        assert "the pause at 2024-05-01T09:30:03.250+00:00 is not silent" in finding.detail
        assert finding.detail.endswith(f"peak {HELD}")
    heard = hear(CALL[:8], lambda: places.root)
    assert [(pause.now, pause.good) for pause in heard.pauses] == [(0 if good else HELD, good)]


def change_part(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["recording"]["parts"][1].update({key: value})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (change_part("path", f"new/{OTHER}.2.wav"), "the record names"),
        (change_part("path", f"new/{CALL}.wav"), "the record names"),
        (change_part("sha256", "a" * 64), f"{CALL}.2.wav: SHA-256: "),
        (change_part("frames", 7), "the record names 37040 as frames"),
        (lambda record: record["recording"]["parts"].reverse(), "the record names"),
        (lambda record: record["recording"]["parts"].clear(), "the record names"),
        (lambda record: record["recording"].update(path=f"new/{OTHER}.wav"), "as the first file"),
    ],
)
def test_verify_looks_at_every_part(
    places: Places, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    put(places, FIRST, SECOND)
    file(places, STOPPED)
    assert verify(places.root, CALL)[0].verdict == "good"
    edit(places, change)
    [finding] = verify(places.root, CALL)
    assert finding.verdict == "bad"
    assert says in finding.detail


def test_a_part_that_is_gone_is_bad_and_one_too_many_is_left_over(places: Places) -> None:
    put(places, FIRST, SECOND)
    file(places, STOPPED)
    Path(places.audio(CALL, 2)).rename(places.audio(CALL, 3))
    bad, left = verify(places.root)
    assert (bad.verdict, left.verdict) == ("bad", "leftover")
    assert f"{CALL}.2.wav: cannot be read: No such file" in bad.detail
    assert left.name == f"new/{CALL}.3.wav"
    assert left.detail == "a recording without its record: being filed, or taken in part"


def to_schema_3(record: dict[str, Any]) -> None:
    record["schema"] = 3
    del record["recording"]["destroyed"]


def to_schema_2(record: dict[str, Any]) -> None:
    to_schema_3(record)
    record["schema"] = 2
    del record["taken_up"], record["durations"]["wall_ms"]


def to_schema_1(record: dict[str, Any]) -> None:
    to_schema_2(record)
    record["schema"] = 1
    del record["marks"], record["durations"]["joined_ms"]
    del record["recording"]["pauses"], record["recording"]["unrecorded_ms"]


def test_records_of_schema_1_are_read(places: Places) -> None:
    put(places, MASKED)
    file(places, PAUSED)
    edit(places, to_schema_1)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]
    assert [row.fault for row in ls(places.root)] == [""]
    record = show(places.root, CALL)
    assert (record.marks, record.recording.pauses) == ([], [])
    assert record.durations.joined_ms == record.durations.connected_ms
    assert hear(CALL, lambda: places.root).pauses == ()
    edit(places, lambda record: record.pop("team"))
    with pytest.raises(SpoolError, match="not a record of schema 4\n  team: "):
        show(places.root, CALL)


def test_records_of_schema_2_are_read(places: Places) -> None:
    put(places, MASKED)
    file(places, PAUSED)
    edit(places, to_schema_2)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]
    record = show(places.root, CALL)
    assert (record.schema_version, record.taken_up) == (4, 0)
    assert (record.durations.wall_ms, record.durations.total_ms) == (9_000, 9_000)
    assert len(record.recording.pauses) == 1
    edit(places, lambda record: record.update(arrived_at=""))
    assert show(places.root, CALL).durations.wall_ms == 0
    edit(places, lambda record: record.update(arrived_at="2024-05-01T09:30:00.250"))
    with pytest.raises(SpoolError, match="arrived_at"):
        show(places.root, CALL)


def test_records_of_schema_3_are_read(places: Places) -> None:
    put(places, MASKED)
    file(places, PAUSED)
    edit(places, to_schema_3)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]
    record = show(places.root, CALL)
    assert (record.schema_version, record.recording.destroyed) == (4, None)


@pytest.mark.parametrize("said", [1, 2, 3])
def test_an_older_record_does_not_hide_what_it_has_too_much(places: Places, said: int) -> None:
    put(places, MASKED)
    file(places, PAUSED)
    edit(places, lambda record: record.update(schema=said))
    with pytest.raises(SpoolError, match="not a record of schema 4"):
        show(places.root, CALL)


def test_a_file_is_heard_against_the_record_beside_it(places: Places, tmp_path: Path) -> None:
    put(places, FIRST, SECOND)
    file(places, STOPPED)
    first, second = (places.audio(CALL, part) for part in (1, 2))
    nowhere = tmp_path.joinpath
    assert len(hear(first, nowhere).pauses) == 1
    assert hear(second, nowhere).pauses == (), "no pause lies in it"
    assert hear(second, nowhere).recorded
    assert len(hear(places.record(CALL), nowhere).pauses) == 1
    alone = tmp_path / "alone.wav"
    alone.write_bytes(Path(first).read_bytes())
    heard = hear(str(alone), nowhere)
    assert not heard.recorded
    assert heard.runs == (HeardRun(1_750, 280),)
    assert heard.peak == HELD


def test_what_cannot_be_heard_says_why(places: Places, tmp_path: Path) -> None:
    for name, data in (("x.wav", b"OggS" + bytes(60)), ("x.json", b"{")):
        (tmp_path / name).write_bytes(data)
    for what, says in (
        ("x.wav", "not a WAV file"), ("x.json", "not a record of schema 4"),
        ("none.wav", "No such file"), (".", "is a folder, expected a file"),
    ):  # fmt: skip
        with pytest.raises(SpoolError, match=says):
            hear(f"{tmp_path}/{what}", tmp_path.joinpath)
    put(places, MASKED)
    file(places, PAUSED)
    Path(places.audio(CALL)).unlink()
    with pytest.raises(SpoolError, match="cannot be read: No such file"):
        hear(CALL, lambda: places.root)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (talk(1_000), f"{CALL}.wav is not the file that its record tells of: frames: 8000, "),
        (talk(8_000, [(0, 8_000)]), f"{CALL}.wav is not the file that its record tells of: SHA-"),
    ],
)
def test_silence_in_another_file_is_not_the_recordings(
    places: Places, data: bytes, says: str
) -> None:
    """A file that was cut short, or put in its place, has no speech where the pause was."""
    put(places, MASKED)
    file(places, PAUSED)
    Path(places.audio(CALL)).write_bytes(data)
    for what in (CALL, places.audio(CALL), places.record(CALL)):
        with pytest.raises(SpoolError, match=re.escape(says)):
            hear(what, lambda: places.root)


def test_every_file_of_a_recording_is_compared(places: Places, tmp_path: Path) -> None:
    put(places, FIRST, SECOND)
    file(places, STOPPED)
    Path(places.audio(CALL, 2)).write_bytes(FIRST)
    with pytest.raises(SpoolError, match=r"\.2\.wav is not .* expected 20800; SHA-256: "):
        hear(CALL, lambda: places.root)
    assert len(hear(places.audio(CALL), tmp_path.joinpath).pauses) == 1, "that one is as it was"
