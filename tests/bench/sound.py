"""The bytes of the recording that the driver writes: two tones, one on each side."""

from __future__ import annotations

import math
import struct
from array import array

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
