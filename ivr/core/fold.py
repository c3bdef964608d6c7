"""A call's record out of its journal (R5, R22).

:func:`fold` reads no clock and no disk: what the spool found of the audio is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from ivr.core.entries import (
    Answered,
    Arrived,
    Connected,
    Dialled,
    Entry,
    Finished,
    HungUp,
    Marked,
    NotConnected,
    OptOutConfirmed,
    OptOutReturned,
    OptOutStarted,
    Parted,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    PromptEnded,
    PromptStarted,
    RecordingFailed,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
    ReminderRepeated,
    Stamp,
    Stamped,
)
from ivr.core.record import (
    SCHEMA,
    CallRecord,
    Durations,
    Ended,
    FoundAudio,
    Heard,
    Leg,
    OptOut,
    Part,
    PlayedPrompt,
    Recording,
    RecordingState,
    Step,
)

_EMPTIED = "empty-file"
"""FreeSWITCH's word for a recording without a sample, whose file it removes itself: it was
started before the legs were to be joined, and they never were (docs/freeswitch.md 31)."""

_NOBODY = Arrived("", "", "", "", "", "", "", "", "", "")
_UNKNOWN_END = HungUp("unknown", "", 0, "")
_NOT_STARTED = PromptStarted("", "", "", "", 0)


@lru_cache(maxsize=512)
def _second(second: int, zone: tzinfo) -> tuple[str, str]:
    text = datetime.fromtimestamp(second, zone).isoformat()
    return text[:19], text[19:]


def iso(wall_ms: int, zone: tzinfo) -> str:
    """A moment as ISO 8601 with milliseconds and offset, such as
    ``2024-05-01T09:30:00.250+01:00``."""
    head, offset = _second(wall_ms // 1000, zone)
    return f"{head}.{wall_ms % 1000:03d}{offset}"


def plain(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold (R23)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _between(first: Stamp, then: Stamp) -> int:
    """Milliseconds between two stamps; by the wall clock where the host restarted between."""
    ms = then.mono_ms - first.mono_ms
    return ms if ms >= 0 else max(0, then.wall_ms - first.wall_ms)


class _Gathered:
    """What one pass over the entries leaves."""

    __slots__ = (
        "arrived",
        "begun",
        "confirmed",
        "connected",
        "ended",
        "failed",
        "hung_up",
        "intended",
        "legs",
        "over",
        "refused",
        "repeated",
        "returned",
        "sequences",
        "started",
        "steps",
        "stopped",
    )

    def __init__(self) -> None:
        self.arrived = _NOBODY
        self.begun: dict[int, PromptStarted] = {}
        self.over: dict[int, PromptEnded] = {}
        self.sequences = self.returned = self.repeated = 0
        self.confirmed: OptOutConfirmed | None = None
        self.intended: RecordingIntended | None = None
        self.started: Stamp | None = None
        self.stopped: tuple[Stamp, RecordingStopped] | None = None
        self.failed: RecordingFailed | None = None
        self.connected: Stamp | None = None
        self.legs: list[tuple[Connected, Stamp]] = []
        self.refused: NotConnected | None = None
        self.hung_up: HungUp | None = None
        self.ended: Stamp | None = None
        self.steps: list[Step] = []

    def take(self, entry: Entry, stamp: Stamp) -> tuple[str, str]:
        """Note the entry; its step's name and detail."""
        match entry:
            case PromptStarted():
                self.begun[entry.play] = entry
                return "prompt-started", entry.name
            case PromptEnded():
                self.over[entry.play] = entry
                return "prompt-ended", entry.name
            case Arrived():
                self.arrived = entry
                return "arrived", ""
            case Answered():
                return "answered", ""
            case Dialled():
                return "dialled", entry.destination
            case Connected():
                self.legs.append((entry, stamp))
                if self.connected is None:
                    self.connected = stamp
                return "connected", entry.number
            case NotConnected():
                self.refused = entry
                return "not-connected", entry.cause
            case RecordingIntended():
                self.intended = entry
                return "recording-intended", ""
            case RecordingStarted():
                if self.started is None:
                    self.started = stamp
                return "recording-started", ""
            case RecordingStopped():
                self.stopped = (stamp, entry)
                return "recording-stopped", entry.cause
            case RecordingFailed():
                self.failed = entry
                return "recording-failed", entry.reason
            case OptOutStarted():
                self.sequences += 1
                return "opt-out-started", ""
            case OptOutReturned():
                self.returned += 1
                return "opt-out-returned", ""
            case OptOutConfirmed():
                self.confirmed = entry
                return "opt-out-confirmed", entry.how
            case ReminderRepeated():
                self.repeated += 1
                return "reminder-repeated", ""
            case Parted():
                return "parted", ""
            case PauseStarted():
                return "pause-started", entry.by
            case PauseHeld():
                return "pause-held", entry.how
            case PauseOverdue():
                return "pause-overdue", ""
            case PauseEnding():
                return "pause-ending", entry.by
            case PauseEnded():
                return "pause-ended", ""
            case Marked():
                return "marked", f"{entry.mark} by {entry.by}"
            case HungUp():
                self.hung_up = entry
                self.ended = stamp
                return "hung-up", entry.cause
            case Finished():
                return "finished", ""

    def prompts(self) -> tuple[PlayedPrompt, ...]:
        """What was played, in the order in which it began; an end is matched by its serial.

        A prompt of which no end was heard was not heard, as far as anything shows.
        """
        return tuple(
            _played(self.begun.get(play, _NOT_STARTED), self.over.get(play))
            for play in sorted(self.begun.keys() | self.over.keys())
        )


def _played(begun: PromptStarted, over: PromptEnded | None) -> PlayedPrompt:
    return PlayedPrompt(
        begun.role,
        plain(begun.name or (over.name if over else "")),
        plain(begun.version),
        plain(begun.language),
        begun.sha256,
        begun.length_ms,
        over.heard_ms if over else 0,
        over.complete if over else False,
        over.missing if over else False,
    )


def _announcement(prompts: Sequence[PlayedPrompt]) -> Heard:
    """How much of the announcement was heard, over all the times it was played (R1)."""
    heard: Heard = "no"
    for prompt in prompts:
        if (prompt.role or prompt.name) == "announcement":
            if prompt.complete:
                return "fully"
            if prompt.heard_ms > 0:
                heard = "partly"
    return heard


def _no_audio(told: _Gathered, found: FoundAudio | None) -> tuple[RecordingState, str]:
    """Whether a recording that is not there was lost, and the word for why (R22)."""
    if told.connected is None and told.started is None:
        over = told.hung_up or told.refused or told.confirmed
        if told.intended is None or over or found is not None:
            return "none", "opted-out" if told.confirmed else "not-connected"
    emptied = told.stopped is not None and told.stopped[1].cause == _EMPTIED
    if found is not None or emptied:
        return ("lost", "empty") if told.connected else ("none", "not-connected")
    if told.failed is not None:
        return "lost", "failed"
    if told.intended is None:
        return "none", "not-intended"
    return "lost", "missing" if told.started else "not-started"


def _recording(told: _Gathered, found: FoundAudio | None, trouble: str, zone: tzinfo) -> Recording:
    cause, switch_ms, stopped_at = "", 0, ""
    if told.stopped is not None:
        stamp, stopped = told.stopped
        cause, switch_ms = plain(stopped.cause), stopped.switch_ms
        stopped_at = iso(stamp.wall_ms, zone)
    started_at = "" if told.started is None else iso(told.started.wall_ms, zone)
    if found is not None and found.frames > 0:
        ms = found.frames * 1000 // found.rate
        return Recording(
            "kept",
            "",
            "" if told.failed is None else plain(told.failed.reason),
            found.path,
            found.format,
            found.channels,
            found.rate,
            found.frames,
            ms,
            found.size,
            found.sha256,
            found.repaired,
            started_at,
            stopped_at,
            cause,
            switch_ms,
            max(0, switch_ms - ms),
            (Part(found.path, 0, found.frames, found.size, found.sha256),),
        )
    state, reason = _no_audio(told, found)
    if trouble:
        state, reason = "lost", "unreadable"
    detail = trouble or ("" if told.failed is None else told.failed.reason)
    wish = told.intended or RecordingIntended("", "", 0, 0)
    return Recording(
        state,
        reason,
        plain(detail),
        "",
        wish.format,
        wish.channels,
        wish.rate,
        0,
        0,
        0,
        "",
        False,
        started_at,
        stopped_at,
        cause,
        switch_ms,
        switch_ms,
        (),
    )


def fold(
    call_id: str,
    host: str,
    engine_version: str,
    entries: Sequence[Stamped],
    zone: tzinfo = UTC,
    found: FoundAudio | None = None,
    trouble: str = "",
) -> CallRecord:
    """The record of a call, from its entries in order and what was found of its audio.

    ``found`` is None where there is no file; ``trouble`` says why a file that is there is
    no recording. Any sequence of entries gives a record, an empty one too (R22).
    """
    told = _Gathered()
    first = last = Stamp(0, 0)
    if entries:
        first, last = entries[0].stamp, entries[-1].stamp
    steps = told.steps
    for stamped in entries:
        stamp = stamped.stamp
        what, detail = told.take(stamped.entry, stamp)
        if what != "finished":
            steps.append(
                Step(what, plain(detail), iso(stamp.wall_ms, zone), _between(first, stamp))
            )
    prompts = told.prompts()
    ended = told.ended or last
    arrived, end, joined = told.arrived, told.hung_up or _UNKNOWN_END, told.connected
    return CallRecord(
        SCHEMA,
        call_id,
        host,
        engine_version,
        arrived.direction,
        arrived.team,
        arrived.route,
        arrived.language,
        plain(arrived.number),
        plain(arrived.caller),
        plain(arrived.caller_name),
        arrived.destination,
        arrived.policy_version,
        arrived.config_version,
        iso(first.wall_ms, zone) if entries else "",
        "" if joined is None else iso(joined.wall_ms, zone),
        iso(ended.wall_ms, zone) if entries else "",
        Durations(
            _between(first, ended),
            0 if joined is None else _between(first, joined),
            0 if joined is None else _between(joined, ended),
        ),
        _announcement(prompts),
        prompts,
        OptOut(
            told.sequences,
            told.returned,
            told.confirmed is not None,
            "" if told.confirmed is None else told.confirmed.how,
            told.repeated,
        ),
        tuple(
            Leg(plain(leg.other_leg), plain(leg.number), iso(stamp.wall_ms, zone))
            for leg, stamp in told.legs
        ),
        _recording(told, found, trouble, zone),
        Ended(end.by, plain(end.cause), end.q850, plain(end.reason)),
        tuple(steps),
    )
