"""What must hold of any roles, whoever asks for what (R16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ivr.retention.access import Access, Action, Circumstance, Member, Role, decide
from ivr.retention.model import Case, Person

NAMES = ("red", "green", "blue", "grey")
KINDS = ("disciplinary", "complaint")
GROUPS = ("a", "b")


def some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values))


def roles(actions: frozenset[Action] = frozenset(Action)) -> st.SearchStrategy[dict[str, Role]]:
    may = st.frozensets(st.sampled_from(sorted(actions)), min_size=1)
    teams = st.none() | some(("tax", "benefits"))
    role = st.builds(Role, st.just(""), may, teams, st.booleans(), some(KINDS), st.booleans())
    return st.tuples(role, role, role, role).map(
        lambda made: {n: replace(one, name=n) for n, one in zip(NAMES, made, strict=True)}
    )


CASE = st.builds(
    Case,
    st.sampled_from(["C-1", "C-2"]),
    st.sampled_from(KINDS),
    st.just(0),
    st.just("dpo"),
    st.none() | st.just(date(2026, 1, 5)),
)
HERE = st.builds(
    Circumstance,
    st.sampled_from(["", "tax", "benefits", "parks"]),
    st.lists(CASE, max_size=2, unique_by=lambda case: case.ref).map(tuple),
    st.sampled_from(["", "C-1", "C-2", "C-3"]),
    st.sampled_from(["", " ", "a letter"]),
    st.booleans(),
)
ACTION = st.sampled_from(Action)


def one(made: dict[str, Role], names: frozenset[str], teams: frozenset[str]) -> Access:
    return Access(made, {"anna": Member("anna", "Anna", tuple(sorted(names)), teams)})


@given(roles(), some(NAMES), some(NAMES), some(("tax", "parks")), ACTION, HERE)
def test_more_roles_never_take_a_right_away(
    made: dict[str, Role],
    few: frozenset[str],
    more: frozenset[str],
    teams: frozenset[str],
    action: Action,
    here: Circumstance,
) -> None:
    before = decide(one(made, few, teams), Person("anna"), action, here)
    after = decide(one(made, few | more, teams), Person("anna"), action, here)
    assert after.granted or not before.granted
    if before.granted:
        assert after.teams is None or (before.teams is not None and before.teams <= after.teams)


@given(roles(), some(NAMES), some(GROUPS), some(GROUPS), ACTION, HERE)
def test_another_group_never_takes_a_right_away(
    made: dict[str, Role],
    names: frozenset[str],
    few: frozenset[str],
    more: frozenset[str],
    action: Action,
    here: Circumstance,
) -> None:
    access = replace(
        one(made, names, frozenset({"tax"})), groups={"a": ("red", "green"), "b": ("blue",)}
    )
    before = decide(access, Person("anna", few), action, here)
    after = decide(access, Person("anna", few | more), action, here)
    assert after.granted or not before.granted


@given(roles(), some(NAMES), ACTION, HERE)
def test_several_roles_grant_what_one_of_them_grants_alone(
    made: dict[str, Role], names: frozenset[str], action: Action, here: Circumstance
) -> None:
    teams = frozenset({"tax"})
    together = decide(one(made, names, teams), Person("anna"), action, here)
    alone = [
        decide(one(made, frozenset({name}), teams), Person("anna"), action, here).granted
        for name in names
    ]
    assert together.granted == any(alone)
    assert bool(together.role) == together.granted
    assert "\n" not in together.why


@given(roles(), st.text(max_size=10), st.frozensets(st.text(max_size=5)), ACTION, HERE)
def test_an_unknown_person_never_may(
    made: dict[str, Role], user: str, groups: frozenset[str], action: Action, here: Circumstance
) -> None:
    access = replace(one(made, frozenset(NAMES), frozenset({"tax"})), groups={"a-group": NAMES})
    if user != "anna" and "a-group" not in groups:
        assert not decide(access, Person(user, groups), action, here).granted


@given(st.data(), some(NAMES), ACTION, HERE)
def test_what_no_role_lists_is_never_granted(
    data: st.DataObject, names: frozenset[str], action: Action, here: Circumstance
) -> None:
    made = data.draw(roles(frozenset(Action) - {action}))
    ruling = decide(one(made, names, frozenset({"tax"})), Person("anna"), action, here)
    assert not ruling.granted
    assert ruling.why.endswith("no role may")


@given(roles(), ACTION, HERE)
def test_who_is_confined_to_cases_needs_an_open_one_of_the_kind_that_they_name(
    made: dict[str, Role], action: Action, here: Circumstance
) -> None:
    confined = {
        name: replace(role, cases=frozenset({"disciplinary"})) for name, role in made.items()
    }
    ruling = decide(one(confined, frozenset(NAMES), frozenset()), Person("anna"), action, here)
    opened = [
        case.ref for case in here.cases if case.kind == "disciplinary" and case.closed is None
    ]
    if here.recording and ruling.granted:
        assert here.named in opened


@given(roles(), some(("tax", "parks")), ACTION, HERE)
def test_nobody_reaches_a_recording_of_a_team_that_is_not_theirs(
    made: dict[str, Role], teams: frozenset[str], action: Action, here: Circumstance
) -> None:
    bound = {name: replace(role, teams=frozenset({"benefits"})) for name, role in made.items()}
    ruling = decide(one(bound, frozenset(NAMES), teams), Person("anna"), action, here)
    if here.recording and ruling.granted:
        assert here.team in teams | {"benefits"}
