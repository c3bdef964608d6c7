"""The kinds of text that have to do with opening hours: days, times, time zones (R9, R20)."""

from __future__ import annotations

import difflib
import functools
import re
import zoneinfo
from dataclasses import dataclass

from ivr.config.kinds import Kind, Known, wrong
from ivr.config.mistakes import did_you_mean, quoted

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the week as hours name them, Monday first."""
CLOSED = "closed"
"""What stands in the place of hours on a day that has none."""

_DAY = "(?:" + "|".join(DAYS) + ")"
_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_STRETCH = rf"{_TIME}-(?:{_TIME}|24:00)"
_WHOLE_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MANY = {
    "weekday": "mon-fri",
    "workingday": "mon-fri",
    "weekend": "sat-sun",
    "daily": "mon-sun",
    "everyday": "mon-sun",
    "all": "mon-sun",
}
_WRITTEN_TIME = r"([0-9]{1,2})(?:[:.]?([0-9]{2}))?\s*(am|pm|noon)?"


def days_of(text: str) -> range:
    """The days from ``mon`` or ``mon-fri``, 0 is Monday; empty where they run backwards."""
    first, _, last = text.partition("-")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def listed(value: object) -> object:
    """One stretch as a list of one: most days have no more."""
    return value if isinstance(value, list) else [value]


def minutes_of(stretch: str) -> tuple[int, int]:
    """``08:30-17:00`` in minutes since midnight."""
    first, _, last = stretch.partition("-")
    return _minutes(first), _minutes(last)


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def time_text(minutes: int) -> str:
    """Minutes since midnight as ``17:00``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


@dataclass(frozen=True, slots=True)
class Days(Kind):
    """A day of the week, or several in a row."""

    expected: str = 'a day (mon, tue, wed, thu, fri, sat, sun) or several such as "mon-fri"'
    pattern: str | None = f"{_DAY}(?:-{_DAY})?"

    def hint(self, text: str) -> str:
        """See :class:`Kind`: days are written out, and with typing mistakes."""
        words = re.sub("[^a-z]+", " ", text.lower().replace(" to ", " ")).split()
        together = "".join(words).removesuffix("s")
        if together in _MANY:
            return f", did you mean {quoted(_MANY[together])}?"
        near = [_nearest_day(word) for word in words]
        if not near or len(near) > 2 or not all(near):
            return ""
        return f", did you mean {quoted('-'.join(near))}?"


def _nearest_day(word: str) -> str:
    if word[:3] in DAYS:
        return word[:3]
    near = difflib.get_close_matches(word, (*DAYS, *_WHOLE_NAMES), n=1)
    return near[0][:3] if near else ""


@dataclass(frozen=True, slots=True)
class Stretch(Kind):
    """From when to when, within one day."""

    expected: str = 'hours such as "08:30-17:00", a list of such, or "closed"'
    pattern: str | None = f"{CLOSED}|{_STRETCH}"

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: the hour alone at which a day begins."""
        return f"{min(number, 22):02}:00-{max(17, min(number, 22) + 1)}:00"

    def hint(self, text: str) -> str:
        """See :class:`Kind`: times are written in many ways."""
        found = re.fullmatch(
            rf"\s*{_WRITTEN_TIME}\s*(?:-|–|—|to|until)\s*{_WRITTEN_TIME}\s*", text.lower()
        )
        if not found:
            return did_you_mean(text, [CLOSED])
        begin, end = _hour(*found.groups()[:3]), _hour(*found.groups()[3:])
        better = f"{begin}-{end}"
        return f", did you mean {quoted(better)}?" if self.fits(better) else ""


def _hour(hours: str, minutes: str | None, half: str | None) -> str:
    hour = int(hours)
    if half == "pm" and hour < 12:
        hour += 12
    if half == "am" and hour == 12:
        hour = 0
    return f"{hour:02}:{minutes or '00'}"


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@dataclass(frozen=True, slots=True)
class TimeZone(Kind):
    """A time zone of the host's own list."""

    expected: str = 'a time zone such as "Europe/London"'
    pattern: str | None = "[A-Za-z0-9_+/-]{1,64}"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        if text not in _zones():
            raise wrong(f"expected {self.expected} that this host knows{self.hint(text)}")
        return text

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        whole = did_you_mean(text, _zones())
        if whole:
            return whole
        cities = {zone.rpartition("/")[2]: zone for zone in _zones() if "/" in zone}
        return did_you_mean(text, []) or (
            f", did you mean {quoted(cities[text.title()])}?" if text.title() in cities else ""
        )
