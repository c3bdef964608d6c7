"""Customers' numbers, as they are looked for: in one form however they were written, or as keyed
hashes of it where the archive is sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Protocol

from ivr.errors import UsageError

LEAST_TAIL = 4
"""So many last digits must be given at least: fewer would list half of the archive."""
_MOST_TAIL = 24
_MOST_DIGITS = 32
"""A caller may send any text as a number (R23): what is longer is none."""
_SHORT = 6
"""Numbers of so few digits are extensions and services, whatever they begin with."""
_LEAST_NATIONAL = 9
"""The United Kingdom has numbers of nine digits after the 0, and of ten."""


class Numbers(Protocol):
    """How numbers stand in the index."""

    def whole(self, number: str) -> str:
        """What stands for a number, however it was written; empty where it has no digits."""

    def tail(self, number: str) -> str:
        """What stands for its last digits; empty where it has none."""

    def tail_query(self, digits: str) -> str:
        """What to look for in tails: it is their beginning. Raises UsageError where these last
        digits cannot be looked for."""


class PlainNumbers:
    """Numbers as their digits, the country's code first: ``01277 312500``, ``+44 1277 312500`` and
    ``00441277312500`` are all ``441277312500``. Numbers without a country's code that do not
    begin with 0 (extensions, 999) are as they are."""

    def __init__(self, country: str = "44") -> None:
        self._country = country

    def whole(self, number: str) -> str:
        """See :class:`Numbers`."""
        return normalised(number, self._country)

    def tail(self, number: str) -> str:
        """See :class:`Numbers`: its digits backwards."""
        return self.whole(number)[::-1][:_MOST_TAIL]

    def tail_query(self, digits: str) -> str:
        """See :class:`Numbers`."""
        return _last(digits, self._country)[::-1][:_MOST_TAIL]


class KeyedNumbers:
    """HMAC-SHA256 of numbers and of their last four digits: who has the index alone learns no
    number from it, and who has the key finds what they look for."""

    def __init__(self, key: bytes, country: str = "44") -> None:
        if len(key) < 16:
            raise ValueError("a key of 16 bytes at least")
        self._key = key
        self._country = country

    def whole(self, number: str) -> str:
        """See :class:`Numbers`."""
        return self._hash("whole", normalised(number, self._country))

    def tail(self, number: str) -> str:
        """See :class:`Numbers`: of its last four digits, or of all where it has fewer."""
        return self._hash("tail", normalised(number, self._country)[-LEAST_TAIL:])

    def tail_query(self, digits: str) -> str:
        """See :class:`Numbers`."""
        last = _last(digits, self._country)
        if len(last) != LEAST_TAIL:
            raise UsageError(
                f"the archive is sealed, and only the last {LEAST_TAIL} digits of a number can be"
                f" looked for: give {LEAST_TAIL}, or the whole number"
            )
        return self._hash("tail", last)

    def _hash(self, kind: str, digits: str) -> str:
        text = f"{kind}:{digits}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest() if digits else ""


def normalised(number: str, country: str = "44") -> str:
    """The digits of a number, its country's code first where one can tell; empty where it has
    none, or more than any number has."""
    text = number.strip().partition("@")[0]
    digits = _digits(text)
    if len(digits) > _MOST_DIGITS:
        return ""
    if re.match(r"(?i)(sips?:|tel:)?[\s(]*\+", text):
        return _abroad(digits, country)
    if digits.startswith("00") and len(digits) > _SHORT:
        return _abroad(digits[2:], country)
    if digits.startswith("0") and len(digits) > _SHORT:
        return country + digits[1:]
    if digits.startswith(country) and len(digits) >= len(country) + _LEAST_NATIONAL:
        return _abroad(digits, country)
    return digits


def _abroad(digits: str, country: str) -> str:
    """``+44 (0)1277 ...`` is how many write it: the 0 is not dialled then."""
    if digits.startswith(f"{country}0"):
        return country + digits[len(country) + 1 :]
    return digits


def _last(digits: str, country: str) -> str:
    text = _digits(digits)
    if len(text) < LEAST_TAIL:
        raise UsageError(
            f"{len(text)} last digits of a number are too few: {LEAST_TAIL} are needed at least"
        )
    national = text.startswith("0") and len(text) > _LEAST_NATIONAL
    whole = national or digits.strip().startswith("+")
    return normalised(digits, country) if whole else text


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)
