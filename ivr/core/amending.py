"""What a change of the schedule means for what is kept already (R12, R18).

A schedule that would destroy anything earlier than the one in force is not obeyed before an
officer has seen what that is and adopted it. Until then both are: each recording is kept as
long as the longer of the two says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.core.schedule import Period, Rule, Schedule

_SHORTEST_MONTH, _LONGEST_MONTH = 28, 31


@dataclass(frozen=True, slots=True)
class Shorter:
    """A rule by which a wanted schedule keeps less long than the one in force."""

    name: str
    """Of the wanted rule."""
    before: str
    """How long until now: a period, or ``held``."""
    now: str


def shorter(adopted: Schedule, wanted: Schedule) -> tuple[Shorter, ...]:
    """Where the wanted schedule could destroy anything, on any day, before the adopted one would.

    What is due today does not tell: all recordings may be younger than both periods.
    """
    found: dict[Shorter, None] = {}
    for _, old, new in _each(adopted, wanted):
        if new is None:  # it is held then
            continue
        if old is None:
            found[Shorter(new.name, "held", str(new.keep))] = None
        elif _longer(old.keep, new.keep) != new.keep:
            found[Shorter(new.name, str(old.keep), str(new.keep))] = None
    return tuple(found)


def cautious(adopted: Schedule, wanted: Schedule) -> Schedule:
    """A schedule that destroys nothing which one of the two would still keep.

    A kind of case that one of them does not know has no rule in it: what belongs to such a case
    is held. A month is longer or shorter than some numbers of days; where that cannot be told,
    the result keeps longer than both.
    """
    rules = [
        replace(
            old if (keep := _longer(old.keep, new.keep)) == old.keep else new,
            case=case,
            team=team,
            policy=policy,
            keep=keep,
        )
        for (case, team, policy), old, new in _each(adopted, wanted)
        if old and new
    ]
    return Schedule(f"{adopted.version} and {wanted.version}", tuple(rules), wanted.marks)


def _each(
    adopted: Schedule, wanted: Schedule
) -> Iterator[tuple[tuple[str, str, str], Rule | None, Rule | None]]:
    """For each kind of case, team and policy version that either names: the rules of both."""
    both = adopted.rules + wanted.rules
    for case in sorted({rule.case for rule in both}):
        for team in sorted({rule.team for rule in both} | {""}):
            for policy in sorted({rule.policy for rule in both} | {""}):
                old, new = adopted.rule(case, team, policy), wanted.rule(case, team, policy)
                yield (case, team, policy), old, new


def _longer(one: Period, other: Period) -> Period:
    if bool(one.months) == bool(other.months):
        return max(one, other)
    months, days = (one, other) if one.months else (other, one)
    if months.months * _SHORTEST_MONTH >= days.days:
        return months
    if months.months * _LONGEST_MONTH <= days.days:
        return days
    return Period(days=months.months * _LONGEST_MONTH)
