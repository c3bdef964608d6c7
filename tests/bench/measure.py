"""One contender under one load: start it, warm it, load it, read its figures."""

from __future__ import annotations

import atexit
import dataclasses
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click

from .contender import NUMBER, REPOSITORY, Contender, Place, Running
from .load import Load, Outcome, Progress, Spread
from .procfs import cpu_ms, listening, rss_mib

SETTLED_MS = 20.0
"""Less CPU than this in half a second: what the load left behind is done."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load and who is to bear it."""

    name: str
    title: str
    load: Load
    contenders: tuple[str, ...]
    warm: int = 100
    """Calls placed before anything is measured (imports, caches, the allocator)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one moment of the load."""

    seconds: float
    open: int
    completed: int
    rss_mib: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What one contender did under one load."""

    contender: str
    scenario: str
    outcome: Outcome
    cpu_ms_a_call: float
    """User and system CPU of the whole process between the ends of warm-up and load, a call."""
    cpu_share: float
    """Of one core, while the load ran."""
    rss_idle_mib: float
    """After the warm-up."""
    rss_peak_mib: float
    rss_growth_mib: float
    """From a quarter of the calls to the end, each a median over a twentieth of the calls."""
    samples: tuple[Sample, ...]


class Driver:
    """The load driver's process."""

    def __init__(self, inbound_port: int) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.bench.switch", "--loads"),
                *("--inbound-port", str(inbound_port)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        while not listening(inbound_port):  # a contender may connect at once
            if self._process.poll() is not None:
                raise click.ClickException("the load driver ended as soon as it began")
            time.sleep(0.02)

    def run(self, load: Load, tell: Callable[[Progress], None]) -> Outcome:
        """Have the load placed; blocks until it is over."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise click.ClickException("the load driver has no pipes")
        stdin.write(json.dumps(dataclasses.asdict(load)) + "\n")
        stdin.flush()
        for line in stdout:
            said = json.loads(line)
            if "progress" in said:
                tell(Progress(**said["progress"]))
            else:
                return _outcome(said["outcome"])
        raise click.ClickException("the load driver ended in the middle of a load")

    def stop(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _outcome(said: dict[str, Any]) -> Outcome:
    fields: dict[str, Any] = {
        name: Spread(**value) if isinstance(value, dict) and "p99" in value else value
        for name, value in said.items()
    }
    return Outcome(**fields)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; below the range that outgoing connections use.

    Chosen at random, so that runs side by side do not meet.
    """
    found: list[int] = []
    for port in random.sample(range(18_000, 30_000), 1000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise click.ClickException("no free port between 18000 and 30000")


def _settle(pid: int, longest_s: float = 15.0) -> None:
    deadline = time.monotonic() + longest_s
    before = cpu_ms(pid)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = cpu_ms(pid)
        if now - before < SETTLED_MS:
            return
        before = now


def _growth(samples: list[Sample], calls: int) -> float:
    def around(share: float) -> float:
        near = [s.rss_mib for s in samples if share - 0.05 <= s.completed / calls < share]
        return median(near) if near else samples[-1].rss_mib

    return around(1.0001) - around(0.30) if samples else 0.0


def measure(
    contender: Contender, scenario: Scenario, keep: Path | None, tell: Callable[[Progress], None]
) -> Figures:
    """Run it; the folder with its recordings goes when all is over, unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{contender.name}-", dir=keep))
    port, inbound_port, http_port = free_ports(3)
    load = dataclasses.replace(scenario.load, port=port, dialled=NUMBER)
    driver = Driver(inbound_port)
    samples: list[Sample] = []
    try:
        running = Running(contender, Place(folder, port, inbound_port, http_port))
        try:
            warm = dataclasses.replace(
                load, calls=scenario.warm, rate=50.0, prompt_ms=300, talk_ms=700, stay=0, keys=0
            )
            driver.run(warm, lambda _: None)
            _settle(running.pid)
            idle, before = rss_mib(running.pid), cpu_ms(running.pid)

            def look(progress: Progress) -> None:
                if running.alive():
                    memory = rss_mib(running.pid)
                    samples.append(
                        Sample(progress.seconds, progress.open, progress.completed, memory)
                    )
                tell(progress)

            outcome = driver.run(load, look)
            if not running.alive():
                raise click.ClickException(f"{contender.title} ended under the load")
            loaded = cpu_ms(running.pid)
            _settle(running.pid)
            used = cpu_ms(running.pid) - before
        finally:
            running.stop()
    finally:
        driver.stop()
        if keep is None:
            # Not before the run is over: ext4 looks twice at what was removed in the last
            # seconds, and a new file then costs the next contender half a millisecond.
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Figures(
        contender=contender.name,
        scenario=scenario.name,
        outcome=outcome,
        cpu_ms_a_call=round(used / max(1, outcome.started), 3),
        cpu_share=round((loaded - before) / 1000 / outcome.seconds, 3),
        rss_idle_mib=round(idle, 1),
        rss_peak_mib=round(max((s.rss_mib for s in samples), default=idle), 1),
        rss_growth_mib=round(_growth(samples, load.calls), 1),
        samples=tuple(samples),
    )
