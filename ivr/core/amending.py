"""What a change of the schedule means for what is kept already (R12, R18).

A schedule that would destroy anything earlier than the one in force is not obeyed before an
officer has seen what that is and adopted it. Until then both are: each recording is kept as
long as the longer of the two says.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.core.schedule import Period, Schedule

_SHORTEST_MONTH, _LONGEST_MONTH = 28, 31


def cautious(adopted: Schedule, wanted: Schedule) -> Schedule:
    """A schedule that destroys nothing which one of the two would still keep.

    A kind of case that one of them does not know has no rule in it: what belongs to such a case
    is held. A month is longer or shorter than some numbers of days; where that cannot be told,
    the result keeps longer than both.
    """
    both = adopted.rules + wanted.rules
    rules = []
    for case in sorted({rule.case for rule in both}):
        for team in sorted({rule.team for rule in both} | {""}):
            for policy in sorted({rule.policy for rule in both} | {""}):
                old, new = adopted.rule(case, team, policy), wanted.rule(case, team, policy)
                if old and new:
                    keep = _longer(old.keep, new.keep)
                    of = old if keep == old.keep else new
                    rules.append(replace(of, case=case, team=team, policy=policy, keep=keep))
    return Schedule(f"{adopted.version} and {wanted.version}", tuple(rules), wanted.marks)


def _longer(one: Period, other: Period) -> Period:
    if bool(one.months) == bool(other.months):
        return max(one, other)
    months, days = (one, other) if one.months else (other, one)
    if months.months * _SHORTEST_MONTH >= days.days:
        return months
    if months.months * _LONGEST_MONTH <= days.days:
        return days
    return Period(days=months.months * _LONGEST_MONTH)
