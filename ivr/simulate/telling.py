"""What came of a script, for people and as JSON."""

from __future__ import annotations

import json
import wave
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ivr.config.mistakes import Mistake
from ivr.simulate.expecting import Fact, facts
from ivr.simulate.listening import Heard, listen
from ivr.simulate.playing import Played
from ivr.simulate.script import Script
from ivr.storage.record_schema import RecordModel

_WIDE = 14


def lines(
    script: Script, played: Played, wrong: list[Mistake], log: Path | None = None
) -> Iterator[str]:
    """For people: the time line, what is kept, what the engine warned of in its log, and what did
    not come as expected."""
    for line in played.lines:
        yield f"{_clock(line.at_ms)}  {line.who:{_WIDE}}  {line.text}"
    for call in played.calls:
        yield ""
        cut = ", still going on at the end" if call.cut_off else ""
        yield f"{call.name}{cut}"
        if call.record is None:
            yield "  no record: no engine had it"
        yield from (f"  {key}: {_value(value)}" for key, value in _shown(facts(call)))
        if call.record is not None:
            yield from _recording(script, played, call.record)
    for record in played.others:
        yield ""
        yield f"a record of its own, for what began in another call ({record.call})"
        yield from _recording(script, played, record)
    if played.exempt:
        yield ""
        yield f"records that say no more than that an exempt call took place: {played.exempt}"
    yield ""
    yield f"{_clock(played.lasted_ms)} of calls, played in {played.took_ms / 1000:.1f} s"
    if log is not None:
        yield from _warned(log)
    yield from map(str, wrong)


def _warned(log: Path) -> Iterator[str]:
    """Each warning once, with how often."""
    said: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry.get("level") in ("warning", "error", "critical"):
            said[str(entry.get("event"))] += 1
    for text, times in said.items():
        yield f"the engine warned: {text}{f' ({times} times)' if times > 1 else ''}"


def _shown(found: dict[str, Fact]) -> Iterator[tuple[str, Fact]]:
    for key, value in found.items():
        if value not in ("", []) or key == "connected_to":
            yield key, value


def _value(value: Fact) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) or "nobody") if isinstance(value, list) else value


def _recording(script: Script, played: Played, record: RecordModel) -> Iterator[str]:
    sound = record.recording
    if sound.state != "kept":
        why = f": {sound.reason}" if sound.reason else ""
        yield f"  no recording ({sound.state}{why})"
        return
    yield f"  recording of {sound.duration_ms / 1000:.1f} s"
    for path, heard in who_is_heard(script, played, record):
        yield f"  {path}"
        yield from (f"    {one}" for one in heard)
    for pause in sound.pauses:
        yield (
            f"  paused from {pause.start_ms / 1000:.1f} to {pause.end_ms / 1000:.1f} s by"
            f" {pause.by}: {pause.verdict}"
        )


def who_is_heard(
    script: Script, played: Played, record: RecordModel
) -> Iterator[tuple[str, list[Heard]]]:
    """Each part of a recording, and who is heard in it when."""
    pauses = record.recording.pauses
    for n, part in enumerate(record.recording.parts):
        spots = [
            (one.start_ms + one.end_ms) // 2 - part.offset_ms for one in pauses if one.part == n
        ]
        try:
            yield part.path, listen(played.spool / part.path, script.pitches(), spots)
        except (OSError, EOFError, wave.Error):
            yield part.path, []


def as_json(script: Script, played: Played, wrong: list[Mistake]) -> dict[str, Any]:
    """The same as plain values; times in milliseconds."""
    return {
        "well": not wrong,
        "unmet": [str(one) for one in wrong],
        "lasted_ms": played.lasted_ms,
        "took_ms": played.took_ms,
        "exempt": played.exempt,
        "calls": [
            {
                "name": call.name,
                "cut_off": call.cut_off,
                **facts(call),
                "parts": _parts(script, played, call.record) if call.record else [],
                "call": call.record.call if call.record else "",
            }
            for call in played.calls
        ],
        "others": [
            {"call": record.call, "parts": _parts(script, played, record)}
            for record in played.others
        ],
        "line": [
            {"at_ms": line.at_ms, "who": line.who, "what": line.text} for line in played.lines
        ],
    }


def _parts(script: Script, played: Played, record: RecordModel) -> list[dict[str, Any]]:
    return [
        {"path": path, "heard": [asdict(one) for one in heard]}
        for path, heard in who_is_heard(script, played, record)
    ]


def _clock(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes:3}:{rest / 1000:05.2f}"
