"""Who makes a request of the HTTP interface, and what they may do.

The file of tokens is looked at again at each request, so that a token that was added or revoked
is so at once.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import structlog

from ivr.api.token_file import read
from ivr.api.tokens import ENGINEER, Scope, Token, hashed
from ivr.errors import SetupError

log = structlog.get_logger(__name__)

_SETTLED_NS = 1_000_000_000
"""A file that changed less than this ago may change again without looking changed."""


class Client(NamedTuple):
    """Who makes a request."""

    name: str
    """Of the token; :data:`ENGINEER` for this host's commands."""
    scopes: frozenset[Scope]
    by: str
    """Who pauses, as :class:`ivr.core.entries.PauseStarted` has it."""


class Unknown(Enum):
    """Why a token is nobody's."""

    BAD = "bad"
    """There is no such token: it never was, or it was revoked."""
    EXPIRED = "expired"


class Access:
    """Who may do what, by the file of tokens as it is at each request."""

    def __init__(
        self, path: Callable[[], Path], engineer: str = "", now: Callable[[], float] = time.time
    ) -> None:
        """``path`` says where the file is, which a reload may change. ``engineer`` is the secret
        of this host's commands; empty where there is none. ``now`` is the host's wall clock, in
        seconds. Nothing is read yet."""
        self._path = path
        self._engineer = hashed(engineer) if engineer else ""
        self._now = now
        self._seen: tuple[int, int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()
        self._fault = ""

    def whose(self, secret: str) -> Client | Unknown:
        """Who has this token.

        Raises:
            SetupError: the file cannot be used, so that nobody's token is accepted; with what to
                do. It is logged once.
        """
        given = hashed(secret)
        # Every token is compared, in constant time each: how long it takes tells nothing.
        if self._engineer and hmac.compare_digest(given, self._engineer):
            return Client(ENGINEER, frozenset(Scope), ENGINEER)
        self._look()
        if self._fault:
            raise SetupError(self._fault)
        found = [token for token in self._tokens if hmac.compare_digest(given, token.sha256)]
        if not found:
            return Unknown.BAD
        token = found[0]
        if token.expires is not None and self._now() >= token.expires.timestamp():
            return Unknown.EXPIRED
        return Client(token.name, token.scopes, "page")

    def _look(self) -> None:
        """Read the file again where it is not what it was: a look at it takes 2 µs."""
        path, seen = self._path(), None
        try:
            status = os.stat(path)
        except OSError:
            pass  # reading it says why
        else:
            # A change replaces the file, so that its inode is another; by hand, the times are.
            seen = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
            if seen == self._seen:
                return
        fault = ""
        try:
            self._tokens = read(path)
        except SetupError as error:
            self._tokens, fault = (), str(error)
            if fault != self._fault:
                log.error("no token is accepted: their file cannot be used", error=fault)
        self._fault = fault
        # What went wrong with the file, such as a want of descriptors, may mend itself.
        settled = seen is not None and not fault and time.time_ns() - max(seen[2:]) > _SETTLED_NS
        self._seen = seen if settled else None
