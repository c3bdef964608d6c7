"""Encryption at rest with age: to public keys on this host, with secret keys elsewhere.

What is sealed can be read by nobody who has this host, nor by this program, without an identity
that somebody gives for the moment. Streams; constant memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import pyrage  # type: ignore[import-untyped] # it has no types

from ivr.errors import ConfigError, StoreError

_A = TypeVar("_A")
_B = TypeVar("_B")
_RECIPIENT = "age1"
_IDENTITY = "AGE-SECRET-KEY-1"


class SealedError(StoreError):
    """What is sealed cannot be opened: no identity was given, or none that fits."""

    retry = False


class Reads(Protocol):
    """What is sealed or opened."""

    def read(self, count: int, /) -> bytes:
        """At most so many bytes; none at the end."""


class Writes(Protocol):
    """Where it goes."""

    def write(self, data: bytes, /) -> int:
        """Take all of it."""

    def flush(self) -> None:
        """Hand on what was taken."""


class _Kept:
    """Both ends of a stream; keeps the error of one of them, of which age tells the text only."""

    def __init__(self, source: Reads, target: Writes) -> None:
        self._source = source
        self._target = target
        self.error: BaseException | None = None

    def read(self, count: int) -> bytes:
        return self._watched(self._source.read, count)

    def write(self, data: bytes) -> int:
        return self._watched(self._target.write, data)

    def flush(self) -> None:
        self._watched(lambda _none: self._target.flush(), None)

    def _watched(self, call: Callable[[_A], _B], argument: _A) -> _B:
        try:
            return call(argument)
        except BaseException as error:
            self.error = error
            raise


class Recipients:
    """Public keys that what is kept is sealed to."""

    def __init__(self, keys: Sequence[str]) -> None:
        """``age1…``, as age-keygen tells them. Raises ConfigError for what is no such key."""
        self._keys = [_recipient(key) for key in keys]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def seal(self, source: Reads, target: Writes) -> None:
        """Write all that the source has, sealed. Raises what either of them raises."""
        both = _Kept(source, target)
        try:
            pyrage.encrypt_io(both, both, self._keys)
            both.flush()
        except (pyrage.EncryptError, OSError):
            if both.error is not None:
                raise both.error from None
            raise


class Identities:
    """Secret keys, for as long as somebody gives them."""

    def __init__(self, text: bytes) -> None:
        """What age-keygen wrote: lines of ``AGE-SECRET-KEY-1…``, and comments. Raises SealedError
        for anything else; it never says what was there."""
        self._keys = [
            _identity(line.strip(), number)
            for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
        if not self._keys:
            raise SealedError(
                "the identity holds no secret key\n"
                f"  expected a file as age-keygen writes it, with a line {_IDENTITY}…"
            )

    def open(self, source: Reads, target: Writes) -> bool:
        """Write what is sealed in the source, opened; False where it is damaged. What was written
        is then worth nothing.

        Raises SealedError where no identity fits; what either of the two raises.
        """
        both = _Kept(source, target)
        try:
            pyrage.decrypt_io(both, both, self._keys)
            both.flush()
        except (pyrage.DecryptError, OSError) as error:
            if both.error is not None:
                raise both.error from None
            if "No matching keys" in str(error):
                raise SealedError(
                    "none of the secret keys of the identity opens it\n"
                    "  it is sealed to other keys; give the identity of one of the recipients that"
                    " were configured when it was kept"
                ) from None
            return False
        return True


def _recipient(key: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError as error:
        secret = key.upper().startswith("AGE-SECRET-KEY-")
        shown = "a secret key, which must not be on this host" if secret else repr(key[:80])
        raise ConfigError(
            f"{shown} is no recipient of age: {'' if secret else error}\n"
            f"  expected a public key, {_RECIPIENT}… as age-keygen tells it"
        ) from error


def _identity(line: str, number: int) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        raise SealedError(
            f"line {number} of the identity is no secret key of age\n"
            f"  expected {_IDENTITY}…, as age-keygen writes it; ssh keys and plugins do not do"
        ) from None
