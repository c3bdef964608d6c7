"""A call's record out of its journal (R5, R22).

:func:`fold` reads no clock and no disk: what the spool found of the audio is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo

from ivr.core.ending import EXEMPT, end_of, in_record, is_exempt, passed
from ivr.core.entries import (
    Answered,
    Arrived,
    Connected,
    CustomerBack,
    CustomerHeld,
    Dialled,
    Entry,
    Exempted,
    Finished,
    HungUp,
    LanguageChosen,
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
    RecordingStalled,
    RecordingStarted,
    RecordingStopped,
    ReminderRepeated,
    Stamp,
    Stamped,
    TakenUp,
)
from ivr.core.record import (
    SCHEMA,
    CallRecord,
    Destroyed,
    Durations,
    Ended,
    FoundAudio,
    Heard,
    Leg,
    Mark,
    OptOut,
    PlayedPrompt,
    Step,
    iso,
    plain,
)
from ivr.core.recorded import Told, recording
from ivr.core.timeline import part_of, timeline

_NOBODY = Arrived("", "", "", "", "", "", "", "", "", "")
_UNKNOWN_END = HungUp("unknown", "", 0, "")
_EXEMPT_END = HungUp("engine", "", 0, EXEMPT)
_NOT_STARTED = PromptStarted("", "", "", "", 0)


class _Gathered:
    """What one pass over the entries leaves."""

    __slots__ = (
        "arrived",
        "begun",
        "confirmed",
        "dialled",
        "hung_up",
        "language",
        "legs",
        "marks",
        "over",
        "repeated",
        "returned",
        "sequences",
        "sound",
        "steps",
        "taken_up",
    )

    def __init__(self) -> None:
        self.arrived = _NOBODY
        self.begun: dict[int, PromptStarted] = {}
        self.over: dict[int, PromptEnded] = {}
        self.sequences = self.returned = self.repeated = 0
        self.confirmed: OptOutConfirmed | None = None
        self.sound = Told()
        self.legs: list[tuple[Connected, Stamp]] = []
        self.marks: list[tuple[Marked, Stamp]] = []
        self.hung_up: HungUp | None = None
        self.dialled = self.language = ""
        self.taken_up = 0
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
            case TakenUp():
                self.taken_up += 1
                return "taken-up", entry.how
            case Answered():
                return "answered", ""
            case Dialled():
                self.dialled = entry.destination
                self.sound.over = False  # it is not known any more why there is no connection
                return "dialled", entry.destination
            case Connected():
                self.legs.append((entry, stamp))
                if self.sound.connected is None:
                    self.sound.connected = stamp
                return "connected", entry.number
            case NotConnected():
                self.sound.over = True
                return "not-connected", entry.cause
            case RecordingIntended():
                if self.sound.intended is None:
                    self.sound.intended = entry
                return "recording-intended", ""
            case RecordingStarted():
                if self.sound.started is None:
                    self.sound.started = stamp
                self.sound.begun.add(part_of(entry.path))
                return "recording-started", ""
            case RecordingStopped():
                self.sound.stops[part_of(entry.path)] = (stamp, entry)
                if entry.switch_ms:
                    self.sound.begun.add(part_of(entry.path))
                return "recording-stopped", entry.cause
            case RecordingFailed():
                self.sound.failed = entry
                return "recording-failed", entry.reason
            case RecordingStalled():
                self.sound.stalled.add(part_of(entry.path))
                return "recording-stalled", "" if entry.into else "no room"
            case OptOutStarted():
                self.sequences += 1
                return "opt-out-started", "connected" if entry.connected else ""
            case OptOutReturned():
                self.returned += 1
                return "opt-out-returned", ""
            case OptOutConfirmed():
                self.confirmed = entry
                self.sound.over = self.sound.opted_out = True
                return "opt-out-confirmed", entry.how
            case LanguageChosen():
                self.language = entry.language
                return "language-chosen", entry.language
            case ReminderRepeated():
                self.repeated += 1
                return "reminder-repeated", ""
            case Parted():
                return "parted", ""
            case CustomerHeld():
                return "customer-held", ""
            case CustomerBack():
                return "customer-back", ""
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
                self.marks.append((entry, stamp))
                return "marked", f"{entry.mark} by {entry.by}"
            case Exempted():
                return "exempted", ""
            case HungUp():
                self.hung_up = self.hung_up or entry
                self.sound.over = True
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


def fold(
    call_id: str,
    host: str,
    engine_version: str,
    entries: Sequence[Stamped],
    zone: tzinfo = UTC,
    found: Sequence[FoundAudio] = (),
    destroyed: Destroyed | None = None,
    written_ms: int = 0,
) -> CallRecord:
    """The record of a call, from its entries in order and what was found of its audio.

    ``found`` has one for each file that is there, in order of its part. Where the caller opted out
    and nothing may be kept, ``destroyed`` is the proof that there is none any more (R4), and
    ``written_ms`` is when it was last written to. Any sequence of entries gives a record, an empty
    one too (R22). What comes after the exempt extension took part is not in it (R8).
    """
    told = _Gathered()
    exempt, entries = is_exempt(entries), in_record(entries)
    told.sound.exempt = exempt
    steps = told.steps
    after = passed(entries)
    connected_ms: int | None = None
    for stamped, ms in zip(entries, after, strict=True):
        stamp = stamped.stamp
        what, detail = told.take(stamped.entry, stamp)
        if what != "finished":
            steps.append(Step(what, plain(detail), iso(stamp.wall_ms, zone), ms))
        if connected_ms is None and told.sound.connected is not None:
            connected_ms = ms
    prompts = told.prompts()
    began_ms = entries[0].stamp.wall_ms if entries else 0
    written_ms = max((audio.written_ms for audio in found), default=written_ms)
    over = end_of(entries, written_ms)
    arrived, joined = told.arrived, told.sound.connected
    end = _EXEMPT_END if exempt else told.hung_up or _UNKNOWN_END
    line = timeline(entries, [audio.part for audio in found], written_ms)
    return CallRecord(
        SCHEMA,
        call_id,
        host,
        engine_version,
        arrived.direction,
        arrived.team,
        arrived.route,
        told.language or arrived.language,
        plain(arrived.number),
        plain(arrived.caller),
        plain(arrived.caller_name),
        told.dialled or arrived.destination,
        arrived.policy_version,
        arrived.config_version,
        iso(began_ms, zone) if entries else "",
        "" if joined is None else iso(joined.wall_ms, zone),
        iso(over.wall_ms, zone) if entries or over.wall_ms else "",
        Durations(
            over.ms,
            connected_ms or 0,
            0 if connected_ms is None else max(0, over.ms - connected_ms),
            line.joined_ms,
            over.wall_ms - began_ms if entries else 0,
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
        recording(told.sound, line, found, zone, destroyed),
        tuple(
            Mark(plain(mark.mark), plain(mark.by), iso(stamp.wall_ms, zone))
            for mark, stamp in told.marks
        ),
        Ended(end.by, plain(end.cause), end.q850, plain(end.reason)),
        told.taken_up,
        tuple(steps),
    )
