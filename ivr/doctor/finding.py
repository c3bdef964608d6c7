"""What a check found: one small frozen value a check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "wrong", "unchecked"]
"""``unchecked``: it could not be looked at, and ``found`` says why. Neither that nor a warning
makes a host unfit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer; what is not ``ok`` says what was expected and what to do."""

    verdict: Verdict
    found: str
    """In one line."""
    expected: str = ""
    do: str = ""
    more: tuple[str, ...] = ()
    """Single things that belong to it, a line each."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finding and the name of the check that came to it."""

    check: str
    finding: Finding


def ok(found: str) -> Finding:
    """All is as it should be."""
    return Finding("ok", found)


def warning(found: str, expected: str, do: str, more: tuple[str, ...] = ()) -> Finding:
    """It works, and somebody should look at it."""
    return Finding("warning", found, expected, do, more)


def wrong(found: str, expected: str, do: str, more: tuple[str, ...] = ()) -> Finding:
    """Calls, recordings or callers' keys suffer from it."""
    return Finding("wrong", found, expected, do, more)


def unchecked(why: str, do: str = "") -> Finding:
    """It could not be looked at."""
    return Finding("unchecked", why, "", do)


def listed(faults: list[str], many: str) -> tuple[str, tuple[str, ...]]:
    """The only fault as ``found``, or how many there are (``many`` has ``{}``) and all of them."""
    if len(faults) == 1:
        return faults[0], ()
    return many.format(len(faults)), tuple(faults)
