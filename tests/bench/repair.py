"""How long it takes to repair the header of a recording of 2 GiB, and how much memory (R22).

``python -m tests.bench.repair`` makes a file as a killed FreeSWITCH leaves it: the header says
that it holds nothing (docs/freeswitch.md 20). A process of its own repairs it and syncs it.
Hashing is timed apart, for it reads every byte; the repair reads the header only.

The bytes are really there and in the page cache, as far as it holds them, and on the disk before
the clock starts. ``--hole`` makes a file with a hole instead, to show that it is all the same.
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
SIZE = 2 << 30
_TORN = 3
"""Bytes of a last frame that is not whole."""
_PIECE = 1 << 20


def make(path: Path, size: int, hole: bool = False) -> None:
    """A recording whose header says nothing of its length, and whose last frame is not whole."""
    from tests.recording.wavs import header

    noise = random.Random(7).randbytes(_PIECE)  # noise, not a secret
    with path.open("wb") as file:
        file.write(header(0))
        if hole:
            file.truncate(size + _TORN)
            return
        left = size + _TORN - file.tell()
        while left:
            left -= file.write(noise[:left])
        file.flush()
        os.fsync(file.fileno())


def repair(path: Path) -> dict[str, float]:
    """In the process of its own: the repair, then one plain reading with SHA-256, then ours."""
    from ivr.recording.audio import inspect_fd, repair_fd, sha256_fd

    before = peak_mib()
    began = time.perf_counter()
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    audio = inspect_fd(fd, "recording")
    if audio.repaired:
        repair_fd(fd, "recording")
    os.fsync(fd)
    repaired = time.perf_counter()
    with path.open("rb") as file:
        plainly = hashlib.file_digest(file, "sha256").hexdigest()
    read = time.perf_counter()
    digest = sha256_fd(fd)
    hashed = time.perf_counter()
    after = peak_mib()
    now = inspect_fd(fd, "recording")
    if not audio.repaired or now.repaired or now.frames != audio.frames or digest != plainly:
        sys.exit("the repair is wrong")
    return {
        "seconds": repaired - began,
        "hashing": hashed - read,
        "plain_hashing": read - repaired,
        "peak_mib": after,
        "added_mib": after - before,
    }


@dataclass(frozen=True, slots=True)
class Repaired:
    """The worst of some runs; of hashing the best, which is the machine's part."""

    seconds: float
    hashing: float
    """Of the whole file, after the repair: this is no part of ``seconds``."""
    plain_hashing: float
    """The same by ``hashlib.file_digest``."""
    peak_mib: float
    """Of the whole process, Python included; up to the end of hashing."""
    added_mib: float

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return self.seconds < AIM_SECONDS and self.peak_mib < AIM_MIB


def measure(runs: int, size: int = SIZE, hole: bool = False) -> Repaired:
    """Make the file so many times and have each repaired by a process of its own."""
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as folder:
        path = Path(folder) / "long.wav"
        for _ in range(runs):
            make(path, size, hole)
            words = [sys.executable, "-m", "tests.bench.repair", "--worker", str(path)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            found.append(json.loads(done.stdout))
    worst = {key: max(each[key] for each in found) for key in found[0]}
    best = {key: min(each[key] for each in found) for key in ("hashing", "plain_hashing")}
    return Repaired(**(worst | best))


@click.command(help=__doc__)
@click.option("--hole", is_flag=True, help="A file with a hole in place of 2 GiB of noise.")
@click.option("--worker", type=click.Path(path_type=Path), hidden=True)
@click.option("--runs", default=3, show_default=True, help="The slowest of so many counts.")
def main(hole: bool, worker: Path | None, runs: int) -> None:
    """Make the file, have it repaired, and print the figures with their aims."""
    if worker is not None:
        click.echo(json.dumps(repair(worker)))
        return
    found = measure(runs, hole=hole)
    click.echo("repair the header of 2 GiB, and sync")
    click.echo(f"  seconds            {found.seconds:8.4f}   aim: under {AIM_SECONDS:g}")
    click.echo(f"  then hashing, s    {found.hashing:6.2f}   plainly {found.plain_hashing:.2f}")
    click.echo(
        f"  peak memory, MiB   {found.peak_mib:6.1f}   aim: under {AIM_MIB:g};"
        f" its own {found.added_mib:.1f}"
    )
    if not found.well:
        click.echo("  missed")
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.repair")
