"""The office, put together over a store."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.retention.office.gate import Gate
from ivr.retention.office.giving import Giving
from ivr.retention.office.keeping import Keeping
from ivr.retention.office.looking import Looking
from ivr.retention.office.overseeing import Overseeing
from ivr.retention.outgoing.queue import Queue
from ivr.retention.store import MAKING, Store


@dataclass(frozen=True, slots=True)
class Office:
    """Its rooms, and its door."""

    gate: Gate
    looking: Looking
    keeping: Keeping
    giving: Giving
    overseeing: Overseeing


def open_office(store: Store, queue: Queue | None = None) -> Office:
    """An office that works on this store; ``queue`` takes copies for customers."""
    mail = store.site.mail
    gate = Gate(store.configuration.access, store.cases, store.trail)
    return Office(
        gate,
        Looking(
            gate,
            store.recordings,
            store.cases,
            store.holds,
            store.archive,
            store.identity,
            store.told_schedule,
            store.today,
        ),
        Keeping(
            gate,
            store.database,
            store.recordings,
            store.cases,
            store.holds,
            store.told_schedule,
            store.clock,
            store.today,
            store.day,
        ),
        Giving(
            gate,
            store.database,
            store.recordings,
            store.archive,
            store.identity,
            queue,
            mail.format if mail else "mp3",
            store.site.state / MAKING,
            store.cases,
            store.trail,
            store.key,
            store.clock,
        ),
        Overseeing(
            gate,
            store.database,
            store.recordings,
            store.cases,
            store.destroying,
            store.meta,
            store.trail,
            store.particulars,
            store.wanted,
            store.today,
            store.verified,
        ),
    )
