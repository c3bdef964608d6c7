"""Where a call's pauses lie in the files of its recording (R6, R7).

FreeSWITCH writes only while caller and agent are joined (docs/freeswitch.md 30), and not while
the customer's telephone has the call on hold (docs/freeswitch.md 56). So a file's time is the time
joined since it was begun: what lies between Connected and Parted, and between the file's
RecordingStarted and RecordingStopped, but for what lies between CustomerHeld and CustomerBack. What
the journal missed while a call's socket was lost, a clock that drifts and a disk that was full all
shift it. A span therefore has two places: so far from the file's beginning, and so far from its
end. One fault in one place puts the truth at one of them or between them. Who looks into the file
decides (``ivr.recording.silence``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ivr.core.ending import EXEMPT, between, end_of, hang_up_of, in_record
from ivr.core.entries import (
    Connected,
    CustomerBack,
    CustomerHeld,
    Entry,
    Exempted,
    HungUp,
    Parted,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    RecordingIntended,
    RecordingStalled,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
)

PAUSES = (PauseStarted, PauseHeld, PauseOverdue, PauseEnding, PauseEnded, Exempted)
"""Entries that tell of a pause. Any of them alone says that there was one: a line of the journal
may be damaged."""
_NEVER = 1 << 62
"""Later than anything."""

Stretch = tuple[int, int]
"""From and to, in milliseconds."""


def further_path(path: str, part: int) -> str:
    """Where part ``part`` of a recording goes, of which the first part goes to ``path``:
    ``x.wav``, ``x.2.wav``, ``x.3.wav``."""
    if part <= 1:
        return path
    folder, slash, name = path.rpartition("/")
    stem, dot, end = name.rpartition(".")
    return f"{folder}{slash}{stem}.{part}.{end}" if dot else f"{path}.{part}"


def first_path(path: str) -> str:
    """Where the first part goes, of which this is a part's path."""
    part = part_of(path)
    head, _, end = path.rpartition(f".{part}.")
    return path if part == 1 else f"{head}.{end}"


def part_of(path: str) -> int:
    """Which part of its recording lies at this path: the other way round than
    :func:`further_path`."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    number = stem.rpartition(".")[2] if "." in stem else ""
    return int(number) if is_part_number(number) else 1


def is_part_number(text: str) -> bool:
    """Whether a file's name may have this as the number of a further part."""
    return text.isascii() and text.isdecimal() and len(text) <= 4 and text[0] != "0" and text != "1"


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause of a call, from its first PauseStarted on."""

    by: str
    """Empty where its PauseStarted was lost: it then begins with the entry before."""
    ended_by: str
    """Empty where it was never ended."""
    how: str
    """As the last PauseHeld says; empty where FreeSWITCH never confirmed it."""
    keys_hidden: bool
    """Every PauseHeld said so, and there was one."""
    overdue: int
    """How many times it was called overdue."""
    guard_ms: int
    at_wall_ms: int
    """When it began: with the first of the digits, where those caused it."""
    until_wall_ms: int
    """When its end was confirmed, or the call's end."""
    begin_ms: int
    """After the call's first entry."""
    end_ms: int
    """After the call's first entry."""
    ended: bool
    masked: tuple[Stretch, ...]
    """Where FreeSWITCH's mask must hold, after the call's first entry: from PauseHeld to the
    PauseEnding that follows it. More than one where an end was begun and not carried through."""


@dataclass(frozen=True, slots=True)
class PartLine:
    """One file of the recording on the call's time line."""

    part: int
    offset_ms: int
    """Where it begins on the recording's time line: time joined since the first part began, with
    the time in which nothing was recorded."""
    length_ms: int
    """How much it should hold, as far as the journal knows."""
    end_known: bool
    """The journal knows when it ended."""
    known: bool
    """The journal knows of it at all."""


@dataclass(frozen=True, slots=True)
class Span:
    """A pause within one file of the recording, in the file's time."""

    pause: int
    """Its place in :attr:`Timeline.pauses`."""
    part: int
    begin_ms: int
    """So far from the file's beginning it begins: PauseStarted."""
    end_ms: int
    """So far from the file's beginning it ends: PauseEnded."""
    guard_ms: int
    masked: tuple[Stretch, ...] = ()
    """Where the mask must hold; empty where there was none, as where the recording was stopped."""
    expected_ms: int | None = None
    """The length that the file should have: the span's distance from the file's end is this less
    ``begin_ms``. None where nobody knows when the recording ended."""
    from_start: bool = False
    """It began before the file did."""
    to_end: bool = False
    """It lasts longer than the file."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A call's pauses, its recording's files, and where the ones lie in the others."""

    pauses: tuple[Pause, ...]
    parts: tuple[PartLine, ...]
    """In order."""
    spans: tuple[Span, ...]
    """By pause, then by part. A pause that touches no file has none."""
    joined_ms: int
    """How long caller and agent were joined, as far as the journal knows."""
    unrecorded_ms: int
    """Of that, how much lies in pauses during which there was no recording."""


@dataclass(slots=True)
class _Pausing:
    """A pause that is being gathered."""

    first: PauseStarted
    began: Stamp
    begin_ms: int
    guard_ms: int
    how: str = ""
    hidden: bool = True
    overdue: int = 0
    ending: PauseEnding | None = None
    masked_at: int = -1
    """Since when the mask holds; negative where it need not."""
    masked: list[Stretch] = field(default_factory=list)

    def unmasked(self, ms: int) -> None:
        if self.masked_at >= 0:
            self.masked.append((self.masked_at, ms))
            self.masked_at = -1

    def over(self, ms: int, wall_ms: int, *, ended: bool) -> Pause:
        self.unmasked(ms if ended else _NEVER)
        return Pause(
            self.first.by,
            self.ending.by if ended and self.ending else "",
            self.how,
            self.hidden and self.how != "",
            self.overdue,
            self.guard_ms,
            self.began.wall_ms - self.first.back_ms,
            wall_ms,
            self.begin_ms,
            ms,
            ended,
            tuple(self.masked),
        )


@dataclass(slots=True)
class _Tape:
    """A file that is being recorded."""

    part: int
    start_ms: int
    started: bool = False
    stop_ms: int = -1
    """Negative while it runs."""
    known: bool = True
    cut: bool = False
    """It ended, and nobody saw when."""
    stalled_ms: int = -1
    """When it was seen not to grow any more, and a further part was begun in its stead; negative
    where it goes on, for all we know: it grows again when there is room (docs/freeswitch.md 63)."""


class _Pass:
    """One pass over the entries."""

    def __init__(self) -> None:
        self.ms = 0
        self.before = 0, Stamp(0, 0)
        """When the last entry was, before which a pause that is told of now cannot have begun."""
        self.joined: list[Stretch] = []
        self.joined_at = -1
        self.together = self.away = False
        self.tapes: dict[int, _Tape] = {}
        self.open: _Pausing | None = None
        self.pauses: list[Pause] = []

    def take(self, entry: Entry, stamp: Stamp) -> None:
        """Note the entry."""
        match entry:
            case Connected():
                self.together = True
                self.join()
            case Parted():
                self.together = False
                self.part()
            case CustomerHeld():
                self.away = True
                self.part()
            case CustomerBack():
                self.away = False
                self.join()
            case HungUp():
                self.together = False
                self.part()
            case Exempted():
                self.exempt(stamp)
            case RecordingStalled():
                tape = self.tapes.get(part_of(entry.path))
                if entry.into and tape is not None and tape.stop_ms < 0 and tape.stalled_ms < 0:
                    tape.stalled_ms = self.ms
            case RecordingIntended() | RecordingStarted() | RecordingStopped():
                self.record(entry)
            case PauseStarted():
                self.pause(entry, stamp)
            case PauseHeld() | PauseOverdue() | PauseEnding() | PauseEnded():
                self.paused(entry, stamp)
            case _:
                pass
        if not isinstance(entry, RecordingStopped):  # a pause may be what stopped it
            self.before = self.ms, stamp

    def join(self) -> None:
        """The two are joined, and the customer has not the call on hold: the file grows."""
        if self.together and not self.away and self.joined_at < 0:
            self.joined_at = self.ms

    def part(self) -> None:
        """Nobody is joined from now on."""
        if self.joined_at >= 0:
            self.joined.append((self.joined_at, self.ms))
            self.joined_at = -1

    def restarted(self) -> None:
        """The host stopped after the last entry; nothing was recorded from then on."""
        self.part()
        for tape in self.tapes.values():
            if tape.stop_ms < 0:
                tape.stop_ms, tape.cut = self.ms, True

    def record(self, entry: RecordingIntended | RecordingStarted | RecordingStopped) -> None:
        """What was said of a file."""
        number = part_of(entry.path)
        tape = self.tapes.get(number)
        if isinstance(entry, RecordingStopped):
            if tape is not None and tape.stop_ms < 0:
                tape.stop_ms = self.ms
        elif tape is None or tape.stop_ms >= 0:  # begun once more, it is written anew
            self.tapes[number] = _Tape(number, self.ms, isinstance(entry, RecordingStarted))
        elif isinstance(entry, RecordingStarted) and not tape.started:
            tape.start_ms, tape.started = self.ms, True

    def pause(self, entry: PauseStarted, stamp: Stamp) -> None:
        """A pause begins, goes on, or begins again before its end was confirmed."""
        back, guard = max(0, entry.back_ms), max(0, entry.guard_ms)
        begin = max(0, self.ms - back)
        if self.open is None:
            self.open = _Pausing(entry, stamp, begin, guard)
            return
        self.open.begin_ms = min(self.open.begin_ms, begin)
        self.open.guard_ms = max(self.open.guard_ms, guard)

    def exempt(self, stamp: Stamp) -> None:
        """Nothing of what comes may be kept (R8): where its pause is lost from the journal, it may
        have begun at any time since the entry before."""
        if self.open is None and any(tape.stop_ms < 0 for tape in self.tapes.values()):
            begin, _began = self.before
            self.pause(PauseStarted(EXEMPT, back_ms=self.ms - begin), stamp)

    def paused(
        self, entry: PauseHeld | PauseOverdue | PauseEnding | PauseEnded, stamp: Stamp
    ) -> None:
        """What became of the pause. Where its PauseStarted was lost, it may have begun at any time
        since the entry before."""
        if self.open is None:
            begin, began = self.before
            first = PauseStarted("")
            self.open = _Pausing(first, began, begin, first.guard_ms)
        pause = self.open
        match entry:
            case PauseHeld():
                pause.how = entry.how
                pause.hidden &= entry.keys_hidden
                if entry.how != "masked":
                    pause.unmasked(self.ms)
                elif pause.masked_at < 0:
                    pause.masked_at = self.ms
            case PauseOverdue():
                pause.overdue += 1
            case PauseEnding():
                pause.ending = entry
                pause.unmasked(self.ms)
            case PauseEnded():
                self.pauses.append(pause.over(self.ms, stamp.wall_ms, ended=True))
                self.open = None

    def close(self, wall_ms: int, *, seen: bool) -> None:
        """All entries were taken; ``seen`` says whether anybody saw the call's end."""
        self.part()
        for tape in self.tapes.values():
            if tape.stop_ms < 0 <= tape.stalled_ms:
                tape.stop_ms, tape.cut = min(tape.stalled_ms, self.ms), True
            elif tape.stop_ms < 0:
                tape.stop_ms, tape.cut = self.ms, not seen
        if self.open is not None:
            self.pauses.append(self.open.over(self.ms, wall_ms, ended=False))

    def found(self, parts: Iterable[int], *, seen: bool) -> None:
        """Files that the journal knows nothing of began, for all we know, when the one before
        them ended, and went on to the end of the call."""
        for number in sorted(set(parts) - self.tapes.keys()):
            before = [tape.stop_ms for part, tape in self.tapes.items() if part < number]
            start = max(before, default=0)
            self.tapes[number] = _Tape(number, start, False, self.ms, False, not seen)


def timeline(
    entries: Sequence[Stamped], parts: Iterable[int] = (), written_ms: int = 0
) -> Timeline:
    """The time line of a call, from its entries in order.

    ``parts`` are the numbers of the files that are there, whatever the journal knows of them;
    ``written_ms`` is as in :func:`ivr.core.ending.end_of`.
    """
    told = _Pass()
    entries = in_record(entries)
    last = entries[0].stamp if entries else Stamp(0, 0)
    told.before = 0, last
    end, over = end_of(entries, written_ms), hang_up_of(entries)
    ms = 0
    for number, stamped in enumerate(entries):
        stamp = stamped.stamp
        ms += between(last, stamp)
        unseen = number == over and not end.seen
        if unseen:
            told.ms = end.ms  # before the host stopped, where that is what ended it
        if stamp.mono_ms < last.mono_ms:
            told.restarted()
        if not unseen:
            told.ms = ms
        last = stamp
        told.take(stamped.entry, stamp)
    told.ms = end.ms
    told.close(end.wall_ms, seen=end.seen)
    told.found(parts, seen=end.seen)
    return _laid_out(told)


def _laid_out(told: _Pass) -> Timeline:
    tapes = [told.tapes[number] for number in sorted(told.tapes)]
    lines, spans = [], []
    for tape in tapes:
        stretches = _within(told.joined, tape.start_ms, tape.stop_ms)
        if not stretches:  # nobody saw that they were joined: then all along
            stretches = [(tape.start_ms, max(tape.start_ms, tape.stop_ms))]
        length = _passed(stretches, _NEVER)
        offset = _passed(_within(told.joined, tapes[0].start_ms, tape.start_ms), _NEVER)
        lines.append(PartLine(tape.part, offset, length, not tape.cut, tape.known))
        for number, pause in enumerate(told.pauses):
            if _touches(pause, tape):
                spans.append(_span(number, pause, tape, stretches, length))
    spans.sort(key=lambda span: (span.pause, span.part))
    return Timeline(
        tuple(told.pauses),
        tuple(lines),
        tuple(spans),
        _passed(told.joined, _NEVER),
        sum(_unrecorded(pause, told.joined, tapes) for pause in told.pauses),
    )


def _unrecorded(pause: Pause, joined: Sequence[Stretch], tapes: Sequence[_Tape]) -> int:
    """How long they were joined in a pause with nothing being recorded."""
    paused = _within(joined, pause.begin_ms, pause.end_ms)
    recorded = (_passed(_within(paused, tape.start_ms, tape.stop_ms), _NEVER) for tape in tapes)
    return max(0, _passed(paused, _NEVER) - sum(recorded))


def _touches(pause: Pause, tape: _Tape) -> bool:
    """Whether any of the pause, guard and all, can be in the file."""
    begins_in_time = pause.begin_ms - pause.guard_ms <= tape.stop_ms or tape.cut
    return begins_in_time and (not pause.ended or pause.end_ms + pause.guard_ms >= tape.start_ms)


def _span(
    number: int, pause: Pause, tape: _Tape, stretches: Sequence[Stretch], length: int
) -> Span:
    to_end = not pause.ended or (not tape.cut and pause.end_ms >= tape.stop_ms)
    held = [(_passed(stretches, a), _passed(stretches, b)) for a, b in pause.masked]
    return Span(
        number,
        tape.part,
        _passed(stretches, pause.begin_ms),
        length if to_end else _passed(stretches, pause.end_ms),
        pause.guard_ms,
        tuple((begin, end) for begin, end in held if begin < end),
        # Of a part that stalled the end is missing, and nobody knows how much.
        None if tape.cut or tape.stalled_ms >= 0 else length,
        pause.begin_ms <= tape.start_ms,
        to_end,
    )


def _within(stretches: Iterable[Stretch], begin: int, end: int) -> list[Stretch]:
    """What of the stretches lies between two moments."""
    cut = ((max(a, begin), min(b, end)) for a, b in stretches)
    return [(a, b) for a, b in cut if a < b]


def _passed(stretches: Iterable[Stretch], until: int) -> int:
    """How much of the stretches has passed at a moment."""
    return sum(min(b, until) - a for a, b in stretches if a < until)
