"""When a team is open: a frozen answer for any moment, and why (R9)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from ivr.config.times import time_text

Holidays = Literal["england-and-wales", "scotland", "northern-ireland", "none"]
"""Whose bank holidays are closed."""

_SUBDIVISIONS: Mapping[str, str] = MappingProxyType(
    {"england-and-wales": "ENG", "scotland": "SCT", "northern-ireland": "NIR"}
)
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class UnknownYear(ValueError):
    """The library of bank holidays does not know this year."""


@functools.lru_cache(maxsize=64)
def bank_holidays(region: str, year: int) -> Mapping[date, str]:
    """The bank holidays of a year by their date, with their names; :class:`UnknownYear`.

    England and Wales, Scotland or Northern Ireland, from the library ``holidays``, which is
    loaded with the first question (a twentieth of a second).
    """
    if region == "none":
        return MappingProxyType({})
    import holidays

    found = holidays.country_holidays(
        "GB", subdiv=_SUBDIVISIONS[region], years=year, language="en_GB"
    )
    if not found.start_year <= year <= found.end_year:
        raise UnknownYear(f"the library of bank holidays does not know the year {year}")
    return MappingProxyType({day: name for day, name in found.items() if day.year == year})


@dataclass(frozen=True, slots=True)
class Hours:
    """A team's opening hours; the answer depends on nothing but the moment."""

    week: tuple[tuple[tuple[int, int], ...], ...]
    """For each day, Monday first, the stretches in minutes since midnight; none is closed."""
    holidays: Holidays
    closed_on: frozenset[date]
    zone: ZoneInfo | None
    """``None`` is the host's."""

    def local(self, at: datetime) -> datetime:
        """The moment by the team's clock on the wall; one without a zone is taken for that."""
        try:
            if at.tzinfo is None:
                return at.replace(tzinfo=self.zone) if self.zone else at.astimezone()
            return at.astimezone(self.zone)
        except (OverflowError, ValueError, OSError):
            # In the first or last hours of Python's dates: any answer is as good.
            return at

    def is_open(self, at: datetime) -> tuple[bool, str]:
        """Whether the team is open at the moment, and why, for ``ivr route explain``.

        Never raises: in a year that the library does not know there are no bank holidays, and the
        text says so.
        """
        local = self.local(at)
        day = local.date()
        when = f"{_DAY_NAMES[day.weekday()]} {day.isoformat()} {local:%H:%M}"
        if day in self.closed_on:
            return False, f"{when} is closed: {day.isoformat()} is in closed_on"
        name, doubt = self._bank_holiday(day)
        if name:
            return False, f"{when} is closed: it is {name}, a bank holiday ({self.holidays})"
        stretches = self.week[day.weekday()]
        minute = local.hour * 60 + local.minute
        for begin, end in stretches:
            if begin <= minute < end:
                return True, f"{when} is open: {time_text(begin)} to {time_text(end)}{doubt}"
        hours = ", ".join(f"{time_text(begin)} to {time_text(end)}" for begin, end in stretches)
        text = f"the hours of that day are {hours}" if hours else "that day has no hours"
        return False, f"{when} is closed: {text}{doubt}"

    def _bank_holiday(self, day: date) -> tuple[str, str]:
        try:
            return bank_holidays(self.holidays, day.year).get(day, ""), ""
        except UnknownYear as unknown:
            return "", f" ({unknown}: taken for a day like others)"
