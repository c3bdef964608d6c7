"""Who is measured: how each process is started, and when it is ready."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from .procfs import listening

REPOSITORY = Path(__file__).resolve().parents[2]
NUMBER = "01427676676"
READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender runs."""

    folder: Path
    port: int
    """Of the outbound socket."""
    inbound_port: int
    """Where the driver offers FreeSWITCH's own event socket."""
    http_port: int


@dataclass(frozen=True, slots=True)
class Contender:
    """One program to measure."""

    name: str
    title: str
    does: str
    """What it does of a call, for the report."""
    argv: Callable[[Place], list[str]]
    """Writes what the program needs into the folder and says how to start it."""


class Running:
    """A contender's process."""

    def __init__(self, contender: Contender, place: Place) -> None:
        self.place = place
        self._log = place.folder / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                contender.argv(place),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=REPOSITORY,
                env=dict(os.environ, PYTHONUNBUFFERED="1"),
            )
        self.pid = self._process.pid
        try:
            self._await_ready(contender)
        except click.ClickException:
            self.stop()
            raise

    def _await_ready(self, contender: Contender) -> None:
        deadline = time.monotonic() + READY_S
        while not listening(self.place.port):
            ended = self._process.poll()
            if ended is not None or time.monotonic() > deadline:
                last = self._log.read_text(errors="replace").strip().splitlines()[-5:]
                how = f"ended with {ended}" if ended is not None else f"{READY_S:.0f} s passed"
                raise click.ClickException(
                    f"{contender.title} does not listen on port {self.place.port} ({how}). "
                    "The last lines of its log:\n  " + "\n  ".join(last)
                )
            time.sleep(0.05)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it: asked first, then killed."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _stock(*options: str, codes: bool = False) -> Callable[[Place], list[str]]:
    def argv(place: Place) -> list[str]:
        recordings = place.folder / "recordings"
        recordings.mkdir(exist_ok=True)
        return [
            *(sys.executable, "-m", "tests.bench.stock", "--port", str(place.port)),
            *("--folder", str(recordings), *options),
            *(("--codes", str(place.inbound_port)) if codes else ()),
        ]

    return argv


def _yaml(path: Path, content: object) -> None:
    """JSON is YAML, and quotes every text by itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def write_site(place: Place) -> Path:
    """A site of its own with one team and one number, and the repository's prompts."""
    catalogues = sorted((REPOSITORY / "prompts").glob("*.yaml"))
    if not catalogues:
        raise click.ClickException("prompts/ holds no catalogue, so the engine cannot be started")
    dialplan = place.folder / "dialplan"
    _yaml(
        dialplan / "policy.yaml",
        {
            "version": "1.0",
            "date": "2026-01-01",
            "officer": "bench",
            "defaults": {
                "language": catalogues[0].stem,
                "opt_out": {
                    "keys": "*#*",
                    "return_key": "1",
                    "inter_digit": "2s",
                    "confirm_wait": "5s",
                    "reminders": 2,
                },
                "ring": "30s",
                "longest_call": "4h",
                "without_recording": "refuse",
                "without_engine": "connect",
            },
        },
    )
    _yaml(dialplan / "teams" / "bench.yaml", {"name": "Bench"})
    _yaml(dialplan / "destinations.yaml", {"agent": {"dial": "sofia/lab/agent@127.0.0.1:5080"}})
    route = {"name": "bench", "numbers": [NUMBER], "team": "bench", "destination": "agent"}
    _yaml(dialplan / "routes.yaml", [route])
    site = place.folder / "ivr.yaml"
    _yaml(
        site,
        {
            "outbound": {
                "listen": f"127.0.0.1:{place.port}",
                "engines": [f"127.0.0.1:{place.port}"],
            },
            "freeswitch": {"host": "127.0.0.1", "port": place.inbound_port, "password": "bench"},
            "spool": str(place.folder / "spool"),
            "http": {"listen": f"127.0.0.1:{place.http_port}"},
            "log": {"format": "json", "level": "info"},
            "limits": {"connections": 20_000},
            "dialplan": str(dialplan),
            "prompts": str(REPOSITORY / "prompts"),
        },
    )
    return site


def _engine(place: Place) -> list[str]:
    (place.folder / "spool").mkdir(exist_ok=True)
    site = write_site(place)
    return [str(Path(sys.executable).parent / "ivr"), "serve", "--site", str(site)]


CONTENDERS = {
    one.name: one
    for one in (
        Contender(
            "stock",
            "stock greenswitch",
            "answers, plays, records, bridges, masks, unmasks; writes no record",
            _stock(),
        ),
        Contender(
            "stock-no-pause",
            "stock greenswitch, no pause",
            "answers, plays, records, bridges; writes no record",
            _stock("--no-pause"),
        ),
        Contender(
            "stock-filter",
            "stock greenswitch, filtered events",
            "as stock, with filter and event instead of myevents",
            _stock("--events", "filter"),
        ),
        Contender(
            "stock-codes",
            "stock greenswitch, codes",
            "as stock-no-pause, and masks and unmasks when an agent keys a code",
            _stock("--no-pause", codes=True),
        ),
        Contender(
            "engine",
            "this engine",
            "answers, plays, listens for opt-out, records, bridges, writes and syncs the record",
            _engine,
        ),
    )
}
"""By name. ``engine`` is the one that the others are compared with."""
