"""What ``ivr recording verify`` hears in a recording: its pauses, or all its silence (R7).

Reads only, in the spool or anywhere else. Blocks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import SpoolError
from ivr.recording.audio import inspect_fd
from ivr.recording.silence import peak_between, quiet
from ivr.storage.look import find, one_line, show
from ivr.storage.names import call_and_part
from ivr.storage.opened import NoFileError, opened, read_file, why_not
from ivr.storage.places import Places
from ivr.storage.record_schema import PartModel, PausedSpanModel, RecordModel, parse_record
from ivr.storage.spans import PROVED, within_part

_NEVER = "-"
_HEADINGS = (
    *("AT", "UNTIL", "BY", "PART", "SILENT FROM", "TO", "VERDICT"),
    *("FOUND", "LEAKED", "NOW"),
)


@dataclass(frozen=True, slots=True)
class HeardPause:
    """A pause of a record, and what is heard there now."""

    at: str
    until: str
    by: str
    part: int
    start_ms: int
    """On the recording's time line, with the guard."""
    end_ms: int
    verdict: str
    found: int
    """The loudest sample there when the call was filed."""
    leaked: int
    """The loudest that FreeSWITCH's mask let through."""
    now: int
    """The loudest sample there now: 0 is silence. -1 where there is no audio of that time."""
    good: bool
    """It is silent now, or there is no audio of that time."""


@dataclass(frozen=True, slots=True)
class HeardRun:
    """A run of digital silence on all channels."""

    start_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard."""

    name: str
    """The call, or the file."""
    pauses: tuple[HeardPause, ...]
    runs: tuple[HeardRun, ...] = ()
    """Of a file without a record."""
    peak: int = 0
    """The loudest sample of such a file."""
    recorded: bool = True
    """There is a record: ``pauses`` are all there were."""


def hear(what: str, spool: Callable[[], Path]) -> Heard:
    """A call of the spool by its id or the beginning of it, or a file: a record, or WAV.

    ``spool`` is asked for the spool's folder only for a call. A WAV file with its record beside it
    is checked against that.

    Raises:
        UsageError: it can be no id's beginning, or is that of several calls.
        SpoolError: there is no such thing, or it cannot be read.
    """
    if not (os.path.lexists(what) or "/" in what or what.endswith((".wav", ".json"))):
        root = spool()
        call = find(root, what)
        return _of_record(show(root, call), Places(root).new, None)
    path = Path(os.path.realpath(what))
    if path.suffix == ".json":
        return _of_record(parse_record(_bytes(path), str(path)), path.parent, None)
    named = call_and_part(path.stem)
    beside = path.with_name(f"{named[0]}.json") if named else None
    if beside is not None and os.path.lexists(beside):
        record = parse_record(_bytes(beside), str(beside))
        if any(_file_of(part) == path.name for part in record.recording.parts):
            return _of_record(record, path.parent, path.name)
    return _of_file(path)


def _bytes(path: Path) -> bytes:
    try:
        return read_file(path)
    except (OSError, NoFileError) as error:
        raise SpoolError(f"{path}: {why_not(error)}") from error


def _file_of(part: PartModel) -> str:
    return part.path.rpartition("/")[2]


def _of_record(record: RecordModel, folder: Path, only: str | None) -> Heard:
    """Its pauses; where ``only`` names a file, those in it."""
    heard = []
    files: dict[int, PartModel] = {}
    for part in record.recording.parts:
        if named := call_and_part(Path(part.path).stem):
            files[named[1]] = part
    for pause in record.recording.pauses:
        file = files.get(pause.part)
        if only is not None and (file is None or _file_of(file) != only):
            continue
        now = -1
        if file is not None and pause.verdict in PROVED:
            now = _peak(folder / _file_of(file), within_part(pause, file))
        heard.append(_heard(pause, now))
    return Heard(record.call, tuple(heard))


def _heard(pause: PausedSpanModel, now: int) -> HeardPause:
    return HeardPause(
        pause.at,
        pause.until,
        one_line(pause.by),
        pause.part,
        pause.start_ms,
        pause.end_ms,
        pause.verdict,
        pause.peak,
        pause.leaked_peak,
        now,
        now == 0 or pause.verdict == "nothing",
    )


def _peak(path: Path, within: tuple[int, int]) -> int:
    try:
        with opened(path) as fd:
            return peak_between(fd, inspect_fd(fd, str(path)), *within)
    except (OSError, NoFileError) as error:
        raise SpoolError(f"{path}: {why_not(error)}") from error


def _of_file(path: Path) -> Heard:
    try:
        with opened(path) as fd:
            found = quiet(fd, inspect_fd(fd, str(path)))
    except (OSError, NoFileError) as error:
        raise SpoolError(f"{path}: {why_not(error)}") from error
    runs = tuple(HeardRun(begin, end - begin) for begin, end in found.runs)
    return Heard(str(path), (), runs, found.peak, recorded=False)


def table(heard: Heard) -> list[str]:
    """What was heard as lines of text, in columns."""
    if not heard.recorded:
        runs = [(_seconds(run.start_ms), _seconds(run.length_ms)) for run in heard.runs]
        last = f"loudest sample elsewhere: {heard.peak} of 32767"
        return [*_aligned([("SILENT FROM", "FOR"), *runs]), last]
    if not heard.pauses:
        return []
    rows = [
        (
            pause.at,
            pause.until,
            pause.by,
            str(pause.part),
            _seconds(pause.start_ms),
            _seconds(pause.end_ms),
            pause.verdict,
            str(pause.found),
            str(pause.leaked),
            _NEVER if pause.now < 0 else str(pause.now),
        )
        for pause in heard.pauses
    ]
    return _aligned([_HEADINGS, *rows])


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d} s"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width)
            if cell.endswith(" s") or cell.lstrip("-").isdigit()
            else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
