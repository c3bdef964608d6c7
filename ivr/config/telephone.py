"""The kinds of text that have to do with telephones: keys, codes and numbers (R2, R6, R20)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from ivr.config.kinds import Kind, Known, wrong
from ivr.config.mistakes import did_you_mean, quoted


@dataclass(frozen=True, slots=True)
class Keys(Kind):
    """A sequence of telephone keys."""

    expected: str = "2 to 8 keys out of 0-9 * #, in quotes"
    pattern: str | None = "[0-9*#]{2,8}"


@dataclass(frozen=True, slots=True)
class Key(Kind):
    """One telephone key."""

    expected: str = "one key out of 0-9 * #, in quotes"
    pattern: str | None = "[0-9*#]"


@dataclass(frozen=True, slots=True)
class FeatureCode(Kind):
    """What an agent keys during a call (R6, R11); an empty one is none."""

    expected: str = '2 to 6 keys out of 0-9 * # that begin with * or #, in quotes ("" for none)'
    pattern: str | None = "(?:[*#][0-9*#]{1,5})?"

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """See :class:`Kind`; this one may be empty."""
        return {"type": "string", "pattern": f"^{self.pattern}$"}

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: people leave out the key that a code begins with."""
        return f"*{number}"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        del known
        if not self.fits(text):
            raise wrong(f"expected {self.expected}{self.hint(text)}")
        return text

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        return f", did you mean {quoted('*' + text)}?" if re.fullmatch("[0-9]{1,5}", text) else ""


NEVER = "never"
"""What stands in the place of a number of digits that do nothing."""


@dataclass(frozen=True, slots=True)
class CardDigits(Kind):
    """How many digits in a row are taken for a card's; card numbers have 8 to 19."""

    least: int = 6
    most: int = 19
    expected: str = ""

    def __post_init__(self) -> None:
        expected = f"{NEVER} or a whole number from {self.least} to {self.most} without quotes"
        object.__setattr__(self, "expected", expected)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Have pydantic take the word or a number."""

        def accept(value: object) -> str | int:
            if value == NEVER:
                return NEVER
            if isinstance(value, int) and not isinstance(value, bool):
                if self.least <= value <= self.most:
                    return value
                raise wrong(f"expected {self.expected}")
            raise wrong(f"expected {self.expected}{self.hint(value)}")

        return core_schema.no_info_plain_validator_function(accept)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """What editors are told."""
        number = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return {"anyOf": [{"const": NEVER}, number]}

    def hint(self, text: object) -> str:
        """See :class:`Kind`."""
        if not isinstance(text, str):
            return ""
        if re.fullmatch("[0-9]{1,2}", text) and self.least <= int(text) <= self.most:
            return f", did you mean {text}?"
        return did_you_mean(text, [NEVER])


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A telephone number as FreeSWITCH's destination_number holds it."""

    expected: str = 'digits in quotes, without spaces, with or without a leading "+"'
    pattern: str | None = r"\+?[0-9]{2,20}"

    def hint(self, text: str) -> str:
        """See :class:`Kind`: numbers are written with spaces, brackets and dashes."""
        better = re.sub(r"[\s().\-/]", "", text)
        fits = re.fullmatch(r"\+?[0-9]{2,20}", better)
        return f", did you mean {quoted(better)}?" if fits else ""


@dataclass(frozen=True, slots=True)
class RouteNumber(Number):
    """A number, or how the numbers of an outbound route begin: ``9*``."""

    pattern: str | None = r"\+?[0-9]{2,20}|[0-9]{1,10}\*"

    def hint(self, text: str) -> str:
        """See :class:`Kind`: other systems write X, N, a dot or a question mark for a digit."""
        if found := re.fullmatch(r"_?([0-9]{1,10})[XxNZ.?*]+", text):
            return f", did you mean {quoted(found[1] + '*')}?"
        return Number.hint(self, text)


@dataclass(frozen=True, slots=True)
class Extension(Number):
    """An extension of staff."""

    expected: str = "2 to 20 digits in quotes"
    pattern: str | None = "[0-9]{2,20}"

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        digits = re.sub(r"[^0-9]", "", text)
        return f", did you mean {quoted(digits)}?" if self.fits(digits) else ""


@dataclass(frozen=True, slots=True)
class Calling(Kind):
    """An extension that calls, or how such extensions begin: ``10*``."""

    expected: str = 'an extension of 2 to 20 digits in quotes, or how extensions begin ("10*")'
    pattern: str | None = r"[0-9]{2,20}|[0-9]{1,10}\*"

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        if found := re.fullmatch(r"_?([0-9]{1,10})[XxNZ.?*]+", text):
            return f", did you mean {quoted(found[1] + '*')}?"
        return Extension().hint(text)


_NATIONAL = 9
"""So many digits at the end of a number tell whose it is, with or without codes before them."""
_LOCAL = 6
"""So many digits at the end are dialled within a town, without its code."""
_CODES = ("0044", "44", "0")
"""What stands before a national number in the United Kingdom."""


def same_number(one: str, other: str) -> bool:
    """Whether two numbers are one, also where one of them has the code of a country before it."""
    one, other = one.removeprefix("+"), other.removeprefix("+")
    long = min(len(one), len(other)) >= _NATIONAL
    return one == other or (long and one[-_NATIONAL:] == other[-_NATIONAL:])


def dials(dialled: str, number: str) -> bool:
    """Whether what is dialled reaches a number: it is that one, or its end as within a town."""
    if same_number(dialled, number):
        return True
    local = _LOCAL <= len(dialled.removeprefix("+")) < _NATIONAL <= len(number)
    return local and number.endswith(dialled.removeprefix("+"))


def same_numbers(number: str) -> str:
    """A regular expression for the whole of all that :func:`dials` this number."""
    digits = number.removeprefix("+")
    if len(digits) < _NATIONAL:
        return rf"\+?{digits}"
    end = digits[-_NATIONAL:]
    ways, rest = f"[0-9]*{end[0]}", _NATIONAL - _LOCAL
    for digit in end[1:rest]:
        ways = f"(?:{ways})?{digit}"
    return rf"\+?(?:{ways})?{end[rest:]}"


def spellings(number: str) -> tuple[str, ...]:
    """A number as trunks and telephones of the United Kingdom write it, itself first."""
    digits = number.removeprefix("+")
    for code in _CODES:
        national = digits.removeprefix(code)
        if digits.startswith(code) and len(national) in (_NATIONAL, _NATIONAL + 1):
            ways = (f"0{national}", f"44{national}", f"+44{national}", f"0044{national}")
            return tuple(dict.fromkeys((number, *ways)))
    return (number,)
