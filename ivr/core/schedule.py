"""The retention schedule: how long what is kept, as data (R12, R13, R18).

Periods are calendar months and days, never seconds: six months after 31 August is the last day
of February. The rules are the same for every recording and every case; which of them applies
is decided by how closely it names the team and the policy version, and what is kept by several
is kept by the longest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

_PERIOD = re.compile(r"([1-9][0-9]{0,3}) (day|month|year)s?")
_MONTHS = {"month": 1, "year": 12}
PERIOD_PATTERN = r"[1-9][0-9]{0,3} (day|month|year)s?"
"""What a period looks like in a schedule: ``6 months``, ``2 years``, ``90 days``."""


class Period(NamedTuple):
    """A length of time by the calendar: either months or days."""

    months: int = 0
    days: int = 0

    @classmethod
    def of(cls, text: str) -> Period:
        """``6 months``, ``2 years``, ``90 days``; ValueError for anything else."""
        found = _PERIOD.fullmatch(text)
        if not found:
            raise ValueError(f"not a period: {text!r}")
        count, unit = int(found[1]), found[2]
        return cls(days=count) if unit == "day" else cls(months=count * _MONTHS[unit])

    def after(self, day: date) -> date:
        """The day on which it is over: the same day of the month, or that month's last day where
        it has no such day. ``date.max`` where the calendar ends before it."""
        try:
            return day + relativedelta(months=self.months, days=self.days)
        except (OverflowError, ValueError):
            return date.max

    def last_begun(self, today: date) -> date:
        """The last day of which the period is over today: what happened on it or before is due.

        Not the same as counting back: six months before 28 February is 28 August, and what
        happened on 31 August is due on 28 February, too.
        """
        try:
            day = today - relativedelta(months=self.months, days=self.days)
        except (OverflowError, ValueError):
            return date.min
        while self.after(day + timedelta(days=1)) <= today:
            day += timedelta(days=1)
        return day

    def __str__(self) -> str:
        count, unit = (self.days, "day") if self.days else (self.months, "month")
        if unit == "month" and count % 12 == 0 and count >= 24:
            count, unit = count // 12, "year"
        return f"{count} {unit}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the schedule."""

    name: str
    """What it is called in plans and in the audit trail."""
    keep: Period
    """How long, from the day of the call, or from the day on which the case was closed."""
    case: str = ""
    """The kind of case whose recordings it is for; empty: every recording, from its call on."""
    team: str = ""
    """The team whose calls it is for; empty: every team's."""
    policy: str = ""
    """The policy version under which the call was recorded (R18); empty: every version."""

    def fits(self, team: str, policy: str) -> bool:
        """Whether it is for calls of that team under that policy version."""
        return self.team in ("", team) and self.policy in ("", policy)

    @property
    def closeness(self) -> tuple[bool, bool]:
        """How closely it names what it is for; a team is closer than a policy version."""
        return bool(self.team), bool(self.policy)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All the rules, under one version."""

    version: str
    rules: tuple[Rule, ...]
    """Exactly one for every recording names neither case nor team nor policy version."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Kinds of case that the engine's marks open a hold of, such as ``abuse``."""

    def rule(self, case: str, team: str, policy: str) -> Rule | None:
        """The rule for a kind of case (empty: for every recording); the closest that fits.

        None where the schedule knows no such kind: what is then not known to be over is kept.
        """
        fitting = [each for each in self.rules if each.case == case and each.fits(team, policy)]
        return max(fitting, key=lambda each: each.closeness, default=None)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of cases, sorted."""
        return tuple(sorted({each.case for each in self.rules if each.case}))
