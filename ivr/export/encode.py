"""A recording as one file that telephones and PCs play, proved before anybody may have it (R15).

What was encoded is decoded again: every pause in it must be silent, and it must sound like its
source, second by second and channel by channel. Otherwise it is removed and nothing leaves.

MP3 is written at 16 kHz or more: 8 kHz is MPEG 2.5, which is in no standard, and which the decoder
of Windows does not promise. libsndfile writes joint stereo; a channel that is silent stays silent
beside one that speaks (``docs/decisions/0017-copies.md`` has what was measured).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from ivr.export.sounds import (
    EDGE_MS,
    LOUDEST,
    PIECE,
    CopyError,
    Sound,
    Stream,
    full_scale_16,
    reading,
)
from ivr.export.upsample import Block

CopyFormat = Literal["mp3", "opus", "wav", "flac"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A copy that was proved."""

    size: int
    """Bytes."""
    duration_ms: int


@dataclass(frozen=True, slots=True)
class _Format:
    """How libsndfile is asked for a format."""

    container: str
    subtype: str
    rates: frozenset[int] = frozenset()
    """That it may have; empty: any."""
    level: float | None = None
    """0 is the largest file, 1 the smallest."""
    mode: str | None = None
    lossy: bool = True


_FORMATS: dict[CopyFormat, _Format] = {
    "mp3": _Format(
        "MP3",
        "MPEG_LAYER_III",
        frozenset((16_000, 22_050, 24_000, 32_000, 44_100, 48_000)),
        0.7,
        "VARIABLE",
    ),
    "opus": _Format("OGG", "OPUS", frozenset((8_000, 12_000, 16_000, 24_000, 48_000)), 0.95),
    "wav": _Format("WAV", "PCM_16", lossy=False),
    "flac": _Format("FLAC", "PCM_16", lossy=False),
}

MIME_TYPES: dict[CopyFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
}
"""What mails call each format."""
SUFFIXES: dict[CopyFormat, str] = {"mp3": ".mp3", "opus": ".opus", "wav": ".wav", "flac": ".flac"}
"""How the name of a file of each format ends."""


def encode(parts: Sequence[Sound], target: Path, format: CopyFormat) -> Encoded:
    """Write ``target`` from the parts and prove it; it must not be there, and has mode 0600.

    Blocks, for about a hundredth of the recording's length. Raises CopyError where a part cannot
    be read, a pause is not silent, or the copy does not sound like its source, and OSError where
    the disk refuses. Then there is no ``target``.
    """
    how = _FORMATS[format]
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        stream = Stream(parts, how.rates)
        source = _write(stream, target, how)
        _prove(target, stream, source, lossy=how.lossy or stream.lossy)
        return Encoded(target.stat().st_size, source.frames * 1000 // stream.rate)
    except soundfile.LibsndfileError as error:
        target.unlink(missing_ok=True)
        raise CopyError(f"{target.name}: cannot be encoded: {error.error_string}") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _write(stream: Stream, target: Path, how: _Format) -> _Loudness:
    if how.container == "MP3" and stream.channels > 2:
        raise CopyError(f"{stream.channels} channels are too many for MP3; ask for wav")
    heard = _Loudness(stream.rate)
    with soundfile.SoundFile(
        str(target),
        "w",
        stream.rate,
        stream.channels,
        subtype=how.subtype,
        format=how.container,
        compression_level=how.level,
        bitrate_mode=how.mode,
    ) as file:
        for block in stream.blocks():
            # As 32 bits: libsndfile makes noise of MP3 in stereo from samples of 16 bits.
            file.write(block)
            heard.take(block)
    heard.end()
    return heard


def _prove(path: Path, stream: Stream, source: _Loudness, *, lossy: bool) -> None:
    """Decode it again. Raises CopyError where it is not what was to be written."""
    edge = EDGE_MS * stream.rate // 1000 if lossy else 0
    spans = [(begin + edge, end - edge) for begin, end in stream.paused]
    heard, at = _Loudness(stream.rate), 0
    with reading(path) as file:
        if (file.samplerate, file.channels) != (stream.rate, stream.channels):
            raise CopyError(f"{path.name}: {file.samplerate} Hz, expected {stream.rate}")
        while len(block := file.read(PIECE, dtype="int32", always_2d=True)):
            for begin, end in spans:
                peak = full_scale_16(block[max(0, begin - at) : max(0, end - at)])
                if peak > (LOUDEST if lossy else 0):
                    raise CopyError(
                        f"{path.name}: the pause from {begin * 1000 // stream.rate} ms to "
                        f"{end * 1000 // stream.rate} ms has a peak of {peak}, expected silence; "
                        "no copy leaves\n  ask for another format, or export it as evidence"
                    )
            at += len(block)
            heard.take(block)
    heard.end()
    # Formats of whole frames may end with silence more than their source has.
    if not source.frames <= heard.frames <= source.frames + stream.rate // 10:
        raise CopyError(f"{path.name}: {heard.frames} frames, expected {source.frames}")
    if (second := heard.differs(source)) is not None:
        raise CopyError(
            f"{path.name}: does not sound like its source at {second} s; nothing leaves"
        )


_LIKE_DB = 6.0
"""By how much a second may become louder or softer. Opus and MP3 stay within half of one."""
_HEARD_DB = -50.0
"""What is softer is not compared."""
_UNHEARD_DB = -70.0
"""A channel as soft as this says nothing."""
_ADDED_DB = -45.0
"""And may not become as loud as this. Opus lets a channel be heard in the other one at -51."""


@dataclass(slots=True)
class _Loudness:
    """How loud each channel is in each second, which a right copy has in common with its source."""

    rate: int
    frames: int = 0
    _seconds: list[list[float]] = field(default_factory=list)
    _sums: list[float] | None = None
    _count: int = 0

    def take(self, block: Block) -> None:
        """The next block of the stream."""
        self.frames += len(block)
        while len(block):
            now = block[: self.rate - self._count].astype(np.float64) / 2**31
            power = np.square(now).sum(axis=0).tolist()
            before = self._sums or [0.0] * len(power)
            self._sums = [a + b for a, b in zip(before, power, strict=True)]
            self._count += len(now)
            block = block[len(now) :]
            if self._count == self.rate:
                self.end()

    def end(self) -> None:
        """The last second is over, whole or not."""
        if self._sums is not None:
            loud = np.array(self._sums) / self.rate + 1e-12
            self._seconds.append((10 * np.log10(loud)).tolist())
        self._sums, self._count = None, 0

    def differs(self, source: _Loudness) -> int | None:
        """The first second in which this is not what the source is."""
        for second, (mine, theirs) in enumerate(zip(self._seconds, source._seconds, strict=False)):
            for now, was in zip(mine, theirs, strict=True):
                if was > _HEARD_DB and abs(now - was) > _LIKE_DB:
                    return second
                if was < _UNHEARD_DB and now > _ADDED_DB:
                    return second
        return None
