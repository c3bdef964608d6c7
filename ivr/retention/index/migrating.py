"""Brings the tables of an index up to this version, with Alembic (``migrations/``)."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from ivr.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

    from ivr.retention.index.database import Database

HEAD = "0001"
"""The latest revision, so that an index that has it is opened without Alembic, which is slow to
load."""
MIGRATIONS = Path(__file__).parent / "migrations"
_VERSIONS = "alembic_version"


def bring_up(database: Database, create: bool) -> bool:
    """Make the tables, or bring them up to this version; whether they were made.

    Raises StoreError where it is no index, or one of a newer version.
    """
    with database.reading() as connection:
        if _revision(connection, database.name) == HEAD:
            return False
    with database.writing() as connection:
        # Read again: another process may have done it since.
        before = _revision(connection, database.name)
        if before == HEAD:
            return False
        if before is None and not create:
            raise StoreError(
                f"{database.name}: there is no index in this database\n  name the right one"
                " (retention.yaml: index), or make it: ivr retention run, ivr index rebuild"
            )
        upgrade(connection, database.name, HEAD)
        if before is None:
            connection.execute(
                text("INSERT INTO meta (key, value) VALUES ('id', :id)"),
                {"id": secrets.token_hex(16)},
            )
    return before is None


def upgrade(connection: Connection, name: str, to: str) -> None:
    """Bring the tables to a revision, in the transaction of the connection.

    Raises StoreError where they are of a newer version.
    """
    from alembic import command
    from alembic.util.exc import CommandError

    try:
        command.upgrade(settings(connection), to)
    except CommandError as error:
        raise _newer(name, _revision(connection, name) or "") from error


def settings(connection: Connection | None = None) -> Config:
    """Alembic's settings, for a connection whose transaction is its owner's."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection, name: str) -> str | None:
    """The revision of the tables; None where there are none at all."""
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    if _VERSIONS not in tables:
        raise StoreError(
            f"{name}: the database holds something else: {', '.join(sorted(tables)[:5])}\n"
            "  give the index a database, or a file, of its own (retention.yaml: index)"
        )
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if len(found) != 1:
        return None if tables == {_VERSIONS} else _unknown(name, found)
    revision = str(found[0])
    if revision > HEAD:
        raise _newer(name, revision)
    return revision


def _unknown(name: str, found: object) -> str:
    raise StoreError(
        f"{name}: the index does not say of which version it is ({found})\n"
        "  put its backup in its place, or make it again: ivr index rebuild"
    )


def _newer(name: str, revision: str) -> StoreError:
    return StoreError(
        f"{name}: the index is of a newer version ({revision}; this program knows {HEAD})\n"
        "  install the version of ivr that it was used with, or a later one"
    )
