"""Payment lines: the numbers by which FreeSWITCH's events name a leg that was dialled (R6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ivr.config.addresses import dials_number, legs
from ivr.config.document import Document, Place
from ivr.config.groups import dialled, telephones
from ivr.config.mistakes import quoted
from ivr.config.schema import DestinationsFile
from ivr.config.telephone import Number

_LEG = re.compile(
    r"(?:user|sofia/[^/]+|sofia/gateway/[^/]+)/(?:sips?:)?([A-Za-z0-9+*#._-]{1,64})(?:@.*)?"
    r"|loopback/([A-Za-z0-9+*#._-]{1,64})(?:/.*)?"
)


_LOOPBACK = re.compile(r"(?:^|[\]}>])loopback/", re.IGNORECASE)
"""Also behind brackets within brackets, which are not taken away whole."""


def number_of(leg: str) -> str | None:
    """What the other leg's destination number will be for ``user/1500``, ``sofia/gateway/g/01427``,
    ``sofia/profile/1500@host`` or ``loopback/1500/context``; ``None`` for other ways to dial.

    FreeSWITCH reports what stands between the last ``/`` or ``:`` and the ``@``. For ``user/…`` it
    is the user part of the address that the telephone registered, by custom the same.
    """
    found = _LEG.fullmatch(leg)
    return (found[1] or found[2]) if found else None


def payment_lines(destinations: DestinationsFile) -> frozenset[str]:
    """The numbers of all payment lines; of files without mistakes."""
    numbers: set[str] = set()
    for destination in destinations.root.values():
        if destination.payment_line:
            numbers.update(destination.numbers or ())
            members = [leg for member in destination.members or () for leg in legs(dialled(member))]
            rung = (*legs(destination.dial or ""), *members)
            numbers.update(filter(None, map(number_of, rung)))
    return frozenset(numbers)


def check_lines(document: Document) -> None:
    """Note payment lines that could not be recognised, and others that would be taken for one."""
    lines: dict[str, str] = {}
    others: list[_Rung] = []
    for name in document.names():
        listed = document.at(name, "numbers")
        if document.at(name, "payment_line") is not True:
            if listed is not None:
                document.say(
                    (name, "numbers"),
                    '"numbers" are a payment line\'s, expected payment_line: true beside them, or '
                    "no numbers",
                    at_key=True,
                )
            others.extend(_rung(document, name))
            continue
        mine = [
            _Rung(name, number, document.place((name, "numbers"))) for number in _listed(listed)
        ]
        rung = list(_rung(document, name))
        mine += [one for one in rung if one.number]
        for one in mine:
            lines.setdefault(one.number, name)
        if dials_number(document.text(name, "dial") or ""):
            document.say(
                (name, "dial"),
                f"payment line {quoted(name)} calls $number, whatever staff dial, expected a "
                "telephone of its own: every such call would be paused",
            )
            continue
        through = [one.leg for one in rung if _LOOPBACK.search(one.leg)]
        if through:
            # Seen: the caller was recorded at the line (docs/freeswitch.md 52).
            document.say(
                (name, "dial" if document.text(name, "dial") else "members"),
                f"payment line {quoted(name)} is called through {quoted(through[0])}, expected "
                f"its telephone itself, such as {quoted('user/1500')} or "
                f"{quoted('sofia/gateway/provider/1500')}: loopback steps out of the call, and its "
                "recording would go on",
            )
            continue
        unknown = [one.leg for one in rung if not one.number]
        if unknown and listed is None:
            document.say(
                (name, "dial" if document.text(name, "dial") else "members"),
                f'no number can be read out of {quoted(unknown[0])}, expected numbers: ["…"] for '
                "this payment line, as FreeSWITCH reports the leg's destination number",
            )
    for other in others:
        if line := lines.get(other.number):
            document.say_at(
                other.place,
                f"{quoted(other.leg)} is a number of the payment line {quoted(line)} too, expected "
                "a number of its own: calls to it would be paused, and not recorded",
            )


@dataclass(frozen=True, slots=True)
class _Rung:
    """One telephone of a destination."""

    destination: str
    number: str
    place: Place
    leg: str = ""


def _listed(value: object) -> list[str]:
    numbers = value if isinstance(value, list) else []
    return [one for one in numbers if isinstance(one, str) and Number().fits(one)]


def _rung(document: Document, name: str) -> Iterator[_Rung]:
    for leg, where in telephones(document, name):
        yield _Rung(name, number_of(leg) or "", document.place(where), leg)
