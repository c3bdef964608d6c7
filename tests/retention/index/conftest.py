"""The index of each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.retention.index.database import Database

from .place import Place
from .postgres import Server, programs, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL server of this process's tests."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed here (initdb)")
    with running(found) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that holds nothing yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/index/index.db"
        return
    server: Server = request.getfixturevalue("server")
    url = server.empty()
    yield url
    server.drop(url)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An empty index."""
    database = Database.open(url)
    yield database
    database.close()


@pytest.fixture
def place(database: Database) -> Place:
    """All of an empty index."""
    return Place(database)


@pytest.fixture
def database_of_sqlite(tmp_path: Path) -> Iterator[Callable[[], Place]]:
    """An empty index on SQLite alone, opened when it is asked for."""
    opened: list[Database] = []

    def open_one() -> Place:
        opened.append(Database.open(f"sqlite:///{tmp_path}/index.db"))
        return Place(opened[-1])

    yield open_one
    for each in opened:
        each.close()
