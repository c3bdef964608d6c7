"""The index of the retention layer with a million recordings: the daily plan, searching, taking in
and destroying (R12, R14).

``python -m tests.bench.retention_index`` fills an index in a process of its own, and measures in
others, each with nothing in its memory but what it needs. ``--plot docs/growth.svg`` does so for
10,000, 100,000 and 1,000,000 recordings, and draws how each figure grows with them.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import click
from sqlalchemy import insert

from ivr.core.schedule import Period, Rule, Schedule
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.numbers import PlainNumbers
from ivr.retention.index.recordings import Recordings
from ivr.retention.index.tables import case_recording
from ivr.retention.model import Part, Query, Recording

from .contender import REPOSITORY

RECORDINGS = 1_000_000
GROWING = (10_000, 100_000, 1_000_000)
TITLE = "How the index grows: plan, memory, search and changes a second, by recordings"
PLAN_S, PLAN_MIB, SEARCH_MS, ADDED, DESTROYED = 5.0, 300.0, 50.0, 500.0, 1000.0
"""The aims: at most so long and so much, at least so many a second."""
BATCH = 500
FIRST = date(2026, 1, 1)
DAYS = 184
"""As many days as there are recordings of: no more are kept, but those in cases."""
TODAY = FIRST + timedelta(DAYS - 1)
HALF_DUE = TODAY + timedelta(DAYS // 2)
"""Nobody destroyed anything for three months."""
IN_CASES = 20
"""One of so many belongs to a case."""
A_CASE = 5
"""Recordings of one."""
SCHEDULE = Schedule(
    "bench",
    (
        Rule("general", Period.of("6 months")),
        Rule("complaint", Period.of("2 years"), case="complaint"),
        Rule("tax", Period.of("3 months"), team="team-7"),
    ),
)
_TEAMS, _AGENTS, _CALLERS = 12, 200, 200_000


def recordings(count: int, seed: int = 1) -> Iterator[tuple[Recording, str]]:
    """So many, as a council with twelve teams has them over six months, in order of time."""
    chance = random.Random(seed)
    for number in range(count):
        day = FIRST + timedelta(number * DAYS // count)
        call = f"{chance.getrandbits(128):032x}"
        call = "-".join((call[:8], call[8:12], call[12:16], call[16:20], call[20:]))
        parts = tuple(
            Part(f"{call}{more}.flac", 700_000, f"{chance.getrandbits(256):064x}")
            for more in ("", ".2")[: 1 + (number % 30 == 0)]
        )
        yield (
            Recording(
                call=call,
                day=day,
                ended_ms=(day - date(1970, 1, 1)).days * 86_400_000 + chance.randrange(86_400_000),
                team=f"team-{chance.randrange(_TEAMS)}",
                route="main-line",
                direction="outbound" if number % 5 == 0 else "inbound",
                policy="2026-01" if number * 2 < count else "2026-04",
                state="kept",
                ended="caller/NORMAL_CLEARING",
                duration_ms=chance.randrange(600_000),
                record_name=f"{call}.json",
                record_sha256=f"{chance.getrandbits(256):064x}",
                format="flac",
                sealed=False,
                parts=parts,
                marks=("abuse",) if number % 1000 == 0 else (),
                agents=(f"1{chance.randrange(_AGENTS):03d}",),
            ),
            f"+44{1_277_000_000 + chance.randrange(_CALLERS) * 37}",
        )


class Opened:
    """The parts of an index in a folder."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.open(f"sqlite:///{folder}/index.db")
        self.recordings = Recordings(self.database, PlainNumbers())
        self.cases = Cases(self.database)
        self.destroying = Destroying(self.database)


def fill(folder: Path, count: int) -> dict[str, float]:
    """Take so many in, in batches that are each durable, and open cases."""
    here = Opened(folder)
    source = recordings(count)
    named: list[str] = []
    taken_s = 0.0
    while batch := list(islice(source, BATCH)):
        began = time.perf_counter()
        here.recordings.add(batch)
        taken_s += time.perf_counter() - began
        named += [each.call for each, _ in batch[::IN_CASES]]
    with here.database.writing() as connection:
        rows = []
        for number, call in enumerate(named):
            ref = f"C-{number // A_CASE}"
            if number % A_CASE == 0:
                here.cases.open(ref, "complaint", "bench", number, connection)
                if number % 2:
                    here.cases.close(ref, TODAY, connection)
            rows.append({"ref": ref, "call": call})
        connection.execute(insert(case_recording), rows)
    here.database.forget()
    return {"added": count / taken_s, "bytes": (folder / "index.db").stat().st_size}


def plan(folder: Path, today: date) -> dict[str, float]:
    """What is due, each looked at and forgotten."""
    here = Opened(folder)
    began = time.perf_counter()
    due = sum(1 for _ in here.destroying.due(SCHEDULE, today))
    taken_s = time.perf_counter() - began
    return {"seconds": taken_s, "due": due, "mib": _mib()}


def search(folder: Path) -> dict[str, float]:
    """The median of each kind of search over several values, and that of the slowest kind."""
    here = Opened(folder)
    took: dict[str, list[float]] = {}
    for turn, (each, number) in enumerate(islice(recordings(1000), 0, 1000, 45)):
        for name, query in _queries(each, number).items():
            began = time.perf_counter()
            here.recordings.search(query)
            # The first of each is made ready for the database; a service does that once.
            if turn:
                took.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    found = {name: sorted(all_ms)[len(all_ms) // 2] for name, all_ms in took.items()}
    return {**found, "slowest": max(found.values())}


def _queries(each: Recording, number: str) -> dict[str, Query]:
    month = {"since": each.day, "until": each.day + timedelta(30)}
    teams = frozenset({"team-1", "team-5", "nobody"})
    return {
        "number": Query(number=number),
        "number and days": Query(number=number, **month),
        "tail": Query(tail=number[-4:]),
        "days": Query(**month),
        "team": Query(team=each.team),
        "team and days": Query(team=each.team, **month),
        "teams": Query(teams=teams, **month),
        "no such team": Query(team="nobody", **month),
        "agent": Query(agent=each.agents[0]),
        "agent of teams": Query(agent=each.agents[0], teams=frozenset({"nobody"})),
        "mark": Query(mark="abuse"),
        "mark and days": Query(mark="abuse", **month),
        "mark and agent": Query(mark="abuse", agent=each.agents[0]),
        "case": Query(case="C-3"),
        "all": Query(),
    }


def destroy(folder: Path, most: int) -> dict[str, float]:
    """So many leave the index, in batches that are each durable; then nothing is left of them."""
    here = Opened(folder)
    due = [each.call for each in islice(here.destroying.due(SCHEDULE, HALF_DUE), most)]
    began = time.perf_counter()
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        here.destroying.claim(batch, SCHEDULE, HALF_DUE, 0)
        here.destroying.finish(batch, HALF_DUE)
        here.database.forget()
    middle = time.perf_counter()
    here.database.forget(thorough=True)
    return {
        "destroyed": len(due) / (middle - began),
        "count": len(due),
        "thorough": time.perf_counter() - middle,
        "mib": _mib(),
    }


_STEPS: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "fill": fill,
    "plan": lambda folder, _: plan(folder, TODAY),
    "half": lambda folder, _: plan(folder, HALF_DUE),
    "search": lambda folder, _: search(folder),
    "destroy": lambda folder, count: destroy(folder, min(20_000, count // 4)),
}
Figures = dict[str, dict[str, float]]


def measure(count: int, tell: Callable[[str], None] = lambda text: None) -> Figures:
    """Each step in a process of its own, one after the other, on one index."""
    found: Figures = {}
    with _folder() as folder:
        for step in _STEPS:
            tell(f"{count:,} recordings: {step}")
            words = [sys.executable, "-m", "tests.bench.retention_index", "--step", step]
            words += ["--folder", str(folder), "--recordings", str(count)]
            done = subprocess.run(
                words, check=True, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
            )
            found[step] = json.loads(done.stdout)
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as name:
        yield Path(name)


def draw(path: Path, found: dict[int, Figures]) -> None:
    """How the figures grow with the number of recordings."""
    import matplotlib  # here, since it is slow to import and only this needs it

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "ivr"
    from matplotlib import pyplot

    counts = sorted(found)
    panels = (
        ("daily plan, s", PLAN_S, "under", {
            "one day is due": [found[n]["plan"]["seconds"] for n in counts],
            "half is due": [found[n]["half"]["seconds"] for n in counts],
        }),
        ("memory of the plan, MiB", PLAN_MIB, "under", {
            "one day is due": [found[n]["plan"]["mib"] for n in counts],
            "half is due": [found[n]["half"]["mib"] for n in counts],
        }),
        ("search, ms", SEARCH_MS, "under", {
            "by number": [found[n]["search"]["number"] for n in counts],
            "the slowest kind": [found[n]["search"]["slowest"] for n in counts],
        }),
        ("recordings a second", DESTROYED, "at least", {
            "taken into the index": [found[n]["fill"]["added"] for n in counts],
            "destroyed in the index": [found[n]["destroy"]["destroyed"] for n in counts],
        }),
    )  # fmt: skip
    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6), layout="constrained")
    for axis, (title, aim, kind, lines) in zip(axes.flat, panels, strict=True):
        for name, values in lines.items():
            axis.plot(counts, values, marker="o", label=name)
        axis.axhline(aim, linestyle="--", color="grey", label=f"aim: {kind} {aim:g}")
        axis.set(title=title, xscale="log", yscale="log", xlabel="recordings in the index")
        axis.legend(fontsize="small")
        axis.grid(visible=True, alpha=0.3)
    figure.savefig(path, metadata={"Date": None, "Title": TITLE})
    pyplot.close(figure)


def _mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@click.command(help=__doc__)
@click.option("--recordings", "count", default=RECORDINGS, show_default=True)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Where to draw.")
@click.option("--step", type=click.Choice(list(_STEPS)), hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(count: int, plot: Path | None, step: str | None, folder: Path | None) -> None:
    """Measure, and print the figures."""
    if step is not None and folder is not None:
        click.echo(json.dumps(_STEPS[step](folder, count)))
        return
    found: dict[int, Figures] = {}
    for many in GROWING if plot else (count,):
        found[many] = measure(many, lambda text: click.echo(text, err=True))
        click.echo(json.dumps({many: found[many]}, indent=1))
    if plot:
        draw(plot, found)
        click.echo(f"Written: {plot}")


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.retention_index")
