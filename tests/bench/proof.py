"""How long reading back an hour of a paused recording takes, and how much memory (R7).

``python -m tests.bench.proof`` makes an hour of 8 kHz stereo with three masked pauses and one whose
mask leaked, and has a process of its own prove, silence, sync and hash it as when a call is
filed. The file is in the page cache, as one that FreeSWITCH has just written is.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from .procfs import peak_mib

AIM_SECONDS = 1.0
AIM_MIB = 64.0
_RATE = 8000
_SECOND = _RATE * 4
_PAUSES = ((600, 660), (1500, 1620), (3000, 3090), (3400, 3430))
_LEAK = (3410, 3411)


def make(path: Path, seconds: int = 3600) -> None:
    """A whole recording: noise like speech, which no trick for silence helps with."""
    from tests.recording.wavs import header

    noise = random.Random(7).randbytes(_SECOND)  # noise, not a secret
    with path.open("wb") as file:
        file.write(header(seconds * _SECOND))
        for second in range(seconds):
            held = any(a <= second < b for a, b in _PAUSES)
            leaks = _LEAK[0] <= second < _LEAK[1]
            file.write(bytes(_SECOND) if held and not leaks else noise)


def prove(path: Path) -> dict[str, float]:
    """In the process of its own: the work, its seconds, and what it added to the memory."""
    from ivr.core.timeline import Span
    from ivr.recording.audio import inspect_fd, repair_fd, sha256_fd
    from ivr.recording.silence import peak_between, silence, survey

    spans = [
        Span(n, 1, a * 1000, b * 1000, 250, ((a * 1000 + 20, b * 1000 - 20),), 3_600_000)
        for n, (a, b) in enumerate(_PAUSES)
    ]
    before = peak_mib()
    began = time.perf_counter()
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    audio = inspect_fd(fd, "recording")
    proofs = survey(fd, audio, spans)
    repair_fd(fd, "recording")
    silence(fd, audio, proofs)
    os.fsync(fd)
    sha256_fd(fd)
    seconds = time.perf_counter() - began
    left = max(peak_between(fd, audio, proof.begin_ms, proof.end_ms) for proof in proofs)
    leaks = sum(proof.leaked_peak > 0 for proof in proofs)
    if left or leaks != 1:
        sys.exit(f"the proof is wrong: {leaks} leaks found, expected 1; peak {left} is left")
    after = peak_mib()
    return {"seconds": seconds, "peak_mib": after, "added_mib": after - before}


def prove_plainly(path: Path) -> dict[str, float]:
    """The same as one would write it in ten lines: all of it in memory, by ``wave`` and numpy."""
    import wave

    import numpy as np

    before = peak_mib()
    began = time.perf_counter()
    with wave.open(str(path), "rb") as file:
        frames, form = file.readframes(file.getnframes()), file.getparams()
    samples = np.frombuffer(frames, dtype="<i2").reshape(-1, form.nchannels).copy()
    leaks = 0
    for begin, end in _PAUSES:
        held = samples[begin * _RATE : end * _RATE]
        leaks += bool(np.abs(held.astype(np.int32)).max())
        held[:] = 0
    with path.open("r+b") as raw, wave.open(raw, "wb") as file:
        file.setparams(form)
        file.writeframes(samples.tobytes())
        raw.flush()
        os.fsync(raw.fileno())
    hashlib.sha256(path.read_bytes()).hexdigest()
    seconds = time.perf_counter() - began
    if leaks != 1:
        sys.exit(f"the plain proof is wrong: {leaks} leaks found, expected 1")
    after = peak_mib()
    return {"seconds": seconds, "peak_mib": after, "added_mib": after - before}


@dataclass(frozen=True, slots=True)
class Proved:
    """The worst of some runs."""

    seconds: float
    peak_mib: float
    """Of the whole process, Python included."""
    added_mib: float

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return self.seconds < AIM_SECONDS and self.peak_mib < AIM_MIB


def measure(runs: int, plainly: bool = False, seconds: int = 3600) -> Proved:
    """Make the file so many times and have each proved by a process of its own."""
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            path = Path(folder) / "hour.wav"
            make(path, seconds)
            os.sync()  # what is measured is the proof's own writing
            words = [sys.executable, "-m", "tests.bench.proof", "--worker", str(path)]
            words += ["--plainly"] if plainly else []
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout))
    worst = {key: max(each[key] for each in found) for key in found[0]}
    return Proved(worst["seconds"], worst["peak_mib"], worst["added_mib"])


@click.command(help=__doc__)
@click.option("--plainly", is_flag=True, help="By the wave module and numpy, to compare with.")
@click.option("--worker", type=click.Path(path_type=Path), hidden=True)
@click.option("--runs", default=3, show_default=True, help="The slowest of so many counts.")
def main(plainly: bool, worker: Path | None, runs: int) -> None:
    """Make the file, have it proved, and print the figures with their aims."""
    if worker is not None:
        click.echo(json.dumps((prove_plainly if plainly else prove)(worker)))
        return
    found = measure(runs, plainly)
    click.echo("prove an hour of stereo: survey, silence, fsync, hash")
    click.echo(f"  seconds            {found.seconds:6.2f}   aim: under {AIM_SECONDS:g}")
    click.echo(
        f"  peak memory, MiB   {found.peak_mib:6.1f}   aim: under {AIM_MIB:g};"
        f" the proof's own {found.added_mib:.1f}"
    )
    if not found.well:
        click.echo("  missed")
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.proof")
