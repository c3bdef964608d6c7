"""Speed of the HTTP interface: from a request to pause or resume until its answer.

Requests come at an even rate, each by a connection of its own as a payment page's do, whether or
not those before are answered, and are timed from the moment they were due. Every other request
names the call by its agent's extension, which the engine has to find the call by, the rest by its
id. Ends with 1 where one failed, or where the 99th percentile is over the limit.

\b
  python -m tests.bench.pauses                  an engine with 1000 calls that are connected
  python -m tests.bench.pauses --memory         the interface alone, with calls in memory
  python -m tests.bench.pauses --spool FOLDER   the engine that runs on this spool, and the
                                                connected calls that it has
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import gevent
from gevent import socket

from ivr.engine.asking import RunningEngine
from ivr.errors import SetupError

from .contender import CONTENDERS, Place, Running
from .load import Load, Spread
from .measure import Driver, free_ports

LIMIT_MS = 25.0
"""What the 99th percentile may be, at most."""
RATE = 50.0
"""Requests a second."""
Route = Literal["calls", "extensions"]
"""How a request names its call."""
ROUTES: tuple[Route, ...] = ("calls", "extensions")
_ARRIVALS = 100.0
"""Calls a second that come before the requests do."""
_AGAIN_S = 0.1
_SETTLING_S = 10.0
"""From the last call's arrival until all are connected, at most."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked."""

    port: int
    """On 127.0.0.1."""
    token: str
    calls: Sequence[str]
    """Ids of connected calls, enough that no two requests meet on one of them."""
    extensions: Sequence[str]
    """Of the agents in those calls, in the same order."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it."""

    answered: Spread
    """Milliseconds from when a request was due to the end of its answer."""
    late: Spread
    """Milliseconds that requests were begun too late: the driver's own fault."""
    failed: dict[str, int]
    """How often which answer came that was not 200."""

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return not self.failed and 0 < self.answered.p99 <= LIMIT_MS


def measure(target: Target, rate: float = RATE, seconds: float = 40.0) -> dict[Route, Measured]:
    """Pause all calls in turn, then resume them in turn, and so on, by each route in turn."""
    named = {"calls": target.calls, "extensions": target.extensions}
    answered: dict[Route, list[float]] = {route: [] for route in ROUTES}
    late: dict[Route, list[float]] = {route: [] for route in ROUTES}
    failed: dict[Route, Counter[str]] = {route: Counter() for route in ROUTES}
    began = time.perf_counter()

    def ask(number: int) -> None:
        due = began + number / rate
        gevent.sleep(max(0.0, due - time.perf_counter()))
        route = ROUTES[number % len(ROUTES)]
        late[route].append((time.perf_counter() - due) * 1000)
        turn, index = divmod(number, len(target.calls))
        verb = "resume" if turn % 2 else "pause"
        try:
            status = _post(target, f"/v1/{route}/{named[route][index]}/recording/{verb}")
        except OSError as error:
            status = type(error).__name__
        answered[route].append((time.perf_counter() - due) * 1000)
        if status != "200":
            failed[route][status] += 1

    gevent.joinall([gevent.spawn(ask, number) for number in range(int(rate * seconds))])
    return {
        route: Measured(Spread.of(answered[route]), Spread.of(late[route]), dict(failed[route]))
        for route in ROUTES
    }


def _post(target: Target, path: str) -> str:
    """The status of the answer, once all of it is there."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=30) as link:
        link.sendall(
            f"POST {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n"
            f"Authorization: Bearer {target.token}\r\n\r\n".encode()
        )
        answer = b""
        while data := link.recv(65_536):
            answer += data
    words = answer.split(b" ", 2)
    return words[1].decode("ascii", "replace") if len(words) > 2 else "no answer"


@contextmanager
def in_memory(calls: int, confirm_ms: float) -> Iterator[Target]:
    """An interface in another process, with so many calls, and a FreeSWITCH that confirms."""
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.pauses", "--serve", folder,
             "--calls", str(calls), "--confirm-ms", str(confirm_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told: dict[str, Any] = json.loads(process.stdout.readline())
            yield Target(**told)
        finally:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def _serve(folder: Path, calls: int, confirm_ms: float) -> None:
    """The other process; ends when its standard input does."""
    from ivr import logs
    from tests.api.fake import ONE, Api, FakeCalls

    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process is there
    logs.set_up("json")
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(calls)]
    fake = FakeCalls(*(ONE._replace(call=each, extension=each) for each in ids))
    fake.before_answer = lambda: gevent.sleep(confirm_ms / 1000)
    api = Api(folder, fake)
    told = {"port": api.server.port, "token": api.all, "calls": ids, "extensions": ids}
    print(json.dumps(told), flush=True)
    gevent.socket.wait_read(sys.stdin.fileno())
    api.close()


@contextmanager
def under_engine(calls: int, seconds: float) -> Iterator[Target]:
    """An engine of its own whose calls, on the bench's switch, are connected for so long."""
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as folder:
        place = Place(Path(folder), *free_ports(3))
        driver = Driver(place.inbound_port)
        try:
            engine = Running(CONTENDERS["engine"], place)
            try:
                arriving_s = calls / _ARRIVALS
                talk_s = arriving_s + _SETTLING_S + seconds
                load = Load(place.port, _ARRIVALS, calls, talk_ms=int(talk_s * 1000))
                threading.Thread(
                    target=driver.run, args=(load, lambda progress: None), daemon=True
                ).start()
                spool = next(place.folder.rglob("engine.pid")).parent
                deadline = time.monotonic() + arriving_s + _SETTLING_S
                while len(_connected(spool).calls) < calls and time.monotonic() < deadline:
                    time.sleep(_AGAIN_S)
                yield running(spool)
            finally:
                engine.stop()
        finally:
            driver.stop()


def _connected(spool: Path) -> Target:
    """The connected calls; none while the engine is starting."""
    try:
        engine = RunningEngine.of(spool)
        calls = [call for call in engine.calls() if call.phase == "connected"]
    except SetupError:
        return Target(0, "", (), ())
    ids, extensions = [call.call for call in calls], [call.extension for call in calls]
    return Target(engine.address.port, engine.secret, ids, extensions)


def running(spool: Path) -> Target:
    """The engine of a spool, and its connected calls. Raises SetupError where there is none."""
    RunningEngine.of(spool)
    connected = _connected(spool)
    if not connected.calls:
        raise click.ClickException("the engine has no connected call")
    return connected


@click.command(help=__doc__)
@click.option("--spool", type=click.Path(file_okay=False, path_type=Path))
@click.option("--memory", is_flag=True, help="No engine: calls in memory.")
@click.option("--calls", default=1000, show_default=True, help="Connected meanwhile.")
@click.option("--confirm-ms", default=2.0, show_default=True, help="Of FreeSWITCH, in memory.")
@click.option("--rate", default=RATE, show_default=True)
@click.option("--seconds", default=40.0, show_default=True)
@click.option("--serve", type=click.Path(file_okay=False, path_type=Path), hidden=True)
def main(
    spool: Path | None,
    memory: bool,
    calls: int,
    confirm_ms: float,
    rate: float,
    seconds: float,
    serve: Path | None,
) -> None:
    """See the module."""
    if serve is not None:
        _serve(serve, calls, confirm_ms)
        return
    if spool is not None:
        every = measure(running(spool), rate, seconds)
    else:
        kind = in_memory(calls, confirm_ms) if memory else under_engine(calls, seconds)
        with kind as target:
            every = measure(target, rate, seconds)
    for route, found in every.items():
        for what, spread in (("answered", found.answered), ("driver late", found.late)):
            click.echo(
                f"/v1/{route} {what}: {spread.count} requests, p50 {spread.p50} ms,"
                f" p90 {spread.p90} ms, p99 {spread.p99} ms, longest {spread.longest} ms"
            )
        for status, count in sorted(found.failed.items()):
            click.echo(f"/v1/{route} failed: {count} with {status}")
    if not all(found.well for found in every.values()):
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.pauses")
