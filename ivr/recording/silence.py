"""The proof of a pause: find it in the recording's file, and see that it is silent (R7).

A span's place is not known to the millisecond (``ivr.core.timeline``), and its two places, by the
file's beginning and by the file's end, may be far apart. FreeSWITCH's mask leaves a run of digital
silence as long as itself, which ordinary speech never has. It decides:

- A run lies where one of the two places says: that place is believed, and so is the other one if
  the run lies there as well. All of the pause as the believed places have it, and the run, and
  between them, must be silent, widened by the guard. A place that is far from the run is wrong by
  a loss, as of a file that was cut short, and minutes of good audio there are not destroyed.
- There is none, or none long enough to believe (a pause of a second), or nothing was masked: all
  from the earlier to the later place must be silent, widened by the guard. Better a gap than a
  card number.

The mask is said to have leaked where it must hold and no run as long as it is found. Zeros end
about 30 ms before an unmask returns (docs/freeswitch.md 16), and entries are stamped some
milliseconds late, so a run may be shorter by ``_EDGE_MS`` and a thousandth. A leak shorter than
that at the mask's very edge is made silent like all else, and not told apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ivr.core.record import Proof
from ivr.core.timeline import Span, Stretch
from ivr.recording.audio import Audio
from ivr.recording.sound import Sound, Write

_EDGE_MS = 250
"""By how much a run may be shorter than the journal has the mask."""
_STRAY_MS = 1000
"""How far from its place a pause is looked for, besides the guard and what a clock drifts."""
_CONFIRMED_MS = 100
"""So long before FreeSWITCH's answer a mask may have begun, with nothing being off."""
_DRIFT = 1000
"""A clock may drift by one part in so many: much more than any does."""
_LEAST_MS = 200
"""A shorter run of silence says nothing."""
_BELIEVED_MS = 1000
"""So long a run tells where a pause is, against one of its two places."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A span in the file by one of its two anchors, in frames."""

    begin: int
    end: int
    masked: tuple[Stretch, ...]
    allowance: int
    """How far from here it may really be."""


def _places(sound: Sound, span: Span) -> Iterator[_Place]:
    shifts = [0]
    if span.expected_ms is not None:
        shifts.append(sound.frames - sound.at(span.expected_ms))
    for number, shift in enumerate(shifts):
        begin, end = sound.at(span.begin_ms) + shift, sound.up_to(span.end_ms) + shift
        from_anchor = sound.frames - begin if number else begin
        yield _Place(
            0 if span.from_start else sound.within(begin),
            sound.frames if span.to_end else sound.within(end),
            tuple(_masked(sound, span, a, b, shift) for a, b in span.masked),
            sound.at(span.guard_ms + _STRAY_MS) + max(0, from_anchor) // _DRIFT,
        )


def _masked(sound: Sound, span: Span, begin_ms: int, end_ms: int, shift: int) -> Stretch:
    lasts = span.to_end and end_ms >= span.end_ms
    begins = span.from_start and begin_ms <= 0
    begin, end = sound.at(begin_ms) + shift, sound.up_to(end_ms) + shift
    return 0 if begins else sound.within(begin), sound.frames if lasts else sound.within(end)


def _needed(sound: Sound, stretch: Stretch) -> int:
    """How long a run has to be to be this mask's; 0 where it would say nothing."""
    length = stretch[1] - stretch[0]
    needed = length - sound.at(_EDGE_MS) - length // _DRIFT
    return needed if needed >= sound.at(_LEAST_MS) else 0


def _run(sound: Sound, stretch: Stretch, allowance: int) -> Stretch | None:
    """The mask's run of silence near where it should be; the one that lies there most.

    All of it, though it goes on farther than it was looked for: how long it is, and whether it
    covers a place, is not to depend on where the looking stopped.
    """
    needed = _needed(sound, stretch)
    if not needed:
        return None
    begin, end = stretch
    run = max(
        sound.runs(begin - allowance, end + allowance, needed),
        key=lambda run: (min(run[1], end) - max(run[0], begin), run[1] - run[0]),
        default=None,
    )
    return None if run is None else sound.whole(run)


def _reach(sound: Sound, run: Stretch, masked: Stretch, place: _Place, guard: int) -> Stretch:
    """How far the run says that the pause reaches.

    A run as long as the mask says by how much the place is off, and what lies about the mask is off
    by as much: the digits that were keyed before it, and what was said until the end was confirmed.

    A run that covers the whole place, and its guard as well on one side, says nothing on that
    side: there was silence besides the mask's, such as an earlier proof left. So a proof that is
    done again comes to the same.
    """
    begin, end = run
    if begin > place.begin or end < place.end:
        longer = (end - begin) - (masked[1] - masked[0])
        if abs(longer) > sound.at(_EDGE_MS) + (end - begin) // _DRIFT:
            return run
        return (
            min(begin, place.begin + begin - masked[0] + sound.at(_CONFIRMED_MS)),
            max(end, place.end + end - masked[1]),
        )
    return (
        begin if begin > place.begin - guard else place.begin,
        end if end < place.end + guard else place.end,
    )


def _believed(sound: Sound, guard: int, places: Sequence[_Place]) -> list[Stretch]:
    """The span at each place where its longest mask was found, and the runs that were found."""
    found: list[Stretch] = []
    for place in places:
        if place.masked:
            longest = max(place.masked, key=lambda stretch: stretch[1] - stretch[0])
            run = _run(sound, longest, place.allowance)
            if run is not None and _needed(sound, longest) >= sound.at(_BELIEVED_MS):
                found += [(place.begin, place.end), _reach(sound, run, longest, place, guard)]
    return found


def _leaked(sound: Sound, places: Sequence[_Place]) -> int:
    """The least that FreeSWITCH's mask let through, whichever place is right; 0 where it held.

    A place outside the file, or nearly, tells nothing of the mask: the other one then decides.
    """
    worst = 0
    for masks in zip(*(place.masked for place in places), strict=True):
        stretches = [mask for mask in masks if _needed(sound, mask)]
        if not stretches:
            continue
        begin, end = min(a for a, _b in stretches), max(b for _a, b in stretches)
        needed = min(_needed(sound, stretch) for stretch in stretches)
        allowance = max(place.allowance for place in places)
        if any(sound.runs(begin - allowance, end + allowance, needed)):
            continue
        worst = max(worst, min(sound.peak(a, b) for a, b in set(stretches)))
    return worst


def _prove(sound: Sound, span: Span) -> Proof:
    places = tuple(_places(sound, span))
    guard = sound.up_to(span.guard_ms)
    must = _believed(sound, guard, places) or [(place.begin, place.end) for place in places]
    begin = sound.within(min(a for a, _b in must) - guard)
    end = sound.within(max(b for _a, b in must) + guard)
    # Whole milliseconds outwards: the record says it in those, and who checks it reads them.
    begin_ms, end_ms = begin * 1000 // sound.rate, -(-end * 1000 // sound.rate)
    peak = sound.peak(sound.at(begin_ms), sound.up_to(end_ms))
    leaked = _leaked(sound, places) if peak else 0
    return Proof(span.pause, span.part, begin_ms, end_ms, peak, leaked)


def survey(fd: int, audio: Audio, spans: Iterable[Span]) -> tuple[Proof, ...]:
    """What of the file must be silent for these pauses, and how far it is; only reads.

    An empty file has no proofs. Raises OSError.
    """
    sound = Sound(fd, audio)
    return tuple(_prove(sound, span) for span in spans) if sound.frames else ()


def silence(fd: int, audio: Audio, proofs: Iterable[Proof], write: Write = os.pwrite) -> None:
    """Make silent what these proofs say must be, in the file, which is not synced.

    To be done after all pauses were surveyed: the guard of one may lie in the mask of another.
    Raises OSError.
    """
    sound = Sound(fd, audio)
    for proof in proofs:
        sound.silence(sound.at(proof.begin_ms), sound.up_to(proof.end_ms), write)


def peak_between(fd: int, audio: Audio, begin_ms: int, end_ms: int) -> int:
    """The loudest sample of a stretch of the file, 0 where it is silent. Raises OSError."""
    sound = Sound(fd, audio)
    return sound.peak(sound.at(begin_ms), sound.up_to(end_ms))


@dataclass(frozen=True, slots=True)
class Quiet:
    """Where a file is silent, and how loud it is elsewhere."""

    runs: tuple[Stretch, ...]
    """From and to, in milliseconds."""
    peak: int
    """The loudest sample of the whole file."""


def quiet(fd: int, audio: Audio, least_ms: int = _LEAST_MS) -> Quiet:
    """Every run of silence of at least so many milliseconds. Raises OSError."""
    sound = Sound(fd, audio)
    runs = sound.runs(0, sound.frames, sound.up_to(least_ms))
    return Quiet(
        tuple((a * 1000 // sound.rate, b * 1000 // sound.rate) for a, b in runs),
        sound.peak(0, sound.frames),
    )
