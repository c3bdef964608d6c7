"""Audio files: the recording that the driver writes, the length of the prompts it plays."""

from __future__ import annotations

import math
import struct
import wave
from array import array
from functools import cache

RATE = 8000


def stereo_wav(ms: int) -> bytes:
    """A whole WAV file of 8 kHz, 16 bit: 440 Hz on the left, 880 Hz on the right."""
    samples = array("h")
    for frame in range(RATE * ms // 1000):
        turn = 2 * math.pi * frame / RATE
        samples.append(int(8000 * math.sin(440 * turn)))
        samples.append(int(8000 * math.sin(880 * turn)))
    data = samples.tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 2, RATE, RATE * 4, 4, 16),
        *(b"data", len(data)),
    )
    return head + data


@cache
def length_ms(path: str) -> int | None:
    """How long a WAV file is; ``None`` where there is none (a stock application names any)."""
    try:
        with wave.open(path, "rb") as sound:
            return sound.getnframes() * 1000 // sound.getframerate()
    except (OSError, EOFError, wave.Error):
        return None
