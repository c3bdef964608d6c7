"""Bearer tokens of the HTTP interface, and their scopes.

A token is 256 random bits behind a prefix by which a leaked one is recognised. The file keeps
only its SHA-256. A slow hash (argon2, bcrypt) protects what people think of, which can be
guessed; 256 random bits cannot be, however fast the hash is, and a slow one would cost each
request its time.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

PREFIX = "ivr_"
ENGINEER = "engineer"
"""The name of the secret that the running engine leaves for this host's commands. No token of
the file may have it."""

_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,}}")


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "calls:read"
    """See the calls in progress."""
    PAUSE = "recording:pause"
    """Pause and resume recordings."""
    MARK = "calls:mark"
    """Mark calls as abusive."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token."""

    name: str
    """Who it was given to, as logs show it."""
    scopes: frozenset[Scope]
    sha256: str
    """Of the whole token, lower-case hex."""
    created: datetime
    expires: datetime | None = None
    """It is not accepted from this moment on."""


def new_secret() -> str:
    """A token that nobody has yet."""
    return PREFIX + secrets.token_urlsafe(32)


def hashed(secret: str) -> str:
    """What is kept of a token in its place."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def hidden(text: str) -> str:
    """The text without the tokens in it, wherever somebody put one by mistake."""
    return _SHAPE.sub(PREFIX + "...", text)


def utc(seconds: float) -> datetime:
    """The moment, in UTC and whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)
