"""docs/retention.md is right: its worked examples are what the shipped schedule comes to, and what
it says of a restore is so."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from ivr.config.schedule import load_schedule
from ivr.core.retention import Claim, Facts, decide
from tests.docs.pages import ROOT
from tests.retention.house import NUMBER, OFFICER, House

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


def test_what_was_destroyed_since_a_backup_goes_again_after_a_restore(tmp_path: Path) -> None:
    assert "**destroys once more what was destroyed since**" in " ".join(PAGE.split())
    house = House(tmp_path)
    gone, kept = house.call(1), house.call(2, caller="02079460000")
    state = house.store.site.state
    backup = tmp_path / "backup"
    house.store.close()
    shutil.copytree(state / "archive", backup / "archive")
    shutil.copy(state / "index.sqlite", backup / "index.sqlite")
    house.open()
    house.office.keeping.open(OFFICER, "C-1", "complaint")
    house.office.keeping.add(OFFICER, "C-1", [kept])
    house.turn(days=300)
    assert house.sweep().toll.recordings == 1
    assert house.files_with(NUMBER[1:]) == []

    house.store.close()
    shutil.rmtree(state / "archive")
    shutil.copytree(backup / "archive", state / "archive")
    for path in state.glob("index.sqlite*"):
        path.unlink()
    shutil.copy(backup / "index.sqlite", state / "index.sqlite")
    house.open()
    assert house.files_with(NUMBER[1:]) != []
    house.sweep(clock_is_right=True)
    assert house.files_with(NUMBER[1:]) == []
    assert house.store.recordings.state_of(gone) == "destroyed"
    assert house.store.recordings.state_of(kept) == "here"
    assert [case.ref for case in house.store.cases.open_naming(kept)] == ["C-1"]
    house.store.close()
