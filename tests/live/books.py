"""The books of a house, balanced when all its calls are over (R22).

One record a call, none of anything else; each part of a recording there with its hash, as long
as people heard each other, and silent where it was paused; nothing left over.
"""

from __future__ import annotations

import hashlib
import time
import wave
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import gevent

from ivr.storage.record_schema import PausedSpanModel, RecordModel, parse_record
from ivr.storage.segments import read
from tests.live.engines import Engine
from tests.live.house import Site
from tests.live.talk import Sound, Talk

SLACK_MS = 300
"""How much less may be recorded than people heard of each other: FreeSWITCH tells of a bridge and
of its end when it has the time."""
SETTLED_S = 5.0


class Off(NamedTuple):
    """By how much a recording may differ from what the journal has people hear of each other."""

    lacks_ms: int = 0
    """As while its disk was full."""
    more_ms: int = 0
    """As where they were joined with no engine to see it."""


def wrong(
    site: Site,
    talks: Sequence[Talk],
    off: Mapping[str, Off] = MappingProxyType({}),
    unseen: Sequence[Talk] = (),
) -> list[str]:
    """Everything that does not balance, when all records are there. ``off`` is by the talk's
    name; ``unseen`` are those of which no engine ever knew."""
    over = time.monotonic() + SETTLED_S
    while (found := _wrong(site, talks, off, unseen)) and time.monotonic() < over:
        gevent.sleep(0.2)  # the journal is told of a record that was seen just now
    return found


def _wrong(
    site: Site, talks: Sequence[Talk], off: Mapping[str, Off], unseen: Sequence[Talk]
) -> list[str]:
    found: list[str] = []
    records: dict[str, tuple[Engine, RecordModel]] = {}
    for engine in site.engines:
        for path in sorted((engine.spool / "new").glob("*.json")):
            if path.stem in records:
                found.append(f"{path.stem}: two records")
            records[path.stem] = engine, parse_record(path.read_bytes(), path.name)
        found += _left_over(engine.spool, ("recording", "tmp", "aside"))
        found += _journal(engine.spool)
    if site.fallback is not None:
        found += _left_over(site.fallback, ("recording",))
    for talk in talks:
        call = talk.a_leg
        if call not in records:
            found.append(f"{call} ({talk.placed.script.name}): no record")
            continue
        engine, record = records.pop(call)
        name = talk.placed.script.name
        found += [
            f"{call} ({name}): {what}"
            for what in (*_parts(engine.spool, record), *_length(record, off.get(name, Off())))
        ]
    placed = {call.a_leg for call in site.caller.calls if call.a_leg}
    found += [
        f"{call}: not looked at" for call in placed - {talk.a_leg for talk in (*talks, *unseen)}
    ]
    found += [f"{call}: a record of a call that was not made" for call in records]
    return found


def _left_over(top: Path, folders: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        for path in sorted((top / folder).iterdir()):
            yield f"{folder}/{path.name} is left over"


def _journal(spool: Path) -> Iterator[str]:
    reading = read(spool / "journal")
    for call in reading.calls:
        if not call.finished:
            yield f"{call.call_id}: the journal has it open"
    for bad in reading.bad:
        if not bad.torn:
            yield f"{bad.segment}:{bad.line}: {bad.why}"


def _parts(spool: Path, record: RecordModel) -> Iterator[str]:
    recording = record.recording
    if (recording.state == "kept") != bool(recording.parts):
        yield f"its recording is {recording.state} with {len(recording.parts)} parts"
    for part in recording.parts:
        data = (spool / part.path).read_bytes()
        if (len(data), hashlib.sha256(data).hexdigest()) != (part.size, part.sha256):
            yield f"{part.path} is not what the record says"
        with wave.open(str(spool / part.path)) as file:
            if file.getnframes() != part.frames:
                yield f"{part.path} has {file.getnframes()} frames, not {part.frames}"
    for pause in recording.pauses:
        yield from _silent(spool, record, pause)


def _silent(spool: Path, record: RecordModel, pause: PausedSpanModel) -> Iterator[str]:
    if pause.verdict == "unproved" or pause.leaked_peak:
        yield f"the pause at {pause.at} is {pause.verdict}, leaked {pause.leaked_peak}"
    if not pause.part:
        return
    name = f"new/{record.call}{f'.{pause.part}' if pause.part > 1 else ''}.wav"
    (part,) = (part for part in record.recording.parts if part.path == name)
    sound = Sound(spool / name)
    peak = sound.peak(max(0, pause.start_ms - part.offset_ms), pause.end_ms - part.offset_ms)
    if peak:
        yield f"the pause at {pause.at} is not silent in {name}: {peak}"


def _length(record: RecordModel, off: Off) -> Iterator[str]:
    recording = record.recording
    if recording.state == "kept":
        should_ms = record.durations.joined_ms - recording.unrecorded_ms
        lacks = should_ms - recording.duration_ms
        if not -SLACK_MS - off.more_ms <= lacks <= SLACK_MS + off.lacks_ms:
            yield f"{recording.duration_ms} ms are recorded of {should_ms}, {off}"
