"""Recordings for the tests: two people who speak in turn, with a pause that is silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RATE = 8000


def voice(ms: int, pitch: float, rate: int = RATE) -> npt.NDArray[np.int16]:
    """Something like a voice: many harmonics whose loudness comes and goes, 16 bits."""
    at = np.arange(ms * rate // 1000) / rate
    noise = np.random.default_rng(int(pitch)).standard_normal(len(at)) * 0.02
    tones = sum(np.sin(2 * np.pi * pitch * k * at + k) / k for k in range(1, 14))
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * at)
    return (np.clip((tones * 0.25 + noise) * swell, -1, 1) * 20000).astype(np.int16)


def talk(
    ms: int = 8000, paused: tuple[tuple[int, int], ...] = ((3000, 5000),), rate: int = RATE
) -> npt.NDArray[np.int16]:
    """Left speaks in the first half, right in the second; nobody in the pauses."""
    left, right = voice(ms, 130, rate), voice(ms, 210, rate)
    half = len(left) // 2
    left[half:] = 0
    right[:half] = 0
    sound = np.stack([left, right], 1)
    for begin, end in paused:
        sound[begin * rate // 1000 : end * rate // 1000] = 0
    return sound


def write(path: Path, sound: npt.NDArray[np.int16], rate: int = RATE) -> Path:
    """As FreeSWITCH writes it: WAV, 16 bits."""
    soundfile.write(str(path), sound, rate, subtype="PCM_16")
    return path


def decoded(path: Path) -> tuple[npt.NDArray[np.int16], int]:
    """All of a file, and its rate."""
    sound, rate = soundfile.read(str(path), dtype="int16", always_2d=True)
    return sound, rate
