"""The exempt extension: whatever in ``dialplan/`` would have a call with it recorded is a mistake
(R8).

Every text of every file is looked at, so that a key that is new is closed until it is known to be
harmless. Mistakes name both places: the offending one, and that of the exempt extension.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from ivr.config.addresses import dials_number, legs
from ivr.config.document import Document, Place, Where
from ivr.config.lines import number_of
from ivr.config.mistakes import quoted
from ivr.config.routes import LEAST_MORE, MOST_MORE
from ivr.config.schema.policy import PolicyFile
from ivr.config.telephone import Calling, Extension, Number, RouteNumber, dials, spellings

_KEY = "exempt"
_PROSE = frozenset({("name",), ("version",), ("date",), ("officer",)})
"""Notes for people."""
_DIALS = ("dial", "members")
"""Keys of what FreeSWITCH dials."""
_UNSEEN = re.compile(r"(?:^|[\]}>])(?:loopback|group)/|\$\{", re.IGNORECASE)
"""What steps out of the call, or what only FreeSWITCH can say."""
_RUNS = re.compile(r"\w*(?:record|exec|api_|eavesdrop|transfer|socket|three_way)\w*", re.IGNORECASE)
"""What in a dial string has something done to the leg."""


@dataclass(frozen=True, slots=True)
class ExemptExtension:
    """An extension of which no call is recorded."""

    extension: str
    numbers: tuple[str, ...]
    """Those from outside that reach it."""
    dial: str
    """What FreeSWITCH's ``bridge`` is given."""

    @property
    def dialled(self) -> tuple[str, ...]:
        """All that is dialled for it, the numbers from outside in every usual spelling."""
        spelled = (way for number in self.numbers for way in spellings(number))
        return tuple(dict.fromkeys((self.extension, *spelled)))

    @property
    def known_by(self) -> tuple[str, ...]:
        """What its telephone may call itself, or be called by FreeSWITCH's events."""
        rung = filter(None, map(number_of, legs(self.dial)))
        return tuple(dict.fromkeys((self.extension, *self.numbers, *rung)))

    def is_dialled_by(self, number: str) -> bool:
        """Whether the number is one of its own, in whatever spelling."""
        return any(dials(number, one) for one in (self.extension, *self.numbers))


def exempt_numbers(extensions: Iterable[ExemptExtension]) -> frozenset[str]:
    """All numbers by which FreeSWITCH's events may name a leg of theirs."""
    return frozenset(
        way for one in extensions for number in one.known_by for way in spellings(number)
    )


def exempt_extensions(policy: PolicyFile) -> tuple[ExemptExtension, ...]:
    """The exempt extensions of a policy without mistakes."""
    return tuple(
        ExemptExtension(
            one.extension, tuple(one.numbers or ()), one.dial or f"user/{one.extension}"
        )
        for one in policy.exempt or ()
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of ``exempt``, and each of its numbers."""

    extension: str
    numbers: frozenset[str]
    """With the extension, and with what its telephone is dialled by."""
    dial: str
    shown: str
    """Where it stands: ``file:line:column``."""

    def says(self, number: str) -> str:
        """What of this entry a number is, or is written another way."""
        if number == self.extension:
            return f"the exempt extension ({self.shown})"
        return f"a number of the exempt extension {quoted(self.extension)} ({self.shown})"

    @property
    def named(self) -> str:
        """The entry, with its place."""
        return f"the exempt extension {quoted(self.extension)} ({self.shown})"


def check_exempt(
    policy: Document, routes: Document, destinations: Document, teams: Iterable[Document]
) -> None:
    """Note a second exempt extension that nobody decided on, and all that would record one."""
    entries = list(_entries(policy))
    _check_entries(policy, entries)
    if not entries:
        return
    for document in (policy, *teams, destinations, routes):
        for where in list(document.values):
            text = document.text(*where)
            of_exempt = document is policy and where[:1] == (_KEY,)
            if text is None or of_exempt or (document is not routes and where in _PROSE):
                continue
            fault = _of_a_text(document, where, text, entries, document is routes)
            if fault is not None:
                document.say(where, fault)


def _entries(policy: Document) -> Iterator[_Entry]:
    listed = policy.at(_KEY)
    for n in range(len(listed) if isinstance(listed, list) else 0):
        extension = policy.text(_KEY, n, "extension")
        if extension is None or not Extension().fits(extension):
            continue
        more = policy.at(_KEY, n, "numbers")
        texts = [policy.text(_KEY, n, "numbers", k) for k in range(_length(more))]
        dial = policy.text(_KEY, n, "dial") or ""
        if not dial or dials_number(dial):  # the latter is a mistake of its own
            dial = f"user/{extension}"
        rung = filter(None, map(number_of, legs(dial)))
        numbers = [one for one in texts if one is not None and Number().fits(one)]
        place = policy.place((_KEY, n, "extension"))
        yield _Entry(
            extension,
            frozenset((extension, *numbers, *rung)),
            dial,
            f"{policy.shown}:{place.line}:{place.column}",
        )


def _length(listed: object) -> int:
    return len(listed) if isinstance(listed, list) else 0


def _check_entries(policy: Document, entries: list[_Entry]) -> None:
    """One, or more by a decision, each with numbers and a telephone of its own."""
    first = entries[0].shown if entries else ""
    for n in range(1, _length(policy.at(_KEY))):
        missing = [key for key in ("reason", "date") if policy.at(_KEY, n, key) is None]
        if missing:
            policy.say(
                (_KEY, n),
                f"a second exempt extension ({first} is the first), expected one, or "
                f"{' and '.join(f'{key}: …' for key in missing)} beside it, since it is decided "
                "that there are more",
            )
    numbers: dict[str, Place] = {}
    for n in range(_length(policy.at(_KEY))):
        rung = legs(policy.text(_KEY, n, "dial") or "")
        if len(rung) > 1 and policy.at(_KEY, n, "reason") is None:
            policy.say(
                (_KEY, n, "dial"),
                f"{len(rung)} telephones of the exempt extension, expected one, or reason: … and "
                "date: … beside it, since it is decided that there are more",
            )
        ways: list[Where] = [(_KEY, n, "extension")]
        ways += [(_KEY, n, "numbers", k) for k in range(_length(policy.at(_KEY, n, "numbers")))]
        for where in ways:
            text = policy.text(*where)
            if text is None:
                continue
            if text in numbers:
                place = numbers[text]
                policy.say(
                    where,
                    f"{quoted(text)} is exempt twice, expected it once (line {place.line} has it "
                    "already)",
                )
            numbers.setdefault(text, policy.place(where))
        dial = policy.text(_KEY, n, "dial")
        if dial and (dials_number(dial) or any(_UNSEEN.search(leg) for leg in _unseen(dial))):
            policy.say(
                (_KEY, n, "dial"),
                f"{quoted(dial)} does not say which telephone is called, expected the telephone "
                f"itself, such as {quoted('user/1999')}",
            )
        elif dial and (found := _RUNS.search(dial)):
            policy.say(
                (_KEY, n, "dial"),
                f"{quoted(found[0])} is in the dial string, expected the telephone alone, such as "
                f"{quoted('user/1999')}: what is done to its leg could record it",
            )


def _unseen(dial: str) -> list[str]:
    return [dial, *legs(dial)]


def _of_a_text(
    document: Document, where: Where, text: str, entries: list[_Entry], is_route: bool
) -> str | None:
    """Why this text would have an exempt call recorded; ``None`` where it would not."""
    keys = {step for step in where if isinstance(step, str)}
    if keys & set(_DIALS):
        return _of_a_dial_string(text, entries)
    if is_route and "numbers" in keys:
        strip = document.text(where[0], "strip") or ""
        outbound = document.text(where[0], "direction") == "outbound"
        return _of_a_number(text, strip, outbound, entries)
    if is_route and "from" in keys:
        return _of_a_calling(text, entries)
    digits = re.sub(r"[*#]", "", text)
    for one in entries:
        for number in sorted(one.numbers):
            if Number().fits(digits) and dials(digits, number):
                return _refused(text, one, number)
    return None


def _refused(text: str, entry: _Entry, number: str) -> str:
    return (
        f"{quoted(text)} is {entry.says(number)}, expected another: calls with it are never "
        "recorded"
    )


def _of_a_number(text: str, strip: str, outbound: bool, entries: list[_Entry]) -> str | None:
    """A route's number, or how its numbers begin, as dialled and without what is stripped.

    How numbers from outside begin has to be let pass, or nobody could dial 0 and the rest: the
    rendered dialplan takes the exempt ones out before the route.
    """
    if not RouteNumber().fits(text):
        return None
    digits = text.removesuffix("*")
    for one in entries:
        for number in sorted(one.numbers):
            if digits == text:
                if dials(text, number) or dials(text.removeprefix(strip), number):
                    return _refused(text, one, number)
            elif outbound and number != one.extension:
                continue
            elif number.startswith(digits) and (
                LEAST_MORE <= len(number) - len(digits) <= MOST_MORE
            ):
                return _covers(text, one, number)
    return None


def _of_a_calling(text: str, entries: list[_Entry]) -> str | None:
    if not Calling().fits(text):
        return None
    for one in entries:
        for number in sorted(one.numbers):
            if dials(text, number):
                return _refused(text, one, number)
            begun = text.endswith("*") and [w.startswith(text[:-1]) for w in spellings(number)]
            if begun and any(begun):
                return _covers(text, one, number)
    return None


def _covers(text: str, entry: _Entry, number: str) -> str:
    return (
        f"{quoted(text)} covers {quoted(number)}, which is {entry.says(number)}, expected "
        "beginnings or numbers without it: calls with it are never recorded"
    )


def _of_a_dial_string(text: str, entries: list[_Entry]) -> str | None:
    """A dial string that comes to the exempt extension, or that may and cannot be seen through."""
    bare = _without_figures(text)
    for one in entries:
        for number in sorted(one.numbers):
            if _mentions(bare, number):
                return (
                    f"{quoted(text)} reaches {quoted(number)}, which is {one.says(number)}, "
                    "expected it nowhere here: it is called by dialling it, and never recorded"
                )
        if set(legs(text)) & set(legs(one.dial)):
            return (
                f"{quoted(text)} calls the telephone of {one.named}, expected it nowhere here: it "
                "is called by dialling it, and never recorded"
            )
    if found := next((part for part in _unseen(text) if _UNSEEN.search(part)), None):
        return (
            f"{quoted(found)} cannot be seen through, and {entries[0].named} may be behind it, "
            f"expected the telephones themselves, such as {quoted('user/1001')}"
        )
    return None


def _without_figures(dial: str) -> str:
    """The dial string without times and ports, which are no numbers of telephones."""
    text = re.sub(r"\w*(?:timeout|delay)\w*=[0-9]+", "", dial)
    return re.sub(r"([@%][A-Za-z0-9.-]+):[0-9]+", r"\1", text)


def _mentions(dial: str, number: str) -> bool:
    """Whether a number stands in a dial string, in whatever spelling."""
    plain = unquote(dial.replace("\\s", " "))
    joined = re.sub(r"(?<=[0-9])[-()]+(?=[0-9])", "", plain)
    found = re.findall(
        r"(?<![0-9A-Za-z.])\+?[0-9]{2,20}(?![0-9A-Za-z])", f"{dial} {plain} {joined}"
    )
    return any(dials(one, number) for one in found)
