"""Bearer tokens: what one is, and what is kept of it.

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

PREFIX = "ivr_"

_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,}}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token."""

    name: str
    """Who it was given to, as logs show it."""
    scopes: frozenset[str]
    """What it may be used for; each is one of :attr:`Use.scopes`."""
    sha256: str
    """Of the whole token, lower-case hex."""
    created: datetime
    expires: datetime | None = None
    """It is not accepted from this moment on."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a file of tokens is for: what may stand in it, and the words for it."""

    scopes: tuple[str, ...]
    """All that there are, in the order in which people are told them."""
    command: str
    """Changes the file: ``ivr token``."""
    reader: str
    """Whose the file is to be: ``the engine's user``."""
    setting: str
    """What names the file: ``http.tokens in the site file``."""
    reserved: frozenset[str] = frozenset()
    """Names that none of its tokens may have."""


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
