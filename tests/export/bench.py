"""How fast copies are made, proof included, and how large they are (R15).

Run alone: ``python -m tests.export.bench [MINUTES]``. The call is made of the spoken prompts: two
people speak in turn for six seconds each, and half a minute is paused.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import numpy as np
import soundfile

from ivr.export.encode import CopyFormat, encode
from ivr.export.sounds import Sound
from tests.export.speaking import RATE

PROMPTS = Path(__file__).parents[2] / "prompts" / "en-GB" / str(RATE)
PAUSED = (50_000, 80_000)
TURN_S = 6


def write_call(path: Path, minutes: float) -> None:
    """A call of two people, minute by minute, so that memory does not grow with its length."""
    spoken = np.concatenate(
        [soundfile.read(str(each), dtype="int16")[0] for each in PROMPTS.glob("*.wav")]
    )
    with soundfile.SoundFile(str(path), "w", RATE, 2, subtype="PCM_16") as file:
        for begin in range(0, int(minutes * 60) * RATE, RATE):
            at = np.arange(begin, begin + RATE)
            left = at // RATE // TURN_S % 2
            silent = begin // RATE * 1000 in range(*PAUSED)
            sound = np.zeros((RATE, 2), np.int16)
            if not silent:
                sound[:, 0] = np.where(left, spoken[at % len(spoken)], 0)
                sound[:, 1] = np.where(left, 0, spoken[(at + 33 * RATE) % len(spoken)])
            file.write(sound)


def main(minutes: float) -> None:
    """Measure each format once."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "call.wav"
        write_call(source, minutes)
        for form in get_args(CopyFormat):
            began = time.perf_counter()
            made = encode([Sound(source, 0, (PAUSED,))], Path(folder) / f"copy.{form}", form)
            took = time.perf_counter() - began
            size, speed = made.size / minutes / 1e6, minutes * 60 / took
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{form:5} {size:5.2f} MB a minute, {speed:5.0f} x real time, {memory} MiB")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
