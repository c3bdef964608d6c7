"""What the index knows of a call, made of its record: the same at taking in and at a rebuild."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, tzinfo

from ivr.core.schedule import day_of
from ivr.retention.index.people import agents_of, customer_of
from ivr.retention.model import Format, Part, Recording
from ivr.storage.record_schema import ExemptModel, RecordModel


def ended_of(record: RecordModel | ExemptModel, zone: tzinfo, otherwise: date) -> tuple[date, int]:
    """The day on which the call ended where the site is, and the moment in milliseconds since 1970.

    Of an exempt call it is its day's midnight, and so is that of ``otherwise``, which is for a call
    of which no time is known. Raises ValueError for times that no calendar has.
    """
    if isinstance(record, ExemptModel):
        return _midnight(date.fromisoformat(record.day), zone)
    sound = record.recording
    times = (record.ended_at, sound.stopped_at, record.connected_at, record.arrived_at)
    told = next((each for each in times if each), "")
    if not told:
        return _midnight(otherwise, zone)
    ended_ms = round(datetime.fromisoformat(told).timestamp() * 1000)
    return day_of(ended_ms, zone), ended_ms


def _midnight(day: date, zone: tzinfo) -> tuple[date, int]:
    try:
        return day, round(datetime.combine(day, time(), zone).timestamp() * 1000)
    except OverflowError as error:
        raise ValueError(f"no day of the calendar: {day}") from error


def recording_of(
    record: RecordModel | ExemptModel,
    day: date,
    ended_ms: int,
    filed: Part,
    parts: Sequence[Part],
    form: Format,
    *,
    sealed: bool,
) -> Recording:
    """The row of a record: ``filed`` is the record's own file in the archive, ``parts`` its audio
    there, in order; ``form`` is how the audio is kept."""
    if isinstance(record, ExemptModel):
        return Recording(
            record.call, day, ended_ms, team="", route="", direction="", policy="",
            state="exempt", ended="", duration_ms=0, record_name=filed.name,
            record_sha256=filed.sha256, format=form, sealed=sealed,
        )  # fmt: skip
    end, sound = record.ended, record.recording
    return Recording(
        record.call,
        day,
        ended_ms,
        team=plain(record.team),
        route=plain(record.route),
        direction=plain(record.direction),
        policy=plain(record.policy_version),
        state=sound.state,
        ended=plain(f"{end.by}/{end.reason or end.cause}"),
        duration_ms=sound.duration_ms,
        record_name=filed.name,
        record_sha256=filed.sha256,
        format=form,
        sealed=sealed,
        parts=tuple(parts),
        marks=tuple(dict.fromkeys(plain(mark.mark) for mark in record.marks)),
        agents=tuple(word for each in agents_of(record) if (word := plain(each))),
    )


def number_of(record: RecordModel | ExemptModel) -> str:
    """The customer's number, as it came; empty of an exempt call, and of one among staff."""
    return "" if isinstance(record, ExemptModel) else customer_of(record)


def plain(text: str) -> str:
    """The text without what no database takes or no list shows (R23): NUL, line ends, controls."""
    return text if text.isprintable() else "".join(each for each in text if each.isprintable())
