"""``access.yaml``: from what was written to who may what (R16)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from types import MappingProxyType

from ivr.config.document import Document, Where
from ivr.config.explain import validated
from ivr.config.folders import resolved
from ivr.config.kinds import Known
from ivr.config.mistakes import quoted
from ivr.config.schema.access import ROLE, AccessFile
from ivr.config.schema.access import Role as RoleEntry
from ivr.config.schema.schedule import KIND
from ivr.core.access import Access, Action, Member, Role

_LETS_IN = (Action.CASE_OPEN, Action.CASE_CHANGE)
"""With these, somebody confined to the recordings of a case could add any recording to it."""


def read_access(document: Document, kinds: Collection[str] | None) -> Access | None:
    """Who may what; ``None`` with the mistakes noted in the document.

    ``kinds`` are the kinds of case that the schedule knows, ``None`` where it could not be read.
    Raises nothing; also where the result is not ``None`` mistakes may have been noted.
    """
    roles = document.at("roles")
    names = [name for name in roles if isinstance(name, str)] if isinstance(roles, dict) else None
    file = validated(document, AccessFile, Known({KIND: kinds, ROLE: names}))
    if document.broken:
        return None
    for name in names or ():
        _role(document, name)
    _people(document)
    groups = document.at("groups")
    for group in groups if isinstance(groups, dict) else ():
        document.say_twice(("groups", group), "each role")
    if file is None:
        return None
    return Access(
        roles=MappingProxyType({name: _made(name, role) for name, role in file.roles.items()}),
        people=MappingProxyType(
            {
                one.user: Member(one.user, one.name, tuple(one.roles), frozenset(one.teams or ()))
                for one in file.people or ()
            }
        ),
        groups=MappingProxyType({name: tuple(had) for name, had in (file.groups or {}).items()}),
        file=document.shown,
    )


def tokens_of(document: Document) -> Path | None:
    """The file of tokens that the document names; ``None`` where it names none."""
    name = document.text("tokens")
    return resolved(document, name) if name else None


def _made(name: str, role: RoleEntry) -> Role:
    teams = frozenset(role.teams)
    return Role(
        name,
        frozenset(Action(one) for one in role.may),
        None if teams == {"all"} else teams - {"own"},
        teams == {"own"},
        frozenset(role.cases or ()),
        role.reason == "required",
    )


def _role(document: Document, name: str) -> None:
    where: Where = ("roles", name)
    for key, each in (("may", "each action"), ("teams", "each team"), ("cases", "each kind")):
        document.say_twice((*where, key), each)
    teams = document.at(*where, "teams")
    if isinstance(teams, list):
        for n, team in enumerate(teams):
            if team in ("all", "own"):
                document.say(
                    (*where, "teams", n),
                    f"{quoted(team)} is no team, expected teams: {team} alone, or names of teams",
                )
    may = document.at(*where, "may")
    if not document.at(*where, "cases") or not isinstance(may, list):
        return
    for n, action in enumerate(may):
        if action in _LETS_IN:
            document.say(
                (*where, "may", n),
                f"role {quoted(name)} is for recordings of cases alone (cases), and with "
                f"{quoted(action)} its people could add any recording to one, expected it in "
                "another role, of other people",
            )


def _people(document: Document) -> None:
    """A person twice: which of the two holds would depend on the order."""
    people = document.at("people")
    lines: dict[str, int] = {}
    for n in range(len(people) if isinstance(people, list) else 0):
        document.say_twice(("people", n, "roles"), "each role")
        document.say_twice(("people", n, "teams"), "each team")
        user = document.text("people", n, "user")
        if user is None:
            continue
        if user in lines:
            document.say(
                ("people", n, "user"),
                f"user {quoted(user)} is here twice, expected all roles of a person in one place "
                f"(line {lines[user]} has it already)",
            )
        lines.setdefault(user, document.place(("people", n, "user")).line)
