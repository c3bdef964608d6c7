"""WAV files for the proof of pauses: real bytes, with speech and silence where a test wants."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

RATE = 8000
BLOCK = 4
"""Bytes a frame: two channels of 16 bits."""
LOUD = b"\x10\x27\xf0\xd8"
"""One frame of speech: 10,000 on the left, -10,000 on the right. No byte of it is 0."""


def header(data: int, channels: int = 2, rate: int = RATE, bits: int = 16) -> bytes:
    block = channels * bits // 8
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + data, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * block, block, bits),
        *(b"data", data),
    )


def frames(ms: float) -> int:
    return round(ms * RATE / 1000)


def talk(length_ms: float, silent: Iterable[tuple[float, float]] = (), loud: bytes = LOUD) -> bytes:
    """A recording of speech all along, but for the stretches that are silent."""
    data = bytearray(loud * frames(length_ms))
    for begin, end in silent:
        a, b = frames(begin) * BLOCK, min(frames(end) * BLOCK, len(data))
        data[a:b] = bytes(max(0, b - a))
    return header(len(data)) + bytes(data)


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def at(path: Path, begin_ms: float, end_ms: float) -> bytes:
    """What a file holds between two moments."""
    first, last = (frames(ms) * BLOCK for ms in (max(0, begin_ms), max(0, end_ms)))
    with path.open("rb") as file:
        file.seek(44 + first)
        return file.read(max(0, last - first))


def is_silent(path: Path, begin_ms: float, end_ms: float) -> bool:
    return not any(at(path, begin_ms, end_ms))


def is_speech(path: Path, begin_ms: float, end_ms: float) -> bool:
    data = at(path, begin_ms, end_ms)
    return data == LOUD * (len(data) // BLOCK)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR)
    try:
        yield fd
    finally:
        os.close(fd)
