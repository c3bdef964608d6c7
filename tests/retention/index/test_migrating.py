"""The tables are those of the code, from whichever version they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from ivr.errors import StoreError
from ivr.retention.index import migrating
from ivr.retention.index.database import Database
from ivr.retention.index.migrating import HEAD, MIGRATIONS, settings, upgrade
from ivr.retention.index.tables import metadata

from .place import Place

SCRIPTS = ScriptDirectory.from_config(settings())
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]

FILLED = {
    "0001": {
        "recording": {
            "call": "c", "day": "2026-01-31", "ended_ms": 1, "team": "t", "route": "r",
            "direction": "inbound", "policy": "p", "state": "kept", "ended": "caller/X",
            "duration_ms": 2, "record_name": "c.json", "record_sha256": "a", "format": "wav",
            "sealed": False, "parts": "c.wav 3 b", "number": "441277312500", "tail": "0052",
        },
        "agent": {
            "call": "c", "agent": "1001", "place": 0, "day": "2026-01-31", "ended_ms": 1,
            "team": "t",
        },
        "mark": {
            "call": "c", "mark": "abuse", "place": 0, "day": "2026-01-31", "ended_ms": 1,
            "team": "t",
        },
        "case": {"ref": "C-1", "kind": "k", "opened_ms": 1, "opened_by": "ann", "closed": None},
        "case_recording": {"ref": "C-1", "call": "c"},
        "hold": {
            "id": 7, "call": "c", "kind": "abuse", "placed_ms": 1, "placed_by": "engine",
            "released": None,
        },
        "dying": {"call": "d", "rule": "general", "due": "2026-07-31", "after_seq": 4},
        "destroyed": {"call": "e", "day": "2026-07-31", "rule": "general"},
        "particular": {"seq": 9, "call": "c", "number": "", "salt": "s", "text": "why"},
        "outgoing": {
            "id": "o", "call": "c", "state": "waiting", "sender": "ann", "address": "a@b",
            "language": "en", "file": "f", "tries": 0, "next_ms": 1, "queued_ms": 1, "told": "",
        },
        "meta": {"key": "id", "value": "x"},
    }
}  # fmt: skip
"""One row of each table, as each revision had them. A new revision adds its own."""


def test_the_program_knows_its_latest_revision() -> None:
    assert SCRIPTS.get_heads() == [HEAD]
    assert sorted(FILLED) == REVISIONS, "a new revision needs rows to begin from"


def test_every_revision_is_in_a_package_that_is_installed() -> None:
    for folder in (MIGRATIONS, MIGRATIONS / "versions"):
        assert (folder / "__init__.py").is_file()
    assert all(Path(script.path).suffix == ".py" for script in SCRIPTS.walk_revisions())


def test_migrations_make_the_tables_of_the_code(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        for table in metadata.sorted_tables:
            primary = found.get_pk_constraint(table.name)
            assert primary["constrained_columns"] == [each.name for each in table.primary_key]
            assert [each["nullable"] for each in found.get_columns(table.name)] == [
                each.nullable for each in table.columns
            ]


@pytest.fixture
def bare(url: str, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    (tmp_path / "index").mkdir()
    return url


def made_at(connection: Connection, revision: str) -> dict[str, dict[str, object]]:
    """Have the tables as a revision had them, with a row in each."""
    upgrade(connection, "test", revision)
    for name, row in FILLED[revision].items():
        columns = ", ".join(f'"{each}"' for each in row)
        values = ", ".join(f":{each}" for each in row)
        connection.execute(text(f'INSERT INTO "{name}" ({columns}) VALUES ({values})'), row)
    return FILLED[revision]


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_an_older_version_wrote_is_kept(bare: str, revision: str) -> None:
    engine = create_engine(bare)
    with engine.begin() as connection:
        rows = made_at(connection, revision)
    engine.dispose()
    database = Database.open(bare, create=False)
    assert not database.is_new
    with database.reading() as connection:
        for name, row in rows.items():
            columns = ", ".join(f'"{each}"' for each in row)
            found = connection.execute(text(f'SELECT {columns} FROM "{name}"')).one()
            assert tuple(found) == tuple(row.values()), name
    assert [case.ref for case in Place(database).cases.open_naming("c")] == ["C-1"]
    database.close()


def test_it_is_brought_up_in_one_transaction(bare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in mid-migration it is as it was."""

    def dies(connection: Connection, name: str, to: str) -> None:
        upgrade(connection, name, to)
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(migrating, "upgrade", dies)
        with pytest.raises(RuntimeError, match="killed"):
            Database.open(bare)
    database = Database.open(bare)
    assert database.is_new
    database.close()


def test_an_index_of_a_newer_version_is_refused(url: str) -> None:
    database = Database.open(url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(StoreError) as told:
        Database.open(url)
    assert f"of a newer version (9999; this program knows {HEAD})" in str(told.value)
    assert "install the version" in str(told.value)


@pytest.mark.parametrize("versions", [(), ("0001", "0002"), ("000x",)])
def test_one_that_does_not_say_its_version_is_refused(url: str, versions: tuple[str, ...]) -> None:
    database = Database.open(url)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        for each in versions:
            connection.execute(text("INSERT INTO alembic_version VALUES (:v)"), {"v": each})
    database.close()
    with pytest.raises(StoreError, match="version"):
        Database.open(url)
