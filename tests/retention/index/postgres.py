"""A PostgreSQL server of the tests' own, where its programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

_QUICK = "-c fsync=off -c full_page_writes=off -c shared_buffers=64MB -c max_connections=40"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, the latest version's; None where there is none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    others = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3])
    )
    return others[-1].parent if others else None


class Server:
    """Running, with a database for each who asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._names: list[str] = []

    def url(self, database: str) -> str:
        """Where a database is, through the socket in the server's folder."""
        place = URL.create(
            "postgresql+psycopg", "ivr", database=database, query={"host": str(self._folder)}
        )
        return place.render_as_string(hide_password=False)

    def empty(self) -> str:
        """The URL of a new database."""
        name = f"t{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Have one no longer, whoever uses it."""
        self._do(f"DROP DATABASE {url.rpartition('/')[2].partition('?')[0]} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server in a folder of its own, on a socket there and nowhere else. Where the tests are
    root's, it is another user's: PostgreSQL refuses root."""
    folder = Path(tempfile.mkdtemp(prefix="ivrpg", dir="/tmp"))
    other = _other_user(folder)
    try:
        _run(programs / "initdb", "-D", folder / "data", "-U", "ivr", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync", user=other, folder=folder)  # fmt: skip
        told = f"{_QUICK} -c listen_addresses='' -c unix_socket_directories={folder}"
        control = (programs / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log")
        _run(*control, "-o", told, "start", user=other, folder=folder)
        try:
            yield Server(folder)
        finally:
            _run(*control, "-m", "immediate", "stop", user=other, folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user(folder: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    other = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, other)
    return other


def _run(*words: str | Path, user: str | None, folder: Path) -> None:
    more = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **more,  # type: ignore[call-overload]  # as one dictionary
    )
    assert done.returncode == 0, done.stdout
