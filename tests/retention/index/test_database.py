"""The database: made once, shared, durable, and told plainly where it cannot be used."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from ivr.errors import StoreError
from ivr.retention.index.database import Database

from .place import Place, call, recorded
from .postgres import Server


@contextmanager
def refused(*said: str) -> Iterator[None]:
    """It is refused with a message for a person, which says all of this."""
    with pytest.raises(StoreError) as told:
        yield
    for text in said:
        assert text in str(told.value)


def test_it_is_new_once_and_keeps_its_id(url: str) -> None:
    first = Database.open(url)
    name = Place(first).meta.get("id")
    assert first.is_new
    first.close()
    again = Database.open(url, create=False)
    assert not again.is_new
    assert name
    assert len(name) == 32
    assert Place(again).meta.get("id") == name
    again.close()


def test_texts_by_key_are_kept(place: Place) -> None:
    assert place.meta.get("seen_ms") is None
    place.meta.set("seen_ms", "1")
    place.meta.set("seen_ms", "2")
    assert place.meta.get("seen_ms") == "2"
    place.meta.drop("seen_ms")
    place.meta.drop("seen_ms")
    assert place.meta.get("seen_ms") is None


def test_its_file_is_the_service_s_own(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/new/index.db")
    with database.writing():
        files = sorted((tmp_path / "new").iterdir())
        assert len(files) == 3
        assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o640}
    database.close()


def test_what_a_reader_sees_does_not_change_while_it_reads(place: Place) -> None:
    place.add(recorded(1))
    with place.database.reading() as connection:
        assert place.recordings.count(connection) == 1
        other = threading.Thread(target=place.add, args=(recorded(2),))
        other.start()
        other.join()
        assert place.recordings.count(connection) == 1
    assert place.recordings.count() == 2


def undone(place: Place) -> None:
    place.meta.set("x", "2")
    raise InterruptedError


def test_a_thread_that_writes_goes_on_in_its_transaction(place: Place) -> None:
    """What is done within is durable with it, or undone with it; other threads are not in it."""
    seen: list[str | None] = []
    with place.database.writing() as connection:
        place.meta.set("x", "1")
        with place.database.writing() as same, place.database.reading() as read:
            assert same is connection
            assert read is connection
        assert place.meta.get("x") == "1"
        other = threading.Thread(target=lambda: seen.append(place.meta.get("x")))
        other.start()
        other.join()
    assert seen == [None]
    assert place.meta.get("x") == "1"
    with pytest.raises(InterruptedError), place.database.writing():
        undone(place)
    assert place.meta.get("x") == "1"
    place.meta.set("x", "3")
    assert place.meta.get("x") == "3"


def test_many_threads_write_one_after_the_other(place: Place) -> None:
    place.meta.set("count", "0")

    def count() -> None:
        for _ in range(10):
            with place.database.writing() as connection:
                before = place.meta.get("count", connection)
                place.meta.set("count", str(int(before or "") + 1), connection)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert place.meta.get("count") == "40"


COUNTS = """
import sys
from ivr.retention.index.database import Database
from ivr.retention.index.meta import Meta
database = Database.open(sys.argv[1])
meta = Meta(database)
for _ in range(10):
    with database.writing() as connection:
        before = meta.get("count", connection) or "0"
        meta.set("count", str(int(before) + 1), connection)
"""


def test_processes_make_it_together_and_write_one_after_the_other(url: str) -> None:
    words = [sys.executable, "-c", COUNTS, url]
    running = [subprocess.Popen(words) for _ in range(3)]
    assert [each.wait() for each in running] == [0, 0, 0]
    database = Database.open(url, create=False)
    assert Place(database).meta.get("count") == "30"
    database.close()


def test_it_is_there_after_its_writer_was_killed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/index.db"
    killed = (
        f"{COUNTS}\nimport os, signal\nwith database.writing() as connection:\n"
        "    meta.set('count', 'half', connection)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", killed, url], check=False)
    assert done.returncode == -9
    database = Database.open(url, create=False)
    assert Place(database).meta.get("count") == "10"
    database.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "expected sqlite:////absolute/file or postgresql+psycopg"),
        ("index.db", "expected sqlite:////absolute/file"),
        ("mysql://ann:secret@db/x", "expected sqlite:////absolute/file"),
        ("nonsense://ann:secret@db/x", "expected sqlite:////absolute/file"),
        ("postgresql+psycopg://ann:secret@db:port/x", "expected sqlite:////absolute/file"),
        ("sqlite://", "in memory would be lost"),
        ("sqlite:///:memory:", "in memory would be lost"),
    ],
)
def test_what_is_no_place_for_an_index_is_refused(url: str, said: str) -> None:
    with refused(said):
        Database.open(url)
    with pytest.raises(StoreError) as told:
        Database.open(url)
    assert "secret" not in str(told.value)


def test_none_is_made_where_there_must_be_one(tmp_path: Path, url: str) -> None:
    with refused("there is no index", "ivr index rebuild"):
        Database.open(url, create=False)
    empty = tmp_path / "empty.db"
    empty.touch()
    with refused("there is no index"):
        Database.open(f"sqlite:///{empty}", create=False)
    assert empty.stat().st_size == 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with refused("cannot be made", "the service's own"):
        Database.open(f"sqlite:///{tmp_path}/file/index.db")
    with refused("unable to open", "must belong to the service's user"):
        Database.open(f"sqlite:///{tmp_path}")


def test_another_program_s_database_is_left_alone(url: str) -> None:
    database = Database.open(url)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    database.close()
    with refused("the database holds something else: agent, case", "of its own"):
        Database.open(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    path.write_text("This is a letter to the council. " * 200)
    with refused(str(path), "file is not a database", "name the right file", "put its backup"):
        Database.open(f"sqlite:///{path}")
    assert path.read_text().startswith("This is a letter")


def test_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    database = Database.open(f"sqlite:///{path}")
    Place(database).recordings.add([(recorded(n), "01277312500") for n in range(300)])
    assert database.forget()
    database.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    with refused("malformed", "it is damaged", "put its backup", "ivr index rebuild"):
        Database.open(f"sqlite:///{path}")


def test_one_that_is_damaged_while_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    database = Database.open(f"sqlite:///{path}")
    place = Place(database)
    place.recordings.add([(recorded(n), "01277312500") for n in range(300)])
    assert database.forget()
    with path.open("r+b") as file:
        half = path.stat().st_size // 2
        file.seek(half)
        file.write(b"\xa5" * half)
    fresh = Database.open(f"sqlite:///{path}")
    with refused("it is damaged"):
        Place(fresh).recordings.several([call(n) for n in range(300)])
    fresh.close()
    database.close()


def test_one_that_cannot_be_written_to(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/index.db")
    event.listen(
        database._engine,
        "checkout",
        lambda connection, *_: connection.execute("PRAGMA query_only = ON"),
    )
    with refused("readonly database", "must belong to the service's user"):
        Place(database).meta.set("x", "y")
    database.close()


def test_one_that_somebody_writes_to_for_too_long(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/index.db"
    Database.open(url).close()
    with closing(sqlite3.connect(tmp_path / "index.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database = Database.open(url, busy_s=0)
        assert Place(database).meta.get("id"), "it can be read meanwhile"
        with refused("database is locked", "another process has been writing", "tried again"):
            Place(database).meta.set("x", "y")
        other.execute("ROLLBACK")
        Place(database).meta.set("x", "y")
        database.close()


def test_postgresql_that_somebody_writes_to_for_too_long(server: Server) -> None:
    url = server.empty()
    first, second = Database.open(url), Database.open(url, busy_s=0.001)
    with first.writing(), refused("lock timeout", "another process has been writing"):
        Place(second).meta.set("x", "y")
    Place(second).meta.set("x", "y")
    first.close()
    second.close()
    server.drop(url)


def test_postgresql_that_is_not_there(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://ivr:secret@/ivr?host={tmp_path}"
    with refused("PostgreSQL does not answer there", str(tmp_path)):
        Database.open(url)
    with pytest.raises(StoreError) as told:
        Database.open(url)
    assert "secret" not in str(told.value)


def test_postgresql_that_was_away_for_a_moment(server: Server) -> None:
    """A connection that was cut is made again."""
    url = server.empty()
    database = Database.open(url)
    place = Place(database)
    other = Database.open(url)
    with other.writing() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    place.meta.set("x", "y")
    assert place.meta.get("x") == "y"
    other.close()
    database.close()
    server.drop(url)


def test_a_statement_s_values_are_in_no_message(tmp_path: Path) -> None:
    """They may be a caller's number (R14)."""
    database = Database.open(f"sqlite:///{tmp_path}/index.db")
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE agent")
    with refused("no such table: agent"):
        Place(database).add(recorded(1, agents=("07700900125",)), number="07700900125")
    with pytest.raises(StoreError) as told:
        Place(database).add(recorded(1, agents=("07700900125",)), number="07700900125")
    assert "07700900125" not in str(told.value)
    assert "7700900125" not in str(told.value)
    assert Place(database).recordings.oldest() is None
    database.close()
