"""What ``ivr recording verify`` hears in a recording: its pauses, or all its silence (R7).

Reads only, in the spool or anywhere else. Blocks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import SpoolError
from ivr.recording.audio import inspect_fd, sha256_fd
from ivr.recording.silence import peak_between, quiet
from ivr.storage.look import find, one_line, show_either
from ivr.storage.names import call_and_part
from ivr.storage.opened import NoFileError, opened, read_file, why_not
from ivr.storage.places import Places
from ivr.storage.record_schema import (
    ExemptModel,
    PartModel,
    PausedSpanModel,
    RecordModel,
    parse_either,
    parse_record,
)
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
        SpoolError: there is no such thing, or it cannot be read, or a file is not the one that
            its record tells of, by its frames or its SHA-256, though it is silent in its pauses.
    """
    if not (os.path.lexists(what) or "/" in what or what.endswith((".wav", ".json"))):
        root = spool()
        call = find(root, what)
        return _of_either(show_either(root, call), Places(root).new)
    path = Path(os.path.realpath(what))
    if path.suffix == ".json":
        return _of_either(parse_either(_bytes(path), str(path)), path.parent)
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


def _of_either(record: RecordModel | ExemptModel, folder: Path) -> Heard:
    """Of an exempt call there is nothing to be heard."""
    if isinstance(record, ExemptModel):
        return Heard(record.call, ())
    return _of_record(record, folder, None)


def _of_record(record: RecordModel, folder: Path, only: str | None) -> Heard:
    """Its pauses; where ``only`` names a file, those in it."""
    files: dict[int, PartModel] = {}
    for part in record.recording.parts:
        if named := call_and_part(Path(part.path).stem):
            files[named[1]] = part
    pauses = [
        pause
        for pause in record.recording.pauses
        if only is None or (pause.part in files and _file_of(files[pause.part]) == only)
    ]
    peaks: dict[int, int] = {}
    wrong: list[str] = []
    for number, part in files.items():
        if only is None or _file_of(part) == only:
            within = [n for n, each in enumerate(pauses) if _audible(each, number)]
            loud, faults = _listen(folder / _file_of(part), part, [pauses[n] for n in within])
            peaks.update(zip(within, loud, strict=True))
            wrong += faults
    heard = tuple(_heard(pause, peaks.get(n, -1)) for n, pause in enumerate(pauses))
    if wrong and all(pause.good for pause in heard):  # silence in another file proves nothing
        raise SpoolError("\n".join(wrong))
    return Heard(record.call, heard)


def _audible(pause: PausedSpanModel, part: int) -> bool:
    return pause.part == part and pause.verdict in PROVED


def _listen(
    path: Path, part: PartModel, pauses: Sequence[PausedSpanModel]
) -> tuple[list[int], list[str]]:
    """The loudest sample in each of these pauses, and where the file is not the record's."""
    try:
        with opened(path) as fd:
            audio, digest = inspect_fd(fd, str(path)), sha256_fd(fd)
            peaks = [peak_between(fd, audio, *within_part(pause, part)) for pause in pauses]
    except (OSError, NoFileError) as error:
        raise SpoolError(f"{path}: {why_not(error)}") from error
    claims = (("frames", part.frames, audio.frames), ("SHA-256", part.sha256, digest))
    wrong = [f"{what}: {there}, expected {said}" for what, said, there in claims if said != there]
    if not wrong:
        return peaks, []
    return peaks, [f"{path} is not the file that its record tells of: {'; '.join(wrong)}"]


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
