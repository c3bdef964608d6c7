"""Who asks: whom the kernel names, or whose token a program shows (R16).

A program that shows a token is the person ``token:<name>``, whatever user it runs as, and is in no
group; the trail has that user beside it. One that shows a token that is nobody's is nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ivr.errors import RefusedError, SetupError
from ivr.retention.model import Person
from ivr.tokens.known import KnownTokens, Unknown
from ivr.tokens.token import Use

RECORDINGS = "recordings"
"""The one scope that there is: to ask the service. What for, the person's roles say."""
USE = Use(
    scopes=(RECORDINGS,),
    command="ivr retention token",
    reader="the retention service's user",
    setting="tokens in access.yaml",
)
"""Of the service's file."""


class UnknownTokenError(RefusedError):
    """What was shown as a token is nobody's, so that whoever showed it may nothing."""


class Callers:
    """Says who makes a request."""

    def __init__(self, tokens: Path | None, now: Callable[[], float] = time.time) -> None:
        """``tokens`` is the file of tokens, None where there is none; ``now`` the host's wall
        clock, in seconds. Nothing is read yet."""
        self._known = KnownTokens(lambda: tokens, USE, now) if tokens else None

    def of(self, peer: Person, authorization: str | None) -> Person:
        """Who asks, where ``peer`` is whom the kernel names, and ``authorization`` the header of
        that name; None where there is none.

        Raises:
            UnknownTokenError: there is one, and it is nobody's token: then it is never the peer.
            SetupError: the file of tokens cannot be used; the log says why.
        """
        if authorization is None:
            return peer
        kind, _, secret = authorization.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise UnknownTokenError(
                "the header Authorization has no token, expected: Bearer ivr_..."
            )
        if self._known is None:
            raise UnknownTokenError(
                "the service takes no tokens: access.yaml names no file of them (tokens)"
            )
        try:
            token = self._known.whose(secret.strip())
        except SetupError:
            raise SetupError(
                "the service cannot use its file of tokens, so that it takes none;"
                " its log says what to do"
            ) from None
        if token is Unknown.EXPIRED:
            raise UnknownTokenError(
                "the token's time is over; it needs a new one: ivr retention token add"
            )
        if isinstance(token, Unknown) or RECORDINGS not in token.scopes:
            raise UnknownTokenError(
                "the token is none of the service's, or it was revoked; those that there are:"
                " ivr retention token list"
            )
        return Person(f"token:{token.name}", behalf=peer.user)
