"""How soon an engine is ready that starts with calls left open by one that was killed (R22).

``python -m tests.bench.start`` makes a spool with 2,000 open calls. FreeSWITCH still has 500 of
them, of which 100 are paused; the other 1,500 ended, and their recordings' headers are to be
repaired. Then an engine is started, and timed from its exec until

- it is *ready*: ``/readyz`` says so, and a connection for a call gets its first byte;
- all that were paused are *masked*, and all that go on are *followed*;
- all that ended have their *records*.

Meanwhile FreeSWITCH connects for a new call every 20 ms, and how long it waits for the first byte
is measured, too. Compared with: an engine whose spool is empty; and the bare start of the
interpreter with the engine's imports.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from .contender import CONTENDERS, REPOSITORY, Place, Running
from .left import leave
from .load import Spread
from .measure import free_ports
from .procfs import cpu_ms, rss_mib

AIM_S = 3.0
CALLS, HELD, PAUSED = 2000, 500, 100
_PROBE_S = 0.02
_LOOK_S = 0.02
_LONGEST_S = 120.0
_IMPORTS = "import ivr.cli, ivr.config.load, ivr.engine.service, ivr.engine.setup"


@dataclass(frozen=True, slots=True)
class Started:
    """One start; seconds from exec."""

    ready: float
    masked: float
    """The last that was paused."""
    followed: float
    """The last that goes on."""
    recorded: float
    """The last that ended."""
    cpu_s: float
    """Of the process, until then."""
    rss_mib: float
    """When all is done."""
    waits: Spread
    """From FreeSWITCH's connecting for a new call to the first byte, from ready until the last
    record, ms."""


class _Caller(threading.Thread):
    """Connects again and again, as FreeSWITCH does for a new call."""

    def __init__(self, port: int, http_port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._http_port = http_port
        self.over = threading.Event()
        self.first = 0.0
        """When the first byte came, and ``/readyz`` said that calls can be taken."""
        self.waits: list[float] = []

    def run(self) -> None:
        """Until it is over."""
        while not self.over.wait(0 if self.waits else 0.002):
            began = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", self._port), 30) as link:
                    if not link.recv(1):
                        continue
            except OSError:
                continue
            answered = time.monotonic()
            if self.first:
                self.waits.append((answered - began) * 1000)
                self.over.wait(_PROBE_S)
            elif self._ready():
                self.first = time.monotonic()

    def _ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._http_port), 30) as link:
            link.sendall(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return link.recv(64).startswith(b"HTTP/1.1 200")


@contextmanager
def _freeswitch(place: Place, held: int, paused: int) -> Iterator[dict[str, float]]:
    """A FreeSWITCH with so many calls; what it has seen so far, and when."""
    words = [sys.executable, "-m", "tests.bench.held", "--inbound-port", str(place.inbound_port)]
    words += ["--spool", str(place.folder / "spool")]
    words += ["--calls", str(held), "--paused", str(paused)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdin is not None
    assert process.stdout is not None
    seen: dict[str, float] = {}
    seen.update(json.loads(process.stdout.readline()))
    stdout = process.stdout
    reader = threading.Thread(
        target=lambda: [seen.update(json.loads(line)) for line in stdout], daemon=True
    )
    reader.start()
    try:
        yield seen
    finally:
        process.stdin.close()
        process.wait()
        reader.join()
        process.stdout.close()


def start(calls: int, held: int, paused: int) -> Started:
    """One engine on one spool."""
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as folder:
        place = Place(Path(folder), *free_ports(3))
        places = leave(place.folder / "spool", calls, held, paused)
        with _freeswitch(place, held, paused) as seen:
            caller = _Caller(place.port, place.http_port)
            caller.start()
            began = time.monotonic()
            engine = Running(CONTENDERS["engine"], place)
            try:
                wanted = {name for name, many in (("masked", paused), ("followed", held)) if many}
                recorded = 0.0
                while not (recorded and caller.first and wanted <= seen.keys()):
                    if time.monotonic() > began + _LONGEST_S or not engine.alive():
                        raise click.ClickException(
                            f"after {_LONGEST_S:g} s the engine had not done all: {seen}, "
                            f"{len(os.listdir(places.new))} files in new/"
                        )
                    if not recorded and _records(places.new) >= calls - held:
                        recorded = time.monotonic()
                    time.sleep(_LOOK_S)
                used, memory = cpu_ms(engine.pid) / 1000, rss_mib(engine.pid)
                caller.over.set()
                caller.join()
            finally:
                engine.stop()
    return Started(
        caller.first - began,
        seen.get("masked", began) - began,
        seen.get("followed", began) - began,
        recorded - began,
        used,
        memory,
        Spread.of(caller.waits),
    )


def _records(folder: Path) -> int:
    return sum(name.endswith(".json") for name in os.listdir(folder))


def bare() -> float:
    """Seconds of the interpreter's start with what the engine imports."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True, cwd=REPOSITORY)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Starts:
    """Several starts of one run of the bench, in its order."""

    calls: int
    """How many were left."""
    left: list[Started]
    """With calls that were left."""
    empty: list[Started]
    """With an empty spool."""
    bare: list[float]

    @property
    def best(self) -> Started:
        """Of those with calls, the one that was ready first."""
        return min(self.left, key=lambda each: each.ready)


def measure(runs: int = 3, calls: int = CALLS, held: int = HELD, paused: int = PAUSED) -> Starts:
    """In turn, so that what disturbs the machine disturbs all."""
    found = Starts(calls, [], [], [])
    for _ in range(runs):
        found.bare.append(bare())
        found.empty.append(start(0, 0, 0))
        found.left.append(start(calls, held, paused))
    return found


@click.command(help=__doc__)
@click.option("--runs", default=3, show_default=True)
@click.option("--calls", default=CALLS, show_default=True)
@click.option("--held", default=HELD, show_default=True)
@click.option("--paused", default=PAUSED, show_default=True)
def main(runs: int, calls: int, held: int, paused: int) -> None:
    """Start engines and print the figures."""
    found = measure(runs, calls, held, paused)
    bares = " / ".join(f"{each:.2f}" for each in sorted(found.bare))
    click.echo(f"interpreter and imports        {bares} s")
    for name, starts in (("empty spool", found.empty), (f"{calls} calls left", found.left)):
        click.echo(name)
        for what in ("ready", "masked", "followed", "recorded", "cpu_s", "rss_mib"):
            values = " / ".join(
                f"{value:.2f}" for value in sorted(getattr(s, what) for s in starts)
            )
            click.echo(f"  {what:<10} {values}")
        for each in starts:
            waits = each.waits
            click.echo(
                f"  new calls' first byte: {waits.count}, p50 {waits.p50:.1f}, p99 {waits.p99:.1f},"
                f" longest {waits.longest:.1f} ms"
            )
    if found.best.ready >= AIM_S:
        click.echo("  missed")
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.start")
