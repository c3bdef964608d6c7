"""Nothing of a destroyed recording is left in any byte of the database's files (R14)."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, insert

from ivr.retention.index.chunks import chunks
from ivr.retention.index.database import Database
from ivr.retention.index.particulars import Particular
from ivr.retention.index.tables import outgoing
from ivr.retention.model import Part

from .place import Place, call, recorded

DAY = date(2026, 8, 1)
NUMBER, ADDRESS, REASON = "07700900125", "jo.bloggs@example.org", "Mrs Bloggs asks for a copy"
ALL = tuple(
    text.encode() for text in ("7700900125", "5210090077", ADDRESS, REASON, "Bloggs", "1234567")
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    database = Database.open(f"sqlite:///{tmp_path}/index.db")
    yield Place(database)
    database.close()


def everything(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()))


def found(folder: Path) -> list[bytes]:
    data = everything(folder)
    return [text for text in ALL if text in data]


def fill(here: Place, number: int, caller: str = NUMBER) -> None:
    """A recording with all that there may be of its caller."""
    here.add(recorded(number, agents=("1001", "01234567"), marks=("abuse",)), number=caller)
    here.particulars.put([Particular(number, call(number), "s" * 32, REASON)])
    here.particulars.put(
        [Particular(10_000 + number, "", "s" * 32, f"looked for {caller}", caller)]
    )
    here.holds.place(call(number), "abuse", "engine", 1)
    here.cases.open("C-1", "complaint", "ann", 1)
    here.cases.add("C-1", [call(number)])
    mail = {
        "id": call(number), "call": call(number), "state": "waiting", "sender": "ann",
        "address": ADDRESS, "language": "en-GB", "file": "x", "tries": 0, "next_ms": 0,
        "queued_ms": 0, "told": "",
    }  # fmt: skip
    with here.database.writing() as connection:
        connection.execute(insert(outgoing).values(mail))


def destroy(here: Place, *calls: str) -> None:
    here.destroying.claim_at_once(calls, "general", DAY, 1)
    here.destroying.finish(calls, DAY)


def test_no_byte_of_it_is_left_in_any_file(here: Place, tmp_path: Path) -> None:
    fill(here, 1)
    assert found(tmp_path) == list(ALL)
    destroy(here, call(1))
    assert here.database.forget()
    assert found(tmp_path) == []
    assert call(1).encode() in everything(tmp_path), "that it is known is all that is left"
    assert here.recordings.state_of(call(1)) == "destroyed"


def test_until_then_it_lies_in_the_journal(here: Place, tmp_path: Path) -> None:
    """Why forgetting is a step of its own."""
    fill(here, 1)
    with here.database.reading():
        destroy(here, call(1))
    assert found(tmp_path) != []


def test_a_reader_keeps_it_and_then_goes(here: Place, tmp_path: Path) -> None:
    fill(here, 1)
    with closing(sqlite3.connect(tmp_path / "index.db")) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM recording").fetchone() == (1,)
        destroy(here, call(1))
        assert not here.database.forget(patience_s=0)
        assert found(tmp_path) != []
        assert not here.database.forget(patience_s=0, thorough=True)
        reader.execute("COMMIT")
        assert here.database.forget()
        assert found(tmp_path) == []


def test_a_reader_that_is_not_reading_keeps_nothing(here: Place, tmp_path: Path) -> None:
    fill(here, 1)
    with closing(sqlite3.connect(tmp_path / "index.db")) as other:
        assert other.execute("SELECT count(*) FROM recording").fetchone() == (1,)
        destroy(here, call(1))
        assert here.database.forget()
        assert found(tmp_path) == []


def test_a_number_that_another_recording_has_stays_with_that(here: Place, tmp_path: Path) -> None:
    fill(here, 1)
    fill(here, 2)
    destroy(here, call(1))
    assert set(here.particulars.get(range(20_000))) == {2, 10_001, 10_002}
    destroy(here, call(2))
    assert here.particulars.get(range(20_000)) == {}
    assert here.database.forget(thorough=True)
    assert found(tmp_path) == []


def test_none_of_thousands_is_left_between_the_rows_of_a_page(here: Place, tmp_path: Path) -> None:
    """Pages are split and merged again and again, and what was moved leaves copies behind: of these
    some are found where it was not thorough."""
    chance = random.Random(1)
    alive: dict[str, str] = {}
    gone: set[str] = set()
    for turn in range(3):
        batch = []
        for number in range(turn * 3000, turn * 3000 + 3000):
            each = recorded(
                number,
                date(2026, 1, 1) + timedelta(chance.randrange(300)),
                call=f"{chance.getrandbits(32):08x}{call(number)[8:]}",
                parts=(Part("p" * chance.randrange(1, 200), 1, "b" * 64),),
                agents=(),
            )
            alive[each.call] = f"7{chance.randrange(10**8, 10**9)}"
            batch.append((each, f"+44{alive[each.call]}"))
        for some in chunks(batch, 500):
            here.recordings.add(some)
        going = chance.sample(sorted(alive), len(alive) // 2)
        for part in chunks(going, 500):
            destroy(here, *part)
        gone |= {alive.pop(each) for each in going}
    assert here.database.forget(thorough=True)
    data = everything(tmp_path)
    written = {each.decode() for each in re.findall(rb"(?=44(7[0-9]{9}))", data)}
    backwards = {each[::-1].decode() for each in re.findall(rb"(?=([0-9]{9}7)44)", data)}
    assert len(gone) > 4000
    assert gone & (written | backwards) == set()
    assert set(alive.values()) <= written & backwards


def test_it_is_written_anew_where_something_was_destroyed_and_once(place: Place) -> None:
    """It takes long. Who could not do it, or was killed, does it the next time."""
    done: list[str] = []
    event.listen(
        place.database._engine,
        "before_cursor_execute",
        lambda connection, cursor, statement, *_: done.append(statement),
    )

    def is_written_anew() -> bool:
        done.clear()
        assert place.database.forget(thorough=True)
        return any(each == "VACUUM" or each.startswith("VACUUM (FULL)") for each in done)

    place.add(recorded(1), recorded(2))
    destroy(place, call(9))
    assert not is_written_anew(), "nothing was there of that call"
    destroy(place, call(1))
    assert (place.meta.get("unforgotten") or "").startswith("2026-08-01 ")
    assert place.database.forget()
    assert is_written_anew()
    assert not is_written_anew()
    destroy(place, call(2))
    assert is_written_anew()


def test_what_is_destroyed_meanwhile_is_not_taken_for_forgotten(place: Place) -> None:
    place.add(recorded(1), recorded(2))
    destroy(place, call(1))
    once = iter([call(2)])

    def meanwhile(*_: object) -> None:
        for each in once:
            destroy(place, each)

    event.listen(place.database._engine, "after_cursor_execute", meanwhile)
    assert place.database.forget(thorough=True)
    assert place.meta.get("unforgotten")
    assert place.database.forget(thorough=True)
    assert place.meta.get("unforgotten") is None


def test_it_can_be_written_to_afterwards_as_before(here: Place) -> None:
    fill(here, 1)
    assert here.database.forget(thorough=True)
    fill(here, 2)
    assert here.recordings.count() == 2
    with here.database.reading() as connection:
        asked = ("journal_mode", "synchronous", "secure_delete", "busy_timeout", "temp_store")
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    assert told == ["wal", 2, 1, 30_000, 2]


def test_postgresql_has_no_row_of_it(place: Place) -> None:
    fill(place, 1)
    destroy(place, call(1))
    assert place.database.forget()
    assert place.database.forget(thorough=True)
    with place.database.reading() as connection:
        for table in ("recording", "agent", "mark", "hold", "case_recording", "particular",
                      "outgoing", "dying"):  # fmt: skip
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table
        rows = connection.exec_driver_sql("SELECT * FROM destroyed").all()
    assert [tuple(row) for row in rows] == [(call(1), "2026-08-01", "general")]
