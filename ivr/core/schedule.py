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
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

_PERIOD = re.compile(r"([1-9][0-9]{0,3}) (day|month|year)s?")
_MONTHS = {"month": 1, "year": 12}
PERIOD_PATTERN = r"[1-9][0-9]{0,3} (day|month|year)s?"
"""What a period looks like in a schedule: ``6 months``, ``2 years``, ``90 days``."""
NEVER = date.max
"""The day that never comes: what is due then is kept even on it."""


def day_of(ms: int, zone: tzinfo) -> date:
    """The day that a moment belongs to where the site is (R12).

    ``ms`` is milliseconds since 1970-01-01T00:00Z. ValueError where the calendar has no such day.
    """
    try:
        return datetime.fromtimestamp(ms // 1000, zone).date()
    except (OverflowError, OSError) as exc:
        raise ValueError(f"no day of the calendar: {ms} ms") from exc


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
        it has no such day. :data:`NEVER` where the calendar ends before it."""
        return _after(self, day)

    def last_begun(self, today: date) -> date:
        """The last day of which the period is over today: what happened on it or before is due.

        Not the same as counting back: six months before 28 February is 28 August, and what
        happened on 31 August is due on 28 February, too. ``date.min`` where the calendar begins
        after it.
        """
        today = min(today, NEVER - timedelta(days=1))
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


@lru_cache(maxsize=10_000)
def _after(period: Period, day: date) -> date:
    """Remembered: a sweep asks for the same few periods of the same few hundred days."""
    try:
        return day + relativedelta(months=period.months, days=period.days)
    except (OverflowError, ValueError):
        return NEVER


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


@dataclass(frozen=True, slots=True)
class Schedule:
    """All the rules, under one version."""

    version: str
    rules: tuple[Rule, ...]
    """Exactly one for every recording names neither case nor team nor policy version."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Kinds of case that the engine's marks open a hold of, such as ``abuse``."""
    _named: Mapping[tuple[str, str, str], Rule] = field(init=False, repr=False, compare=False)
    """Each rule by the case, team and policy version that it names."""

    def __post_init__(self) -> None:
        named = {(each.case, each.team, each.policy): each for each in self.rules}
        object.__setattr__(self, "_named", named)

    def rule(self, case: str, team: str, policy: str) -> Rule | None:
        """The rule for a kind of case (empty: for every recording); the closest that fits.

        One that names the team and the policy version is closest, then one that names the team,
        then the policy version, then neither.
        None where the schedule knows no such kind: what is then not known to be over is kept.
        """
        named = self._named
        return (
            named.get((case, team, policy))
            or named.get((case, team, ""))
            or named.get((case, "", policy))
            or named.get((case, "", ""))
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of cases, sorted."""
        return tuple(sorted({each.case for each in self.rules if each.case}))
