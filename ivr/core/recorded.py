"""What a record says of its recording: what there is of it, and each pause in it (R5, R7, R22)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from ivr.core.entries import RecordingFailed, RecordingIntended, RecordingStopped, Stamp
from ivr.core.record import (
    Destroyed,
    FoundAudio,
    Part,
    PausedSpan,
    Recording,
    RecordingState,
    Verdict,
    iso,
    plain,
)
from ivr.core.timeline import Pause, Timeline

_EMPTIED = "empty-file"
"""FreeSWITCH's word for a recording without a sample, whose file it removes itself: it was
started before the legs were to be joined, and they never were (docs/freeswitch.md 31)."""


@dataclass(slots=True)
class Told:
    """What the journal says of a recording."""

    connected: Stamp | None = None
    opted_out: bool = False
    exempt: bool = False
    """The record ends before the call did."""
    over: bool = False
    """It is known why there was no connection, if there was none."""
    intended: RecordingIntended | None = None
    started: Stamp | None = None
    begun: set[int] = field(default_factory=set)
    """The parts that FreeSWITCH began; others were only meant, as by an engine that was killed."""
    stops: dict[int, tuple[Stamp, RecordingStopped]] = field(default_factory=dict)
    """By part; the last one of each."""
    failed: RecordingFailed | None = None
    stalled: set[int] = field(default_factory=set)
    """Parts that were seen not to grow any more."""


def _no_audio(told: Told, found: bool) -> tuple[RecordingState, str]:
    """Whether a recording that is not there was lost, and the word for why (R22)."""
    if told.exempt and told.connected is None:  # FreeSWITCH removed it after the record's end
        return "none", "not-connected"
    if told.connected is None and told.started is None:  # noqa: SIM102  # two questions
        if told.intended is None or told.over or found:
            return "none", "opted-out" if told.opted_out else "not-connected"
    emptied = any(stop.cause == _EMPTIED for _stamp, stop in told.stops.values())
    if found or emptied:
        return ("lost", "empty") if told.connected else ("none", "not-connected")
    if told.failed is not None:
        return "lost", "failed"
    if told.intended is None:
        return "none", "not-intended"
    return "lost", "missing" if told.started else "not-started"


def _parts(line: Timeline, whole: Sequence[FoundAudio]) -> tuple[Part, ...]:
    """The files that hold audio; none begins before the one before it is over."""
    offsets = {part.part: part.offset_ms for part in line.parts}
    parts: list[Part] = []
    least = 0
    for audio in whole:
        at = max(least, offsets.get(audio.part, 0)) if parts else 0
        parts.append(Part(audio.path, at, audio.frames, audio.size, audio.sha256))
        least = at + audio.frames * 1000 // audio.rate
    return tuple(parts)


def _detail(told: Told, line: Timeline, found: Sequence[FoundAudio], kept: bool) -> str:
    """What a person should know: of each part that is not there or no recording, and why it
    failed."""
    said = []
    there = {audio.part: audio for audio in found}
    several = len(line.parts) > 1 or any(part > 1 for part in there)
    for part in line.parts:
        audio = there.get(part.part)
        name = f"part {part.part}" if several else "the file"
        if audio is None:
            stop = told.stops.get(part.part)
            emptied = stop is not None and stop[1].cause == _EMPTIED
            if kept and part.part in told.begun and not emptied:
                said.append(f"{name} is missing")
        elif audio.trouble:
            said.append(f"{name}: {audio.trouble}" if several else audio.trouble)
        elif not audio.frames and kept:
            said.append(f"{name} holds no audio")
        elif not part.known and several:
            said.append(f"{name} is not in the journal")
        if audio is not None and part.part in told.stalled:
            said.append(f"{name} stopped growing while people spoke")
    if told.failed is not None and (kept or not said):
        said.append(told.failed.reason)
    return plain("; ".join(said))


def _row(pause: Pause, zone: tzinfo, part: int, verdict: Verdict) -> PausedSpan:
    return PausedSpan(
        iso(pause.at_wall_ms, zone),
        iso(pause.until_wall_ms, zone),
        0,
        0,
        part,
        plain(pause.by),
        plain(pause.ended_by),
        plain(pause.how),
        pause.keys_hidden,
        pause.overdue,
        pause.guard_ms,
        verdict,
        0,
        0,
    )


def _pauses(
    line: Timeline, found: Sequence[FoundAudio], parts: Sequence[Part], zone: tzinfo
) -> Iterator[PausedSpan]:
    offsets = {part.path: part.offset_ms for part in parts}
    there = {audio.part: audio for audio in found}
    for number, pause in enumerate(line.pauses):
        rows = []
        for span in (span for span in line.spans if span.pause == number):
            audio = there.get(span.part)
            if audio is None:
                continue
            proofs = [proof for proof in audio.proofs if proof.pause == number]
            if audio.trouble or (audio.frames and not proofs):
                rows.append(_row(pause, zone, span.part, "unproved"))
            offset = offsets.get(audio.path, 0)
            for proof in proofs:
                row = _row(pause, zone, span.part, "repaired" if proof.peak else "verified")
                rows.append(
                    row._replace(
                        start_ms=offset + proof.begin_ms,
                        end_ms=offset + proof.end_ms,
                        peak=proof.peak,
                        leaked_peak=proof.leaked_peak,
                    )
                )
        yield from rows or (_row(pause, zone, 0, "nothing"),)


def _lost_ms(told: Told, line: Timeline, found: Sequence[FoundAudio]) -> tuple[int, int]:
    """What FreeSWITCH claims to have written, and how much of it is in no file.

    Of a part that stopped growing, and of which it never said that it stopped, all is missing
    that the file should hold.
    """
    there = {audio.part: audio.frames * 1000 // audio.rate for audio in found if audio.frames}
    claimed = missing = 0
    for part, (_stamp, stop) in told.stops.items():
        claimed += stop.switch_ms
        missing += max(0, stop.switch_ms - there.get(part, 0))
    for known in line.parts:
        if known.part in told.stalled and known.part not in told.stops:
            missing += max(0, known.length_ms - there.get(known.part, 0))
    return claimed, missing


def recording(
    told: Told,
    line: Timeline,
    found: Sequence[FoundAudio],
    zone: tzinfo,
    destroyed: Destroyed | None = None,
) -> Recording:
    """What the record says of the recording; ``found`` are the files that are there, in order.

    ``destroyed`` is the proof that there is none any more, where nothing may be kept; then there
    are none found.
    """
    cause, stopped_at = "", ""
    if told.stops:
        stamp, stopped = max(told.stops.values(), key=lambda stop: stop[0].wall_ms)
        cause, stopped_at = plain(stopped.cause), iso(stamp.wall_ms, zone)
    switch_ms, missing_ms = _lost_ms(told, line, found)
    never = told.connected is None and told.started is None
    if destroyed is not None and never and not destroyed.bytes:
        destroyed = None  # there was nothing to destroy
    whole = [audio for audio in found if audio.frames]
    state: RecordingState = "kept"
    reason = ""
    parts = _parts(line, whole)
    if whole:
        first = whole[0]
    else:
        state, reason = _no_audio(told, any(not audio.trouble for audio in found))
        if any(audio.trouble for audio in found):
            state, reason = "lost", "unreadable"
        if destroyed is not None:
            state, reason, missing_ms = "destroyed", "opted-out", 0
        wish = told.intended or RecordingIntended("", "", 0, 0)
        first = FoundAudio("", wish.format, wish.channels, wish.rate, 0, 0, "", False)
    return Recording(
        state,
        reason,
        _detail(told, line, found, state == "kept"),
        first.path,
        first.format,
        first.channels,
        first.rate,
        sum(audio.frames for audio in whole),
        sum(audio.frames * 1000 // audio.rate for audio in whole),
        sum(audio.size for audio in whole),
        first.sha256,
        any(audio.repaired for audio in whole),
        "" if told.started is None else iso(told.started.wall_ms, zone),
        stopped_at,
        cause,
        switch_ms,
        missing_ms,
        parts,
        tuple(_pauses(line, found, parts, zone)),
        line.unrecorded_ms,
        destroyed,
    )
