"""What may stand in schedule.yaml: how long what is kept (R12, R13, R18)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ivr.config.kinds import Day, Kind, Name, NameOf, Version
from ivr.config.kinds_retention import MarkName, PeriodText
from ivr.config.strict import Strict

KIND = "kind of case"
"""What :class:`NameOf` calls the kinds of cases that the rules are for."""


class Rule(Strict):
    """One rule."""

    name: Annotated[str, Name()]
    """What the rule is called in plans and in the audit trail."""
    keep: Annotated[str, PeriodText()]
    """How long, by the calendar: from the day of the call, or, of a kind of case, from the day on
    which the case was closed."""
    case: Annotated[str, Name()] | None = None
    """The kind of case whose recordings it is for; every recording where nothing is said."""
    team: Annotated[str, Name()] | None = None
    """The team whose calls it is for; every team's where nothing is said."""
    policy: Annotated[str, Version()] | None = None
    """The policy version under which the call was recorded; every one where nothing is said. A rule
    for a team comes before one for a policy version."""


class ScheduleFile(Strict):
    """deploy/schedule.yaml: the retention schedule as it was decided."""

    version: Annotated[str, Version()]
    """Plans and the audit trail say under which version they were made."""
    date: Annotated[str, Day()]
    """The day this version was decided; a note for people."""
    officer: Annotated[str, Kind(expected="the officer who decided it")]
    """Who decided it; a note for people."""
    rules: Annotated[list[Rule], Field(min_length=1)]
    """The rules, one of them for every recording; the longest of those that apply wins."""
    marks: dict[Annotated[str, MarkName()], Annotated[str, NameOf(kind=KIND)]] | None = None
    """The kinds of case of which the engine's marks open a hold by themselves."""
