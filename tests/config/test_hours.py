"""A team is open or closed at a moment, and the answer says why (R9)."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.config.hours import Hours, UnknownYear, bank_holidays
from ivr.config.times import Days, Stretch, TimeZone, days_of, minutes_of

LONDON = ZoneInfo("Europe/London")
WORKING = ((8 * 60 + 30, 17 * 60),)


def hours(holidays: str = "england-and-wales", *closed_on: str) -> Hours:
    return Hours(
        week=(WORKING, WORKING, ((540, 720), (780, 1020)), WORKING, WORKING, (), ()),
        holidays=holidays,  # type: ignore[arg-type]  # one of its words
        closed_on=frozenset(map(date.fromisoformat, closed_on)),
        zone=LONDON,
    )


@pytest.mark.parametrize(
    ("at", "is_open", "why"),
    [
        ("2026-11-24T08:29", False, "Tuesday 2026-11-24 08:29 is closed: the hours of that day"),
        ("2026-11-24T08:30", True, "Tuesday 2026-11-24 08:30 is open: 08:30 to 17:00"),
        ("2026-11-24T16:59", True, "open"),
        ("2026-11-24T17:00", False, "the hours of that day are 08:30 to 17:00"),
        ("2026-11-25T12:30", False, "the hours of that day are 09:00 to 12:00, 13:00 to 17:00"),
        ("2026-11-28T10:00", False, "Saturday 2026-11-28 10:00 is closed: that day has no hours"),
        ("2026-12-24T10:00", False, "2026-12-24 is in closed_on"),
        ("2026-12-25T10:00", False, "it is Christmas Day, a bank holiday (england-and-wales)"),
        ("2026-12-28T10:00", False, "Boxing Day (observed)"),
        ("2026-07-02T07:45+00:00", True, "Thursday 2026-07-02 08:45 is open"),
        ("2026-11-24T08:15+00:00", False, "Tuesday 2026-11-24 08:15 is closed"),
        ("2026-11-24T23:30-05:00", False, "Wednesday 2026-11-25 04:30 is closed"),
    ],
)
def test_a_moment_is_open_or_closed_and_says_why(at: str, is_open: bool, why: str) -> None:
    found = hours("england-and-wales", "2026-12-24").is_open(datetime.fromisoformat(at))
    assert found[0] is is_open
    assert why in found[1]


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        ("2026-01-02", {"scotland"}),
        ("2026-11-30", {"scotland"}),
        ("2026-03-17", {"northern-ireland"}),
        ("2026-07-13", {"northern-ireland"}),
        ("2026-04-06", {"england-and-wales", "northern-ireland"}),
        ("2026-04-03", {"england-and-wales", "scotland", "northern-ireland"}),
        ("2023-05-08", {"england-and-wales", "scotland", "northern-ireland"}),
    ],
)
def test_each_nation_has_its_bank_holidays(day: str, closed: set[str]) -> None:
    at = datetime.fromisoformat(f"{day}T10:00")
    regions = ("england-and-wales", "scotland", "northern-ireland", "none")
    assert {region for region in regions if not hours(region).is_open(at)[0]} == closed


def test_a_year_that_the_library_does_not_know_is_a_text_and_no_traceback() -> None:
    is_open, why = hours().is_open(datetime(2150, 12, 25, 10))
    assert is_open
    assert why == (
        "Friday 2150-12-25 10:00 is open: 08:30 to 17:00 (the library of bank holidays does not "
        "know the year 2150: taken for a day like others)"
    )
    with pytest.raises(UnknownYear):
        bank_holidays("scotland", 2150)
    assert bank_holidays("none", 2150) == {}


ZONES = st.sampled_from([None, UTC, LONDON, ZoneInfo("Pacific/Kiritimati")])


@given(st.datetimes(timezones=ZONES), st.sampled_from([LONDON, None]))
def test_every_moment_has_an_answer(at: datetime, zone: ZoneInfo | None) -> None:
    asked = replace(hours(), zone=zone)
    open_now, why = asked.is_open(at)
    assert (" is open: " if open_now else " is closed: ") in why
    assert asked.is_open(at) == (open_now, why)


def test_a_moment_with_a_zone_is_taken_to_the_teams() -> None:
    summer = datetime(2026, 7, 1, 7, 30, tzinfo=UTC)
    assert hours().local(summer).hour == 8
    assert hours().local(datetime(2026, 7, 1, 7, 30)).utcoffset() == LONDON.utcoffset(
        datetime(2026, 7, 1)
    )


def test_the_library_of_holidays_is_not_loaded_with_the_program() -> None:
    code = "import sys, ivr.config.load; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Monday", "mon"),
        ("weekdays", "mon-fri"),
        ("Mon to Fri", "mon-fri"),
        ("sat & sun", "sat-sun"),
        ("thrusday", "thu"),
        ("daily", "mon-sun"),
    ],
)
def test_the_nearest_days_are_offered(text: str, meant: str) -> None:
    assert f'"{meant}"' in Days().hint(text)


@pytest.mark.parametrize("text", ["easter", "mon-fri-sat", "", "1"])
def test_what_is_no_day_at_all_has_no_nearest_one(text: str) -> None:
    assert Days().hint(text) == ""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("8.30 - 17.00", "08:30-17:00"),
        ("9am-5pm", "09:00-17:00"),
        ("9–17", "09:00-17:00"),
        ("12am to 12pm", "00:00-12:00"),
        ("0830-1700", "08:30-17:00"),
        ("Closed", "closed"),
    ],
)
def test_the_nearest_hours_are_offered(text: str, meant: str) -> None:
    assert f'"{meant}"' in Stretch().hint(text)


def test_a_citys_zone_is_offered() -> None:
    assert TimeZone().hint("london") == ', did you mean "Europe/London"?'
    assert TimeZone().hint("nowhere at all") == ""


def test_days_and_stretches_are_read() -> None:
    assert list(days_of("tue")) == [1]
    assert list(days_of("mon-sun")) == list(range(7))
    assert not days_of("sun-mon")
    assert minutes_of("00:00-24:00") == (0, 1440)
