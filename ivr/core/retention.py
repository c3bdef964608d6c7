"""What is to be destroyed, and which rule says so: the planner, without a clock and without I/O.

A recording is kept until the longest of what keeps it is over: the rule for every recording
(R12), and for each case or hold that names it the rule for that kind, counted from the day it
was closed (R13). While one of them is open, it is held. In doubt it is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ivr.core.schedule import NEVER, Schedule

Action = Literal["keep", "hold", "destroy"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the planner needs to know of a recording."""

    call: str
    day: date
    """The day on which the call ended, by the site's time zone."""
    team: str
    policy: str
    """The policy version under which it was recorded."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A case or a hold that names the recording."""

    ref: str
    """The case's reference, or what the hold is called."""
    kind: str
    """The kind of case; decides how long after the end."""
    closed: date | None
    """None while it is open. Of a case that was opened again, none as well."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """What is to happen to a recording, and why."""

    call: str
    action: Action
    due: date | None
    """The day on which it is to be destroyed; none while it is held."""
    rule: str
    """The name of the rule that decided."""
    why: str
    """The same for a person, with the case that it is for."""


def decide(facts: Facts, claims: Iterable[Claim], schedule: Schedule, today: date) -> Disposition:
    """The disposition of one recording on a day.

    Whatever the order of the claims, the answer is the same; another claim never makes ``due``
    earlier.
    """
    claims = sorted(claims, key=lambda each: (each.ref, each.kind, each.closed or date.max))
    for claim in claims:
        if claim.closed is None:
            return _held(facts, "open-case", f"{claim.kind} {claim.ref} is open")
    basic = schedule.rule("", facts.team, facts.policy)
    if basic is None:
        return _held(facts, "no-rule", "the schedule has no rule for it")
    due, rule, why = basic.keep.after(facts.day), basic.name, f"{basic.keep} after the call"
    for claim in claims:
        after = schedule.rule(claim.kind, facts.team, facts.policy)
        if after is None or claim.closed is None:
            return _held(facts, "no-rule", f"the schedule does not know {claim.kind!r}")
        until = after.keep.after(claim.closed)
        if until > due:
            due, rule = until, after.name
            why = f"{after.keep} after {claim.kind} {claim.ref} was closed"
    action: Action = "destroy" if due <= today and due != NEVER else "keep"
    return Disposition(facts.call, action, due, rule, why)


def plan(
    recordings: Iterable[tuple[Facts, Iterable[Claim]]], schedule: Schedule, today: date
) -> Iterator[Disposition]:
    """The disposition of each, as it comes: memory does not grow with their number."""
    for facts, claims in recordings:
        yield decide(facts, claims, schedule, today)


def _held(facts: Facts, rule: str, why: str) -> Disposition:
    return Disposition(facts.call, "hold", None, rule, why)
