"""Whose a token is, by the file as it is at each request.

The file is looked at again each time, so that a token that was added or revoked is so at once.
"""

from __future__ import annotations

import hmac
import os
import threading
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import structlog

from ivr.errors import SetupError
from ivr.tokens.file import read
from ivr.tokens.token import Token, Use, hashed

log = structlog.get_logger(__name__)

_SETTLED_NS = 1_000_000_000
"""A file that changed less than this ago may change again without looking changed."""


class Unknown(Enum):
    """Why a token is nobody's."""

    BAD = "bad"
    """There is no such token: it never was, or it was revoked."""
    EXPIRED = "expired"


class _Seen(NamedTuple):
    """A file, as it was read."""

    path: Path | None = None
    mark: tuple[int, int, int, int] | None = None
    """By what a change of it shows; None where it is to be read again in any case."""
    tokens: tuple[Token, ...] = ()
    fault: str = ""


class KnownTokens:
    """The tokens of a file that others change meanwhile; for any number of threads."""

    def __init__(
        self, path: Callable[[], Path], use: Use, now: Callable[[], float] = time.time
    ) -> None:
        """``path`` says where the file is, which a reload may change. ``now`` is the host's wall
        clock, in seconds. Nothing is read yet."""
        self._path = path
        self._use = use
        self._now = now
        self._seen = _Seen()
        self._lock = threading.Lock()

    def whose(self, secret: str) -> Token | Unknown:
        """What is known of this token.

        Raises:
            SetupError: the file cannot be used, so that nobody's token is accepted; with what to
                do. It is logged once.
        """
        given = hashed(secret)
        seen = self._look()
        if seen.fault:
            raise SetupError(seen.fault)
        # Every token is compared, in constant time each: how long it takes tells nothing.
        found = [token for token in seen.tokens if hmac.compare_digest(given, token.sha256)]
        if not found:
            return Unknown.BAD
        token = found[0]
        if token.expires is not None and self._now() >= token.expires.timestamp():
            return Unknown.EXPIRED
        return token

    def _look(self) -> _Seen:
        """Read the file again where it is not what it was: a look at it takes 2 µs."""
        path = self._path()
        with self._lock:
            mark = _mark(path)
            if mark is None or mark != self._seen.mark or path != self._seen.path:
                self._seen = self._read(path, mark)
            return self._seen

    def _read(self, path: Path, mark: tuple[int, int, int, int] | None) -> _Seen:
        try:
            tokens = read(path, self._use)
        except SetupError as error:
            if str(error) != self._seen.fault:
                log.error("no token is accepted: their file cannot be used", error=str(error))
            # What went wrong with the file, such as a want of descriptors, may mend itself.
            return _Seen(path, None, (), str(error))
        settled = mark is not None and time.time_ns() - max(mark[2:]) > _SETTLED_NS
        return _Seen(path, mark if settled else None, tokens)


def _mark(path: Path) -> tuple[int, int, int, int] | None:
    """A change replaces the file, so that its inode is another; by hand, the times are. None
    where it cannot be told: reading the file says why."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
