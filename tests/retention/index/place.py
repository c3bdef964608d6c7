"""All of an index, and recordings to put into it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

from ivr.core.schedule import Period, Rule, Schedule
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.holds import Holds
from ivr.retention.index.meta import Meta
from ivr.retention.index.numbers import Numbers, PlainNumbers
from ivr.retention.index.particulars import Particulars
from ivr.retention.index.recordings import Recordings
from ivr.retention.model import Part, Recording

NUMBER = "01277 312500"
SCHEDULE = Schedule(
    "1",
    (
        Rule("general", Period.of("6 months")),
        Rule("complaint", Period.of("1 year"), case="complaint"),
        Rule("abuse", Period.of("2 years"), case="abuse"),
        Rule("tax", Period.of("3 months"), team="council-tax"),
    ),
    {"abuse": "abuse"},
)


class Place:
    """The parts of an index, as a service has them."""

    def __init__(self, database: Database, numbers: Numbers | None = None) -> None:
        numbers = numbers or PlainNumbers()
        self.database = database
        self.recordings = Recordings(database, numbers)
        self.cases = Cases(database)
        self.holds = Holds(database)
        self.destroying = Destroying(database)
        self.particulars = Particulars(database, numbers)
        self.meta = Meta(database)

    def add(self, *recordings: Recording, number: str = NUMBER) -> tuple[str, ...]:
        """Add them, all with the same number; their calls."""
        self.recordings.add([(each, number) for each in recordings])
        return tuple(each.call for each in recordings)


def call(number: int) -> str:
    """The id of a call."""
    return str(uuid.UUID(int=0x1234 << 112 | number))


def recorded(number: int, day: date = date(2026, 1, 31), **other: object) -> Recording:
    """A recording; the same number gives the same call, at its minute of the day."""
    name = call(number)
    ended = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000
    plain = Recording(
        call=name,
        day=day,
        ended_ms=int(ended) + number % 1440 * 60_000,
        team="customer-services",
        route="main-line",
        direction="inbound",
        policy="2026-01",
        state="kept",
        ended="caller/NORMAL_CLEARING",
        duration_ms=90_000,
        record_name=f"{name}.json",
        record_sha256="a" * 64,
        format="wav",
        sealed=False,
        parts=(Part(f"{name}.wav", 1_440_044, "b" * 64), Part(f"{name}.2.wav", 44, "c" * 64)),
        agents=("1001", "1002"),
    )
    return replace(plain, **other)  # type: ignore[arg-type]  # what it is, the test says
