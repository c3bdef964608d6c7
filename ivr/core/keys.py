"""Finding a sequence of keys in what a caller presses (R2), and counting digits (R6).

A stray key before the sequence does not hide it (``**#*`` and ``5*#*`` hold ``*#*``),
and too long a pause between two keys breaks it.
"""

from __future__ import annotations

from typing import NamedTuple


class Tail(NamedTuple):
    """The last keys that can still belong to the sequence, and when the last one came."""

    keys: str = ""
    at: int = 0


NO_KEYS = Tail()


def press(tail: Tail, key: str, at: int, sequence: str, inter_digit_ms: int) -> tuple[Tail, bool]:
    """Take one more key; say whether it completes ``sequence``.

    The tail that comes back holds only keys that begin the sequence, so it is empty
    exactly when nothing of the sequence is pending.
    """
    keys = key if at - tail.at > inter_digit_ms else tail.keys + key
    if keys.endswith(sequence):
        return NO_KEYS, True
    while keys and not sequence.startswith(keys):
        keys = keys[1:]
    return (Tail(keys, at) if keys else NO_KEYS), False


DIGIT_GAP_MS = 10_000
"""Digits that are further apart than this are not of one number."""


class Digits(NamedTuple):
    """How many digits came in a row, never which (R6)."""

    many: int = 0
    since: int = 0
    """When the first of them was pressed."""
    at: int = 0
    """When the last of them came."""


NO_DIGITS = Digits()


def counted(digits: Digits, key: str, at: int, held_ms: int = 0) -> Digits:
    """Take one more key, let go of ``at`` and held for so long before; what is no digit
    (``*``, ``#``) neither counts nor breaks the row."""
    if not key.isdigit():
        return digits
    if not digits.many or at - digits.at > DIGIT_GAP_MS:
        return Digits(1, at - held_ms, at)
    return Digits(digits.many + 1, digits.since, at)
