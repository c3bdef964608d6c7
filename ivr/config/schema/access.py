"""What may stand in access.yaml: who may what (R16)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from ivr.config.kinds import Kind, Name, NameOf
from ivr.config.kinds_retention import ActionName, GroupName, User
from ivr.config.schema.schedule import KIND
from ivr.config.strict import Strict
from ivr.config.times import listed

ROLE = "role"
"""What :class:`NameOf` calls the roles of the file."""

_Teams = Annotated[
    list[Annotated[str, Name(expected="all, own, or names of teams")]],
    BeforeValidator(listed),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["all", "own"]},
                {"type": "array", "items": {"type": "string", "pattern": f"^{Name().pattern}$"}},
            ]
        }
    ),
]
_Roles = Annotated[list[Annotated[str, NameOf(kind=ROLE)]], Field(min_length=1)]


class Role(Strict):
    """What those who have the role may."""

    may: list[Annotated[str, ActionName()]]
    """What they may; everything else they may not."""
    teams: Annotated[_Teams, Field(default_factory=lambda: ["own"])]
    """Whose recordings: own (also where nothing is said) is that of the person's own teams, all is
    every team's."""
    cases: Annotated[list[Annotated[str, NameOf(kind=KIND)]], Field(min_length=1)] | None = None
    """Only recordings that an open case of one of these kinds names, and the person must name that
    case; no such limit where nothing is said."""
    reason: Literal["required", "optional"] = "required"
    """Whether to listen, send, take evidence, hold and release needs a reason; a case that the
    person names is one."""


class Someone(Strict):
    """A person."""

    user: Annotated[str, User()]
    """The operating system's user, or token:<name>."""
    name: Annotated[str, Kind(expected="the person's name")]
    """The person's name, for people."""
    roles: _Roles
    """The roles that the person has; more roles never take a right away."""
    teams: list[Annotated[str, Name()]] | None = None
    """The person's own teams."""


class AccessFile(Strict):
    """deploy/access.yaml: who may what. Who is not named in it may nothing."""

    roles: Annotated[dict[Annotated[str, Name()], Role], Field(min_length=1)]
    """The roles, by name."""
    people: list[Someone] | None = None
    """The people, and the holders of tokens."""
    groups: dict[Annotated[str, GroupName()], _Roles] | None = None
    """Roles that everybody in a group of the operating system has."""
    tokens: Annotated[str, Kind(expected="a file")] | None = None
    """The hashed tokens of programs that ask for people, relative to this file; nobody has one
    where nothing is said."""
