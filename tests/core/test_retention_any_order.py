"""Nothing that is done to cases destroys earlier than was known before (R13), whatever the order.

The cases are a small model: what the index holds of those that name one recording.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from ivr.core.retention import Claim, Disposition, Facts, decide
from ivr.core.schedule import NEVER, Period, Rule, Schedule

KINDS = ("complaint", "abuse", "legal-claim", "gossip")
TEAMS, POLICIES = ("care", "sales"), ("1", "2")

days = st.dates(date(2026, 1, 1), date(2032, 12, 31))
periods = st.integers(1, 80).map(Period) | st.integers(1, 900).map(lambda many: Period(days=many))
facts = st.builds(Facts, st.just("0001"), days, st.sampled_from(TEAMS), st.sampled_from(POLICIES))
claims = st.builds(
    Claim, st.sampled_from(["A", "B", "C"]), st.sampled_from(KINDS), st.none() | days
)
named = st.tuples(
    st.sampled_from(["", *KINDS[:3]]),
    st.sampled_from(["", *TEAMS]),
    st.sampled_from(["", *POLICIES]),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any rules, one for every recording among them; nearly always one for each kind but gossip."""
    keeps = draw(st.dictionaries(named, periods, max_size=8))
    for case in ("", *KINDS[:3]):
        if not case or draw(st.integers(0, 9)):
            keeps.setdefault((case, "", ""), draw(periods))
    rules = [Rule(f"rule {n}", keep, *which) for n, (which, keep) in enumerate(keeps.items())]
    return Schedule("1", tuple(rules))


def later_or_same(before: Disposition, after: Disposition) -> bool:
    """Whether the second destroys no earlier than the first."""
    if before.due is None:
        return after.due is None
    return after.due is None or after.due >= before.due


@given(facts, st.lists(claims, max_size=4), claims, schedules(), days)
def test_another_claim_never_destroys_earlier(
    facts: Facts, before: list[Claim], more: Claim, schedule: Schedule, today: date
) -> None:
    was = decide(facts, before, schedule, today)
    now = decide(facts, [more, *before], schedule, today)
    assert later_or_same(was, now)
    if was.action != "destroy":
        assert now.action != "destroy"
    if was.action == "hold":
        assert now.action == "hold"


@given(facts, st.lists(claims, max_size=5), schedules(), days, st.data())
def test_the_order_of_claims_does_not_matter(
    facts: Facts, some: list[Claim], schedule: Schedule, today: date, data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(some))
    assert decide(facts, mixed, schedule, today) == decide(facts, some, schedule, today)
    assert decide(facts, iter(mixed), schedule, today) == decide(facts, some, schedule, today)
    assert decide(facts, mixed * 2, schedule, today) == decide(facts, some, schedule, today)


@given(facts, st.lists(claims, max_size=4), schedules(), days, days)
def test_the_longest_of_all_decides(
    facts: Facts, some: list[Claim], schedule: Schedule, today: date, later: date
) -> None:
    found = decide(facts, some, schedule, today)
    rules = [schedule.rule(each.kind, facts.team, facts.policy) for each in some]
    basic = schedule.rule("", facts.team, facts.policy)
    assert basic is not None
    if any(each.closed is None for each in some):
        assert (found.action, found.due, found.rule) == ("hold", None, "open-case")
    elif None in rules:
        assert (found.action, found.due, found.rule) == ("hold", None, "no-rule")
    else:
        until = {basic.name: basic.keep.after(facts.day)}
        for each, rule in zip(some, rules, strict=True):
            assert rule is not None
            assert each.closed is not None
            until[rule.name] = max(rule.keep.after(each.closed), until.get(rule.name, date.min))
        assert found.due == max(until.values()) == until[found.rule]
        assert found.action == ("destroy" if found.due <= today else "keep")
    # Once it is to be destroyed, it is on every later day; what is held then is held now.
    if later >= today and found.action == "destroy":
        assert decide(facts, some, schedule, later) == found
    assert decide(facts, some, schedule, later).due == found.due


# Cases as they are opened, added to, closed and opened again.


class Act(NamedTuple):
    """One thing that a person does."""

    what: Literal["open", "add", "close", "reopen", "remove"]
    ref: str
    kind: str = ""
    day: date = NEVER


@dataclass
class Cases:
    """The cases, and which of them name the recording, in the order in which it came about."""

    kinds: dict[str, str] = field(default_factory=dict)
    closed: dict[str, date] = field(default_factory=dict)
    naming: dict[str, None] = field(default_factory=dict)

    def do(self, act: Act) -> None:
        match act.what:
            case "open":
                self.kinds.setdefault(act.ref, act.kind)
            case "add":
                if act.ref in self.kinds:
                    self.naming[act.ref] = None
            case "close":
                if act.ref in self.kinds:
                    self.closed.setdefault(act.ref, act.day)
            case "reopen":
                self.closed.pop(act.ref, None)
            case "remove":
                self.naming.pop(act.ref, None)

    def claims(self) -> list[Claim]:
        return [Claim(ref, self.kinds[ref], self.closed.get(ref)) for ref in self.naming]


def after(acts: Iterable[Act]) -> Cases:
    cases = Cases()
    for act in acts:
        cases.do(act)
    return cases


@st.composite
def lives(draw: st.DrawFn, ref: str) -> list[Act]:
    """All that is done with one case: opened, added to at any time, closed and opened again."""
    acts = [Act("open", ref, draw(st.sampled_from(KINDS)))]
    for _ in range(draw(st.integers(0, 2))):
        acts += [Act("close", ref, day=draw(days)), Act("reopen", ref)]
    if draw(st.booleans()):
        acts.append(Act("close", ref, day=draw(days)))
    acts.insert(draw(st.integers(1, len(acts))), Act("add", ref))
    return acts


@st.composite
def interleaved(draw: st.DrawFn, lives: Sequence[list[Act]]) -> list[Act]:
    """One way of doing all of it: each case's own order is kept."""
    whose = draw(st.permutations([n for n, life in enumerate(lives) for _ in life]))
    left = [iter(life) for life in lives]
    return [next(left[n]) for n in whose]


@given(st.tuples(lives("A"), lives("B"), lives("C")), facts, schedules(), days, st.data())
def test_what_leads_to_the_same_cases_leads_to_the_same_end(
    of_cases: tuple[list[Act], ...],
    facts: Facts,
    schedule: Schedule,
    today: date,
    data: st.DataObject,
) -> None:
    one = after(act for life in of_cases for act in life)
    other = after(data.draw(interleaved(of_cases)))
    assert sorted(one.naming) == sorted(other.naming)
    found = decide(facts, other.claims(), schedule, today)
    assert found == decide(facts, one.claims(), schedule, today)
    # Only what each case is at the end matters, not how it came to be that.
    last = [Act("open", r, kind) for r, kind in one.kinds.items()]
    last += [Act("add", ref) for ref in sorted(one.naming, reverse=True)]
    last += [Act("close", ref, day=day) for ref, day in one.closed.items()]
    assert found == decide(facts, after(last).claims(), schedule, today)


@given(st.tuples(lives("A"), lives("B"), lives("C")).flatmap(interleaved), facts, schedules(), days)
def test_opening_adding_and_reopening_never_destroy(
    acts: list[Act], facts: Facts, schedule: Schedule, today: date
) -> None:
    cases = Cases()
    for act in acts:
        before = decide(facts, cases.claims(), schedule, today)
        cases.do(act)
        now = decide(facts, cases.claims(), schedule, today)
        if act.what != "close":
            assert later_or_same(before, now)
            assert now.action != "destroy" or before.action == "destroy"
        if act.what == "reopen" and act.ref in cases.naming:
            assert now.action == "hold"


@given(st.tuples(lives("A"), lives("B")).flatmap(interleaved), facts, schedules(), days, days, days)
def test_a_case_closed_again_later_keeps_no_shorter(
    acts: list[Act], facts: Facts, schedule: Schedule, first: date, second: date, today: date
) -> None:
    cases = after([*acts, Act("reopen", "A"), Act("close", "A", day=min(first, second))])
    before = decide(facts, cases.claims(), schedule, today)
    cases.do(Act("reopen", "A"))
    cases.do(Act("close", "A", day=max(first, second)))
    assert later_or_same(before, decide(facts, cases.claims(), schedule, today))
