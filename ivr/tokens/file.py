"""A file of tokens: read, and changed by commands. It is always whole, and private."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ivr.config.mistakes import did_you_mean, printable
from ivr.errors import DiskError, SetupError, UsageError
from ivr.storage.atomic import REAL, Disk, sync_folder, write_new
from ivr.tokens.token import Token, Use, hashed, new_secret, utc

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
"""What a token may be called: it stands in logs."""
LONGEST_DAYS = 3650
_LARGEST = 1 << 20
_MODE = 0o600
_TOO_OPEN = stat.S_IRWXO | stat.S_IWGRP | stat.S_IXGRP
"""Rights that a file of tokens must not give. Its group may read it: a hash opens nothing."""


class _Entry(BaseModel):
    """One token, as the file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
    scopes: Annotated[tuple[str, ...], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: AwareDatetime
    expires: AwareDatetime | None = None


class _File(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1]
    tokens: tuple[_Entry, ...]


def read(path: Path, use: Use) -> tuple[Token, ...]:
    """The tokens of the file; none where there is no file.

    Raises:
        SetupError: it cannot be read, others may read or change it, or it is no file of tokens;
            with what to do.
    """
    try:
        # Not to wait for the other end, where the name is a pipe's.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _unusable(
            path,
            f"cannot be read: {error.strerror}",
            f"make it a file that {use.reader} owns, with mode 600",
        ) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise _unusable(path, "is not a file", "move it away")
        if stat.S_IMODE(status.st_mode) & _TOO_OPEN:
            mode = stat.S_IMODE(status.st_mode)
            raise _unusable(
                path,
                f"others may read or change it (mode {mode:o})",
                f"chmod 600 {path}, and look whether its tokens are the right ones:"
                f" `{use.command} list`",
            )
        with open(fd, "rb", closefd=False) as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "mend its disk") from error
    finally:
        os.close(fd)
    if len(data) > _LARGEST:
        raise _unusable(path, f"is larger than {_LARGEST >> 20} MiB", "move it away")
    return _parsed(path, data, use)


def _parsed(path: Path, data: bytes, use: Use) -> tuple[Token, ...]:
    remedy = f"put back a copy of it, or move it away and give out new tokens: `{use.command} add`"
    try:
        entries = _File.model_validate_json(data).tokens
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        fault = f"{where}: {first['msg']}" if where else first["msg"]
        raise _unusable(path, f"is no file of tokens: {printable(fault)}", remedy) from None
    names = [entry.name for entry in entries]
    for entry in entries:
        for scope in entry.scopes:
            if scope not in use.scopes:
                raise _unusable(
                    path,
                    f"has a token {entry.name!r} with the scope {printable(scope)!r}, expected"
                    f" {_any_of(use)}",
                    remedy,
                )
    for name in names:
        if name in use.reserved or names.count(name) > 1:
            raise _unusable(path, f"has a token {name!r} that may not be, or twice", remedy)
    return tuple(
        Token(entry.name, frozenset(entry.scopes), entry.sha256, entry.created, entry.expires)
        for entry in entries
    )


def _any_of(use: Use) -> str:
    return ", ".join(use.scopes)


def _unusable(path: Path, what: str, remedy: str) -> SetupError:
    return SetupError(f"{path}: {what}; {remedy}")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a new file is to belong to: whoever reads it, where root makes it."""

    user: int
    group: int


class TokenFile:
    """The file, to be changed: one change at a time, and each is whole or not at all."""

    def __init__(
        self,
        path: Path,
        use: Use,
        owner: Owner | None = None,
        now: Callable[[], float] = time.time,
        disk: Disk = REAL,
    ) -> None:
        """``owner`` counts where this runs as root and there is no file yet."""
        self._path = path
        self._use = use
        self._owner = owner
        self._now = now
        self._disk = disk

    def add(self, name: str, scopes: Collection[str], days: int | None = None) -> str:
        """Make a token, which is known only now: the file keeps its hash.

        Raises:
            UsageError: the name, the scopes or the days will not do, or the name is taken.
            SetupError: the file cannot be used.
            DiskError: it cannot be written.
        """
        self._check(name, scopes, days)
        with self._alone():
            tokens = read(self._path, self._use)
            if any(token.name == name for token in tokens):
                raise UsageError(
                    f"there is a token {name!r} already; take another name, or first"
                    f" `{self._use.command} revoke {name}`"
                )
            secret = new_secret()
            created = utc(self._now())
            expires = None if days is None else created + timedelta(days=days)
            token = Token(name, frozenset(scopes), hashed(secret), created, expires)
            self._write((*tokens, token))
        return secret

    def revoke(self, name: str) -> None:
        """Forget a token: it is refused from its next request on.

        Raises:
            UsageError: there is none of this name.
            SetupError, DiskError: as :meth:`add`.
        """
        with self._alone():
            tokens = read(self._path, self._use)
            left = tuple(token for token in tokens if token.name != name)
            if len(left) == len(tokens):
                near = did_you_mean(name, (token.name for token in tokens))
                near = near or f"; `{self._use.command} list` shows them"
                raise UsageError(f"there is no token {printable(name)!r}{near}")
            self._write(left)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other commands away, by a lock on the folder, since the file is replaced."""
        folder = self._path.parent
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise SetupError(
                f"{folder}: cannot be used: {error.strerror}; expected the folder that the tokens"
                f" are to be in ({self._use.setting})"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _write(self, tokens: Collection[Token]) -> None:
        entries = tuple(
            _Entry(
                name=token.name,
                scopes=tuple(sorted(token.scopes)),
                sha256=token.sha256,
                created=token.created,
                expires=token.expires,
            )
            for token in tokens
        )
        data = _File(version=1, tokens=entries).model_dump_json(indent=1).encode() + b"\n"
        # The folder is locked, so the name is nobody else's. A link is followed, and stays.
        target = Path(os.path.realpath(self._path))
        scratch = target.with_name(f".{target.name}.new")
        try:
            fd = write_new(self._disk, str(scratch), data, _MODE)
            try:
                self._give(fd)
                self._disk.fsync(fd)
            finally:
                self._disk.close(fd)
            self._disk.rename(str(scratch), str(target))
            sync_folder(self._disk, str(target.parent))
        except OSError as error:
            with contextlib.suppress(OSError):
                self._disk.unlink(str(scratch))
            raise DiskError(
                f"{target}: cannot be written: {os.strerror(error.errno or 0)}; the tokens are what"
                f" they were; run this as root or as {self._use.reader}, on a disk with room"
            ) from error

    def _give(self, fd: int) -> None:
        """To who reads it: root would make a file that they could not read."""
        if os.geteuid() != 0:
            return
        try:
            status = os.stat(self._path)
            owner: Owner | None = Owner(status.st_uid, status.st_gid)
        except FileNotFoundError:
            owner = self._owner
        if owner is not None:
            os.fchown(fd, owner.user, owner.group)

    def _check(self, name: str, scopes: Collection[str], days: int | None) -> None:
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{printable(name)!r} is no name for a token, expected up to 40 of a-z 0-9 . _ -,"
                " with a letter or digit at either end"
            )
        if name in self._use.reserved:
            raise UsageError(f"the name {name!r} is this host's commands' own; take another")
        if not scopes or not set(scopes) <= set(self._use.scopes):
            raise UsageError(f"a token needs a scope: {_any_of(self._use)}")
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise UsageError(f"{days} days, expected 1 to {LONGEST_DAYS}")
