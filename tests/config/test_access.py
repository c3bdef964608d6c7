"""Who may what, as it is read: the default is no (R16)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config.retention import load_retention
from ivr.core.access import Access, Action, Member, Role
from tests.config.retained import build


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    build(tmp_path)
    return tmp_path / "deploy"


def access(folder: Path, text: str = "") -> Access:
    if text:
        (folder / "access.yaml").write_text(text, encoding="utf-8")
    return load_retention(folder / "retention.yaml").access


def test_roles_people_and_groups_arrive(folder: Path) -> None:
    assert access(folder) == Access(
        roles={
            "officer": Role(
                "officer", frozenset({Action.SEARCH, Action.LISTEN, Action.CASE_OPEN}), None
            ),
            "manager": Role(
                "manager", frozenset({Action.SEARCH, Action.LISTEN}), own=True, reason=False
            ),
            "tax": Role("tax", frozenset({Action.SHOW}), frozenset({"council-tax", "benefits"})),
            "people": Role(
                "people",
                frozenset({Action.LISTEN, Action.EVIDENCE}),
                None,
                cases=frozenset({"disciplinary"}),
            ),
        },
        people={
            "anna": Member("anna", "Anna", ("officer", "tax")),
            "bert": Member("bert", "Bert", ("manager",), frozenset({"council-tax"})),
            "token:desk": Member("token:desk", "The desk", ("officer",)),
        },
        groups={"ivr-officers": ("officer",)},
        file="deploy/access.yaml",
    )
    assert load_retention(folder / "retention.yaml").tokens == folder / "tokens.json"


def test_what_a_role_does_not_say_is_the_stricter(folder: Path) -> None:
    found = access(folder, "roles:\n  r: {may: [listen]}\n")
    assert found.roles["r"] == Role("r", frozenset({Action.LISTEN}), own=True, reason=True)
    assert found.roles["r"].teams == frozenset()
    assert (found.people, found.groups) == ({}, {})


def test_a_role_may_be_for_nobody_and_for_nothing(folder: Path) -> None:
    found = access(folder, "roles:\n  r: {may: []}\n")
    assert found.roles["r"].may == frozenset()


def test_one_team_needs_no_list(folder: Path) -> None:
    found = access(folder, "roles:\n  r: {may: [show], teams: council-tax}\n")
    assert found.roles["r"].teams == {"council-tax"}


@pytest.mark.parametrize(
    "user", ["anna", "anna.smith", "anna.smith@council.example", "COUNCIL\\anna", "token:desk"]
)
def test_users_as_hosts_and_directories_name_them(folder: Path, user: str) -> None:
    text = f"roles:\n  r: {{may: [show]}}\npeople:\n  - {{user: '{user}', name: A, roles: [r]}}\n"
    assert list(access(folder, text).people) == [user]


def test_every_action_can_be_written(folder: Path) -> None:
    text = f"roles:\n  r: {{may: [{', '.join(Action)}], teams: all}}\n"
    assert access(folder, text).roles["r"].may == frozenset(Action)
