"""How it all stands, in numbers: for metrics, and for whoever asks (R21)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.errors import StoreError
from ivr.retention.adoption import adopted, same_rules
from ivr.retention.guard import Stopped
from ivr.retention.outgoing.queue import Queue
from ivr.retention.store import VERIFIED, Store

NO_RULE = "no-rule"
"""What recordings are counted under for which the schedule has no rule: they are held."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Numbers that concern no recording by itself; moments in ms since 1970, 0 for never."""

    by_rule: Mapping[str, int]
    destroyed: Mapping[str, int]
    mails: Mapping[str, int]
    mail_wrong: bool
    """The mail server as such is wrong: nothing is sent."""
    held: int
    due: int
    dying: int
    stopped: str
    """Why nothing may be destroyed, one word; empty where it may."""
    schedule_waits: bool
    swept_ms: int
    verified_ms: int
    audit_faults: int
    audit_entries: int
    asides: int


def standing_of(store: Store, queue: Queue | None = None) -> Standing:
    """Look at all of it. Raises StoreError where the index refuses."""
    wanted = store.wanted.last()
    known = adopted(store.meta)
    stopped = "" if known else "schedule"
    due = 0
    try:
        store.guard.check(store.clock())
        store.catching_up().check()
    except Stopped as error:
        stopped = error.reason
    if known is not None:
        due = sum(1 for _ in store.destroying.due(store.schedule(), store.today()))
    by_rule: Counter[str] = Counter()
    for group in store.recordings.groups():
        rule = (known or wanted).rule("", group.team, group.policy)
        by_rule[rule.name if rule else NO_RULE] += group.recordings
    mails = queue.standing() if queue else None
    verified = (store.meta.get(VERIFIED) or "0 0").split(" ")
    if len(verified) != 2 or not all(each.isdecimal() for each in verified):
        raise StoreError("the index does not know when the audit trail was checked: check it")
    return Standing(
        by_rule=by_rule,
        destroyed=store.destroying.tally(),
        mails={str(state): count for state, count in mails.by_state.items()} if mails else {},
        mail_wrong=mails is not None and mails.alarm,
        held=store.cases.held(),
        due=due,
        dying=len(store.destroying.pending()),
        stopped=stopped,
        schedule_waits=known is None or not same_rules(known, wanted),
        swept_ms=int(store.meta.get("swept_ms") or 0),
        verified_ms=int(verified[0]),
        audit_faults=int(verified[1]),
        audit_entries=store.trail.head().seq,
        asides=store.asides.count(),
    )
