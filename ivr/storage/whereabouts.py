"""Where a call's journal has the files of its recording (R22)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ivr.core.entries import (
    RecordingFailed,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    Stamped,
)
from ivr.core.timeline import part_of
from ivr.storage.places import Places

_RECORDING = (RecordingIntended, RecordingStarted, RecordingStopped, RecordingFailed)


def paths_of(entries: Sequence[Stamped]) -> list[str]:
    """Where the journal has the parts of the recording."""
    return [each.entry.path for each in entries if isinstance(each.entry, _RECORDING)]


def parts_of(entries: Sequence[Stamped]) -> list[int]:
    """The parts of the recording that the journal knows of."""
    return [part_of(path) for path in paths_of(entries)]


def begun_in(entries: Sequence[Stamped]) -> list[str]:
    """Where FreeSWITCH said that it began a part."""
    return [each.entry.path for each in entries if isinstance(each.entry, RecordingStarted)]


def other_folders(entries: Sequence[Stamped], places: Places) -> list[Path]:
    """Where the journal has parts and the configuration has no folder any more."""
    named = {Path(path).parent for path in paths_of(entries) if path}
    return sorted(folder for folder in named.difference(places.folders) if folder.is_dir())
