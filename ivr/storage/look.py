"""What lies in a spool: for ``ivr spool ls``, ``show`` and ``verify``.

Reads only, and may run beside the engine and a consumer: what is taken away while it is
looked at is left out. Never follows a link: whoever may write into ``new/`` could have it
read any file of the host. Blocks.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ivr.errors import SpoolError, UsageError
from ivr.recording.audio import inspect_fd, sha256_fd
from ivr.storage.names import checked_call_id, is_call_id
from ivr.storage.places import Places
from ivr.storage.record_schema import RecordModel, parse_record

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
    """Who ended the call and why: ``caller: NORMAL_CLEARING``."""
    recording: str
    """``kept``, ``none`` or ``lost``, and the reason."""
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


class _NoFileError(Exception):
    """Something is there that is no file; says what."""


def _kind(mode: int) -> str:
    """What is there, where it is no file; empty where it is one."""
    if stat.S_ISREG(mode):
        return ""
    if stat.S_ISLNK(mode):
        return "a link, which is never followed"
    return "a folder" if stat.S_ISDIR(mode) else "a device, pipe or socket"


@contextmanager
def _opened(path: str | Path) -> Iterator[int]:
    """A file of the spool, open for reading.

    Raises OSError; _NoFileError for links and all else that is no file.
    """
    if kind := _kind(os.lstat(path).st_mode):
        raise _NoFileError(f"is {kind}, expected a file")
    # A pipe put there since would otherwise be waited for, and a link followed.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if kind := _kind(os.fstat(fd).st_mode):
            raise _NoFileError(f"is {kind}, expected a file")
        yield fd
    finally:
        os.close(fd)


def _read(path: str | Path, at_most: int = -1) -> bytes:
    """As :func:`_opened`."""
    with _opened(path) as fd, open(fd, "rb", closefd=False) as file:
        return file.read(at_most)


def _why(error: OSError | _NoFileError) -> str:
    if isinstance(error, _NoFileError):
        return str(error)
    return f"cannot be read: {os.strerror(error.errno or 0)}"


def _plain(text: str) -> str:
    """The text on one line, with what could steer a terminal written out (R23)."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _line(error: SpoolError) -> str:
    return _plain("; ".join(line.strip() for line in str(error).splitlines()))


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
        record = parse_record(data, "its record")
    except SpoolError as error:
        return SpoolRow(call, "", "", "", "", "", 0, len(data), _line(error))
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
            rows.append(_row(call, _read(places.record(call))))
        except FileNotFoundError:
            continue  # a consumer took it
        except (OSError, _NoFileError) as error:
            rows.append(SpoolRow(call, "", "", "", "", "", 0, 0, f"its record {_why(error)}"))
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
        return path, _read(path)
    except FileNotFoundError as error:
        raise SpoolError(
            f"{path}: {_why(error)}\n"
            "  'ivr spool ls' lists the calls that are there; a consumer may have taken it"
        ) from error
    except (OSError, _NoFileError) as error:
        raise SpoolError(f"{path}: {_why(error)}") from error


def show(root: Path, call: str) -> RecordModel:
    """One record. Raises SpoolError where it is not there, not readable or not a record."""
    path, data = _record_data(root, call)
    return parse_record(data, path)


def shown(root: Path, call: str) -> str:
    """One record as it lies there, field by field, a line each, in ASCII: what callers sent
    cannot steer a terminal (R23). Raises SpoolError as :func:`show` does."""
    path, data = _record_data(root, call)
    parse_record(data, path)
    return json.dumps(json.loads(data), indent=2)


def _check(places: Places, call: str) -> Finding:
    """Schema, names, hash and length of one record and its audio."""
    record = show(places.root, call)
    if record.call != call:
        return Finding(call, "bad", f"the record is of another call, {record.call}")
    sound = record.recording
    audio = places.audio(call)
    if sound.state != "kept":
        if os.path.lexists(audio):
            return Finding(call, "bad", f"the record says {sound.state}, but {audio} is there")
        return Finding(call, "good", f"no recording: {sound.reason or sound.state}")
    if sound.path != f"new/{call}.wav" or [part.path for part in sound.parts] != [sound.path]:
        return Finding(call, "bad", f"the record names {sound.path!r}, expected new/{call}.wav")
    try:
        with _opened(audio) as fd:
            found, digest, size = inspect_fd(fd, audio), sha256_fd(fd), os.fstat(fd).st_size
    except (OSError, _NoFileError) as error:
        return Finding(call, "bad", f"{audio}: {_why(error)}")
    claims = (
        ("SHA-256", sound.sha256, digest),
        ("size", sound.size, size),
        ("frames", sound.frames, found.frames),
        ("channels", sound.channels, found.channels),
        ("rate", sound.rate, found.rate),
        ("SHA-256 of its part", sound.parts[0].sha256, digest),
        ("header", "right lengths", "wrong lengths" if found.repaired else "right lengths"),
    )
    wrong = [f"{what}: {there}, expected {said}" for what, said, there in claims if said != there]
    if wrong:
        return Finding(call, "bad", f"{audio}: {'; '.join(wrong)}")
    return Finding(call, "good", f"{found.duration_ms} ms, SHA-256 {digest}")


def _stray(path: Path) -> str:
    """What lies in ``new/`` and is part of no finished record. Raises OSError."""
    if kind := _kind(path.lstat().st_mode):
        return f"{kind}: the engine puts none here"
    stem, _dot, end = path.name.rpartition(".")
    if end == "wav" and is_call_id(stem):
        return "a recording without its record: being filed, or taken in part"
    return "not of the engine: its name is not <call>.json or <call>.wav"


def _leftovers(places: Places, calls: frozenset[str]) -> Iterator[Finding]:
    """Files that belong to no finished record; journal and running recordings are not ones."""
    for name in _names(places.new):
        stem, _dot, end = name.rpartition(".")
        if not ((end == "json" and is_call_id(stem)) or (end == "wav" and stem in calls)):
            try:
                what = _stray(places.new / name)
            except FileNotFoundError:
                continue  # filed or taken since
            yield Finding(_plain(f"new/{name}"), "leftover", what)
    for name in _names(places.tmp):
        yield Finding(_plain(f"tmp/{name}"), "leftover", "being written, or cut off by a crash")
    for name in _names(places.aside):
        if name.endswith(".json.why"):
            why = _set_aside(places.aside / name.removesuffix(".why"))
            yield Finding(_plain(f"aside/{name}"), "leftover", f"a call without a record, {why}")
        elif not name.endswith(".why"):
            yield Finding(_plain(f"aside/{name}"), "leftover", _set_aside(places.aside / name))


def _set_aside(path: Path) -> str:
    try:
        why = _read(path.with_name(f"{path.name}.why"), _LONGEST_WHY).decode("utf-8", "replace")
    except FileNotFoundError:
        return "set aside: no reason given"
    except (OSError, _NoFileError) as error:
        return f"set aside: its .why {_why(error)}"
    return f"set aside: {_plain(why.strip())}"


def verify(root: Path, call: str | None = None) -> tuple[Finding, ...]:
    """Check one call, or all of them and what else lies about.

    Good means: JSON of the schema, audio beside it, and its hash, size, frames and header
    agree with the record. Raises SpoolError where there is no spool, or no such call.
    """
    places = Places(root)
    if call is not None and not os.path.lexists(places.record(call)):
        show(root, call)
    calls = _calls(places) if call is None else [call]
    found = []
    for each in calls:
        try:
            found.append(_check(places, each))
        except SpoolError as error:
            if os.path.lexists(places.record(each)):
                found.append(Finding(each, "bad", _line(error)))
    if call is None:
        try:
            found.extend(_leftovers(places, frozenset(calls)))
        except OSError as error:
            raise SpoolError(f"{places.root}: cannot be looked through: {error}") from error
    return tuple(found)
