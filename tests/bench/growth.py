"""What it costs to watch recordings grow: CPU, and how long the hub is held up by it (R22).

``python -m tests.bench.growth`` has processes of their own watch so many recordings, which another
process lets grow, as the engine does: twice a second, in a thread (``ivr.engine.growth``).
Meanwhile the hub does nothing but look at the clock every millisecond: how late it is tells how
long it was held up. Compared with the same without watching. A recording that counts as stalled
although it grows is a failure.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import gevent

from ivr.clock import RealClock
from ivr.core.events import Event
from ivr.core.state import CallState, Phase, Recording
from ivr.engine.driver import CallDriver
from ivr.engine.growth import Growth
from ivr.engine.setup import steady
from ivr.storage.places import placed, prepare

from .contender import REPOSITORY
from .journalled import call_id

CALLS = (1000, 5000)
SECONDS = 8.0
_GROWS_S = 0.4
_TICK_S = 0.001
_SETTLING_S = 1.0


class _Driver(CallDriver):
    """A call that talks, and is told where its recording stands still."""

    __slots__ = ("told",)

    def __init__(self, context: Any, call: str, path: str) -> None:
        super().__init__(context, call, "", SimpleNamespace(direction="inbound", staff_call=False))
        self.told = False
        self.state = CallState(
            phase=Phase.CONNECTED,
            path=path,
            recording=Recording.RUNNING,
            may_record=True,
            joined=True,
            together=True,
        )

    def take(self, _event: Event) -> None:
        """It does not grow, it is said."""
        self.told = True


def watch(folder: Path, calls: int, seconds: float, watched: bool) -> dict[str, float]:
    """In the process of its own: so many recordings, so long."""
    clock = RealClock()
    places = placed(folder)
    limits = SimpleNamespace(least_free_bytes=0)
    context: Any = SimpleNamespace(
        clock=clock,
        configuration=SimpleNamespace(site=SimpleNamespace(limits=limits)),
        line=SimpleNamespace(connected=True, nobody_there=False),
        calls={},
        agents={},
    )
    ids = [call_id(number) for number in range(calls)]
    drivers = [_Driver(context, call, places.recorded(call)) for call in ids]
    growth = Growth(context, places)
    if watched:
        growth.start()
    gevent.sleep(min(_SETTLING_S, seconds))
    late: list[float] = []
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = due = time.monotonic()
    while due < began + seconds:
        due = time.monotonic() + _TICK_S
        gevent.sleep(_TICK_S)
        late.append(time.monotonic() - due)
    after = resource.getrusage(resource.RUSAGE_SELF)
    passed = time.monotonic() - began
    growth.stop()
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cpu": 100 * cpu_s / passed,
        "longest_ms": 1000 * max(late),
        "stalled": sum(driver.told for driver in drivers),
    }


@contextmanager
def _growing(folder: Path, calls: int) -> Iterator[None]:
    """Another process lets the recordings grow."""
    words = [sys.executable, "-m", "tests.bench.growth", "--grow", str(folder)]
    process = subprocess.Popen(
        [*words, "--calls", str(calls)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _grow(folder: Path, calls: int) -> None:
    """The other process; ends when its standard input does. The files get longer and not fuller:
    what is looked at is their size."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    places = placed(folder)
    flags = os.O_WRONLY | os.O_CREAT
    files = [os.open(places.recorded(call_id(number)), flags, 0o640) for number in range(calls)]
    click.echo("growing")
    size = 44
    while not select.select([sys.stdin], [], [], _GROWS_S)[0]:
        size += int(32_000 * _GROWS_S)
        for file in files:
            os.ftruncate(file, size)


@dataclass(frozen=True, slots=True)
class Watched:
    """The best of some runs: what else the machine does is no part of it."""

    cpu: float
    """Percent of one core that watching takes."""
    longest_ms: float
    """The longest that the hub was held up."""
    idle_ms: float
    """The same without watching."""
    stalled: int
    """How many recordings that grew were said to have stalled, in all runs."""


def measure(calls: int, runs: int = 2, seconds: float = SECONDS) -> Watched:
    """With and without, so many times."""
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as name:
        folder = Path(name) / "spool"
        prepare(folder, 0)
        with _growing(folder, calls):
            for _ in range(runs):
                for watched in found:
                    words = [sys.executable, "-m", "tests.bench.growth", "--watch", str(folder)]
                    words += ["--calls", str(calls), "--seconds", str(seconds)]
                    words += [] if watched else ["--idle"]
                    done = subprocess.run(words, check=True, capture_output=True, text=True)
                    found[watched].append(json.loads(done.stdout))
    best = {
        watched: {key: min(one[key] for one in each) for key in each[0]}
        for watched, each in found.items()
    }
    return Watched(
        best[True]["cpu"] - best[False]["cpu"],
        best[True]["longest_ms"],
        best[False]["longest_ms"],
        sum(int(one["stalled"]) for one in found[True]),
    )


@click.command(help=__doc__)
@click.option("--calls", default=CALLS, multiple=True, show_default=True)
@click.option("--runs", default=2, show_default=True, help="The best of so many counts.")
@click.option("--seconds", default=SECONDS, show_default=True)
@click.option("--watch", "folder", type=click.Path(path_type=Path), hidden=True)
@click.option("--idle", is_flag=True, hidden=True)
@click.option("--grow", type=click.Path(path_type=Path), hidden=True)
def main(
    calls: tuple[int, ...],
    runs: int,
    seconds: float,
    folder: Path | None,
    idle: bool,
    grow: Path | None,
) -> None:
    """Watch, and print the figures."""
    if grow is not None:
        _grow(grow, calls[0])
        return
    if folder is not None:
        steady()
        click.echo(json.dumps(watch(folder, calls[0], seconds, not idle)))
        return
    failed = False
    for many in calls:
        found = measure(many, runs, seconds)
        click.echo(
            f"{many} recordings: {found.cpu:.2f} % of a core; the hub held up for"
            f" {found.longest_ms:.1f} ms at most, {found.idle_ms:.1f} ms without;"
            f" {found.stalled} said to have stalled"
        )
        failed = failed or found.stalled > 0
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.growth")
