"""What is destroyed, kept and held, and by which rule (R12, R13)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import permutations

import pytest

from ivr.core.retention import Claim, Disposition, Facts, decide, plan
from ivr.core.schedule import NEVER, Period, Rule, Schedule


def rule(name: str, keep: str, case: str = "", team: str = "", policy: str = "") -> Rule:
    return Rule(name, Period.of(keep), case, team, policy)


SCHEDULE = Schedule(
    "2026-11",
    (
        rule("general", "6 months"),
        rule("payments", "3 months", team="payments"),
        rule("trial", "30 days", policy="trial"),
        rule("payments on trial", "10 days", team="payments", policy="trial"),
        rule("complaints", "2 years", "complaint"),
        rule("complaints of payments", "1 month", "complaint", team="payments"),
        rule("complaints on trial", "1 year", "complaint", policy="trial"),
        rule("discipline", "6 years", "disciplinary"),
        rule("requests", "1 month", "subject-access"),
        rule("only sales", "1 year", "sale", team="sales"),
    ),
)
FACTS = Facts("0001", date(2026, 8, 31), "care", "1")


def claim(text: str) -> Claim:
    """``complaint C-1 2026-09-01`` or ``complaint C-1 open``."""
    kind, ref, closed = text.split()
    return Claim(ref, kind, None if closed == "open" else date.fromisoformat(closed))


TABLE = [
    # Team and policy version, claims, today: what happens, when it is due, by which rule.
    ("care/1", [], "2027-02-27", "keep", "2027-02-28", "general"),
    ("care/1", [], "2027-02-28", "destroy", "2027-02-28", "general"),
    ("care/1", [], "2030-01-01", "destroy", "2027-02-28", "general"),
    ("care/1", [], "2026-08-31", "keep", "2027-02-28", "general"),
    ("care/1", [], "2020-01-01", "keep", "2027-02-28", "general"),
    ("payments/1", [], "2026-11-29", "keep", "2026-11-30", "payments"),
    ("payments/1", [], "2026-11-30", "destroy", "2026-11-30", "payments"),
    ("care/trial", [], "2026-09-30", "destroy", "2026-09-30", "trial"),
    ("payments/trial", [], "2026-09-10", "destroy", "2026-09-10", "payments on trial"),
    # An open case holds for ever, whatever else there is.
    ("care/1", ["complaint C-1 open"], "9999-12-31", "hold", None, "open-case"),
    ("care/1", ["complaint C-1 2026-09-01", "complaint C-2 open"], "2099-01-01", "hold", None,
     "open-case"),
    ("care/1", ["subject-access S-1 open"], "2027-02-28", "hold", None, "open-case"),
    ("care/1", ["gossip G-1 open"], "2027-02-28", "hold", None, "open-case"),
    ("care/1", ["gossip G-1 2026-09-01", "complaint C-1 open"], "2099-01-01", "hold", None,
     "open-case"),
    # After it was closed, its kind's period, from that day on.
    ("care/1", ["complaint C-1 2026-10-15"], "2028-10-14", "keep", "2028-10-15", "complaints"),
    ("care/1", ["complaint C-1 2026-10-15"], "2028-10-15", "destroy", "2028-10-15", "complaints"),
    ("care/1", ["complaint C-1 2028-02-29"], "2030-02-28", "destroy", "2030-02-28", "complaints"),
    # Closed before the call was, closed in days to come.
    ("care/1", ["complaint C-1 2020-01-01"], "2027-02-28", "destroy", "2027-02-28", "general"),
    ("care/1", ["complaint C-1 2031-01-01"], "2032-12-31", "keep", "2033-01-01", "complaints"),
    # The longest wins, and a case never shortens.
    ("care/1", ["subject-access S-1 2026-09-15"], "2027-02-27", "keep", "2027-02-28", "general"),
    ("care/1", ["subject-access S-1 2026-09-15"], "2027-02-28", "destroy", "2027-02-28",
     "general"),
    ("care/1", ["subject-access S-1 2027-01-29"], "2027-02-27", "keep", "2027-02-28", "general"),
    ("care/1", ["subject-access S-1 2027-02-01"], "2027-02-28", "keep", "2027-03-01", "requests"),
    ("care/1", ["complaint C-1 2026-10-15", "disciplinary D-1 2026-09-01"], "2032-08-31", "keep",
     "2032-09-01", "discipline"),
    ("care/1", ["complaint C-1 2031-10-15", "disciplinary D-1 2026-09-01"], "2032-09-01", "keep",
     "2033-10-15", "complaints"),
    ("care/1", ["complaint C-1 2026-10-15", "complaint C-2 2026-12-01"], "2028-10-15", "keep",
     "2028-12-01", "complaints"),
    # By policy version and by team.
    ("care/trial", ["complaint C-1 2026-10-15"], "2027-10-14", "keep", "2027-10-15",
     "complaints on trial"),
    ("payments/1", ["complaint C-1 2026-11-15"], "2026-12-14", "keep", "2026-12-15",
     "complaints of payments"),
    ("payments/1", ["complaint C-1 2026-09-15"], "2026-11-29", "keep", "2026-11-30", "payments"),
    ("sales/1", ["sale X-1 2026-09-01"], "2027-09-01", "destroy", "2027-09-01", "only sales"),
    # What the schedule does not know is kept.
    ("care/1", ["sale X-1 2026-09-01"], "2099-01-01", "hold", None, "no-rule"),
    ("care/1", ["gossip G-1 2026-09-01"], "2099-01-01", "hold", None, "no-rule"),
    ("care/1", ["complaint C-1 2026-09-01", "gossip G-1 2026-09-01"], "2099-01-01", "hold", None,
     "no-rule"),
]  # fmt: skip


@pytest.mark.parametrize(("whose", "claims", "today", "action", "due", "name"), TABLE)
def test_what_happens_to_a_recording(
    whose: str, claims: list[str], today: str, action: str, due: str | None, name: str
) -> None:
    team, policy = whose.split("/")
    facts = replace(FACTS, team=team, policy=policy)
    for order in permutations(map(claim, claims)):
        found = decide(facts, order, SCHEDULE, date.fromisoformat(today))
        assert (found.call, found.action, found.rule) == ("0001", action, name)
        assert found.due == (due and date.fromisoformat(due))


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ([], "6 months after the call"),
        (["complaint C-1 2026-10-15"], "2 years after complaint C-1 was closed"),
        (["complaint C-1 open"], "complaint C-1 is open"),
        (["complaint C-2 open", "complaint C-1 open"], "complaint C-1 is open"),
        (["complaint C-2 2026-10-15", "complaint C-1 2026-10-15"],
         "2 years after complaint C-1 was closed"),
        (["gossip G-1 2026-10-15"], "the schedule does not know 'gossip'"),
    ],
)  # fmt: skip
def test_why_is_said_the_same_in_any_order(claims: list[str], why: str) -> None:
    for order in permutations(map(claim, claims)):
        assert decide(FACTS, order, SCHEDULE, date(2027, 1, 1)).why == why


def test_without_a_rule_for_every_recording_it_is_kept() -> None:
    schedule = Schedule("1", tuple(each for each in SCHEDULE.rules if each.case))
    for claims in ([], [claim("complaint C-1 2026-09-01")]):
        found = decide(FACTS, claims, schedule, date(2099, 1, 1))
        assert (found.action, found.due, found.rule) == ("hold", None, "no-rule")


def test_what_is_due_past_the_end_of_the_calendar_is_never_destroyed() -> None:
    schedule = Schedule("1", (rule("long", "9999 years"), rule("short", "1 day", "complaint")))
    for claims in ([], [claim("complaint C-1 2026-09-01")]):
        assert decide(FACTS, claims, schedule, NEVER).action == "keep"
    for day in (NEVER, date(9999, 12, 30)):
        facts = replace(FACTS, day=day)
        assert decide(facts, [], Schedule("1", (rule("x", "1 day"),)), NEVER).action == "keep"


def test_a_plan_goes_through_them_one_at_a_time() -> None:
    asked = []

    def recordings() -> Iterator[tuple[Facts, list[Claim]]]:
        for number in range(3):
            asked.append(number)
            yield replace(FACTS, call=str(number)), [claim("complaint C-1 open")] * (number == 1)

    planned = plan(recordings(), SCHEDULE, date(2027, 2, 28))
    assert asked == []
    first = next(planned)
    assert asked == [0]
    due = date(2027, 2, 28)
    assert first == Disposition("0", "destroy", due, "general", "6 months after the call")
    assert [(each.call, each.action) for each in planned] == [("1", "hold"), ("2", "destroy")]
