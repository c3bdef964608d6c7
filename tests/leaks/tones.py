"""Listens for keys: which, when and for how long, on each channel of a recording (R6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROWS = (697, 770, 852, 941)
COLUMNS = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")

FRAME_MS = 20
HOP_MS = 10
_OFF = 0.035
"""A pitch that is stronger so much beside the key's is not the key's."""
_GROUP = 10 ** (4 / 10)
"""By how much the one pitch stands out of its group of four."""
_TWIST = 10 ** (10 / 10)
"""How much louder than the other one of the two may be."""
_CHUNK = 20_000
"""Frames at once: some tens of megabytes."""


@dataclass(frozen=True)
class KeyTone:
    """A key that can be heard."""

    channel: int
    key: str
    at_ms: int
    ms: int


def tones_in(source: Path | bytes, *, least_db: float = -42.0, share: float = 0.2) -> list[KeyTone]:
    """The keys heard in a WAV file (or its bytes), in order of channel and time.

    A key is two frames of 20 ms or more, 10 ms apart, in which both its pitches are peaks (880 Hz
    is no 852) of at least ``least_db`` (of a sine at full scale), stand out of the other peaks of
    their groups, and together make up ``share`` of all that is heard.
    """
    rate, channels = _read(source)
    return [
        tone
        for number, samples in enumerate(channels)
        for tone in _tones(number, samples, rate, least_db, share)
    ]


def _read(source: Path | bytes) -> tuple[int, list[Any]]:
    """Rate and channels; a header whose lengths were never written is taken by the file's size."""
    data = source.read_bytes() if isinstance(source, Path) else source
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError(f"no WAV file: it begins with {data[:12]!r}")
    at, rate, count, bits = 12, 0, 0, 0
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack("<I", data[at + 4 : at + 8])[0]
        if name == b"fmt ":
            _, count, rate, _, _, bits = struct.unpack("<HHIIHH", data[at + 8 : at + 24])
        if name == b"data":
            size = size or len(data)
            pcm = data[at + 8 : at + 8 + size]
            if bits != 16 or not count:
                raise ValueError(f"{bits} bits a sample, expected 16")
            whole = np.frombuffer(pcm[: len(pcm) // (2 * count) * 2 * count], dtype="<i2")
            return rate, [whole[number::count] for number in range(count)]
        at += 8 + size + size % 2
    raise ValueError("no WAV file: it has no audio")


def _tones(channel: int, samples: Any, rate: int, least_db: float, share: float) -> list[KeyTone]:
    frame, hop = rate * FRAME_MS // 1000, rate * HOP_MS // 1000
    if len(samples) < frame:
        samples = np.concatenate([samples, np.zeros(frame - len(samples), dtype="<i2")])
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    loud = np.flatnonzero(np.abs(frames).max(axis=1) >= 32768 * 10 ** (least_db / 20))
    heard: list[tuple[int, str]] = []
    for begin in range(0, len(loud), _CHUNK):
        numbers = loud[begin : begin + _CHUNK]
        heard += _keys(frames[numbers], numbers, rate, least_db, share)
    return list(_joined(channel, heard))


def _keys(frames: Any, numbers: Any, rate: int, least_db: float, share: float) -> list[Any]:
    size = frames.shape[1]
    window = np.hanning(size)
    pitches = np.array(ROWS + COLUMNS, dtype=float)
    pitches = np.concatenate([pitches, pitches * (1 - _OFF), pitches * (1 + _OFF)])
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size), pitches) / rate)
    heard = (frames.astype(np.float32) / 32768.0) * window
    power = np.abs(heard @ turns * (2 / window.sum())) ** 2
    total = (heard**2).sum(axis=1) / (window**2).sum()
    exact, below, above = power[:, :8], power[:, 8:16], power[:, 16:]
    exact = np.where((exact > below) & (exact > above), exact, 0.0)
    row, column = exact[:, :4].argmax(axis=1), exact[:, 4:].argmax(axis=1)
    each = np.arange(len(frames))
    good = np.ones(len(frames), dtype=bool)
    parts = []
    for best, others in ((row, exact[:, :4]), (column + 4, exact[:, 4:])):
        part = exact[each, best]
        second = np.sort(others, axis=1)[:, -2]
        good &= part >= 10 ** (least_db / 10)
        good &= part >= _GROUP * second
        parts.append(part)
    good &= (parts[0] < _TWIST * parts[1]) & (parts[1] < _TWIST * parts[0])
    good &= (parts[0] + parts[1]) / 2 >= share * total
    return [(int(numbers[at]), KEYS[row[at]][column[at]]) for at in np.flatnonzero(good)]


def _joined(channel: int, heard: list[tuple[int, str]]) -> list[KeyTone]:
    """Frames of one key, one after the other, as one tone; a lone frame is none."""
    tones, run = [], list[tuple[int, str]]()
    for one in (*heard, (-10, "")):
        if run and (one[1] != run[-1][1] or not 0 < one[0] - run[-1][0] <= 2):
            if len(run) > 1:
                ms = (run[-1][0] - run[0][0]) * HOP_MS + FRAME_MS
                tones.append(KeyTone(channel, run[0][1], run[0][0] * HOP_MS, ms))
            run = []
        run.append(one)
    return tones
