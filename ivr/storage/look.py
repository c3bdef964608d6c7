"""What lies in a spool: for ``ivr spool ls``, ``show`` and ``verify``.

Reads only, and may run beside the engine and a consumer: what is taken away while it is
looked at is left out. Blocks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ivr.errors import SpoolError
from ivr.recording.audio import inspect, sha256
from ivr.storage.names import checked_call_id, is_call_id
from ivr.storage.places import Places
from ivr.storage.record_schema import RecordModel, parse_record


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


def _calls(places: Places) -> list[str]:
    try:
        names = os.listdir(places.new)
    except OSError as error:
        raise SpoolError(
            f"{places.new}: cannot be read: {os.strerror(error.errno or 0)}\n"
            "  expected a spool folder: give the one that ivr.yaml names"
        ) from error
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(stem for stem in stems if is_call_id(stem))


def _row(call: str, data: bytes) -> SpoolRow:
    try:
        record = parse_record(data, call)
    except SpoolError as error:
        return SpoolRow(call, "", "", "", "", "", 0, len(data), str(error))
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
    """The finished records, oldest call first. Raises SpoolError where there is no spool."""
    places = Places(root)
    rows = []
    for call in _calls(places):
        try:
            rows.append(_row(call, Path(places.record(call)).read_bytes()))
        except FileNotFoundError:
            continue  # a consumer took it
        except OSError as error:
            fault = f"cannot be read: {os.strerror(error.errno or 0)}"
            rows.append(SpoolRow(call, "", "", "", "", "", 0, 0, fault))
    return tuple(sorted(rows, key=lambda row: (row.arrived_at, row.call)))


def show(root: Path, call: str) -> RecordModel:
    """One record. Raises SpoolError where it is not there, not readable or not a record."""
    path = Places(root).record(checked_call_id(call))
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SpoolError(
            f"{path}: cannot be read: {os.strerror(error.errno or 0)}\n"
            "  'ivr spool ls' lists the calls that are there; a consumer may have taken it"
        ) from error
    return parse_record(data, path)


def _check(places: Places, call: str) -> Finding:
    """Schema, names, hash and length of one record and its audio."""
    record = show(places.root, call)
    if record.call != call:
        return Finding(call, "bad", f"the record is of another call, {record.call}")
    sound = record.recording
    audio = Path(places.audio(call))
    if sound.state != "kept":
        if audio.exists():
            return Finding(call, "bad", f"the record says {sound.state}, but {audio} is there")
        return Finding(call, "good", f"no recording: {sound.reason or sound.state}")
    if sound.path != f"new/{call}.wav" or [part.path for part in sound.parts] != [sound.path]:
        return Finding(call, "bad", f"the record names {sound.path!r}, expected new/{call}.wav")
    try:
        found, digest, size = inspect(audio), sha256(audio), audio.stat().st_size
    except OSError as error:
        return Finding(call, "bad", f"{audio}: {os.strerror(error.errno or 0)}")
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


def _leftovers(places: Places, calls: frozenset[str]) -> Iterator[Finding]:
    """Files that belong to no finished record; journal and running recordings are not ones."""
    for name in sorted(os.listdir(places.new)):
        stem, _dot, kind = name.rpartition(".")
        if (kind == "json" and is_call_id(stem)) or (kind == "wav" and stem in calls):
            continue
        yield Finding(
            f"new/{name}", "leftover", "no record beside it: being filed, or taken in part"
        )
    for name in sorted(os.listdir(places.tmp)):
        yield Finding(f"tmp/{name}", "leftover", "being written, or cut off by a crash")
    for name in sorted(os.listdir(places.aside)):
        if not name.endswith(".why"):
            why = places.aside / f"{name}.why"
            reason = (
                why.read_text("utf-8", "replace").strip() if why.exists() else "no reason given"
            )
            yield Finding(f"aside/{name}", "leftover", f"set aside: {reason}")


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
                found.append(Finding(each, "bad", str(error)))
    if call is None:
        try:
            found.extend(_leftovers(places, frozenset(calls)))
        except OSError as error:
            raise SpoolError(f"{places.root}: cannot be looked through: {error}") from error
    return tuple(found)
