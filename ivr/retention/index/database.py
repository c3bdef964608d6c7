"""The database of the index: SQLite in a file by default, PostgreSQL by URL.

Both are used in the same way from several threads and processes: many read, one writes. On
SQLite a writer begins with ``BEGIN IMMEDIATE``; on PostgreSQL it takes one advisory lock first.
So what a writer reads is still true when it writes, and a case that is opened and a destruction
that is decided in the same moment never miss each other (R13, R14).

What SQLite commits survives a power cut (``synchronous=FULL``), and what it deletes is overwritten
(``secure_delete``). Copies of it may lie in its journal, and in the room between the rows of a
page, until :meth:`Database.forget`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ivr.errors import StoreError
from ivr.retention.index.migrating import bring_up
from ivr.retention.index.tables import meta, metadata
from ivr.retention.index.trouble import told

BUSY_S = 30
"""So long one writer waits for another."""
_KEPT, _MORE, _MORE_POSTGRESQL = 5, 195, 40
"""Connections that are kept open, and that there may be besides: each thread that waits for its
turn to write has one, and whoever has the turn may need another to read."""
_SAME_LOCK = 0x6976722D696E6478
"""PostgreSQL's advisory lock of whoever writes: ``ivr-indx``."""
_CONNECT_S = 10
_WRITES = "ivr_writes"
_BARE = "ivr_bare"
"""Without a transaction."""
_FILE_MODE = 0o640
UNFORGOTTEN = "unforgotten"
"""Key of :class:`~ivr.retention.index.meta.Meta`: since this day's destruction there may be copies
of what was destroyed in the database's pages. A day, and what tells one time from another."""


class Database:
    """An open index. Safe to share between threads."""

    def __init__(self, engine: Engine, name: str, is_new: bool) -> None:
        self._engine = engine
        self._name = name
        self._is_new = is_new
        self._own = threading.local()

    @classmethod
    def open(cls, url: str, *, create: bool = True, busy_s: float = BUSY_S) -> Database:
        """The index at an SQLAlchemy URL: ``sqlite:////absolute/file``, or
        ``postgresql+psycopg://user@host/name``.

        Its tables are made, or brought up to this version, one process at a time. Without
        ``create`` there must be an index already. Raises StoreError where it cannot be used.
        """
        place = _place(url)
        name = place.render_as_string(hide_password=True)
        _file(place, name, create)
        engine = _engine(place, busy_s)
        database = cls(engine, name, False)
        try:
            database._is_new = bring_up(database, create)
        except BaseException:
            engine.dispose()
            raise
        return database

    @property
    def name(self) -> str:
        """Its URL without the password, for messages."""
        return self._name

    @property
    def is_new(self) -> bool:
        """Whether it was made by this opening: it knows no case and no hold (R14)."""
        return self._is_new

    @property
    def is_sqlite(self) -> bool:
        """Whether it is one file on this host."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self, within: Connection | None = None) -> Iterator[Connection]:
        """A connection that sees the index as it was at one moment, or the one that is given.
        Within a thread's own writing it is that one.

        Keep it short: while somebody reads, :meth:`forget` cannot empty the journal. Raises
        StoreError where the database refuses.
        """
        with self._using(within, self._engine, {}) as connection:
            yield connection

    @contextmanager
    def writing(self, within: Connection | None = None) -> Iterator[Connection]:
        """A connection whose changes are durable when the block is left, or undone where it raises;
        or the one that is given, whose owner decides. Nobody else writes meanwhile. A thread that
        is writing already goes on in the same transaction: so what the audit trail keeps of a
        change is durable with the change.

        Raises StoreError where the database refuses.
        """
        with self._using(within, self._engine, {_WRITES: True}) as connection:
            yield connection

    def forget(self, patience_s: float = 5.0, *, thorough: bool = False) -> bool:
        """Leave nothing of what was deleted before in the database's journal, after each deletion;
        and ``thorough``, at the end of a sweep, nothing in its pages either.

        SQLite overwrites what it deletes, but where it moved a row from page to page before, a copy
        may lie in the room between the rows of the old one. So the whole database is written anew
        (VACUUM): that takes about as long as copying it, needs as much room again beside it and in
        the folder for temporary files, and others can read meanwhile. Where nothing was destroyed
        since that was done last, also before a crash, it is not done again. The journal is emptied
        after either. Someone who reads keeps that from happening: it is tried again for so long,
        and False says that it could not be done, so call again later.

        PostgreSQL: dead rows are removed (VACUUM), or the tables are written anew (VACUUM FULL, in
        which nobody else can read). What its WAL, its archive and its replicas still hold is in the
        hands of whoever runs it. Raises StoreError.
        """
        with self._told(), self._engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT", **{_BARE: True})
            wanted = select(meta.c.value).where(meta.c.key == UNFORGOTTEN)
            which = connection.scalar(wanted) if thorough else None
            done = (
                self._forget_sqlite(connection, patience_s, which is not None)
                if self.is_sqlite
                else self._forget_postgresql(connection, which is not None)
            )
        if done and which is not None:
            # Unless more was destroyed meanwhile.
            over = delete(meta).where(meta.c.key == UNFORGOTTEN, meta.c.value == which)
            with self.writing() as connection:
                connection.execute(over)
        return done

    def _forget_postgresql(self, connection: Connection, thorough: bool) -> bool:
        for table in metadata.sorted_tables:
            how = "VACUUM (FULL)" if thorough else "VACUUM"
            connection.exec_driver_sql(f'{how} "{table.name}"')
        return True

    def _forget_sqlite(self, connection: Connection, patience_s: float, thorough: bool) -> bool:
        try:
            if thorough:
                # It would take as much memory as the database is long.
                connection.exec_driver_sql("PRAGMA temp_store = FILE")
                connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA busy_timeout = 100")
            until = time.monotonic() + patience_s
            while not _emptied(connection):
                if time.monotonic() >= until:
                    return False
            return True
        finally:
            # It waits and keeps as no other one: it is not to be used again.
            connection.invalidate()

    def close(self) -> None:
        """Close all connections. Those in use are closed when they are given back."""
        self._engine.dispose()

    @contextmanager
    def _using(
        self, within: Connection | None, engine: Engine, options: dict[str, Any]
    ) -> Iterator[Connection]:
        within = within or getattr(self._own, "writing", None)
        if within is not None:
            yield within
            return
        if not self.is_sqlite and not options:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self._told(), engine.execution_options(**options).begin() as connection:
            if _WRITES not in options:
                yield connection
                return
            self._own.writing = connection
            try:
                yield connection
            finally:
                self._own.writing = None

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says, as what a person can do about it."""
        try:
            yield
        except DBAPIError as error:
            raise told(error, self._name) from error
        except PoolTimeout as error:
            raise StoreError(
                f"{self._name}: the index cannot be used: too many wait for it; it is tried again"
            ) from error


def _emptied(connection: Connection) -> bool:
    """SQLite: whether the journal is empty now; it waits a moment for who writes or reads."""
    busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not busy


def _place(url: str) -> URL:
    expected = "expected sqlite:////absolute/file or postgresql+psycopg://user@host/name"
    try:
        place = make_url(url)
        place.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # What is wrong with it may hold a password: it is not repeated.
        raise StoreError(f"the index has no URL that can be used: {expected}") from error
    if place.drivername in ("sqlite", "sqlite+pysqlite"):
        if place.database in (None, "", ":memory:"):
            raise StoreError(f"an index in memory would be lost: {expected}")
        return place
    if place.drivername != "postgresql+psycopg":
        raise StoreError(f"{place.drivername}: no database for the index: {expected}")
    return place


def _file(place: URL, name: str, create: bool) -> None:
    """SQLite: that there is a file, with rights of its own."""
    if place.get_backend_name() != "sqlite" or place.database is None or "uri" in place.query:
        return
    path = Path(place.database)
    if not create:
        if not path.is_file() or not path.stat().st_size:
            raise StoreError(
                f"{name}: there is no index\n  name the right one (retention.yaml: index), or make"
                " it: ivr retention run, ivr index rebuild"
            )
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE))
    except OSError as error:
        raise StoreError(
            f"{name}: cannot be made: {error.strerror}\n"
            "  the folder must be the service's own (retention.yaml: index, state)"
        ) from error


def _engine(place: URL, busy_s: float) -> Engine:
    if place.get_backend_name() == "sqlite":
        engine = create_engine(
            place,
            pool_size=_KEPT,
            max_overflow=_MORE,
            connect_args={"timeout": busy_s, "isolation_level": None},
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine
    try:
        engine = create_engine(
            place,
            pool_pre_ping=True,
            pool_size=_KEPT,
            max_overflow=_MORE_POSTGRESQL,
            connect_args={
                "connect_timeout": _CONNECT_S,
                "options": f"-c lock_timeout={int(busy_s * 1000)} -c timezone=UTC",
            },
        )
    except ImportError as error:
        raise StoreError(
            "the index is on PostgreSQL, and psycopg is not installed:"
            " pip install 'ivr[postgresql]'"
        ) from error
    event.listen(engine, "begin", _lock)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    """SQLite: how each connection behaves. None of it is a transaction."""
    cursor = connection.cursor()
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "secure_delete = ON",
            "foreign_keys = ON",
            "temp_store = MEMORY",  # no file outside the database ever holds a number
            "cache_size = -32768",
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_BARE):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")


def _lock(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SAME_LOCK})")
