"""Ring groups: how several telephones become one dial string (R9, R20)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ivr.config.addresses import DialString, dials_number, legs
from ivr.config.document import Document, Where
from ivr.config.kinds import Kind, Known, wrong
from ivr.config.mistakes import quoted

_EXTENSION = re.compile(r"[0-9]{2,20}")
WAYS = ("dial", "ring", "queue")
"""What a destination is, one of these."""


@dataclass(frozen=True, slots=True)
class Member(Kind):
    """One telephone of a group: an extension, or how FreeSWITCH dials it."""

    expected: str = 'an extension such as "1001" or one telephone such as "user/1001"'

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        if _EXTENSION.fullmatch(text):
            return text
        if "/" not in text:
            raise wrong(f"expected {self.expected}{self.hint(text)}")
        DialString().accept(text, known)
        if len(legs(text)) > 1:
            raise wrong(f"expected {self.expected}, each telephone as an item of its own")
        if dials_number(text):
            raise wrong(f"expected {self.expected}, without $number")
        return text

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        digits = re.sub(r"[\s().-]", "", text)
        return f", did you mean {quoted(digits)}?" if _EXTENSION.fullmatch(digits) else ""


@dataclass(frozen=True, slots=True)
class Music(Kind):
    """What callers who wait are played."""

    expected: str = 'what FreeSWITCH can play, such as "local_stream://moh", without spaces'
    pattern: str | None = r"[A-Za-z0-9_]+://[!#%-;=?-~]{1,500}|/[!#%-;=?-~]{1,500}"


def dialled(member: str) -> str:
    """How FreeSWITCH dials a member."""
    return f"user/{member}" if _EXTENSION.fullmatch(member) else member


def dial_string(ring: str, members: Sequence[str], turn: int = 0) -> str:
    """The group as one dial string; with ``round`` it begins with the member whose turn it is."""
    if ring == "at-once":
        return ",".join(map(dialled, members))
    first = turn % len(members) if ring == "round" else 0
    return "|".join(map(dialled, (*members[first:], *members[:first])))


def telephones(document: Document, name: str) -> Iterator[tuple[str, Where]]:
    """Every telephone that a destination may ring, as it is dialled, and where that is written.

    Of ``dial``, of a ring group's members and of a queue's; of a file that may have mistakes.
    """
    dial = document.text(name, "dial")
    for leg in legs(dial) if dial else ():
        yield leg, (name, "dial")
    for way in ((name, "members"), (name, "queue", "members")):
        listed = document.at(*way)
        for n in range(len(listed) if isinstance(listed, list) else 0):
            if text := document.text(*way, n):
                for leg in legs(dialled(text)):
                    yield leg, (*way, n)


def check_destinations(document: Document) -> None:
    """Note destinations that are nothing, or several things at once, and members twice."""
    for name in document.names():
        if not isinstance(document.at(name), dict):
            continue
        _one_way(document, name)
        for way in ((name, "members"), (name, "queue", "members")):
            _twice(document, way)
        if document.at(name, "payment_line") is True and document.at(name, "queue") is not None:
            document.say(
                (name, "queue"),
                f"payment line {quoted(name)} is a queue, expected dial, or ring with members: who "
                "takes a call from a queue cannot be told before it rings",
                at_key=True,
            )


def _one_way(document: Document, name: str) -> None:
    here = [way for way in WAYS if document.at(name, way) is not None]
    members = document.at(name, "members") is not None
    if len(here) > 1:
        document.say(
            (name, here[1]),
            f'{quoted(name)} has "{here[0]}" and "{here[1]}", expected one of them',
            at_key=True,
        )
    elif not here:
        expected = (
            "ring: <at-once, in-order or round>"
            if members
            else ("dial: <what FreeSWITCH's bridge is given>, or ring and members, or queue")
        )
        document.say(
            (name,),
            f"{quoted(name)} does not say how it is called, expected {expected}",
            at_key=True,
        )
    elif here == ["ring"] and not members:
        document.say(
            (name, "ring"),
            f'{quoted(name)} has "ring" and no members, expected members: ["1001", "1002"]',
            at_key=True,
        )
    elif members and here != ["ring"]:
        document.say(
            (name, "members"),
            f'{quoted(name)} has "{here[0]}" and "members", expected members beside ring only',
            at_key=True,
        )


def _twice(document: Document, way: Where) -> None:
    listed = document.at(*way)
    found: dict[str, int] = {}
    for n in range(len(listed) if isinstance(listed, list) else 0):
        text = document.text(*way, n)
        if text is None:
            continue
        if dialled(text) in found:
            document.say(
                (*way, n), f"{quoted(text)} is a member twice, expected each telephone once"
            )
        found.setdefault(dialled(text), n)
