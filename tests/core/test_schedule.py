"""Periods by the calendar, the day of a call, and which rule is the closest (R12, R13, R18)."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr.core.schedule import NEVER, Period, Rule, Schedule, day_of

ONE_DAY = timedelta(days=1)

months = st.integers(1, 9999 * 12) | st.sampled_from([1, 6, 12, 72])
periods = months.map(Period) | st.integers(1, 9999).map(lambda many: Period(days=many))
days = st.dates() | st.dates(date(2023, 1, 1), date(2033, 1, 1))


@pytest.mark.parametrize(
    ("text", "period", "as_text"),
    [
        ("6 months", Period(months=6), "6 months"),
        ("1 month", Period(months=1), "1 month"),
        ("1 months", Period(months=1), "1 month"),
        ("12 months", Period(months=12), "12 months"),
        ("1 year", Period(months=12), "12 months"),
        ("18 months", Period(months=18), "18 months"),
        ("2 years", Period(months=24), "2 years"),
        ("25 months", Period(months=25), "25 months"),
        ("9999 years", Period(months=119988), "9999 years"),
        ("1 day", Period(days=1), "1 day"),
        ("90 days", Period(days=90), "90 days"),
        ("24 days", Period(days=24), "24 days"),
    ],
)
def test_a_period_is_read_and_written(text: str, period: Period, as_text: str) -> None:
    assert Period.of(text) == period
    assert str(period) == as_text
    assert Period.of(as_text) == period


@pytest.mark.parametrize(
    "text",
    [
        "", "6", "months", "0 months", "06 months", "-6 months", "+6 months", "6.5 months",
        "6  months", "6months", " 6 months", "6 months ", "6 months\n", "6 Months", "6 weeks",
        "10000 days", "6 monthss", "six months", "٦ months", "1 year 6 months", "for ever",
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a period"):
        Period.of(text)


AFTER = [
    # The day after which it counts, the period, and the day on which it is over.
    ("2026-01-15", "6 months", "2026-07-15"),
    ("2026-07-15", "6 months", "2027-01-15"),
    ("2026-12-31", "1 day", "2027-01-01"),
    # A month that is too short: its last day.
    ("2026-08-31", "6 months", "2027-02-28"),
    ("2026-08-30", "6 months", "2027-02-28"),
    ("2026-08-29", "6 months", "2027-02-28"),
    ("2026-08-28", "6 months", "2027-02-28"),
    ("2027-08-31", "6 months", "2028-02-29"),
    ("2027-08-30", "6 months", "2028-02-29"),
    ("2027-08-29", "6 months", "2028-02-29"),
    ("2027-08-28", "6 months", "2028-02-28"),
    ("2026-03-31", "6 months", "2026-09-30"),
    ("2026-05-31", "1 month", "2026-06-30"),
    ("2026-10-31", "1 month", "2026-11-30"),
    # The last day of a short month is the same day of a long one, not its last.
    ("2026-02-28", "6 months", "2026-08-28"),
    ("2028-02-29", "6 months", "2028-08-29"),
    ("2026-06-30", "6 months", "2026-12-30"),
    ("2026-07-31", "1 month", "2026-08-31"),
    ("2026-12-31", "2 months", "2027-02-28"),
    # Leap days, and years that have none.
    ("2028-02-29", "1 year", "2029-02-28"),
    ("2028-02-29", "12 months", "2029-02-28"),
    ("2028-02-29", "4 years", "2032-02-29"),
    ("2027-02-28", "1 year", "2028-02-28"),
    ("2028-02-28", "1 year", "2029-02-28"),
    ("2096-02-29", "4 years", "2100-02-28"),
    ("1999-08-31", "6 months", "2000-02-29"),
    ("2028-02-28", "1 day", "2028-02-29"),
    ("2027-02-28", "1 day", "2027-03-01"),
    ("2028-02-28", "365 days", "2029-02-27"),
    ("2027-01-01", "365 days", "2028-01-01"),
    ("2028-01-01", "365 days", "2028-12-31"),
    ("2026-01-31", "90 days", "2026-05-01"),
    ("2028-01-31", "90 days", "2028-04-30"),
    # Where clocks are put forward and back, a day is a day.
    ("2026-03-28", "1 day", "2026-03-29"),
    ("2026-03-29", "1 day", "2026-03-30"),
    ("2026-10-25", "1 day", "2026-10-26"),
    ("2026-04-25", "6 months", "2026-10-25"),
    # Far away, and past the calendar's end.
    ("0001-01-01", "6 months", "0001-07-01"),
    ("0001-01-01", "9998 years", "9999-01-01"),
    ("0001-01-01", "9999 years", "9999-12-31"),
    ("9999-06-30", "6 months", "9999-12-30"),
    ("9999-07-01", "6 months", "9999-12-31"),
    ("9999-12-30", "1 day", "9999-12-31"),
    ("9999-12-31", "1 day", "9999-12-31"),
    ("9999-12-31", "9999 years", "9999-12-31"),
    ("2026-01-01", "9999 days", "2053-05-18"),
]


@pytest.mark.parametrize(("day", "period", "over"), AFTER)
def test_a_period_is_over(day: str, period: str, over: str) -> None:
    begun, today = date.fromisoformat(day), date.fromisoformat(over)
    assert Period.of(period).after(begun) == today
    if today != NEVER:
        assert Period.of(period).last_begun(today) >= begun
        assert begun == date.min or Period.of(period).last_begun(today - ONE_DAY) < begun


@pytest.mark.parametrize(
    ("today", "period", "last"),
    [
        ("2026-07-15", "6 months", "2026-01-15"),
        ("2027-02-27", "6 months", "2026-08-27"),
        ("2027-02-28", "6 months", "2026-08-31"),
        ("2028-02-28", "6 months", "2027-08-28"),
        ("2028-02-29", "6 months", "2027-08-31"),
        ("2027-03-01", "6 months", "2026-09-01"),
        ("2026-08-31", "6 months", "2026-02-28"),
        ("2026-08-28", "6 months", "2026-02-28"),
        ("2026-08-29", "6 months", "2026-02-28"),
        ("2029-02-28", "1 year", "2028-02-29"),
        ("2028-02-29", "1 year", "2027-02-28"),
        ("2026-03-01", "1 day", "2026-02-28"),
        ("2026-05-01", "90 days", "2026-01-31"),
        ("0001-07-01", "6 months", "0001-01-01"),
        ("0001-06-30", "6 months", "0001-01-01"),
        ("0001-01-01", "1 day", "0001-01-01"),
        ("9999-12-30", "6 months", "9999-06-30"),
        ("9999-12-31", "6 months", "9999-06-30"),
        ("9999-12-31", "1 day", "9999-12-29"),
    ],
)
def test_what_is_over_today_began_at_the_latest(today: str, period: str, last: str) -> None:
    assert Period.of(period).last_begun(date.fromisoformat(today)) == date.fromisoformat(last)


def test_every_day_of_five_years_is_due_when_the_two_ways_say_so() -> None:
    first, many = date(2027, 1, 1), range(5 * 366)
    for period in (Period(months=1), Period(months=6), Period(months=12), Period(days=31)):
        due = {first + n * ONE_DAY: period.after(first + n * ONE_DAY) for n in many}
        for today in (first + n * ONE_DAY for n in many):
            last = period.last_begun(today)
            assert period.after(last) <= today < period.after(last + ONE_DAY)
        assert list(due.values()) == sorted(due.values())


@given(periods, days, st.integers(-40, 40))
@example(Period(months=6), date(2028, 2, 29), 0)
@example(Period(days=1), NEVER, 0)
@example(Period(months=1), date.min, 0)
def test_looking_back_agrees_with_looking_forward(period: Period, today: date, by: int) -> None:
    last = period.last_begun(today)
    try:
        begun = last + by * ONE_DAY
    except OverflowError:
        return
    over = period.after(begun)
    if begun > date.min:
        assert (begun <= last) == (over <= today and over != NEVER)


@given(periods, days, days)
def test_a_later_beginning_is_never_over_earlier(period: Period, one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    assert period.after(earlier) <= period.after(later)
    assert period.last_begun(earlier) <= period.last_begun(later)


@given(st.integers(1, 119988), days)
def test_months_keep_the_day_of_the_month_or_take_the_last(months: int, day: date) -> None:
    over = Period(months=months).after(day)
    if over == NEVER:
        assert day.year * 12 + day.month + months >= 9999 * 12 + 12
        return
    assert over.year * 12 + over.month == day.year * 12 + day.month + months
    assert over.day == day.day or (over.day < day.day and (over + ONE_DAY).day == 1)


LONDON, NEW_YORK, KIRITIMATI = map(
    ZoneInfo, ("Europe/London", "America/New_York", "Pacific/Kiritimati")
)
UTC = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        # In winter London's day is that of UTC.
        ("2026-01-15T23:59:59.999", LONDON, "2026-01-15"),
        ("2026-01-16T00:00:00.000", LONDON, "2026-01-16"),
        # In summer it begins an hour before that of UTC.
        ("2026-07-15T22:59:59.999", LONDON, "2026-07-15"),
        ("2026-07-15T23:00:00.000", LONDON, "2026-07-16"),
        ("2026-07-15T23:00:00.000", UTC, "2026-07-15"),
        ("2026-07-15T23:59:59.999", UTC, "2026-07-15"),
        # The nights around the days on which the clocks change.
        ("2026-03-28T23:59:59.999", LONDON, "2026-03-28"),
        ("2026-03-29T00:00:00.000", LONDON, "2026-03-29"),
        ("2026-03-29T00:59:59.999", LONDON, "2026-03-29"),
        ("2026-03-29T01:00:00.000", LONDON, "2026-03-29"),
        ("2026-03-29T22:59:59.999", LONDON, "2026-03-29"),
        ("2026-03-29T23:00:00.000", LONDON, "2026-03-30"),
        ("2026-10-24T22:59:59.999", LONDON, "2026-10-24"),
        ("2026-10-24T23:00:00.000", LONDON, "2026-10-25"),
        ("2026-10-25T00:59:59.999", LONDON, "2026-10-25"),
        ("2026-10-25T01:30:00.000", LONDON, "2026-10-25"),
        ("2026-10-25T23:30:00.000", LONDON, "2026-10-25"),
        ("2026-10-26T00:00:00.000", LONDON, "2026-10-26"),
        # Behind UTC and far before it.
        ("2026-01-16T04:59:59.999", NEW_YORK, "2026-01-15"),
        ("2026-01-16T05:00:00.000", NEW_YORK, "2026-01-16"),
        ("2026-01-15T09:59:59.999", KIRITIMATI, "2026-01-15"),
        ("2026-01-15T10:00:00.000", KIRITIMATI, "2026-01-16"),
        # A leap day, a year's last, and before 1970.
        ("2028-02-28T23:59:59.999", LONDON, "2028-02-28"),
        ("2028-02-29T00:00:00.000", LONDON, "2028-02-29"),
        ("2026-12-31T23:59:59.999", LONDON, "2026-12-31"),
        ("1969-12-31T23:59:59.999", UTC, "1969-12-31"),
        ("1969-12-31T23:00:00.000", LONDON, "1970-01-01"),
    ],
)
def test_a_call_belongs_to_the_day_of_the_place(moment: str, zone: ZoneInfo, day: str) -> None:
    at = datetime.fromisoformat(f"{moment}+00:00")
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert day_of(ms, zone) == date.fromisoformat(day)


def test_a_call_at_midnight_is_kept_by_the_day_of_the_place() -> None:
    half_past_eleven = 1_788_215_400_000  # 2026-08-31T22:30Z, which is 23:30 in London
    kept = Period.of("6 months")
    assert kept.after(day_of(half_past_eleven, LONDON)) == date(2027, 2, 28)
    assert kept.after(day_of(half_past_eleven + 3_600_000, LONDON)) == date(2027, 3, 1)
    assert kept.after(day_of(half_past_eleven + 3_600_000, UTC)) == date(2027, 2, 28)


@pytest.mark.parametrize("ms", [10**15, -(10**15), 10**30, -(10**30)])
@pytest.mark.parametrize("zone", [UTC, LONDON])
def test_a_clock_past_the_calendar_gives_no_day(ms: int, zone: ZoneInfo) -> None:
    with pytest.raises(ValueError, match=r"no day of the calendar|out of range"):
        day_of(ms, zone)


@given(st.integers(0, 4 * 10**12), st.integers(-14 * 60, 14 * 60))
def test_days_are_whole_and_in_order(ms: int, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    since = (ms + minutes * 60_000) // 86_400_000
    assert day_of(ms, zone) == date(1970, 1, 1) + since * ONE_DAY
    assert day_of(ms, LONDON) <= day_of(ms + 1, LONDON)


# Rules.

TEAMS, POLICIES = ("", "sales", "care"), ("", "1", "2")
EVERY_RULE = [
    Rule(f"{case or 'all'}/{team or '-'}/{policy or '-'}", Period(months=6), case, team, policy)
    for case, team, policy in product(("", "complaint"), TEAMS, POLICIES)
]


@pytest.mark.parametrize(
    ("without", "closest"),
    [
        ([], "sales/1"),
        (["sales/1"], "sales/-"),
        (["sales/1", "sales/-"], "-/1"),
        (["sales/1", "sales/-", "-/1"], "-/-"),
        (["sales/1", "sales/-", "-/1", "-/-"], None),
        (["-/1", "-/-"], "sales/1"),
        (["sales/1", "-/1", "-/-"], "sales/-"),
    ],
)
@pytest.mark.parametrize("case", ["", "complaint"])
def test_the_closest_rule_is_chosen(case: str, without: list[str], closest: str | None) -> None:
    kind = case or "all"
    left = tuple(
        rule for rule in EVERY_RULE if rule.name not in [f"{kind}/{name}" for name in without]
    )
    for rules in (left, left[::-1]):
        rule = Schedule("1", rules).rule(case, "sales", "1")
        assert (rule and rule.name) == (closest and f"{kind}/{closest}")


def test_a_kind_of_case_without_a_rule_gets_none_of_another() -> None:
    schedule = Schedule("1", tuple(EVERY_RULE))
    assert schedule.rule("abuse", "sales", "1") is None
    assert schedule.rule("complaints", "sales", "1") is None
    assert Schedule("1", ()).rule("", "", "") is None


@given(
    st.permutations(EVERY_RULE),
    st.integers(0, len(EVERY_RULE)),
    st.sampled_from(["", "complaint", "abuse"]),
    st.sampled_from([*TEAMS, "other"]),
    st.sampled_from([*POLICIES, "3"]),
)
def test_which_rule_is_closest_is_what_a_plain_search_says(
    rules: list[Rule], many: int, case: str, team: str, policy: str
) -> None:
    rules = rules[:many]
    fitting = [
        rule
        for rule in rules
        if rule.case == case and rule.team in ("", team) and rule.policy in ("", policy)
    ]
    closest = max(fitting, key=lambda rule: 2 * bool(rule.team) + bool(rule.policy), default=None)
    assert Schedule("1", tuple(rules)).rule(case, team, policy) == closest


def test_schedules_are_the_same_when_they_say_the_same() -> None:
    rules = tuple(EVERY_RULE)
    assert Schedule("1", rules) == Schedule("1", rules)
    assert Schedule("1", rules) != Schedule("1", rules[1:])
    assert Schedule("1", rules).kinds == ("complaint",)
    assert Schedule("1", (Rule("b", Period(1), "b"), Rule("a", Period(1), "a"))).kinds == ("a", "b")
