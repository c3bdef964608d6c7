"""The names in the archive, and what stands between them and a path (R23).

``<day>/<call>.json`` is a record, ``<day>/<call>.wav`` the first part of its audio and
``<day>/<call>.2.wav`` the second; ``.flac`` and ``.opus`` where it is kept so, and ``.age`` after
all of it where it is sealed. Nothing else is ever read, written or removed.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, NamedTuple

from ivr.core.timeline import is_part_number
from ivr.errors import StoreError
from ivr.retention.model import Format
from ivr.storage.names import checked_call_id, is_call_id

_NAME = re.compile(r"([0-9a-f-]{36})(?:\.([0-9]+))?\.(json|wav|flac|opus)(\.age)?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
SEAL = ".age"
"""How the name of a sealed file ends."""


class Named(NamedTuple):
    """What a name says of its file."""

    call: str
    part: int
    """From 1; 0 of a record."""
    kind: Literal["json"] | Format
    sealed: bool


def part_name(stem: str, kind: Format, sealed: bool) -> str:
    """The name of a part whose stem is ``<call>`` or ``<call>.<number>``. Raises StoreError."""
    return checked_name(f"{stem}.{kind}{SEAL if sealed else ''}")


def record_name(call: str, sealed: bool) -> str:
    """The name of a call's record. Raises SpoolError for what is no call's id."""
    return f"{checked_call_id(call)}.json{SEAL if sealed else ''}"


def named(name: str) -> Named | None:
    """What a name says; None of one that is none of the archive's."""
    found = _NAME.fullmatch(name)
    if not found or not is_call_id(found[1]):
        return None
    call, number, kind, seal = found.groups()
    if number is not None and (kind == "json" or not is_part_number(number)):
        return None
    part = 0 if kind == "json" else int(number or 1)
    return Named(call, part, kind, bool(seal))  # type: ignore[arg-type] # the pattern's words


def checked_name(name: str) -> str:
    """The name, fit to become part of a path. Raises StoreError for any other."""
    if named(name) is None:
        shown = repr(name)
        raise StoreError(
            f"{shown[:80]}{'…' if len(shown) > 80 else ''} is no name of the archive\n"
            "  expected <call>.json, or <call>[.<part>] with .wav, .flac or .opus, and .age after"
            " it where it is sealed"
        )
    return name


def day_of(name: str) -> date | None:
    """The day that a folder is named by; None of one that is no day's."""
    if not _DAY.fullmatch(name):
        return None
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
