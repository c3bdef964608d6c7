"""Read a recording back: its header, its length, its hash (R22).

A crash leaves a WAV header whose lengths are 0 or too small (docs/freeswitch.md 20); what
is in the file is then known from the file's size. Chunks may come in any order. Everything
here blocks and belongs in a thread.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import SpoolError

_PCM = (1, 0xFFFE)
_PIECE = 1 << 16
_HEAD = 512
_LONGEST = 0xFFFF_FFFF
_MOST_CHUNKS = 1000
"""More of them are no recording's; a file may be made of nothing else, to keep us busy (R23)."""
_FEWEST_BYTES = 44
"""A file shorter than a WAV header holds nothing: FreeSWITCH was cut off before its first write."""


@dataclass(frozen=True, slots=True)
class Audio:
    """What a WAV file holds."""

    channels: int
    rate: int
    """Samples a second and channel."""
    width: int
    """Bytes a sample."""
    frames: int
    """Samples of each channel that are in the file, whatever its header says."""
    repaired: bool
    """The header's lengths are wrong, or were before :func:`repair`."""
    start: int = field(default=44, compare=False)
    """Where in the file its first sample is; a repair does not move it."""

    @property
    def duration_ms(self) -> int:
        """Length of the audio in milliseconds, rounded down."""
        return self.frames * 1000 // self.rate


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things are in the file."""

    audio: Audio
    length_at: int
    """Offset of the data chunk's length field."""
    data_bytes: int
    """What that field has to say."""
    file_bytes: int
    """How long the file has to be, without a pad byte."""
    riff_only: bool
    """Only the length of the whole is wrong; chunks follow the data."""


class _File:
    """An open file whose first bytes are read once: a header is nearly always in them."""

    __slots__ = ("fd", "head", "size")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.size = os.fstat(fd).st_size
        self.head = os.pread(fd, _HEAD, 0)

    def read(self, count: int, offset: int) -> bytes:
        """Bytes from anywhere in the file."""
        if offset + count <= len(self.head):
            return self.head[offset : offset + count]
        return os.pread(self.fd, count, offset)


def _chunks(file: _File, offset: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, offset of the contents, and length of each chunk; stops at what is no chunk."""
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > file.size:
            return
        name, length = struct.unpack("<4sI", file.read(8, offset))
        if not (name.isascii() and name.decode().isprintable()):
            return
        yield name, offset + 8, length
        offset += 8 + length + (length & 1)


def _chain_ends(file: _File, offset: int) -> bool:
    """Whether whole chunks, or none, lie between here and the end of the file."""
    size = file.size
    if offset in (size, size + 1):  # a missing pad byte at the end is common
        return True
    for _name, start, length in _chunks(file, offset):
        if start + length in (size, size - (length & 1)):
            return True
    return False


def _layout(fd: int, name: str) -> _Layout:
    file = _File(fd)
    riff, riff_bytes, wave = struct.unpack("<4sI4s", file.read(12, 0).ljust(12, b"\0"))
    if riff != b"RIFF" or wave != b"WAVE":
        raise SpoolError(f"{name}: not a WAV file: expected RIFF and WAVE at its beginning")
    form = None
    for chunk, start, length in _chunks(file, 12):
        if chunk == b"fmt " and form is None:
            form = _format(file.read(min(length, 16), start), name)
        elif chunk == b"data":
            if form is None:
                raise SpoolError(f"{name}: its audio comes before its format (no fmt chunk)")
            return _measure(file, riff_bytes, form, start, length)
    raise SpoolError(f"{name}: a WAV file without audio (no {'data' if form else 'fmt'} chunk)")


def _format(body: bytes, name: str) -> tuple[int, int, int]:
    """Channels, rate and bytes a sample. Raises SpoolError for what is not plain PCM."""
    if len(body) < 16:
        raise SpoolError(f"{name}: its format is cut short: {len(body)} bytes, expected 16")
    code, channels, rate, _per_second, block, bits = struct.unpack("<HHIIHH", body)
    width = bits // 8
    if code not in _PCM or bits not in (8, 16, 24, 32) or block != channels * width:
        raise SpoolError(f"{name}: not plain PCM (format {code}, {bits} bits, block {block})")
    if not (1 <= channels <= 64 and 1 <= rate <= 768_000):
        raise SpoolError(f"{name}: {channels} channels at {rate} Hz cannot be a recording")
    return channels, rate, width


def _measure(
    file: _File, riff_bytes: int, form: tuple[int, int, int], start: int, length: int
) -> _Layout:
    channels, rate, width = form
    size = file.size
    block = channels * width
    there = size - start
    end = start + length
    whole = riff_bytes + 8 in (size, size + 1)
    if length <= there and _chain_ends(file, end + (length & 1)) and (length or not there):
        audio = Audio(channels, rate, width, length // block, not whole, start)
        return _Layout(audio, start - 4, length, size, riff_only=True)
    # Zero bytes that the header calls no audio, with other chunks after them, and all of it
    # consistent: an empty recording, not a broken one.
    if length == 0 and whole and _chain_ends(file, start):
        audio = Audio(channels, rate, width, 0, False, start)
        return _Layout(audio, start - 4, 0, size, riff_only=True)
    frames = there // block
    # Longer than its fields can say: they say the most that they can, and all of it is audio.
    said = length == riff_bytes == _LONGEST and there == frames * block > _LONGEST
    audio = Audio(channels, rate, width, frames, not said, start)
    return _Layout(audio, start - 4, frames * block, start + frames * block, riff_only=False)


def inspect_fd(fd: int, name: str) -> Audio:
    """As :func:`inspect`, of an open file; ``name`` is what errors call it."""
    return _layout(fd, name).audio


def inspect(path: Path) -> Audio:
    """What a WAV file holds, believing the file's size over a header that cannot be right.

    Raises SpoolError where it is not WAV or not plain PCM, OSError where it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return inspect_fd(fd, str(path))
    finally:
        os.close(fd)


def repair_fd(
    fd: int,
    name: str,
    ftruncate: Callable[[int, int], None] = os.ftruncate,
    pwrite: Callable[[int, bytes, int], int] = os.pwrite,
) -> Audio:
    """As :func:`repair`, of a file open for reading and writing; does not sync it.

    Cut short at any step it is not whole, and may be repaired again. The two calls are how a test
    makes the disk refuse.
    """
    layout = _layout(fd, name)
    if not layout.audio.repaired:
        return layout.audio
    if not layout.riff_only:
        ftruncate(fd, layout.file_bytes)
        if layout.data_bytes & 1:
            pwrite(fd, b"\0", layout.file_bytes)
        pwrite(fd, struct.pack("<I", min(layout.data_bytes, _LONGEST)), layout.length_at)
    whole = os.fstat(fd).st_size - 8
    pwrite(fd, struct.pack("<I", min(whole, _LONGEST)), 4)
    return layout.audio


def repair(path: Path) -> Audio:
    """Set a header's lengths right, by the file's size; a file that is right is not touched.

    A last frame that is not whole is cut off. The file is not synced. Raises SpoolError as
    :func:`inspect` does, OSError where it cannot be written.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return repair_fd(fd, str(path))
    finally:
        os.close(fd)


def is_blank_fd(fd: int) -> bool:
    """Whether the file is too short to hold any audio, or a WAV header."""
    return os.fstat(fd).st_size < _FEWEST_BYTES


def sha256_fd(fd: int) -> str:
    """As :func:`sha256`, of an open file."""
    digest = hashlib.sha256()
    offset = 0
    while True:
        piece = os.pread(fd, _PIECE, offset)
        digest.update(piece)
        if len(piece) < _PIECE:  # of a regular file only at its end
            break
        offset += _PIECE
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of the whole file, lower-case hex, in one pass and constant memory.

    Raises OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return sha256_fd(fd)
    finally:
        os.close(fd)
