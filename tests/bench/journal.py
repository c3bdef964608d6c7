"""What the journal costs a call in CPU: appending, encoding, group commit and tidying up (R22).

``python -m tests.bench.journal`` has processes of their own journal calls that come at random, as
the engine does: what a call waits for is synced at once, as is the beginning of a pause, and all
else within a quarter of a second. The journal is tidied up once a second and not once a minute,
so that this is in the figure.

The calls are journalled two ways: by the engine's journal; and plainly, by ``json.dumps``, a write
and an fdatasync for each entry. CPU is user and system time that the threads spend in the journal,
from where it is called, by a timer or the pool too, until it returns. The clock's own part is
taken off.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import click
import gevent
from gevent.event import Event

from ivr.clock import RealClock, Timer
from ivr.core.entries import Entry, Finished, Stamp
from ivr.storage.journal import Journal, JournalLimits

from .journalled import beginning, call_id, end, paused

AIM_MS = 0.2
CALLS = 500
RATE = 100.0
"""Calls a second, as in the scenario ``calls``."""
PAUSES = {"ordinary": 0, "with two pauses": 2}
"""How often a call of each kind is paused."""
APART_MS = 150
"""Between two steps of a call."""
TIDYING_S = 1.5
"""After the last call, until the journal is tidied up."""
_SOON_MS = 250
"""As :data:`ivr.engine.context.SOON_MS`."""
_SWITCH = "3917e671-1c77-4b8d-b81b-796aa12c900f"


class _Meter:
    """CPU of the calls that it wraps; of those within one another once."""

    def __init__(self) -> None:
        self._within = threading.local()
        self._spent: dict[int, list[int]] = {}
        self._own_ns = 0
        rounds = 1000
        idle = self.around(lambda: None)
        for _ in range(rounds):
            idle()
        spent, _ = self._total()
        self._own_ns = spent // rounds
        self._spent.clear()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, measured."""

        def measured(*words: Any, **named: Any) -> Any:
            if getattr(self._within, "it", False):
                return call(*words, **named)
            self._within.it = True
            began = time.thread_time_ns()
            try:
                return call(*words, **named)
            finally:
                passed = time.thread_time_ns() - began
                self._spent.setdefault(threading.get_ident(), []).append(passed)
                self._within.it = False

        return measured

    def _total(self) -> tuple[int, int]:
        every = [passed for each in self._spent.values() for passed in each]
        return sum(every), len(every)

    @property
    def ms(self) -> float:
        """What was spent so far."""
        spent, many = self._total()
        return (spent - many * self._own_ns) / 1e6


class Way(Protocol):
    """How entries get to disk."""

    syncs: int

    def append(self, call: str, entry: Entry, stamp: Stamp) -> None:
        """Take an entry."""

    def sync(self) -> None:
        """Have all that was taken on disk soon."""

    def close(self) -> None:
        """No more comes."""


class _Engine:
    """The engine's journal."""

    def __init__(self, folder: Path, clock: RealClock, meter: _Meter) -> None:
        journal: Any = Journal(folder, clock, JournalLimits(segment_ms=1000))
        # Wherever it is entered: by its callers, its timers, its thread, and when that is done.
        for name in ("append", "sync", "_gathered", "_tidy", "_done"):
            setattr(journal, name, meter.around(getattr(journal, name)))
        journal._job.run = meter.around(journal._job.run)
        self._journal = journal
        self.append = journal.append
        self.close = journal.close

    @property
    def syncs(self) -> int:
        return int(self._journal.syncs)

    def sync(self) -> None:
        self._journal.sync(_unwaited)


def _unwaited(_error: object) -> None:
    pass


class _Plain:
    """As one would write it in five lines; the hub waits for the disk."""

    def __init__(self, folder: Path, clock: RealClock, meter: _Meter) -> None:
        self._fd = os.open(folder / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.append = meter.around(self._append)
        self.syncs = 0

    def _append(self, call: str, entry: Entry, stamp: Stamp) -> None:
        fields = dataclasses.asdict(entry)
        told = {"c": call, "w": stamp.wall_ms, "m": stamp.mono_ms, "k": type(entry).__name__}
        os.write(self._fd, json.dumps(told | {"d": fields}).encode() + b"\n")
        os.fdatasync(self._fd)
        self.syncs += 1

    def sync(self) -> None:
        pass

    def close(self) -> None:
        os.close(self._fd)


_WAYS: dict[str, type[_Engine | _Plain]] = {"engine": _Engine, "plain": _Plain}


def _steps(call: str, pauses: int) -> Iterator[tuple[bool, tuple[Entry, ...]]]:
    """What is journalled at once, and whether it is synced at once."""
    path = f"/var/spool/ivr/recording/{call}.wav"
    began = beginning(call, path, _SWITCH)
    yield True, began[:2]
    yield False, began[2:4]
    yield False, began[4:7]
    yield False, began[7:]
    for _ in range(pauses):
        started, held, ending, ended = paused()
        yield True, (started,)
        yield False, (held,)
        yield False, (ending,)
        yield False, (ended,)
    yield False, end(path)
    yield False, (Finished(),)


class _Load:
    """Calls that come and are journalled."""

    def __init__(self, way: Way, clock: RealClock, calls: int, pauses: int, apart_ms: int) -> None:
        self._way = way
        self._clock = clock
        self._calls = self._left = calls
        self._pauses = pauses
        self._apart_ms = apart_ms
        self._chance = random.Random(3)  # moments of arrival, no secret
        self._soon: Timer | None = None
        self.over = Event()

    def come(self, number: int) -> None:
        """A call comes, and the next one after it."""
        if number + 1 < self._calls:
            wait_ms = int(self._chance.expovariate(RATE) * 1000)
            self._clock.after(wait_ms, partial(self.come, number + 1))
        call = call_id(number)
        self._go_on(call, _steps(call, self._pauses))

    def _go_on(self, call: str, steps: Iterator[tuple[bool, tuple[Entry, ...]]]) -> None:
        step = next(steps, None)
        if step is None:
            self._left -= 1
            if not self._left:
                self.over.set()
            return
        at_once, entries = step
        for entry in entries:
            stamp = Stamp(self._clock.wall_ms(), self._clock.monotonic_ms())
            self._way.append(call, entry, stamp)
        if at_once:
            self._way.sync()
        elif self._soon is None:
            self._soon = self._clock.after(_SOON_MS, self._late)
        self._clock.after(self._apart_ms, partial(self._go_on, call, steps))

    def _late(self) -> None:
        self._soon = None
        self._way.sync()


def journal(
    name: str,
    calls: int,
    pauses: int,
    folder: Path,
    apart_ms: int = APART_MS,
    tidying_s: float = TIDYING_S,
) -> dict[str, float]:
    """In the process of its own: CPU and syncs a call."""
    clock = RealClock()
    meter = _Meter()
    way: Way = _WAYS[name](folder, clock, meter)
    load = _Load(way, clock, calls, pauses, apart_ms)
    load.come(0)
    load.over.wait()
    gevent.sleep(tidying_s)
    spent_ms = meter.ms
    way.close()
    return {"ms": spent_ms / calls, "syncs": way.syncs / calls}


@dataclass(frozen=True, slots=True)
class Cost:
    """What journalling one kind of call takes: the best of some runs."""

    ms: float
    """CPU a call."""
    syncs: float
    """A call."""
    plain_ms: float
    plain_syncs: float
    worst_ms: float
    """Of the same runs."""


def measure(pauses: int, runs: int = 2, calls: int = CALLS) -> Cost:
    """The two ways one after the other, so many times; plainly once."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in _WAYS}
    for run in range(runs):
        for name in _WAYS:
            if name == "plain" and run:
                continue  # it is not near enough to the aim for the best to matter
            with tempfile.TemporaryDirectory(prefix="ivr-bench-") as folder:
                words = [sys.executable, "-m", "tests.bench.journal", "--worker", name]
                words += ["--calls", str(calls), "--pauses", str(pauses), "--folder", folder]
                done = subprocess.run(words, check=True, capture_output=True, text=True)
            found[name].append(json.loads(done.stdout))
    best = {name: min(each, key=lambda one: one["ms"]) for name, each in found.items()}
    return Cost(
        best["engine"]["ms"],
        best["engine"]["syncs"],
        best["plain"]["ms"],
        best["plain"]["syncs"],
        max(one["ms"] for one in found["engine"]),
    )


@click.command(help=__doc__)
@click.option("--runs", default=2, show_default=True, help="The best of so many counts.")
@click.option("--calls", default=CALLS, show_default=True)
@click.option("--worker", type=click.Choice(list(_WAYS)), hidden=True)
@click.option("--pauses", default=0, hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(runs: int, calls: int, worker: str | None, pauses: int, folder: Path | None) -> None:
    """Measure both kinds of call and print the figures with their aim."""
    if worker is not None and folder is not None:
        click.echo(json.dumps(journal(worker, calls, pauses, folder)))
        return
    well = True
    for kind, many in PAUSES.items():
        cost = measure(many, runs, calls)
        click.echo(f"journal of a call, {kind}: CPU in ms")
        click.echo(f"  the engine's   {cost.ms:7.3f}   aim: at most {AIM_MS:g}")
        click.echo(f"    in the worst run {cost.worst_ms:.3f}; {cost.syncs:.2f} syncs a call")
        click.echo(f"  plainly        {cost.plain_ms:7.3f}   {cost.plain_syncs:.2f} syncs a call")
        well = well and cost.ms <= AIM_MS
    if not well:
        click.echo("  missed")
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.journal")
