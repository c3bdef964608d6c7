"""Where a record's pauses lie in the files of its recording (R7)."""

from __future__ import annotations

from ivr.storage.record_schema import PartModel, PausedSpanModel

PROVED = frozenset(("verified", "repaired"))
"""Verdicts of pauses that are silent, by the record."""


def within_part(pause: PausedSpanModel, part: PartModel) -> tuple[int, int]:
    """From and to, in milliseconds of the file."""
    return pause.start_ms - part.offset_ms, pause.end_ms - part.offset_ms
