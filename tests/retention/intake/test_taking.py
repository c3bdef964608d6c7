"""Records and audio go from the spool into the archive and the index (R12, R22)."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ivr.retention.intake.taking import IntakeLimits
from ivr.storage.record_schema import parse_record
from tests.retention.archive.parts import age_keys

from .records import CALL, call_id, deliver, exempt, record, sound
from .scene import Scene

DAY = "2024-05-01"


def test_a_call_lies_in_the_folder_of_its_day_and_is_found(scene: Scene) -> None:
    made = record()
    deliver(scene.spool, made)
    line = (scene.new / f"{CALL}.json").read_bytes()
    came_to = scene.intake.take_in()
    assert (came_to.taken, came_to.error) == (1, None)
    assert scene.waiting() == []
    assert scene.archived() == {f"{DAY}/{CALL}.json": line, f"{DAY}/{CALL}.wav": sound()}
    row = scene.recordings.get(CALL)
    assert row is not None
    assert (row.day, row.team, row.route, row.direction) == (
        date(2024, 5, 1), "benefits", "main", "inbound"
    )  # fmt: skip
    assert (row.state, row.ended, row.policy) == ("kept", "caller/NORMAL_CLEARING", "1")
    assert row.record_name == f"{CALL}.json"
    assert [(part.name, part.size) for part in row.parts] == [(f"{CALL}.wav", len(sound()))]
    assert row.duration_ms == made["recording"]["duration_ms"] > 0
    assert row.ended_ms == 1_714_555_808_250
    assert [each.action for each in scene.trail.read()] == ["take-in"]


def test_its_customers_number_finds_it(scene: Scene) -> None:
    from ivr.retention.model import Query

    deliver(scene.spool, record(caller="07700 900123"))
    scene.intake.take_in()
    assert [each.call for each in scene.recordings.search(Query(number="+447700900123"))] == [CALL]
    assert scene.recordings.search(Query(number="07700900124")) == []


def test_files_of_the_archive_are_not_for_others(scene: Scene) -> None:
    deliver(scene.spool, record())
    scene.intake.take_in()
    for path in (scene.folder / "archive" / DAY).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_parts_are_kept_in_order(scene: Scene) -> None:
    audio = [sound(1), sound(2), sound(3)]
    deliver(scene.spool, record(audio=audio, numbers=(1, 3, 10)), audio)
    assert scene.intake.take_in().taken == 1
    row = scene.recordings.get(CALL)
    assert row is not None
    names = [part.name for part in row.parts]
    assert names == [f"{CALL}.wav", f"{CALL}.3.wav", f"{CALL}.10.wav"]
    assert [scene.archived()[f"{DAY}/{name}"] for name in names] == audio


@pytest.mark.parametrize("state", ["none", "lost", "destroyed"])
def test_a_record_without_recording_is_kept_alone(scene: Scene, state: str) -> None:
    deliver(scene.spool, record(state=state))
    assert scene.intake.take_in().taken == 1
    assert list(scene.archived()) == [f"{DAY}/{CALL}.json"]
    row = scene.recordings.get(CALL)
    assert row is not None
    assert (row.state, row.parts) == (state, ())
    assert scene.destroyed == []


def test_an_exempt_call_has_its_day_and_no_number(scene: Scene) -> None:
    deliver(scene.spool, exempt(day="2026-03-29"))
    assert scene.intake.take_in().taken == 1
    row = scene.recordings.get(CALL)
    assert row is not None
    assert (row.state, row.day, row.team, row.agents) == ("exempt", date(2026, 3, 29), "", ())
    assert row.ended_ms == 1_774_742_400_000
    assert list(scene.archived()) == [f"2026-03-29/{CALL}.json"]


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_records_of_older_engines(scene: Scene, schema: int) -> None:
    made = record()
    made["schema"] = schema
    del made["recording"]["destroyed"]
    if schema < 3:
        del made["taken_up"], made["durations"]["wall_ms"]
    if schema < 2:
        del made["marks"], made["durations"]["joined_ms"]
        del made["recording"]["pauses"], made["recording"]["unrecorded_ms"]
    deliver(scene.spool, made)
    assert scene.intake.take_in().taken == 1
    assert json.loads(scene.archived()[f"{DAY}/{CALL}.json"]) == made


@pytest.mark.parametrize(
    ("ended", "day"),
    [
        ("2024-05-31T23:59:59.999+01:00", date(2024, 5, 31)),
        ("2024-06-01T00:00:00.000+01:00", date(2024, 6, 1)),
        ("2024-05-31T23:30:00.000+00:00", date(2024, 6, 1)),  # half past midnight in London
        ("2024-12-31T23:30:00.000+00:00", date(2024, 12, 31)),
        ("2024-12-31T20:30:00.000-05:00", date(2025, 1, 1)),
    ],
)
def test_the_day_is_that_of_the_site(scene: Scene, ended: str, day: date) -> None:
    deliver(scene.spool, record(ended_at=ended))
    assert scene.intake.take_in().taken == 1
    row = scene.recordings.get(CALL)
    assert row is not None
    assert row.day == day
    assert f"{day}/{CALL}.wav" in scene.archived()


def test_a_call_of_which_no_time_is_known_has_the_day_of_its_record(scene: Scene) -> None:
    made = record(ended_at="", arrived_at="", connected_at="")
    made["recording"]["stopped_at"] = ""
    deliver(scene.spool, made)
    os.utime(scene.new / f"{CALL}.json", (1_717_196_400, 1_717_196_400))  # midnight of 1 June there
    assert scene.intake.take_in().taken == 1
    row = scene.recordings.get(CALL)
    assert row is not None
    assert row.day == date(2024, 6, 1)


def test_a_mark_places_a_hold_and_is_in_the_trail(scene: Scene) -> None:
    deliver(scene.spool, record(marks=["abuse", "card-digits", "abuse"]))
    scene.intake.take_in()
    [hold] = scene.holds.of(CALL)
    assert (hold.kind, hold.placed_by, hold.released) == ("abuse", "engine", None)
    entries = [each for each in scene.trail.read() if each.action == "hold"]
    assert [(each.call, each.case, each.detail, each.who) for each in entries] == [
        (CALL, hold.ref, "abuse", "engine")
    ]


def test_what_is_sealed_is_nowhere_in_the_clear(build: Callable[..., Scene]) -> None:
    recipients, _file, _identities = age_keys()
    scene = build(recipients=recipients)
    deliver(scene.spool, record(caller="07700900123"))
    assert scene.intake.take_in().taken == 1
    assert set(scene.archived()) == {f"{DAY}/{CALL}.json.age", f"{DAY}/{CALL}.wav.age"}
    assert scene.bytes_of(sound()) == []
    assert not any(b"07700900123" in data for data in scene.archived().values())
    row = scene.recordings.get(CALL)
    assert row is not None
    assert row.sealed


def test_many_in_several_batches_from_several_spools(build: Callable[..., Scene]) -> None:
    scene = build(spools=2, limits=IntakeLimits(batch=4, threads=2))
    for number in range(25):
        deliver(scene.spools[number % 2], record(call_id(number)))
    assert scene.intake.take_in().taken == 25
    assert scene.recordings.count() == 25
    assert scene.waiting(0) == scene.waiting(1) == []
    assert scene.counted() == {("take-in", call_id(number)): 1 for number in range(25)}


def test_no_more_than_was_asked_for_the_oldest_first(scene: Scene) -> None:
    for number in range(5):
        deliver(scene.spool, record(call_id(number)))
        os.utime(scene.new / f"{call_id(number)}.json", (1e9 - number, 1e9 - number))
    assert scene.intake.take_in(2).taken == 2
    assert [name for name in scene.waiting() if name.endswith("json")] == [
        f"{call_id(number)}.json" for number in range(3)
    ]
    backlog = scene.intake.backlog()
    assert (backlog.waiting, backlog.oldest_ms) == (3, 999_999_998_000)
    assert scene.intake.take_in().taken == 3
    assert scene.intake.backlog().oldest_ms is None


def test_a_folder_is_listed_once_for_many_batches(
    build: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = build(limits=IntakeLimits(batch=2, threads=1))
    scene.intake.take_in()
    for number in range(20):
        deliver(scene.spool, record(call_id(number)))
    listed: list[Any] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or scan(folder))
    assert scene.intake.take_in(now=True).taken == 20
    assert len(listed) == 1


def test_a_batch_of_long_calls_is_a_short_one(build: Callable[..., Scene]) -> None:
    """What does not go into it is not lost, and comes next."""
    scene = build(limits=IntakeLimits(threads=1, batch_bytes=1))
    for number in range(6):
        deliver(scene.spool, record(call_id(number)))
    assert scene.intake.take_in().taken == 6
    assert len({each.seq for each in scene.trail.read()}) == 6


def test_audio_without_a_record_is_left_alone(scene: Scene) -> None:
    (scene.new / f"{CALL}.wav").write_bytes(sound())
    assert scene.intake.take_in().taken == 0
    assert scene.intake.take_in(now=True).taken == 0
    assert scene.waiting() == [f"{CALL}.wav"]


def test_what_is_kept_can_be_read_as_a_record(scene: Scene) -> None:
    deliver(scene.spool, record())
    scene.intake.take_in()
    data = scene.archived()[f"{DAY}/{CALL}.json"]
    assert parse_record(data, "it").call == CALL


def test_a_spool_that_is_away_does_not_stop_the_other(
    build: Callable[..., Scene], logged: list[dict[str, Any]]
) -> None:
    scene = build(spools=2)
    (scene.spools[0] / "new").rmdir()
    deliver(scene.spools[1], record())
    came_to = scene.intake.take_in()
    assert came_to.taken == 1
    assert "cannot be read" in str(came_to.error)
    assert [entry["event"] for entry in logged] == [
        "taking in is refused: records stay in the spool"
    ]
    scene.intake.take_in(now=True)
    assert len(logged) == 1, "the same once more is not told again"
