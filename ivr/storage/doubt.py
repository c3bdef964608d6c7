"""What a record has to say of its recording besides what was folded into it (R7, R22)."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.core.record import CallRecord

UNKNOWN_PAUSES = "there may be pauses that are not known"
"""In ``detail`` of a recording of whose pauses the journal has not all: in what is kept of it the
caller may be heard saying what nobody was to record (R7)."""


def told(record: CallRecord, more: Sequence[str]) -> CallRecord:
    """The record with more for a person to know of its recording."""
    sound = record.recording
    told = "; ".join([sound.detail, *more] if sound.detail else more)
    return record._replace(recording=sound._replace(detail=told)) if more else record


def doubted(record: CallRecord, doubt: str) -> CallRecord:
    """The record, where its recording is kept, with what the journal does not know: then no pause
    counts as verified, for its place rests on the same entries (R7, R22)."""
    sound = record.recording
    if not doubt or sound.state != "kept":
        return record
    detail = f"{doubt}; {sound.detail}" if sound.detail else doubt
    pauses = tuple(
        pause._replace(verdict="unproved") if pause.verdict == "verified" else pause
        for pause in sound.pauses
    )
    return record._replace(recording=sound._replace(detail=detail, pauses=pauses))
