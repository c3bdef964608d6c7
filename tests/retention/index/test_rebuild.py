"""An index that was lost is made anew, as it was (R13, R14, R17)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import select

from ivr.core.schedule import Period, Rule, Schedule
from ivr.errors import StoreError
from ivr.retention.archive.reader import Reader
from ivr.retention.archive.sealing import Recipients, SealedError
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.numbers import PlainNumbers
from ivr.retention.index.rebuild import Rebuilt, rebuild
from ivr.retention.index.recordings import Recordings
from ivr.retention.index.tables import (
    agent,
    case,
    case_recording,
    destroyed,
    hold,
    mark,
    recording,
)
from ivr.retention.model import Entry, Query
from tests.retention.intake.records import deliver, exempt, record
from tests.retention.intake.scene import LONDON, TODAY, Scene

TABLES = (agent, case, case_recording, destroyed, hold, mark, recording)
CALLS = [f"8f14e45f-ceea-467f-a0e6-{n:012x}" for n in range(9)]
SCHEDULE = Schedule("1", (Rule("general", Period.of("1 day")),))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that it knows, but when what was placed and opened: the trail has that to the entry."""
    with database.reading() as connection:
        return {
            table.name: sorted(
                tuple(row)
                for row in connection.execute(
                    select(*(each for each in table.columns if each.name not in ("placed_ms",)))
                )
            )
            for table in TABLES
        }


def take_in(scene: Scene) -> None:
    """Calls of all kinds, one of them in a case, one destroyed."""
    marked = record(CALLS[0])
    marked["marks"] = [{"mark": "abuse", "by": "agent", "at": marked["ended_at"]}]
    deliver(scene.spool, marked)
    deliver(scene.spool, record(CALLS[1], audio=[b"RIFF first", b"RIFF second"]),
            [b"RIFF first", b"RIFF second"])  # fmt: skip
    deliver(scene.spool, record(CALLS[2], state="none"))
    deliver(scene.spool, exempt(CALLS[3]))
    deliver(scene.spool, record(CALLS[4]))
    scene.intake.take_in(100)
    cases = Cases(scene.database)
    with scene.database.writing():
        cases.open("C-1", "complaint", "ann", 1_714_600_000_000)
        cases.add("C-1", [CALLS[1]])
        scene.trail.append(
            [
                Entry("case-open", "ann", "done", case="C-1", detail="complaint"),
                Entry("case-add", "ann", "done", CALLS[1], "C-1"),
            ]
        )
    scene.destroyer.opted_out([CALLS[4]], TODAY)


def again(scene: Scene, folder: Path) -> tuple[Database, Rebuilt]:
    """A new index in place of the one that was lost."""
    fresh = Database.open(f"sqlite:///{folder}/again.db")
    reader = Reader(scene.archive)
    recordings = Recordings(fresh, PlainNumbers())
    return fresh, rebuild(fresh, recordings, scene.archive, reader, scene.trail, LONDON)


def test_it_knows_what_it_knew(scene: Scene, tmp_path: Path) -> None:
    take_in(scene)
    before = rows(scene.database)
    assert [len(before[name]) for name in ("recording", "mark", "hold", "destroyed")] == [
        4,
        1,
        1,
        1,
    ]
    fresh, told = again(scene, tmp_path)
    assert rows(fresh) == before
    assert (told.recordings, told.gone, told.faults) == (4, (), ())
    assert told.restored is not None
    assert (told.restored.cases, told.restored.holds, told.restored.destroyed) == (1, 1, 1)
    fresh.close()


def test_it_finds_and_reads_what_it_found_before(scene: Scene, tmp_path: Path) -> None:
    take_in(scene)
    fresh, _ = again(scene, tmp_path)
    recordings = Recordings(fresh, PlainNumbers())
    (found,) = recordings.search(Query(case="C-1"))
    reader = Reader(scene.archive)
    assert [reader.audio(found, part).read() for part in found.parts] == [
        b"RIFF first",
        b"RIFF second",
    ]
    assert Cases(fresh).held() == 2
    fresh.close()


def test_twice_is_once_and_it_tells_how_far_it_is(scene: Scene, tmp_path: Path) -> None:
    take_in(scene)
    fresh, _ = again(scene, tmp_path)
    before = rows(fresh)
    steps: list[tuple[int, int]] = []
    told = rebuild(
        fresh,
        Recordings(fresh, PlainNumbers()),
        scene.archive,
        Reader(scene.archive),
        scene.trail,
        LONDON,
        lambda done, of: steps.append((done, of)),
    )
    assert rows(fresh) == before
    assert (told.recordings, told.restored) == (0, None)
    days = len(scene.archive.days())
    assert steps == [(done, days) for done in range(days + 1)]
    fresh.close()


def test_a_record_that_cannot_be_read_stops_nothing_else(scene: Scene, tmp_path: Path) -> None:
    take_in(scene)
    (path,) = (tmp_path / "archive").rglob(f"{CALLS[0]}.json")
    path.chmod(0o640)
    path.write_text("{")
    fresh, told = again(scene, tmp_path)
    assert told.recordings == 3
    assert len(told.faults) == 1
    assert CALLS[0] in told.faults[0]
    recordings = Recordings(fresh, PlainNumbers())
    assert recordings.get(CALLS[0]) is None
    assert recordings.get(CALLS[1]) is not None
    assert CALLS[0] in Cases(fresh).claims([CALLS[0]]), "it is held when it comes back"
    fresh.close()


def test_files_of_what_was_destroyed_are_told(scene: Scene, tmp_path: Path) -> None:
    take_in(scene)
    scene.trail.append([Entry("destroy", "retention", "done", CALLS[2], rule="general")])
    fresh, told = again(scene, tmp_path)
    assert told.gone == (CALLS[2],)
    assert Recordings(fresh, PlainNumbers()).get(CALLS[2]) is None
    fresh.close()


def test_a_trail_that_cannot_be_read_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    take_in(scene)
    for each in (scene.state / "audit").glob("0*.log"):
        each.unlink()
        each.mkdir()
    fresh = Database.open(f"sqlite:///{tmp_path}/again.db")
    recordings = Recordings(fresh, PlainNumbers())
    with pytest.raises(StoreError):
        rebuild(fresh, recordings, scene.archive, Reader(scene.archive), scene.trail, LONDON)
    assert all(found == [] for found in rows(fresh).values())
    fresh.close()


def test_a_sealed_archive_needs_its_secret_key(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    scene = Scene(tmp_path, recipients=Recipients([str(identity.to_public())]))
    take_in(scene)
    before = rows(scene.database)
    assert all(row[13] for row in before["recording"] if row[7] == "kept"), "they are sealed"
    fresh = Database.open(f"sqlite:///{tmp_path}/again.db")
    recordings = Recordings(fresh, PlainNumbers())
    with pytest.raises(SealedError, match="secret key is not on this host"):
        rebuild(fresh, recordings, scene.archive, Reader(scene.archive), scene.trail, LONDON)
    reader = Reader(scene.archive, f"{identity}\n".encode())
    rebuild(fresh, recordings, scene.archive, reader, scene.trail, LONDON)
    assert rows(fresh) == before
    fresh.close()
    scene.close()
