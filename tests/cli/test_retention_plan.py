"""``ivr retention plan``, ``stats``, ``schedule``: what goes when, and what a change would do."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retained import Served, serving
from tests.retention.house import DPO, MANAGER, OFFICER, POLICY, schedule_with


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(tmp_path, monkeypatch) as served:
        yield served


@pytest.fixture
def three(served: Served) -> list[str]:
    """Two that are due on 1 November, one of them in an open case, and one the day after."""
    calls = [
        served.house.call(1, ended="2026-05-01 10:00"),
        served.house.call(2, ended="2026-05-01 11:00"),
        served.house.call(3, ended="2026-05-02 10:00"),
    ]
    served.house.office.keeping.open(OFFICER, "C-1", "complaint")
    served.house.office.keeping.add(OFFICER, "C-1", calls[1:2])
    return calls


def test_plan_counts_by_day_and_rule(served: Served, three: list[str]) -> None:
    assert served.ivr("retention", "plan").stderr == "no recordings whose period is over\n"
    assert served.ivr("retention", "plan", "--at", "2026-11-02").stdout.splitlines() == [
        "-  hold  open-case  1",
        "2026-11-01  destroy  recordings  1",
        "2026-11-02  destroy  recordings  1",
    ]
    assert served.last[:3] == ("plan", "dpo", "granted")


def test_plan_lists_each_with_the_rule_that_decided(served: Served, three: list[str]) -> None:
    one, two, _ = three
    lines = served.ivr("retention", "plan", "--at", "2026-11-01", "--list").stdout.splitlines()
    assert sorted(lines) == sorted(
        [
            f"{one}  destroy  2026-11-01  recordings  6 months after the call",
            f"{two}  hold  -  open-case  complaint C-1 is open",
        ]
    )


def test_plan_as_csv_and_json_list_each(served: Served, three: list[str]) -> None:
    words = ("retention", "plan", "--at", "2026-11-02", "--format")
    rows = list(csv.DictReader(served.ivr(*words, "csv").stdout.splitlines()))
    told = [json.loads(line) for line in served.ivr(*words, "json").stdout.splitlines()]
    assert {row["call"] for row in rows} == {one["call"] for one in told} == set(three)
    assert [{**one, "due": one["due"] or ""} for one in told] == rows
    [summary, *_] = served.ivr(*words, "json", "--summary").stdout.splitlines()
    assert json.loads(summary) == {
        "due": None,
        "action": "hold",
        "rule": "open-case",
        "recordings": 1,
    }
    counted = served.ivr(*words, "csv", "--summary").stdout
    assert counted.splitlines()[:2] == ["due,action,rule,recordings", ",hold,open-case,1"]


def test_plan_refused(served: Served) -> None:
    served.person = MANAGER
    assert served.ivr("retention", "plan").exit_code == 8
    assert served.last[:3] == ("plan", "manager", "refused")
    assert served.ivr("retention", "plan", "--at", "then").exit_code == 2


def test_stats(served: Served, three: list[str]) -> None:
    told = json.loads(served.ivr("retention", "stats", "--json").stdout)
    assert sum(group["recordings"] for group in told["groups"]) == 3
    assert (told["held"], told["oldest"], told["schedule"]) == (1, "2026-05-01", "2.0")
    page = " ".join(served.ivr("retention", "stats").stdout.split())
    assert page.startswith("3 recordings of teams 3 of ")
    assert "oldest 2026-05-01 held 1 by open cases and holds" in page
    assert "last sweep never" in page
    served.house.sweep()
    page = " ".join(served.ivr("retention", "stats").stdout.split())
    assert "last sweep 2026-05-31 12:00" in page


def test_a_schedule_that_is_the_one_in_force(served: Served) -> None:
    served.person = POLICY
    said = served.ivr("retention", "schedule").stdout
    assert said == "version 2.0 is in force; schedule.yaml, version 2.0, is the one\n"


def test_a_change_is_shown_and_then_adopted(served: Served) -> None:
    call = served.house.call(1, ended="2026-02-01 10:00")
    served.house.call(2, ended="2026-05-01 10:00")
    schedule_with(served.house, recordings="3 months")
    served.restart()
    served.person = POLICY
    asked = served.ivr("retention", "schedule", "--list").stdout.splitlines()
    assert asked == [
        f"{call}  2026-05-01  recordings  3 months after the call",
        "version 2.0 is in force; schedule.yaml is version 2.0x",
        "  recordings: 3 months, and not 6 months",
        "  1 recording would newly be due by rule recordings",
        "adopt it: ivr retention schedule --adopt 2.0x",
    ]
    [told] = served.ivr("retention", "schedule", "--json").stdout.splitlines()
    assert [one["call"] for one in json.loads(told)["newly"]] == [call]
    wrong = served.ivr("retention", "schedule", "--adopt", "2.1")
    assert wrong.exit_code == 2
    assert "'2.0x'" in wrong.stderr
    assert served.house.sweep().left == 1
    adopted = served.ivr("retention", "schedule", "--adopt", "2.0x")
    assert adopted.stdout.splitlines()[1:] == [
        "  recordings: 3 months, and not 6 months",
        "  1 recording newly due by rule recordings",
        "adopted: version 2.0x; the next sweep destroys by it",
    ]
    assert served.last[:3] == ("schedule", "policy", "done")
    assert served.house.sweep().toll.recordings == 1


def test_refused_to_look_at_a_change(served: Served) -> None:
    served.person = DPO
    assert served.ivr("retention", "schedule").exit_code == 8
    assert served.ivr("retention", "schedule", "--adopt", "2.0").exit_code == 8
    assert served.last[:3] == ("schedule", "dpo", "refused")
