"""The parts of a recording as one stream of samples, with what was paused in it.

Parts come in the order of the recording's time line, what lies between them is silence, and memory
does not grow with their length. A part that goes on longer than the next one's offset is not cut:
that one then begins where it ends, since two clocks never quite agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ivr.errors import StoreError
from ivr.export.upsample import Block, Upsampler
from ivr.storage.names import call_and_part
from ivr.storage.record_schema import RecordModel
from ivr.storage.spans import within_part

PIECE = 1 << 14
"""Frames that are read and written at once."""


class CopyError(StoreError):
    """A copy cannot be made of this recording, or must not leave; nothing of it is left."""

    retry = False


@dataclass(frozen=True, slots=True)
class Sound:
    """One audio file of a recording, as plaintext."""

    path: Path
    """WAV, FLAC or Opus."""
    offset_ms: int = 0
    """Where it begins on the recording's time line."""
    paused: tuple[tuple[int, int], ...] = ()
    """From and to of each pause, in milliseconds of the file (R7)."""
    name: str = ""
    """What errors call it; empty: the path's last part."""

    @property
    def shown(self) -> str:
        """Its name for a person."""
        return self.name or self.path.name


def sounds_of(record: RecordModel, files: Sequence[Path]) -> tuple[Sound, ...]:
    """The parts of a record that have audio, with their pauses.

    ``files`` are theirs, in the order of ``recording.parts``. Raises CopyError where they are not
    as many, or where there is no audio.
    """
    parts = [part for part in record.recording.parts if part.path]
    if not parts or len(parts) != len(files):
        raise CopyError(
            f"{record.call}: its record tells of {len(parts)} audio files, {len(files)} are there\n"
            "  a copy is made of a whole recording only; look at it with ivr show"
        )
    sounds = []
    for part, path in zip(parts, files, strict=True):
        name = part.path.removeprefix("new/")
        named = call_and_part(name.removesuffix(".wav"))
        number = named[1] if named else 0
        spans = [within_part(each, part) for each in record.recording.pauses if each.part == number]
        sounds.append(Sound(path, part.offset_ms, tuple(spans), name))
    return tuple(sounds)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part and where it is in the stream."""

    sound: Sound
    rate: int
    channels: int
    frames: int
    lossy: bool


class Stream:
    """All parts at one rate, with one number of channels."""

    def __init__(self, sounds: Sequence[Sound], rates: frozenset[int]) -> None:
        """``rates`` are those that the copy may have; empty: any. Raises CopyError."""
        self._parts = [_opened(each) for each in sorted(sounds, key=lambda one: one.offset_ms)]
        if not self._parts:
            raise CopyError("a recording without audio: there is nothing to copy")
        self.rate = _rate(self._parts, rates)
        """Samples a second and channel."""
        self.channels = max(part.channels for part in self._parts)
        self.lossy = any(part.lossy for part in self._parts)
        """Some part is kept in a format that loses something: its silence is not quite silent."""
        self.paused: list[tuple[int, int]] = []
        """From and to of each pause in frames of the stream, known once it was read."""

    def blocks(self) -> Iterator[Block]:
        """The samples from the first to the last. Raises CopyError where a pause is not silent,
        or where a file cannot be read or holds less than its header says."""
        at = 0
        self.paused = []
        for part in self._parts:
            begin = max(at, part.sound.offset_ms * self.rate // 1000)
            while at < begin:
                length = min(PIECE, begin - at)
                yield np.zeros((length, self.channels), np.int32)
                at += length
            factor = self.rate // part.rate
            self.paused += [
                (begin + a * factor, begin + b * factor) for a, b in _spans(part) if a < b
            ]
            for block in self._read(part, Upsampler(factor, self.channels)):
                yield block
                at += len(block)

    def _read(self, part: _Part, upsampler: Upsampler) -> Iterator[Block]:
        done = 0
        with reading(part.sound.path, part.sound.shown) as file:
            while len(heard := file.read(PIECE, dtype="int32", always_2d=True)):
                _quiet(part, heard, done)
                done += len(heard)
                wide = heard if part.channels == self.channels else self._widened(heard)
                yield upsampler.take(wide)
        if done != part.frames:
            raise CopyError(f"{part.sound.shown}: ends after {done} frames, expected {part.frames}")
        if self.rate != part.rate:
            yield upsampler.rest()

    def _widened(self, block: Block) -> Block:
        if block.shape[1] != 1:
            raise CopyError("its parts have different numbers of channels; export it as evidence")
        return np.repeat(block, self.channels, axis=1)


LOUDEST = 128
"""The loudest sample that still is silence after a lossy format, as in the archive: 48 dB below
full scale. What was said is not in it, for what it was made of was silent to the last bit."""
_LOSSLESS = frozenset(("PCM_16", "PCM_24", "PCM_32", "PCM_U8", "PCM_S8"))
EDGE_MS = 100
"""So much of a pause, at its beginning and its end, may hold what a lossy format smears of the
sound beside it. Less than the guard, with which the record's pauses are wider than what was said
in them."""


def full_scale_16(block: Block) -> int:
    """The loudest sample of a block as one of 16 bits, 0 to 32768; 0 for digital silence only."""
    if not block.size:
        return 0
    return -(-max(int(block.max()), -int(block.min())) // 65536)


def _quiet(part: _Part, block: Block, at: int) -> None:
    """See that what of the pauses is in a block of the part's own file is silent (R7)."""
    edge = EDGE_MS * part.rate // 1000 if part.lossy else 0
    for begin, end in _spans(part):
        inside = block[max(0, begin + edge - at) : max(0, end - edge - at)]
        if full_scale_16(inside) > (LOUDEST if part.lossy else 0):
            raise CopyError(
                f"{part.sound.shown}: the pause from {begin * 1000 // part.rate} ms to "
                f"{end * 1000 // part.rate} ms is not silent; no copy leaves\n"
                "  tell the data protection officer; see docs/runbook.md"
            )


def _spans(part: _Part) -> list[tuple[int, int]]:
    """The pauses in frames of the file, rounded outwards, as they were proved."""
    rate = part.rate
    return [
        (max(0, begin * rate // 1000), min(part.frames, -(-end * rate // 1000)))
        for begin, end in part.sound.paused
    ]


class StraightFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """An audio file that is read from its beginning to its end.

    soundfile seeks before and after each read of a file that it may seek in, and each time the
    decoder of MP3 begins anew: what it hands back is then not what is in the file.
    """

    def seekable(self) -> bool:
        """Whether soundfile may seek: never."""
        return False


def reading(path: Path, name: str = "") -> StraightFile:
    """The file, which errors call ``name``, opened to be read as a stream.

    Raises CopyError where it is no audio.
    """
    try:
        return StraightFile(str(path))
    except soundfile.LibsndfileError as error:
        raise CopyError(
            f"{name or path.name}: cannot be read as audio: {error.error_string}"
        ) from error


def _opened(sound: Sound) -> _Part:
    with reading(sound.path, sound.shown) as file:
        lossy = str(file.subtype) not in _LOSSLESS
        return _Part(sound, int(file.samplerate), int(file.channels), int(file.frames), lossy)


def _rate(parts: Sequence[_Part], allowed: frozenset[int]) -> int:
    """The lowest rate that the copy may have and that loses nothing."""
    highest = max(part.rate for part in parts)
    for rate in sorted(allowed or {highest, 48_000}):
        if rate >= highest and all(rate % part.rate == 0 for part in parts):
            return rate
    rates = ", ".join(str(part.rate) for part in parts)
    raise CopyError(f"no rate of this format takes {rates} Hz whole; ask for wav or evidence")
