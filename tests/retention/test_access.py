"""Who may what: one table of role, action and circumstance, and what is said of it (R16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ivr.config.retention import load_retention
from ivr.retention.access import (
    Access,
    Action,
    Circumstance,
    Member,
    Role,
    Ruling,
    decide,
    roles_of,
)
from ivr.retention.model import Case, Person

ROOT = Path(__file__).parents[2]
SHIPPED = load_retention(ROOT / "deploy/retention.yaml").access

TEAMS = {"own": "council-tax", "other": "benefits", "none": ""}
"""The recording's team; the person's own is council-tax."""

RIGHT = Case("D-1", "disciplinary", 0, "dpo", None, ("a-call",))
CASES = {
    "no case named": Circumstance(cases=(RIGHT,)),
    "open disciplinary case named": Circumstance(cases=(RIGHT,), named="D-1"),
    "it is closed": Circumstance(cases=(replace(RIGHT, closed=date(2026, 1, 5)),), named="D-1"),
    "it is a complaint": Circumstance(cases=(replace(RIGHT, kind="complaint"),), named="D-1"),
    "it does not name the recording": Circumstance(named="D-1"),
}
"""The columns of each team, in this order."""

ABOUT_ONE = ("case-open", "case-change", "case-close")
WHAT = {
    **{str(action): (action, False) for action in Action},
    **{f"{name}, recording": (Action(name), True) for name in ABOUT_ONE},
}
"""The actions; those with cases also where they are about a recording, such as adding it."""

# Columns: a recording of an own team, of another team, of no team; of each the five cases above.
# y: granted; r: granted with a reason; -: refused.
TABLE = """
customer-services-officer
  search                 yyyyy yyyyy yyyyy
  show                   yyyyy yyyyy yyyyy
  listen                 ryryr ryryr ryryr
  send                   ryryr ryryr ryryr
  evidence               ----- ----- -----
  hold                   ----- ----- -----
  release                ----- ----- -----
  case-show              yyyyy yyyyy yyyyy
  case-open              yyyyy yyyyy yyyyy
  case-change            yyyyy yyyyy yyyyy
  case-close             yyyyy yyyyy yyyyy
  plan                   ----- ----- -----
  schedule               ----- ----- -----
  audit-show             ----- ----- -----
  audit-verify           ----- ----- -----
  stats                  ----- ----- -----
  operate                ----- ----- -----
  case-open, recording   yyyyy yyyyy yyyyy
  case-change, recording yyyyy yyyyy yyyyy
  case-close, recording  yyyyy yyyyy yyyyy
team-manager
  search                 yyyyy yyyyy yyyyy
  show                   yyyyy ----- -----
  listen                 ryryr ----- -----
  send                   ----- ----- -----
  evidence               ----- ----- -----
  hold                   ryryr ----- -----
  release                ----- ----- -----
  case-show              yyyyy yyyyy yyyyy
  case-open              yyyyy yyyyy yyyyy
  case-change            yyyyy yyyyy yyyyy
  case-close             ----- ----- -----
  plan                   ----- ----- -----
  schedule               ----- ----- -----
  audit-show             ----- ----- -----
  audit-verify           ----- ----- -----
  stats                  ----- ----- -----
  operate                ----- ----- -----
  case-open, recording   yyyyy ----- -----
  case-change, recording yyyyy ----- -----
  case-close, recording  ----- ----- -----
data-protection-officer
  search                 yyyyy yyyyy yyyyy
  show                   yyyyy yyyyy yyyyy
  listen                 ryryr ryryr ryryr
  send                   ryryr ryryr ryryr
  evidence               ryryr ryryr ryryr
  hold                   ryryr ryryr ryryr
  release                ryryr ryryr ryryr
  case-show              yyyyy yyyyy yyyyy
  case-open              yyyyy yyyyy yyyyy
  case-change            yyyyy yyyyy yyyyy
  case-close             yyyyy yyyyy yyyyy
  plan                   yyyyy yyyyy yyyyy
  schedule               ----- ----- -----
  audit-show             yyyyy yyyyy yyyyy
  audit-verify           yyyyy yyyyy yyyyy
  stats                  yyyyy yyyyy yyyyy
  operate                ----- ----- -----
  case-open, recording   yyyyy yyyyy yyyyy
  case-change, recording yyyyy yyyyy yyyyy
  case-close, recording  yyyyy yyyyy yyyyy
people-and-organisation-manager
  search                 ----- ----- -----
  show                   -y--- -y--- -y---
  listen                 -y--- -y--- -y---
  send                   ----- ----- -----
  evidence               -y--- -y--- -y---
  hold                   ----- ----- -----
  release                ----- ----- -----
  case-show              -y--- -y--- -y---
  case-open              ----- ----- -----
  case-change            ----- ----- -----
  case-close             ----- ----- -----
  plan                   ----- ----- -----
  schedule               ----- ----- -----
  audit-show             ----- ----- -----
  audit-verify           ----- ----- -----
  stats                  ----- ----- -----
  operate                ----- ----- -----
  case-open, recording   ----- ----- -----
  case-change, recording ----- ----- -----
  case-close, recording  ----- ----- -----
policy-officer
  search                 ----- ----- -----
  show                   ----- ----- -----
  listen                 ----- ----- -----
  send                   ----- ----- -----
  evidence               ----- ----- -----
  hold                   ----- ----- -----
  release                ----- ----- -----
  case-show              ----- ----- -----
  case-open              ----- ----- -----
  case-change            ----- ----- -----
  case-close             ----- ----- -----
  plan                   yyyyy yyyyy yyyyy
  schedule               yyyyy yyyyy yyyyy
  audit-show             ----- ----- -----
  audit-verify           ----- ----- -----
  stats                  yyyyy yyyyy yyyyy
  operate                ----- ----- -----
  case-open, recording   ----- ----- -----
  case-change, recording ----- ----- -----
  case-close, recording  ----- ----- -----
auditor
  search                 ----- ----- -----
  show                   ----- ----- -----
  listen                 ----- ----- -----
  send                   ----- ----- -----
  evidence               ----- ----- -----
  hold                   ----- ----- -----
  release                ----- ----- -----
  case-show              ----- ----- -----
  case-open              ----- ----- -----
  case-change            ----- ----- -----
  case-close             ----- ----- -----
  plan                   ----- ----- -----
  schedule               ----- ----- -----
  audit-show             yyyyy yyyyy yyyyy
  audit-verify           yyyyy yyyyy yyyyy
  stats                  yyyyy yyyyy yyyyy
  operate                ----- ----- -----
  case-open, recording   ----- ----- -----
  case-change, recording ----- ----- -----
  case-close, recording  ----- ----- -----
telephony-engineer
  search                 ----- ----- -----
  show                   ----- ----- -----
  listen                 ----- ----- -----
  send                   ----- ----- -----
  evidence               ----- ----- -----
  hold                   ----- ----- -----
  release                ----- ----- -----
  case-show              ----- ----- -----
  case-open              ----- ----- -----
  case-change            ----- ----- -----
  case-close             ----- ----- -----
  plan                   ----- ----- -----
  schedule               ----- ----- -----
  audit-show             ----- ----- -----
  audit-verify           ----- ----- -----
  stats                  yyyyy yyyyy yyyyy
  operate                yyyyy yyyyy yyyyy
  case-open, recording   ----- ----- -----
  case-change, recording ----- ----- -----
  case-close, recording  ----- ----- -----
"""


def holder(kind: str, role: str) -> tuple[Access, Person]:
    """Somebody who has the role, of team council-tax."""
    own = frozenset({"council-tax"})
    by_name = Member("anna", "Anna", (role,), own)
    match kind:
        case "by name":
            return replace(SHIPPED, people={"anna": by_name}), Person("anna")
        case "by token":
            token = replace(by_name, user="token:desk")
            return replace(SHIPPED, people={"token:desk": token}), Person("token:desk")
        case "by group":
            roles = {**SHIPPED.roles, "nothing": Role("nothing")}
            people = {"anna": replace(by_name, roles=("nothing",))}
            access = replace(SHIPPED, roles=roles, people=people, groups={"staff": (role,)})
            return access, Person("anna", frozenset({"staff", "users"}))
    raise AssertionError(kind)


def cell(who: tuple[Access, Person], what: str, team: str, case: str) -> str:
    """``y``: granted; ``r``: with a reason alone; ``-``: refused."""
    action, about_one = WHAT[what]
    here = replace(CASES[case], team=TEAMS[team], recording=about_one)
    without = decide(*who, action, here).granted
    with_reason = decide(*who, action, replace(here, reason="a complaint by letter")).granted
    assert with_reason or not without
    return "y" if without else "r" if with_reason else "-"


def rows() -> dict[tuple[str, str], dict[tuple[str, str], str]]:
    """What the table expects: by role and action, then by team and case."""
    found: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    role = ""
    for line in TABLE.splitlines():
        if line and not line.startswith(" "):
            role = line
        elif line:
            what, cells = line[:25].strip(), line[25:].split()
            assert (role, what) not in found
            found[role, what] = {
                (team, case): said
                for team, group in zip(TEAMS, cells, strict=True)
                for case, said in zip(CASES, group, strict=True)
            }
    return found


ROWS = rows()


def test_the_table_has_every_shipped_role_and_every_action() -> None:
    assert list(ROWS) == [(role, what) for role in SHIPPED.roles for what in WHAT]
    assert {"customer-services-officer", "telephony-engineer"} <= set(SHIPPED.roles)


@pytest.mark.parametrize("kind", ["by name", "by token", "by group"])
@pytest.mark.parametrize(("role", "what"), ROWS)
def test_each_role_may_what_the_table_says(kind: str, role: str, what: str) -> None:
    who = holder(kind, role)
    found = {(team, case): cell(who, what, team, case) for team, case in ROWS[role, what]}
    assert found == ROWS[role, what]


NOBODY = {
    "somebody unknown": Person("mallory"),
    "the superuser": Person("root", frozenset({"root"})),
    "in groups that are not named": Person("mallory", frozenset({"staff", "users"})),
    "behind a program": Person("mallory", behalf="desk"),
    "an unknown token": Person("token:mallory"),
    "a token that says that it is in a group": Person("token:mallory", frozenset({"officers"})),
    "a token with a person's name": Person("token:anna"),
    "a person with a token's name": Person("desk"),
    "no name": Person(""),
    "a group's name as a user": Person("officers"),
    "another case": Person("Anna"),
}
EVERYTHING = Role("everything", frozenset(Action), None, reason=False)
ALMIGHTY = Access(
    roles={"everything": EVERYTHING},
    people={
        "anna": Member("anna", "Anna", ("everything",)),
        "token:desk": Member("token:desk", "The desk", ("everything",)),
    },
    groups={"officers": ("everything",)},
)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("who", NOBODY.values(), ids=NOBODY)
def test_who_is_not_named_may_nothing(who: Person, action: Action) -> None:
    here = replace(CASES["open disciplinary case named"], team="council-tax", reason="because")
    ruling = decide(ALMIGHTY, who, action, here)
    assert (ruling.granted, ruling.role, ruling.teams) == (False, "", frozenset())
    assert "needs the role everything" in ruling.why
    assert "access.yaml" in ruling.why
    assert decide(ALMIGHTY, Person("anna"), action, here).granted


@pytest.mark.parametrize("action", Action)
def test_nobody_may_anything_by_an_empty_file(action: Action) -> None:
    ruling = decide(Access(), Person("anna"), action, Circumstance(reason="x"))
    assert not ruling.granted
    assert "no role may" in ruling.why


# What a refusal says

PEOPLE = "people-and-organisation-manager"
NEEDS = f"anna may not listen to this recording: role {PEOPLE} ({SHIPPED.file}) needs an open"
NEEDS += " disciplinary case that names the recording, and "


@pytest.mark.parametrize(
    ("role", "action", "here", "why"),
    [
        (PEOPLE, "listen", CASES["no case named"], NEEDS + "that it is named: --case; needs a"
            " reason: --reason, or the open case that names it: --case"),
        (PEOPLE, "listen", CASES["it is a complaint"], NEEDS + "D-1 is of kind complaint"),
        (PEOPLE, "listen", replace(CASES["it is closed"], reason="x"),
            NEEDS + "D-1 was closed on 2026-01-05"),
        (PEOPLE, "listen", replace(CASES["it does not name the recording"], reason="x"),
            NEEDS + "the one that was named is none"),
        (PEOPLE, "send", Circumstance(),
            f"anna may not send a copy of this recording: role {PEOPLE} ({SHIPPED.file}) may not"
            " send; that needs the role customer-services-officer or data-protection-officer"),
        ("team-manager", "show", Circumstance(team="benefits"),
            f"anna may not see this recording's record: role team-manager ({SHIPPED.file}) is for"
            " recordings of their own teams (council-tax), and this one is of team benefits"),
        ("team-manager", "show", Circumstance(),
            f"anna may not see this recording's record: role team-manager ({SHIPPED.file}) is for"
            " recordings of their own teams (council-tax), and this one is of no team"),
        ("customer-services-officer", "listen", Circumstance(reason=" \n"),
            f"anna may not listen to this recording: role customer-services-officer"
            f" ({SHIPPED.file}) needs a reason: --reason, or the open case that names it: --case"),
        ("telephony-engineer", "listen", Circumstance(reason="x"),
            f"anna may not listen to this recording: role telephony-engineer ({SHIPPED.file}) may"
            " not listen; that needs the role customer-services-officer or team-manager or"
            f" data-protection-officer or {PEOPLE}"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_was_lacking_and_what_is_needed(
    role: str, action: str, here: Circumstance, why: str
) -> None:
    assert decide(*holder("by name", role), Action(action), here).why == why


def test_a_stranger_is_told_which_role_would_be_needed() -> None:
    assert decide(SHIPPED, Person("mallory"), Action.RELEASE, Circumstance()).why == (
        "mallory may not release this recording: nobody of that name, and none of the groups that"
        f" they are in, has a role in {SHIPPED.file}; that needs the role data-protection-officer"
    )


def test_a_manager_by_group_alone_has_no_team() -> None:
    access = replace(SHIPPED, groups={"managers": ("team-manager",)})
    who = Person("bert", frozenset({"managers"}))
    for action in (Action.SHOW, Action.SEARCH):
        ruling = decide(access, who, action, Circumstance(team="council-tax"))
        assert not ruling.granted
        assert "no team is written for them (people, teams)" in ruling.why


def test_what_somebody_typed_is_not_repeated() -> None:
    """A refusal goes into the audit trail, which names no caller (R14)."""
    here = Circumstance(team="01427676676", named="01427676690", reason="of 01427676691")
    who = holder("by name", PEOPLE)
    assert "0142767669" not in decide(*who, Action.LISTEN, here).why


# What was granted


def test_the_first_role_of_the_file_that_grants_it_is_named() -> None:
    roles = ("data-protection-officer", "customer-services-officer")
    access = replace(SHIPPED, people={"anna": Member("anna", "Anna", roles)})
    ruling = decide(access, Person("anna"), Action.SHOW, Circumstance(team="x"))
    assert ruling == Ruling(
        True, "role customer-services-officer may show", "customer-services-officer", None
    )
    ruling = decide(access, Person("anna"), Action.HOLD, Circumstance(team="x", reason="y"))
    assert ruling.role == "data-protection-officer"


def test_lists_are_confined_to_the_teams_of_all_roles_that_grant_them() -> None:
    access = Access(
        roles={
            "own": Role("own", frozenset({Action.SEARCH}), own=True),
            "named": Role("named", frozenset({Action.SEARCH}), frozenset({"benefits"})),
            "all": Role("all", frozenset({Action.SHOW}), None),
            "cases": Role("cases", frozenset({Action.SEARCH}), None, cases=frozenset({"abuse"})),
        },
        people={
            "anna": Member("anna", "", ("own", "all", "cases"), frozenset({"tax"})),
            "bert": Member("bert", "", ("own", "named"), frozenset({"tax"})),
        },
    )
    asked = Circumstance()
    assert decide(access, Person("anna"), Action.SEARCH, asked).teams == {"tax"}
    assert decide(access, Person("bert"), Action.SEARCH, asked).teams == {"tax", "benefits"}


def test_named_teams_and_own_ones_go_together() -> None:
    both = Role("both", frozenset({Action.SHOW}), frozenset({"benefits"}), own=True)
    anna = Member("anna", "Anna", ("both",), frozenset({"tax"}))
    access = Access({"both": both}, {"anna": anna})
    for team, granted in (("tax", True), ("benefits", True), ("parks", False)):
        ruling = decide(access, Person("anna"), Action.SHOW, Circumstance(team=team))
        assert ruling.granted is granted


def test_a_team_without_a_name_is_no_team_to_be_in() -> None:
    role = Role("r", frozenset({Action.SHOW}), frozenset({""}), own=True)
    access = Access({"r": role}, {"anna": Member("anna", "Anna", ("r",), frozenset({""}))})
    assert not decide(access, Person("anna"), Action.SHOW, Circumstance()).granted


def test_no_team_confines_what_shows_no_recording() -> None:
    who = holder("by name", "auditor")
    assert decide(*who, Action.AUDIT_SHOW, Circumstance()).teams is None


def test_roles_come_from_the_person_and_all_groups_each_once() -> None:
    access = replace(
        SHIPPED,
        people={"anna": Member("anna", "Anna", ("auditor",))},
        groups={"a": ("auditor", "policy-officer"), "b": ("telephony-engineer",)},
    )
    held = roles_of(access, Person("anna", frozenset({"a", "b"})))
    assert [role.name for role in held] == ["policy-officer", "auditor", "telephony-engineer"]
    assert roles_of(access, Person("anna")) == (SHIPPED.roles["auditor"],)
