"""Audio kept smaller: FLAC, from which the very file comes back, and Opus, which loses some (R12).

FLAC keeps the samples and, as its comment, all else that the WAV file had (its header, and what
came after its samples). So the file of the spool can be made again from it alone, bit for bit, and
that is how it is checked: what is made again has to have the SHA-256 of what was read. Opus is
checked for its length and for the silence of what is paused.

Everything streams; an hour takes no more memory than a second. libsndfile does the work.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import soundfile

from ivr.core.timeline import Stretch
from ivr.errors import SpoolError
from ivr.recording.audio import Audio, inspect_fd
from ivr.retention.archive.scratch import Source

_FRAMES = 1 << 16
_PIECE = 1 << 20
_MOST_BESIDES = 1 << 16
"""Bytes besides its samples; a recording of FreeSWITCH has 44, or some hundred with texts."""
_COMMENT = "ivr:wav:"
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_EDGE_MS = 100
"""So far into a pause Opus may smear what is beside it. The pause as the record has it is longer
than what was said in it by the guard, so what is smeared was never to be hidden."""
_LOUDEST = 128
"""The loudest sample, of 32767, that what is paused may have further in: about -48 dB, where
measured with speech it is 54."""


class UnfitError(Exception):
    """This audio cannot be kept so; says why, to go after its name."""


class _Unsynced(soundfile.SoundFile):  # type: ignore[misc] # soundfile has no types
    """Not synced to the disk when it is closed: the archive does that, for many at once."""

    def flush(self) -> None:
        """Nothing: closing writes all that there is."""


def shape(fd: int, name: str) -> Audio:
    """What a WAV file holds, where it is 16 bit PCM. Raises UnfitError, OSError."""
    try:
        audio = inspect_fd(fd, name)
    except SpoolError as error:
        raise UnfitError(str(error).removeprefix(f"{name}: ")) from error
    if audio.width != 2:
        raise UnfitError(f"its samples have {audio.width * 8} bits, expected 16")
    if not audio.frames:
        raise UnfitError("it holds no audio")
    return audio


def encode_flac(source: int, reads: Source, audio: Audio, target: int) -> None:
    """Write FLAC to an empty file, and see that it can be taken back to what was read.

    ``source`` is the file that ``reads`` reads, all of it. Raises UnfitError; OSError where the
    source cannot be read.
    """
    size = os.fstat(source).st_size
    end = audio.start + _bytes(audio)
    besides = audio.start + size - end
    if besides > _MOST_BESIDES:
        raise UnfitError(f"it has {besides} bytes besides its samples")
    head, tail = os.pread(source, audio.start, 0), os.pread(source, size - end, end)
    comment = f"{_COMMENT}{b64encode(head).decode()}:{b64encode(tail).decode()}"
    _encode(reads, audio, target, "FLAC", "PCM_16", comment)
    digest = hashlib.sha256()
    for piece in wav_of_flac(target):
        digest.update(piece)
    if digest.hexdigest() != reads.sha256:
        raise UnfitError("decoded again it is not what it was")


def wav_of_flac(fd: int) -> Iterator[bytes]:
    """The WAV file that an open FLAC file was made of, in pieces. Raises UnfitError where it is
    damaged, or not made by :func:`encode_flac`."""
    with _decoding(fd) as sound:
        word, _, rest = sound.comment.partition(_COMMENT)
        head, colon, tail = rest.partition(":")
        if word or not colon:
            raise UnfitError("does not tell of the WAV file that it was made of")
        yield b64decode(head)
        yield from _decoded(sound)
        yield b64decode(tail)


def encode_opus(reads: Source, audio: Audio, target: int, silences: Sequence[Stretch]) -> None:
    """Write Ogg Opus to an empty file, and see that it is as long and that the spans, in
    milliseconds, are silent in it. Raises UnfitError; OSError where the source cannot be read."""
    if audio.rate not in _OPUS_RATES:
        raise UnfitError(f"Opus has no {audio.rate} samples a second")
    _encode(reads, audio, target, "OGG", "OPUS")
    with _decoding(target) as sound:
        said = (sound.frames, sound.samplerate, sound.channels)
        if said != (audio.frames, audio.rate, audio.channels):
            raise UnfitError("decoded again it has another length")
        for begin_ms, end_ms in silences:
            if (peak := _peak(sound, begin_ms + _EDGE_MS, end_ms - _EDGE_MS)) > _LOUDEST:
                raise UnfitError(
                    f"what is paused from {begin_ms} to {end_ms} ms would not be silent ({peak})"
                )


def wav_of_opus(fd: int) -> Iterator[bytes]:
    """An open Opus file as WAV, in pieces. Raises UnfitError where it is damaged."""
    with _decoding(fd) as sound:
        yield _header(sound.channels, sound.samplerate, sound.frames)
        yield from _decoded(sound)


def _bytes(audio: Audio) -> int:
    return audio.frames * audio.channels * audio.width


def _encode(
    reads: Source, audio: Audio, target: int, container: str, subtype: str, comment: str = ""
) -> None:
    try:
        with _Unsynced(
            target,
            "w",
            samplerate=audio.rate,
            channels=audio.channels,
            format=container,
            subtype=subtype,
            closefd=False,
        ) as sound:
            if comment:
                sound.comment = comment
            for piece in _samples(reads, audio):
                sound.buffer_write(piece, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise UnfitError(f"it cannot be encoded: {error}") from error


def _samples(reads: Source, audio: Audio) -> Iterator[bytes]:
    """The samples, whole frames a piece; what is before and after them is read, too."""
    block = audio.channels * audio.width
    for _piece in _some(reads, audio.start):
        pass
    rest = b""
    for piece in _some(reads, _bytes(audio)):
        rest += piece
        whole = len(rest) - len(rest) % block
        yield rest[:whole]
        rest = rest[whole:]
    reads.drain()


def _some(reads: Source, count: int) -> Iterator[bytes]:
    """So many bytes. Raises UnfitError where there are fewer."""
    while count:
        piece = reads.read(min(count, _PIECE))
        if not piece:
            raise UnfitError("it became shorter while it was read")
        count -= len(piece)
        yield piece


@contextmanager
def _decoding(fd: int) -> Iterator[Any]:
    """An open file, decoded from its beginning. Raises UnfitError for what libsndfile says."""
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        with soundfile.SoundFile(fd, "r", closefd=False) as sound:
            yield sound
    except soundfile.LibsndfileError as error:
        raise UnfitError(f"cannot be decoded: {error}") from error


def _decoded(sound: Any) -> Iterator[bytes]:
    """All samples, as WAV has them."""
    left = sound.frames
    while left:
        samples = sound.read(min(left, _FRAMES), dtype="int16", always_2d=True)
        if not len(samples):
            raise UnfitError("cannot be decoded: it ends too early")
        left -= len(samples)
        yield samples.astype("<i2", copy=False).tobytes()


def _peak(sound: Any, begin_ms: int, end_ms: int) -> int:
    """The loudest sample between two moments."""
    begin = max(0, begin_ms * sound.samplerate // 1000)
    end = min(sound.frames, end_ms * sound.samplerate // 1000)
    peak = 0
    if begin < end:
        sound.seek(begin)
    while begin < end:
        samples = sound.read(min(end - begin, _FRAMES), dtype="int16", always_2d=True)
        if not len(samples):
            raise UnfitError("cannot be decoded: it ends too early")
        begin += len(samples)
        peak = max(peak, int(samples.max()), -int(samples.min()))
    return peak


def _header(channels: int, rate: int, frames: int) -> bytes:
    """Of a WAV file with 16 bit PCM."""
    block = 2 * channels
    size = min(frames * block, 0xFFFF_FFFF - 36)
    return b"".join(
        (
            b"RIFF", (36 + size).to_bytes(4, "little"), b"WAVEfmt ",
            (16).to_bytes(4, "little"), (1).to_bytes(2, "little"), channels.to_bytes(2, "little"),
            rate.to_bytes(4, "little"), (rate * block).to_bytes(4, "little"),
            block.to_bytes(2, "little"), (16).to_bytes(2, "little"),
            b"data", size.to_bytes(4, "little"),
        )
    )  # fmt: skip
