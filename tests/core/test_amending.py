"""What a change of the schedule means (R12, R18)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.amending import cautious, shorter
from ivr.core.retention import Claim, Facts, decide
from ivr.core.schedule import Period, Rule, Schedule

PERIODS = st.one_of(
    st.builds(lambda months: Period(months), st.integers(1, 30)),
    st.builds(lambda days: Period(days=days), st.integers(1, 900)),
)
NAMES = st.sampled_from(["", "housing", "parking"])
POLICIES = st.sampled_from(["", "1.0"])


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(["", "complaint", "abuse"]), NAMES, POLICIES),
            unique=True,
            max_size=6,
        )
    )
    rules = [
        Rule(f"r{n}", draw(PERIODS), case, team, policy)
        for n, (case, team, policy) in enumerate({("", "", ""): 0, **dict.fromkeys(keys, 0)})
    ]
    return Schedule("1", tuple(rules))


FACTS = st.builds(
    Facts,
    st.just("c"),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.sampled_from(["housing", "parking", "else"]),
    st.sampled_from(["1.0", "2.0"]),
)
CLAIMS = st.lists(
    st.builds(
        Claim,
        st.just("C-1"),
        st.sampled_from(["complaint", "abuse"]),
        st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2031, 1, 1))),
    ),
    max_size=2,
)
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


def goes(schedule: Schedule, facts: Facts, claims: list[Claim], today: date) -> bool:
    return decide(facts, claims, schedule, today).action == "destroy"


@given(schedules(), schedules(), FACTS, CLAIMS, DAYS)
def test_the_cautious_one_destroys_nothing_that_either_keeps(old, new, facts, claims, today):
    if goes(cautious(old, new), facts, claims, today):
        assert goes(old, facts, claims, today)
        assert goes(new, facts, claims, today)


@given(schedules(), schedules(), FACTS, CLAIMS, DAYS)
def test_what_is_nowhere_shorter_destroys_nothing_earlier_on_any_day(
    old, new, facts, claims, today
):
    if not shorter(old, new) and goes(new, facts, claims, today):
        assert goes(old, facts, claims, today)


@given(schedules())
def test_the_same_schedule_is_neither_shorter_nor_more_cautious(schedule):
    assert shorter(schedule, schedule) == ()
    both = cautious(schedule, schedule)
    for rule in schedule.rules:
        kept = both.rule(rule.case, rule.team, rule.policy)
        assert kept is not None
        assert kept.keep == rule.keep


GENERAL = Rule("all", Period(6))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([GENERAL], [Rule("all", Period(5))], [("all", "6 months", "5 months")]),
        ([GENERAL], [Rule("all", Period(7))], []),
        ([GENERAL], [Rule("all", Period(days=184))], [("all", "6 months", "184 days")]),
        ([GENERAL], [Rule("all", Period(days=186))], []),
        (
            [GENERAL],
            [GENERAL, Rule("h", Period(5), team="housing")],
            [("h", "6 months", "5 months")],
        ),
        ([GENERAL], [GENERAL, Rule("c", Period(9), case="complaint")], [("c", "held", "9 months")]),
        ([GENERAL, Rule("c", Period(9), case="complaint")], [GENERAL], []),
    ],
)
def test_what_becomes_shorter_is_told_by_its_rule(old, new, told):
    found = shorter(Schedule("1", tuple(old)), Schedule("2", tuple(new)))
    assert [(each.name, each.before, each.now) for each in found] == told


def test_a_month_and_days_that_cannot_be_told_apart_keep_longer_than_both():
    both = cautious(Schedule("1", (GENERAL,)), Schedule("2", (Rule("all", Period(days=183)),)))
    [rule] = both.rules
    day = date(2026, 1, 31)
    assert rule.keep.after(day) >= max(GENERAL.keep.after(day), day + timedelta(days=183))
