"""docs/retention.md is right: its worked examples are what the shipped schedule comes to."""

from __future__ import annotations

import re
from datetime import date

import pytest

from ivr.config.schedule import load_schedule
from ivr.core.retention import Claim, Facts, decide
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")
TODAY = date(2028, 3, 1)
WORKED = PAGE.partition("<!-- worked -->")[2].partition("<!-- end -->")[0]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in WORKED.strip().splitlines()[2:]
]
_CLAIM = re.compile(r"([\w-]+) (?:open|closed (\d{4}-\d\d-\d\d))")


def claims(told: str) -> list[Claim]:
    """Cases as the table tells of them."""
    found = []
    for number, one in enumerate(told.split(", ")):
        if one == "none":
            continue
        match = _CLAIM.fullmatch(one)
        assert match, one
        closed = date.fromisoformat(match[2]) if match[2] else None
        found.append(Claim(f"C-{number}", match[1], closed))
    return found


def test_the_table_shows_each_kind_of_answer() -> None:
    assert len(ROWS) > 8
    assert {"held", "2028-02-29"} <= {row[2] for row in ROWS}
    assert f"on {TODAY}" in PAGE


@pytest.mark.parametrize(("day", "told", "due", "rule"), ROWS)
def test_a_worked_example_is_what_the_schedule_says(
    day: str, told: str, due: str, rule: str
) -> None:
    schedule = load_schedule(ROOT / "deploy" / "schedule.yaml")
    found = decide(Facts("call", date.fromisoformat(day), "", ""), claims(told), schedule, TODAY)
    assert (str(found.due) if found.due else found.action.replace("hold", "held")) == due
    assert found.rule == rule
    if found.due is not None:
        assert found.action == ("destroy" if found.due <= TODAY else "keep")


def test_every_kind_of_the_schedule_is_named() -> None:
    schedule = load_schedule(ROOT / "deploy" / "schedule.yaml")
    for kind in schedule.kinds:
        assert kind.replace("-", " ") in PAGE, kind
