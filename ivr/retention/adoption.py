"""Which schedule is in force: the one that an officer adopted, until they adopt another (R18).

``schedule.yaml`` says what is wanted. Where that keeps nothing less long than the adopted one,
it is adopted by itself; else :func:`in_force` is the more cautious of both, and
``ivr retention schedule`` shows what would newly be destroyed and takes the adoption.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

from ivr.core.amending import cautious, shorter
from ivr.core.schedule import Period, Rule, Schedule
from ivr.errors import StoreError
from ivr.retention.answers import Change
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.meta import Meta

_KEY = "schedule"


def adopted(meta: Meta) -> Schedule | None:
    """The schedule that was adopted last; None where none has been.

    Raises StoreError where what the index holds is none, so that nothing is destroyed by it.
    """
    text = meta.get(_KEY)
    return None if text is None else _from(text)


def adopt(meta: Meta, schedule: Schedule) -> None:
    """From now on this one is in force."""
    rules = [asdict(rule) for rule in schedule.rules]
    told = {"version": schedule.version, "marks": dict(schedule.marks), "rules": rules}
    meta.set(_KEY, json.dumps(told, sort_keys=True))


def change(destroying: Destroying, meta: Meta, wanted: Schedule, today: date) -> Change:
    """What adopting the wanted schedule would newly destroy today; nothing is changed by asking."""
    before = adopted(meta)
    if before is None:
        return Change("", wanted.version, True, tuple(destroying.due(wanted, today)))
    if same_rules(before, wanted):
        return Change(before.version, wanted.version, False, ())
    due = {each.call for each in destroying.due(cautious(before, wanted), today)}
    newly = tuple(each for each in destroying.due(wanted, today) if each.call not in due)
    return Change(before.version, wanted.version, True, newly, shorter(before, wanted))


def in_force(meta: Meta, wanted: Schedule) -> Schedule:
    """By what recordings are destroyed: the adopted one, or where another one is wanted, what
    both of them would destroy. Raises StoreError where none has been adopted."""
    before = adopted(meta)
    if before is None:
        raise StoreError(
            "no schedule has been adopted yet; see what it would destroy, and adopt it:"
            " ivr retention schedule"
        )
    return before if same_rules(before, wanted) else cautious(before, wanted)


def same_rules(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules decide the same of every recording."""
    return _matter(one) == _matter(other)


def _matter(schedule: Schedule) -> object:
    """What of a schedule decides; its version and the order of its rules do not."""
    return frozenset(schedule.rules), frozenset(schedule.marks.items())


def _from(text: str) -> Schedule:
    try:
        told = json.loads(text)
        rules = tuple(Rule(**{**rule, "keep": Period(*rule["keep"])}) for rule in told["rules"])
        return Schedule(told["version"], rules, told["marks"])
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"the index holds no schedule where the adopted one should be: {error}\n"
            "  nothing is destroyed; adopt one anew: ivr retention schedule --adopt"
        ) from error
