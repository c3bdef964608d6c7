"""Who makes a request of the HTTP interface, and what they may do.

The file of tokens is looked at again at each request, so that a token that was added or revoked
is so at once.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ivr.api.tokens import ENGINEER, USE, Scope
from ivr.tokens.known import KnownTokens, Unknown
from ivr.tokens.token import hashed

__all__ = ["Access", "Client", "Unknown"]


class Client(NamedTuple):
    """Who makes a request."""

    name: str
    """Of the token; :data:`ENGINEER` for this host's commands."""
    scopes: frozenset[Scope]
    by: str
    """Who pauses, as :class:`ivr.core.entries.PauseStarted` has it."""


class Access:
    """Who may do what, by the file of tokens as it is at each request."""

    def __init__(
        self, path: Callable[[], Path], engineer: str = "", now: Callable[[], float] = time.time
    ) -> None:
        """``path`` says where the file is, which a reload may change. ``engineer`` is the secret
        of this host's commands; empty where there is none. ``now`` is the host's wall clock, in
        seconds. Nothing is read yet."""
        self._engineer = hashed(engineer) if engineer else ""
        self._known = KnownTokens(path, USE, now)

    def whose(self, secret: str) -> Client | Unknown:
        """Who has this token.

        Raises:
            SetupError: the file cannot be used, so that nobody's token is accepted; with what to
                do. It is logged once.
        """
        if self._engineer and hmac.compare_digest(hashed(secret), self._engineer):
            return Client(ENGINEER, frozenset(Scope), ENGINEER)
        token = self._known.whose(secret)
        if isinstance(token, Unknown):
            return token
        return Client(token.name, frozenset(map(Scope, token.scopes)), "page")
