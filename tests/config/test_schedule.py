"""Periods as people write them, and the rules that a schedule becomes (R12, R13)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ivr.config.kinds_retention import PeriodText
from ivr.config.load import ConfigurationError
from ivr.config.schedule import load_schedule
from ivr.core.schedule import Period, Rule, Schedule
from tests.config.retained import build

PERIOD: TypeAdapter[str] = TypeAdapter(Annotated[str, PeriodText()])
EXPECTED = 'expected a period such as "6 months", "2 years" or "90 days"'


def refusal(value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        PERIOD.validate_python(value)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize("text", ["6 months", "1 month", "2 years", "1 year", "90 days", "1 day"])
def test_what_is_a_period(text: str) -> None:
    assert PERIOD.validate_python(text) == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("6 month", "6 months"),
        ("6m", "6 months"),
        ("6M", "6 months"),
        ("6 mths", "6 months"),
        ("6months", "6 months"),
        (" 6  Months ", "6 months"),
        ("06 months", "6 months"),
        ("6", "6 months"),
        (6, "6 months"),
        (1, "1 month"),
        (0, "1 month"),
        ("1 months", "1 month"),
        ("2y", "2 years"),
        ("2 yrs", "2 years"),
        ("1 years", "1 year"),
        ("90d", "90 days"),
        ("1 days", "1 day"),
        ("2 weeks", "14 days"),
        ("1w", "7 days"),
    ],
)
def test_the_nearest_period_is_offered(written: object, meant: str) -> None:
    assert refusal(written) == f'{EXPECTED}, did you mean "{meant}"?'
    assert PERIOD.validate_python(meant) == meant


@pytest.mark.parametrize("written", ["", "never", "0 months", "-6 months", "half a year", True])
def test_what_is_no_period_and_near_none(written: object) -> None:
    assert refusal(written) == EXPECTED


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,5} ?(day|month|year)s?", fullmatch=True))
def test_what_is_accepted_is_read_back_as_the_same(written: str) -> None:
    with contextlib.suppress(ValidationError):
        text = PERIOD.validate_python(written)
        count, unit = text.split(" ")
        assert (count == "1") == (not unit.endswith("s"))
        period = Period.of(text)
        assert period.days or period.months
        assert Period.of(str(period)) == period


def test_a_schedule_arrives(tmp_path: Path) -> None:
    build(tmp_path)
    year = Period(months=12)
    assert load_schedule(tmp_path / "deploy/schedule.yaml") == Schedule(
        "2.0",
        (
            Rule("recordings", Period(months=6)),
            Rule("complaints", Period(months=24), case="complaint"),
            Rule("abuse", year, case="abuse"),
            Rule("disciplinary", year, case="disciplinary"),
            Rule("council-tax", Period(days=90), team="council-tax"),
            Rule("old-policy", year, policy="1.0"),
        ),
        {"abuse": "abuse"},
    )


def test_a_schedule_by_itself_has_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "schedule.yaml"
    path.write_text('version: "1"\ndate: "2026-01-05"\nofficer: X\nrules: []\n')
    with pytest.raises(ConfigurationError, match="has 0 items, expected 1 or more"):
        load_schedule(path)


def test_a_schedule_without_marks_has_none(tmp_path: Path) -> None:
    path = tmp_path / "schedule.yaml"
    rule = '{name: all, keep: "6 months"}'
    path.write_text(f'version: "1"\ndate: "2026-01-05"\nofficer: X\nrules: [{rule}]\n')
    assert load_schedule(path).marks == {}
