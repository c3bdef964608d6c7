"""The kinds of text that settings are made of: durations, sizes, names, versions, dates.

Each kind is a marker for ``Annotated[str, …]``: it tells pydantic what to accept, people what
was expected, and editors the pattern (R20). Values stay the text that was written; what reads
them further is :func:`milliseconds`, :func:`bytes_of` and :class:`Address`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ivr.config.mistakes import did_you_mean, one_of, quoted

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h)")


def milliseconds(duration: str) -> int:
    """``"1500ms"``, ``"2s"``, ``"5m"`` or ``"12h"`` in milliseconds; ValueError for other text."""
    found = _DURATION.fullmatch(duration)
    if not found:
        raise ValueError(f"not a duration: {duration!r}")
    return int(found[1]) * _UNITS[found[2]]


_SIZES = {"KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000}
_SIZE = re.compile(r"([0-9]{1,6})(KB|MB|GB|TB)")


def bytes_of(size: str) -> int:
    """``"512MB"`` or ``"2GB"`` in bytes, 1000 of a unit to the next; ValueError for other text."""
    found = _SIZE.fullmatch(size)
    if not found:
        raise ValueError(f"not a size: {size!r}")
    return int(found[1]) * _SIZES[found[2]]


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a file may refer to; ``None`` where they could not be read."""

    names: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    """By kind: "team", "destination", "language", "prompt"."""


def wrong(text: str) -> PydanticCustomError:
    """The refusal of a value; the text says what was expected."""
    return PydanticCustomError("wrong", "{text}", {"text": text})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of text; the base takes any that is one line and not empty."""

    expected: str = "text in quotes"
    pattern: str | None = None
    """A regular expression for the whole text, understood by editors too."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Have pydantic call :meth:`accept`."""

        def accept(value: object, info: core_schema.ValidationInfo) -> str:
            if isinstance(value, str):
                context = info.context
                return self.accept(value, context if isinstance(context, Known) else Known())
            hint = ""
            if isinstance(value, int) and not isinstance(value, bool):
                hint = f", did you mean {quoted(self.from_number(value))}?"
            raise wrong(f"expected {self.expected}{hint}")

        return core_schema.with_info_plain_validator_function(accept)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """What editors are told."""
        found: dict[str, Any] = {"type": "string", "minLength": 1}
        if self.pattern:
            found["pattern"] = f"^(?:{self.pattern})$"
        return found

    def fits(self, text: str) -> bool:
        """Whether the whole text matches the pattern, if there is one."""
        return self.pattern is None or re.fullmatch(self.pattern, text) is not None

    def from_number(self, number: int) -> str:
        """What somebody meant who wrote a number without quotes."""
        return str(number)

    def accept(self, text: str, known: Known) -> str:
        """The text, or :func:`wrong` raised."""
        del known
        if not self.fits(text):
            raise wrong(f"expected {self.expected}{self.hint(text)}")
        if not text.strip() or "\n" in text:
            raise wrong(f"expected {self.expected}")
        return text

    def hint(self, text: str) -> str:
        """The nearest right text as the end of a mistake, empty where none is near."""
        del text
        return ""


@dataclass(frozen=True, slots=True)
class Paragraph(Kind):
    """Text that may have several lines."""

    expected: str = "the text that is spoken"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        del known
        if not text.strip():
            raise wrong(f"expected {self.expected}")
        return text


@dataclass(frozen=True, slots=True)
class Name(Kind):
    """A name that becomes part of file names and of FreeSWITCH's extensions."""

    expected: str = "a name of a-z, 0-9 and - (at most 64)"
    pattern: str | None = "[a-z0-9][a-z0-9-]{0,63}"

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        better = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:64]
        return f", did you mean {quoted(better)}?" if better else ""


@dataclass(frozen=True, slots=True)
class NameOf(Kind):
    """A name that stands somewhere else: of a team, destination, language or prompt."""

    kind: str = ""
    expected: str = "a name"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        names = known.names.get(self.kind)
        if names is not None and text not in names:
            raise wrong(f"expected {one_of(sorted(names))}{did_you_mean(text, names)}")
        return text


@dataclass(frozen=True, slots=True)
class Duration(Kind):
    """A duration with its unit, between two others."""

    least: str = "1ms"
    most: str = "24h"
    step: str = "1ms"
    expected: str = ""
    pattern: str | None = _DURATION.pattern

    def __post_init__(self) -> None:
        whole = "" if self.step == "1ms" else f" in steps of {self.step}"
        expected = f"a duration from {self.least} to {self.most}{whole} with its unit (ms, s, m, h)"
        object.__setattr__(self, "expected", expected)

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: people leave out the seconds' unit."""
        return f"{number}s"

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        if clock := re.fullmatch(r"([0-9]{1,3}):([0-5][0-9])", text):
            return f", did you mean {quoted(f'{int(clock[1]) * 60 + int(clock[2])}s')}?"
        found = re.fullmatch(
            r"\s*([0-9]{1,9})\s*(ms|milli\w*|s|sec\w*|m|min\w*|h|hours?|)\s*", text, re.IGNORECASE
        )
        if not found:
            return ""
        unit = found[2].lower()
        short = "ms" if unit.startswith(("ms", "mil")) else unit[:1] or "s"
        return f", did you mean {quoted(found[1] + short)}?"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        ms = milliseconds(text)
        in_range = milliseconds(self.least) <= ms <= milliseconds(self.most)
        if not in_range or ms % milliseconds(self.step):
            raise wrong(f"expected {self.expected}")
        return text


@dataclass(frozen=True, slots=True)
class Size(Kind):
    """An amount of space on a disk with its unit, between two others."""

    least: str = "1MB"
    most: str = "100TB"
    expected: str = ""
    pattern: str | None = _SIZE.pattern

    def __post_init__(self) -> None:
        expected = f"a size from {self.least} to {self.most} with its unit (KB, MB, GB, TB)"
        object.__setattr__(self, "expected", expected)

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: people leave out ``MB``, or write bytes."""
        return f"{number if number < _SIZES['MB'] else number // _SIZES['MB']}MB"

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        found = re.fullmatch(
            r"\s*([0-9]{1,6})(?:\.([0-9]))?\s*([kmgt]?)(?:i?b|ytes?)?\s*", text, re.IGNORECASE
        )
        if not found:
            return ""
        number, tenth, unit = int(found[1]), found[2], found[3].upper() or "M"
        if tenth and tenth != "0" and unit != "K":
            smaller = "KMGT"["KMGT".index(unit) - 1]
            return f", did you mean {quoted(f'{number * 1000 + int(tenth) * 100}{smaller}B')}?"
        return f", did you mean {quoted(f'{number}{unit}B')}?"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        if not bytes_of(self.least) <= bytes_of(text) <= bytes_of(self.most):
            raise wrong(f"expected {self.expected}")
        return text


@dataclass(frozen=True, slots=True)
class Language(Kind):
    """A language tag."""

    expected: str = 'a language such as "en-GB"'
    pattern: str | None = "[a-z]{2,3}(-[A-Z]{2})?"


@dataclass(frozen=True, slots=True)
class Version(Kind):
    """A version: short text that records and audit entries can show."""

    expected: str = "a version of letters, digits, . _ and - (at most 32), in quotes"
    pattern: str | None = "[A-Za-z0-9][A-Za-z0-9._-]{0,31}"


@dataclass(frozen=True, slots=True)
class Day(Kind):
    """A date."""

    expected: str = 'a date such as "2026-01-31"'
    pattern: str | None = "[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        try:
            datetime.date.fromisoformat(text)
        except ValueError:
            raise wrong(f"expected {self.expected}") from None
        return text
