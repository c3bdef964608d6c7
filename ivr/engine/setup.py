"""What an engine needs of its process: one of it a spool, and enough file descriptors."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import os
import resource
import stat
import time
from pathlib import Path
from types import TracebackType

import structlog

from ivr.config.settings import Address
from ivr.errors import SetupError
from ivr.storage.places import ITS_DISK
from ivr.tokens.token import new_secret

log = structlog.get_logger(__name__)

_NAME = "engine.pid"
_SECRET = "engine.secret"  # noqa: S105 - the name of a file
_LONGEST = 512
"""Characters of it that are read."""
_TRIES, _TRY_S = 21, 0.01
"""For 200 ms another one may hold the file."""
_LAST_PORT = 65535
_SPARE = 512
"""Descriptors beside those of calls: logs, journal, audio being read, metrics."""


def many_files(connections: int) -> None:
    """Raise the limit of open files to what so many calls need, or say how far it reaches."""
    wanted = connections + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    reach = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (reach, hard))
    if reach < wanted:
        log.warning(
            "fewer calls at once than configured: the host's limit of open files is in the way",
            configured=connections,
            possible=reach - _SPARE,
            do="raise LimitNOFILE of the service",
        )


def steady() -> None:
    """Keep the collector's pauses out of calls' reaction times.

    What was loaded by now is never garbage: left to the collector, it holds up every call for
    some 50 ms at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)


class PidFile:
    """Says who the spool's engine is, and keeps a second one away from it."""

    def __init__(self, spool: Path, fallback: Path | None = None) -> None:
        """Claim the spool, and the fallback that goes with it.

        On a disk that is full the claim holds all the same, and is said nowhere: the commands of
        this host then find no engine.

        Raises:
            SetupError: another engine has one of them, or the file cannot be opened.
        """
        self._path = spool / _NAME
        self._fds = [_claimed(self._path, f"the spool {spool}", "a spool")]
        try:
            if fallback is not None:
                self._claim_spare(fallback)
            self.secret = new_secret()
            """What this host's commands may ask the engine with; new at each start."""
            self._hidden = spool / _SECRET
            self._say(self._fds[0], f"{os.getpid()}\n")
            _hide(self._hidden, self.secret)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                self._let_go()
                raise SetupError(f"cannot write {self._hidden}: {error.strerror}") from error
            log.warning("the spool takes no files: commands find no engine", error=error.strerror)
        except SetupError:
            self._let_go()
            raise

    def _claim_spare(self, fallback: Path) -> None:
        """Claim the fallback, unless its disk is what fails: a spare that is no use now keeps no
        engine from starting. Whoever looks at the folders says so, again and again."""
        try:
            fd = _claimed(fallback / _NAME, f"the fallback {fallback}", "a fallback")
        except SetupError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno not in ITS_DISK:
                raise
            log.info("fallback not claimed", fallback=str(fallback), why=cause.strerror)
            return
        self._fds.append(fd)
        with contextlib.suppress(OSError):
            self._say(fd, f"{os.getpid()}\n")

    @staticmethod
    def _say(fd: int, text: str) -> None:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)

    def tell(self, http: Address) -> None:
        """Say where the engine's pages are, for :meth:`http`: the site's file may change."""
        with contextlib.suppress(OSError):  # of a disk that is full, as was said
            self._say(self._fds[0], f"{os.getpid()}\n{http}\n")

    def _let_go(self) -> None:
        for fd in self._fds:
            os.close(fd)

    def __enter__(self) -> PidFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._hidden.unlink()
        for fd in self._fds:
            with contextlib.suppress(OSError):  # of a disk that fails by now
                os.ftruncate(fd, 0)
        self._let_go()

    @staticmethod
    def read(spool: Path) -> int:
        """The process id of the spool's engine.

        Raises:
            SetupError: none is running, or the file may not be read.
        """
        path = spool / _NAME
        try:
            with open(path, encoding="ascii") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            told = _told(path)[0]
            if told.isdigit() and int(told) > 1:
                return int(told)
            raise SetupError(
                f"{path} does not say which process the engine is; try again in a moment"
            ) from None
        except PermissionError as error:
            raise SetupError(
                f"cannot read {path}, so whether an engine is running is not known:"
                f" {error.strerror}; run this as root or as the engine's user"
            ) from error
        except OSError:
            pass
        raise SetupError(f"no engine is running on the spool {spool} (start it with `ivr serve`)")

    @staticmethod
    def http(spool: Path) -> Address | None:
        """Where the running engine's pages are; None where it has not said so."""
        host, _, port = _told(spool / _NAME)[1].rpartition(":")
        if not (host and port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            return None
        return Address.of(f"{host}:{port}")

    @staticmethod
    def secret_of(spool: Path) -> str:
        """What the running engine is to be asked with.

        Raises:
            SetupError: it may not be read, or somebody else than the engine put it there.
        """
        path = spool / _SECRET
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                status = os.fstat(fd)
                # Groups may write into the spool's folder; what the engine told of itself and
                # the secret are of one owner, or one of them was put there by another.
                owner = os.stat(spool / _NAME, follow_symlinks=False).st_uid
                private = stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077
                if not private or status.st_uid != owner:
                    raise SetupError(
                        f"{path} is not as the engine made it; restart the engine, and see who"
                        " else may write into the spool"
                    )
                return os.read(fd, _LONGEST).decode("ascii", "replace").strip()
            finally:
                os.close(fd)
        except OSError as error:
            raise SetupError(
                f"cannot read {path}: {error.strerror}; run this as root or as the engine's user"
            ) from error


def _claimed(path: Path, what: str, own: str) -> int:
    """The file, held against other engines.

    Raises:
        SetupError: another one holds it, or it cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error
    try:
        _lock(fd)
    except OSError as error:
        other = _lines(os.pread(fd, _LONGEST, 0).decode("ascii", "replace"))[0]
        os.close(fd)
        raise SetupError(
            f"process {other or '?'} is an engine on {what} already;"
            f" stop it, or give this one {own} of its own"
        ) from error
    return fd


def _lock(fd: int) -> None:
    """Hold the file. The commands that ask who does hold it for an instant: that is waited for.
    Raises OSError."""
    for left in reversed(range(_TRIES)):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(_TRY_S)
        else:
            return


def _hide(path: Path, secret: str) -> None:
    """Leave the secret where only this user reads it. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # of an engine that was killed
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        os.write(fd, f"{secret}\n".encode())
    finally:
        os.close(fd)


def _told(path: Path) -> tuple[str, str]:
    """Process and address, as the file has them; empty where it does not."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return _lines(file.read(_LONGEST))
    except OSError:
        return "", ""


def _lines(text: str) -> tuple[str, str]:
    first, second = (*text.splitlines(), "", "")[:2]
    return first.strip(), second.strip()
