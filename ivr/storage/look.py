"""What lies in a spool: for ``ivr spool ls``, ``show`` and ``verify``.

Reads only, and may run beside the engine and a consumer: what is taken away while it is
looked at is left out. Never follows a link: whoever may write into ``new/`` could have it
read any file of the host. Blocks.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ivr.errors import SpoolError, UsageError
from ivr.recording.audio import inspect_fd, sha256_fd
from ivr.recording.silence import peak_between
from ivr.storage.names import audio_of, call_and_part, checked_call_id, is_call_id
from ivr.storage.opened import NoFileError, kind_of, opened, read_file, why_not
from ivr.storage.places import Places
from ivr.storage.record_schema import (
    ExemptModel,
    PartModel,
    RecordingModel,
    RecordModel,
    parse_either,
    parse_record,
)
from ivr.storage.spans import PROVED, within_part

_ALL = ("new", "recording", "tmp", "aside")
"""Where a call's audio may lie."""
_FEWEST = 4
"""So many characters of a call's id are enough where no other call's begins with them."""
_BEGINS = re.compile(rf"[0-9a-f-]{{{_FEWEST},36}}", re.ASCII)
_MOST_NAMED = 10
_LONGEST_WHY = 4096


@dataclass(frozen=True, slots=True)
class SpoolRow:
    """A finished record in one line."""

    call: str
    arrived_at: str
    team: str
    route: str
    ended: str
    """Who ended the call and why: ``caller: NORMAL_CLEARING``. ``exempt``: it was an exempt call,
    of which only the day is kept, in ``arrived_at``."""
    recording: str
    """``kept``, ``none``, ``lost`` or ``destroyed``, and the reason."""
    recording_ms: int
    size: int
    """Bytes of the audio and the record."""
    fault: str
    """Why the record cannot be read; the other fields are then empty."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that :func:`verify` looked at."""

    name: str
    """A call's id, or a file relative to the spool."""
    verdict: Literal["good", "bad", "leftover"]
    """``leftover``: not part of a finished record, and named so that nobody forgets it."""
    detail: str


def one_line(text: str) -> str:
    """The text on one line, with what could steer a terminal written out (R23)."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _line(error: SpoolError) -> str:
    return one_line("; ".join(line.strip() for line in str(error).splitlines()))


def _names(folder: Path) -> list[str]:
    """What is in a folder of the spool, in order. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)


def _calls(places: Places) -> list[str]:
    try:
        names = _names(places.new)
    except OSError as error:
        raise SpoolError(
            f"{places.new}: cannot be read: {os.strerror(error.errno or 0)}\n"
            "  expected a spool folder: give the one that ivr.yaml names, or --spool FOLDER"
        ) from error
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return [stem for stem in stems if is_call_id(stem)]


def _row(call: str, data: bytes) -> SpoolRow:
    try:
        record = parse_either(data, "its record")
    except SpoolError as error:
        return SpoolRow(call, "", "", "", "", "", 0, len(data), _line(error))
    if isinstance(record, ExemptModel):
        return SpoolRow(call, record.day, "", "", "exempt", "none (exempt)", 0, len(data), "")
    sound, end = record.recording, record.ended
    return SpoolRow(
        call,
        record.arrived_at,
        record.team,
        record.route,
        f"{end.by}: {end.reason or end.cause}".rstrip(": "),
        f"{sound.state} ({sound.reason})" if sound.reason else sound.state,
        sound.duration_ms,
        sound.size + len(data),
        "",
    )


def ls(root: Path) -> tuple[SpoolRow, ...]:
    """The finished records, oldest call first; those that cannot be read before all others.

    Raises SpoolError where there is no spool.
    """
    places = Places(root)
    rows = []
    for call in _calls(places):
        try:
            rows.append(_row(call, read_file(places.record(call))))
        except FileNotFoundError:
            continue  # a consumer took it
        except (OSError, NoFileError) as error:
            rows.append(SpoolRow(call, "", "", "", "", "", 0, 0, f"its record {why_not(error)}"))
    return tuple(sorted(rows, key=lambda row: (row.arrived_at, row.call)))


def find(root: Path, begins: str) -> str:
    """The call whose id this is, or the only one here whose id begins so.

    Raises:
        UsageError: it can be no id's beginning, or is that of several calls.
        SpoolError: there is no spool, or no such call in it.
    """
    if is_call_id(begins):
        return begins
    if not _BEGINS.fullmatch(begins):
        raise UsageError(
            f"{begins[:60]!r} is not the id of a call, expected a lower-case UUID or at least its"
            f" first {_FEWEST} characters\n  'ivr spool ls' lists the calls that are there"
        )
    found = [call for call in _calls(Places(root)) if call.startswith(begins)]
    if not found:
        raise SpoolError(
            f"there is no record of a call whose id begins with {begins} in {root}\n"
            "  'ivr spool ls' lists the calls that are there; a consumer may have taken it"
        )
    if len(found) > 1:
        more = [f"  and {len(found) - _MOST_NAMED} more"] if len(found) > _MOST_NAMED else []
        named = [f"  {call}" for call in found[:_MOST_NAMED]]
        first = f"{len(found)} calls have an id that begins with {begins}, expected one:"
        raise UsageError("\n".join([first, *named, *more]))
    return found[0]


def _record_data(root: Path, call: str) -> tuple[str, bytes]:
    path = Places(root).record(checked_call_id(call))
    try:
        return path, read_file(path)
    except FileNotFoundError as error:
        raise SpoolError(
            f"{path}: {why_not(error)}\n"
            "  'ivr spool ls' lists the calls that are there; a consumer may have taken it"
        ) from error
    except (OSError, NoFileError) as error:
        raise SpoolError(f"{path}: {why_not(error)}") from error


def show(root: Path, call: str) -> RecordModel:
    """The record of a call. Raises SpoolError where it is not there, not readable or not one."""
    path, data = _record_data(root, call)
    return parse_record(data, path)


def show_either(root: Path, call: str) -> RecordModel | ExemptModel:
    """A record of either kind. Raises SpoolError as :func:`show` does."""
    path, data = _record_data(root, call)
    return parse_either(data, path)


def shown(root: Path, call: str) -> str:
    """One record as it lies there, field by field, a line each, in ASCII: what callers sent
    cannot steer a terminal (R23). Raises SpoolError as :func:`show` does."""
    path, data = _record_data(root, call)
    parse_either(data, path)
    return json.dumps(json.loads(data), indent=2)


def _check(places: Places, record: RecordModel | ExemptModel, call: str) -> Finding:
    """Names, hashes, lengths and pauses of one record and its audio."""
    if record.call != call:
        return Finding(call, "bad", f"the record is of another call, {record.call}")
    if isinstance(record, ExemptModel):
        return _none_of(places, call, _ALL, "exempt", "an exempt call: nothing is kept of it")
    sound = record.recording
    if sound.destroyed is not None:
        gone = sound.destroyed
        proof = f"destroyed at {gone.at}: {gone.parts} parts, {gone.bytes} bytes"
        return _none_of(places, call, _ALL, sound.state, f"{proof} ({sound.reason})")
    if sound.state != "kept":
        why = f"no recording: {sound.reason or sound.state}"
        return _none_of(places, call, ("new",), sound.state, why)
    numbers = [_part_number(call, part.path) for part in sound.parts]
    if not numbers or 0 in numbers or numbers != sorted(set(numbers)):
        named = ", ".join(part.path for part in sound.parts) or sound.path
        return Finding(call, "bad", f"the record names {named!r}, expected new/{call}.wav")
    wrong = _sums(sound)
    said = []
    for number, part in zip(numbers, sound.parts, strict=True):
        path = places.audio(call, number)
        faults, detail = _check_part(record, path, number, part)
        wrong += [f"{path}: {fault}" for fault in faults]
        said.append(detail)
    if wrong:
        return Finding(call, "bad", "; ".join(wrong))
    return Finding(call, "good", "; ".join(said))


def _none_of(places: Places, call: str, folders: Sequence[str], state: str, said: str) -> Finding:
    """That no audio of the call lies in these folders."""
    for folder in folders:
        try:
            names = _names(places.root / folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            why = f"{folder}/ cannot be read: {os.strerror(error.errno or 0)}"
            return Finding(call, "bad", f"the record says {state}, and {why}")
        for name in names:
            named = audio_of(name)
            if named is not None and named[0] == call:
                there = one_line(f"{places.root / folder}/{name}")
                return Finding(call, "bad", f"the record says {state}, but {there} is there")
    return Finding(call, "good", said)


def _part_number(call: str, path: str) -> int:
    """Which part of the call's recording is named so; 0 where none is."""
    folder, _slash, name = path.rpartition("/")
    named = call_and_part(name.removesuffix(".wav")) if name.endswith(".wav") else None
    return named[1] if folder == "new" and named is not None and named[0] == call else 0


def _sums(sound: RecordingModel) -> list[str]:
    """Where the record of a recording does not agree with itself."""
    first = sound.parts[0]
    claims = (
        ("the first file", first.path, sound.path),
        ("SHA-256", first.sha256, sound.sha256),
        ("size", sum(part.size for part in sound.parts), sound.size),
        ("frames", sum(part.frames for part in sound.parts), sound.frames),
    )
    return [
        f"the record names {whole!r} as {what} of the recording, its parts are {parts!r}"
        for what, parts, whole in claims
        if parts != whole
    ]


def _check_part(
    record: RecordModel, path: str, number: int, part: PartModel
) -> tuple[list[str], str]:
    """What is wrong with one file of a recording, or else what it is."""
    sound = record.recording
    try:
        with opened(path) as fd:
            found, digest, size = inspect_fd(fd, path), sha256_fd(fd), os.fstat(fd).st_size
            loud = [
                f"the pause at {pause.at} is not silent, peak {peak}"
                for pause in sound.pauses
                if pause.part == number and pause.verdict in PROVED
                if (peak := peak_between(fd, found, *within_part(pause, part)))
            ]
    except SpoolError as error:
        return [_line(error).removeprefix(f"{path}: ")], ""
    except (OSError, NoFileError) as error:
        return [why_not(error)], ""
    claims = (
        ("SHA-256", part.sha256, digest),
        ("size", part.size, size),
        ("frames", part.frames, found.frames),
        ("channels", sound.channels, found.channels),
        ("rate", sound.rate, found.rate),
        ("header", "right lengths", "wrong lengths" if found.repaired else "right lengths"),
    )
    wrong = [f"{what}: {there}, expected {said}" for what, said, there in claims if said != there]
    return wrong + loud, f"{found.duration_ms} ms, SHA-256 {digest}"


def _stray(path: Path) -> str:
    """What lies in ``new/`` and is part of no finished record. Raises OSError."""
    if kind := kind_of(path.lstat().st_mode):
        return f"{kind}: the engine puts none here"
    stem, _dot, end = path.name.rpartition(".")
    if end == "wav" and call_and_part(stem) is not None:
        return "a recording without its record: being filed, or taken in part"
    return "not of the engine: its name is not <call>.json or <call>.wav"


def _leftovers(places: Places, belongs: Set[str]) -> Iterator[Finding]:
    """Files that belong to no finished record; journal and running recordings are not ones."""
    for name in _names(places.new):
        if name not in belongs:
            try:
                what = _stray(places.new / name)
            except FileNotFoundError:
                continue  # filed or taken since
            yield Finding(one_line(f"new/{name}"), "leftover", what)
    for name in _names(places.tmp):
        yield Finding(one_line(f"tmp/{name}"), "leftover", "being written, or cut off by a crash")
    for name in _names(places.aside):
        if name.endswith(".json.why"):
            why = _set_aside(places.aside / name.removesuffix(".why"))
            yield Finding(one_line(f"aside/{name}"), "leftover", f"a call without a record, {why}")
        elif not name.endswith(".why"):
            yield Finding(one_line(f"aside/{name}"), "leftover", _set_aside(places.aside / name))
        elif not os.path.lexists(places.aside / name.removesuffix(".why")):
            why = _set_aside(places.aside / name.removesuffix(".why"))
            yield Finding(one_line(f"aside/{name}"), "leftover", f"stays where it is, {why}")


def _set_aside(path: Path) -> str:
    try:
        why = read_file(path.with_name(f"{path.name}.why"), _LONGEST_WHY).decode("utf-8", "replace")
    except FileNotFoundError:
        return "set aside: no reason given"
    except (OSError, NoFileError) as error:
        return f"set aside: its .why {why_not(error)}"
    return f"set aside: {one_line(why.strip())}"


def verify(root: Path, call: str | None = None) -> tuple[Finding, ...]:
    """Check one call, or all of them and what else lies about.

    Good means: JSON of the schema, audio beside it, its hash, size, frames and header agree with
    the record, and each paused span is silent (R7). Raises SpoolError where there is no spool, or
    no such call.
    """
    places = Places(root)
    if call is not None and not os.path.lexists(places.record(call)):
        show(root, call)
    calls = _calls(places) if call is None else [call]
    found = []
    belongs: set[str] = set()
    for each in calls:
        belongs |= {f"{each}.json", f"{each}.wav"}
        try:
            record = show_either(root, each)
            if isinstance(record, RecordModel):
                belongs |= {part.path.rpartition("/")[2] for part in record.recording.parts}
            found.append(_check(places, record, each))
        except SpoolError as error:
            if os.path.lexists(places.record(each)):
                found.append(Finding(each, "bad", _line(error)))
    if call is None:
        try:
            found.extend(_leftovers(places, belongs))
        except OSError as error:
            raise SpoolError(f"{places.root}: cannot be looked through: {error}") from error
    return tuple(found)
