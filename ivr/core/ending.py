"""When a call was over, and how long it lasted by either clock of the host (R22).

Durations are sums of steps of the monotonic clock, which starts again when the host does; a step
over such a start is taken from the wall clock. Where nobody saw the end, it was when the last sign
of life came: an entry that only a living call makes, or a sample in its recording.

Where the exempt extension took part, the record ends there, and what comes after is no part of it
(R8).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ivr.core.entries import (
    Arrived,
    Exempted,
    Finished,
    HungUp,
    OptOutConfirmed,
    OptOutReturned,
    OptOutStarted,
    PauseEnded,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    RecordingIntended,
    RecordingStalled,
    Stamp,
    Stamped,
    TakenUp,
)

EXEMPT = "exempt"
"""Who pauses what the exempt extension hears, and why a record ends there (R8)."""

UNSEEN = frozenset(("switch-lost", "ended-unseen"))
"""Reasons of a :class:`HungUp` that was found out later than it happened."""
_LATEST_MS = 253_402_300_800_000
"""The year 10000, which no date can tell; a file may claim to be from then."""
_OF_ITSELF = (PauseOverdue, RecordingStalled, RecordingIntended, Finished)
"""What the engine says on its own, whether FreeSWITCH still has the call or not."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a call."""

    ms: int
    """After the call's first entry, by the monotonic clock."""
    wall_ms: int
    """In milliseconds since 1970; 0 where nothing is known of it."""
    seen: bool
    """The engine saw it, and did not find out later."""


def between(first: Stamp, then: Stamp) -> int:
    """Milliseconds between two stamps that follow each other; by the wall clock where the host
    restarted between."""
    ms = then.mono_ms - first.mono_ms
    return ms if ms >= 0 else max(0, then.wall_ms - first.wall_ms)


def passed(entries: Sequence[Stamped]) -> tuple[int, ...]:
    """For each entry how long after the first one it was made, in milliseconds."""
    total, sums = 0, []
    last = entries[0].stamp if entries else Stamp(0, 0)
    for stamped in entries:
        total += between(last, stamped.stamp)
        last = stamped.stamp
        sums.append(total)
    return tuple(sums)


def exempted_at(entries: Sequence[Stamped]) -> int:
    """The place of the entry with which the record ends, since the exempt extension took part from
    there on (R8); how many entries there are, where it did not.

    An engine that died between the pause that comes first and :class:`Exempted` said it with the
    pause alone: then it ends with that, whatever was found out later.
    """
    paused = -1
    for at, stamped in enumerate(entries):
        match stamped.entry:
            case Exempted():
                return at
            case PauseStarted(by=by) if by == EXEMPT and paused < 0:
                paused = at
            case PauseStarted() | PauseHeld() if paused >= 0:
                paused = at
            case PauseEnded():
                paused = -1
            case TakenUp() | HungUp() if paused >= 0:
                return paused
            case _:
                pass
    return paused if paused >= 0 else len(entries)


def in_record(entries: Sequence[Stamped]) -> Sequence[Stamped]:
    """The entries that the record tells of: all of them, unless the exempt extension took part."""
    return entries[: exempted_at(entries) + 1]


def is_exempt(entries: Sequence[Stamped]) -> bool:
    """Whether the exempt extension took part, so that the record ends before the call does."""
    return exempted_at(entries) < len(entries)


def to_destroy(entries: Iterable[Stamped]) -> bool:
    """Whether the caller opted out and nothing that was recorded may be kept (R4)."""
    told = (stamped.entry for stamped in entries)
    return any(isinstance(one, OptOutConfirmed) and one.recorded == "destroy" for one in told)


def channel_of(record_id: str, entries: Iterable[Stamped]) -> str:
    """FreeSWITCH's id of the A leg of a call, by the id of its record: the same, unless the journal
    says otherwise (R8)."""
    told = (one.entry.channel for one in entries if isinstance(one.entry, Arrived))
    return next(told, "") or record_id


def opting_out(entries: Iterable[Stamped]) -> bool:
    """Whether the caller gave the sequence in mid-call, and nothing says that they came back or
    what becomes of what was recorded: the engine died meanwhile, or the journal lost it (R4)."""
    given = False
    for stamped in entries:
        match stamped.entry:
            case OptOutStarted(connected=True):
                given = True
            case OptOutReturned() | OptOutConfirmed():
                given = False
            case _:
                pass
    return given


def hang_up_of(entries: Sequence[Stamped]) -> int:
    """The place of the entry that says that the call is over; how many entries there are, where
    none does. The first of several."""
    for at, stamped in enumerate(entries):
        if stamped.entry.__class__ is HungUp:
            return at
    return len(entries)


def end_of(entries: Sequence[Stamped], written_ms: int = 0) -> End:
    """When the call was over, from its entries in order.

    ``written_ms`` is when its recording was last written to, by the wall clock; 0 where that is
    not known. It counts only where nobody saw the end.
    """
    if not 0 < written_ms < _LATEST_MS:
        written_ms = 0
    if not entries:
        return End(0, written_ms, False)
    exempted = exempted_at(entries)
    if exempted < len(entries):
        return End(passed(entries)[exempted], entries[exempted].stamp.wall_ms, True)
    after, at = passed(entries), hang_up_of(entries)
    found_out = entries[at] if at < len(entries) else None
    if found_out is not None and not is_unseen(found_out):
        return End(after[at], found_out.stamp.wall_ms, True)
    alive = [n for n in range(at) if not isinstance(entries[n].entry, _OF_ITSELF)]
    last = alive[-1] if alive else 0
    ms, wall_ms = after[last], entries[last].stamp.wall_ms
    if written_ms > wall_ms:
        ms, wall_ms = ms + written_ms - wall_ms, written_ms
    if found_out is not None:
        ms, wall_ms = min(ms, after[at]), min(wall_ms, found_out.stamp.wall_ms)
    return End(ms, wall_ms, False)


def unseen_end(switch_lost: bool) -> HungUp:
    """The end of a call that FreeSWITCH has no more, and of which nothing was heard."""
    if switch_lost:
        return HungUp(by="switch", cause="", q850=0, reason="switch-lost")
    return HungUp(by="unknown", cause="", q850=0, reason="ended-unseen")


def is_lost(entries: Iterable[Stamped], switch: str) -> bool:
    """Whether the call was of another FreeSWITCH than the one with this Core-UUID: that died."""
    told = (stamped.entry for stamped in entries)
    return any(isinstance(one, Arrived) and one.switch not in ("", switch) for one in told)


def is_unseen(stamped: Stamped) -> bool:
    """Whether this says of a call that is over that nobody saw its end."""
    return isinstance(stamped.entry, HungUp) and stamped.entry.reason in UNSEEN
