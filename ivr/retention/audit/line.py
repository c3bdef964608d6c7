"""A line of the trail: ``<seq> <hash> <json>``; pure.

``hash`` is the SHA-256 of the previous line's hash (32 bytes), the entry's number in decimal, a
space, and the JSON's bytes; before the first line it is 32 zero bytes. The JSON is one line of
ASCII with its keys sorted: what strangers sent is escaped and can break no line (R23). Only
what is not empty is in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple, Protocol

from ivr.retention.model import BY, Entry

LONGEST = 1 << 20
"""Bytes of the longest line there may be."""

_SHAPE = re.compile(rb"([1-9][0-9]{0,17}) ([0-9a-f]{64}) (\{[ -~]*\})")
_TEXTS = ("at", "who", "action", "outcome", "call", "case", "rule", "detail", "sealed")


class WallClock(Protocol):
    """Tells the date."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00Z, as the host believes."""


class Head(NamedTuple):
    """The last entry there is, or was."""

    seq: int
    """Its number; 0 where there is none."""
    hash: bytes
    """32 bytes."""

    def __str__(self) -> str:
        return f"{self.seq} {self.hash.hex()}"


NOTHING = Head(0, bytes(32))
"""The head of an empty trail."""


def head_of(text: str) -> Head:
    """The head that ``str(head)`` made. Raises ValueError."""
    seq, _space, digest = text.partition(" ")
    head = Head(int(seq), bytes.fromhex(digest))
    if head.seq < 0 or len(head.hash) != 32:
        raise ValueError(f"{text!r} is no head of an audit trail")
    return head


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry as it was read from the trail; texts that it lacks are empty."""

    seq: int
    hash: bytes
    at: str
    """ISO 8601 in UTC with milliseconds: ``2026-03-29T01:00:00.250Z``."""
    who: str = ""
    action: str = ""
    outcome: str = ""
    call: str = ""
    case: str = ""
    rule: str = ""
    detail: str = ""
    sealed: str = ""
    """SHA-256 of salt and particulars, hex; empty where the entry has none."""

    @property
    def person(self) -> str:
        """Who, without the program that asked for them."""
        return self.who.partition(BY)[0]


class Shape(NamedTuple):
    """A line's three fields, not yet believed."""

    seq: int
    hash: bytes
    text: bytes


def moment(wall_ms: int) -> str:
    """A moment as ``at`` has it."""
    second = datetime.fromtimestamp(wall_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{second}.{wall_ms % 1000:03d}Z"


def _json(value: Mapping[str, str]) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def canonical(particulars: Mapping[str, str]) -> str:
    """Particulars as one text, always the same for the same ones."""
    return _json(particulars)


def seal(salt: str, text: str) -> str:
    """The hash that stands in the trail for particulars.

    ``salt`` is 64 hex digits: once it is gone, nobody can try which number or address it was.
    """
    return sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


def text_of(entry: Entry, at: str, sealed: str = "") -> bytes:
    """The JSON of an entry."""
    texts = {
        "at": at,
        "who": entry.who,
        "action": entry.action,
        "outcome": entry.outcome,
        "call": entry.call,
        "case": entry.case,
        "rule": entry.rule,
        "detail": entry.detail,
        "sealed": sealed,
    }
    return _json({name: text for name, text in texts.items() if text}).encode("ascii")


def chained(before: bytes, seq: int, text: bytes) -> bytes:
    """The hash of the entry ``seq`` that follows one with the hash ``before``."""
    return sha256(b"%b%d %b" % (before, seq, text)).digest()


def line_of(seq: int, digest: bytes, text: bytes) -> bytes:
    """A line with its end."""
    return b"%d %b %b\n" % (seq, digest.hex().encode("ascii"), text)


def shape(line: bytes) -> Shape | None:
    """A line without its end, in its fields; None where it is no line of a trail."""
    found = _SHAPE.fullmatch(line) if len(line) <= LONGEST else None
    if found is None:
        return None
    return Shape(int(found[1]), bytes.fromhex(found[2].decode("ascii")), found[3])


def logged(line: bytes) -> Logged | None:
    """The entry of a line without its end; None where it is none. The hash is not checked."""
    found = shape(line)
    if found is None:
        return None
    try:
        value = json.loads(found.text)
    except (ValueError, RecursionError):
        return None
    texts = {name: text for name in _TEXTS if isinstance(text := value.get(name, ""), str)}
    return Logged(found.seq, found.hash, **{"at": "", **texts})
