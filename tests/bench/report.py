"""What people see of the figures: a table, JSON, a picture."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .aims import Aim
from .contender import CONTENDERS
from .load import Spread
from .measure import Figures, Scenario


def _spread(spread: Spread) -> str:
    return f"{spread.p50:.1f} / {spread.p99:.1f} / {spread.longest:.1f}"


MEASURES: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("calls a second, really begun", lambda f: f"{f.outcome.rate:g}"),
    ("calls done", lambda f: str(f.outcome.completed)),
    ("calls failed", lambda f: str(f.outcome.failed)),
    ("calls at once, at most", lambda f: str(f.outcome.peak_open)),
    ("CPU a call, ms", lambda f: f"{f.cpu_ms_a_call:.2f}"),
    ("CPU under load, % of a core", lambda f: f"{f.cpu_share * 100:.0f}"),
    ("connect to first byte, ms", lambda f: _spread(f.outcome.first_byte)),
    ("end of prompt to next command, ms", lambda f: _spread(f.outcome.next_command)),
    ("resident memory at most, MiB", lambda f: f"{f.rss_peak_mib:.0f}"),
    ("driver: connect(), ms", lambda f: _spread(f.outcome.connecting)),
    ("driver: lateness, ms", lambda f: _spread(f.outcome.lateness)),
    ("driver: CPU, % of a core", lambda f: f"{f.outcome.driver_busy * 100:.0f}"),
)
"""The rows of a table."""
GROWTH: tuple[str, Callable[[Figures], str]] = (
    "growth in the last 3/4, MiB",
    lambda f: f"{f.rss_growth_mib:+.1f}",
)
"""Means something only where the number of calls at once is steady for long."""

KEYS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("pauses that agents keyed", lambda f: str(f.outcome.masked_after.count)),
    ("agent's key to confirmed mask, ms", lambda f: _spread(f.outcome.masked_after)),
    ("  of that the client's part, ms", lambda f: _spread(f.outcome.mask_reacted)),
    ("agent's key to confirmed unmask, ms", lambda f: _spread(f.outcome.unmasked_after)),
)
"""Of a load in which agents key codes."""


def _measures(scenario: Scenario) -> tuple[tuple[str, Callable[[Figures], str]], ...]:
    if scenario.load.keys:
        return MEASURES + KEYS
    return MEASURES + ((GROWTH,) if scenario.name == "long" else ())


def print_table(
    console: Console, scenarios: Sequence[Scenario], all_figures: Sequence[Figures]
) -> None:
    """One table a scenario."""
    for scenario in scenarios:
        rows = [f for f in all_figures if f.scenario == scenario.name]
        if not rows:
            continue
        load = scenario.load
        table = Table(
            title=f"{scenario.title}: {load.calls} calls, {load.rate:g} a second ({load.arrivals})",
            caption="times: p50 / p99 / longest",
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("")
        for row in rows:
            table.add_column(CONTENDERS[row.contender].title, justify="right")
        for heading, show in _measures(scenario):
            table.add_row(heading, *(show(row) for row in rows))
        console.print(table)
        for row in rows:
            for why, count in sorted(row.outcome.reasons.items()):
                console.print(f"  {CONTENDERS[row.contender].title}: {count} failed: {why}")


def write_json(
    path: Path,
    scenarios: Sequence[Scenario],
    all_figures: Sequence[Figures],
    aims: Sequence[Aim],
) -> None:
    """Everything, with what it was measured on."""
    content = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "contenders": {name: one.does for name, one in CONTENDERS.items()},
        "scenarios": [dataclasses.asdict(s) for s in scenarios],
        "figures": [dataclasses.asdict(f) for f in all_figures],
        "aims": [{**dataclasses.asdict(aim), "met": aim.met} for aim in aims],
    }
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def draw(path: Path, scenarios: Sequence[Scenario], all_figures: Sequence[Figures]) -> None:
    """CPU, both reaction times, and memory over the calls."""
    import matplotlib  # here, since it is slow to import and only this needs it

    matplotlib.use("agg")
    from matplotlib import pyplot

    titles = [f"{f.contender}\n{f.scenario}" for f in all_figures]
    places = range(len(all_figures))
    picture, axes = pyplot.subplots(2, 2, figsize=(13, 8), layout="constrained")
    cpu, memory, first, command = axes.flat
    bars = cpu.bar(places, [f.cpu_ms_a_call for f in all_figures], color="#1d70b8")
    cpu.bar_label(bars, fmt="%.2f")
    cpu.set_title("CPU a call, ms")
    for axis, title, spreads in (
        (first, "connect to first byte, ms", [f.outcome.first_byte for f in all_figures]),
        (
            command,
            "end of prompt to next command, ms",
            [f.outcome.next_command for f in all_figures],
        ),
    ):
        for shift, label, values, colour in (
            (-0.2, "p50", [s.p50 for s in spreads], "#85994b"),
            (0.2, "p99", [s.p99 for s in spreads], "#d4351c"),
        ):
            bars = axis.bar([p + shift for p in places], values, 0.4, label=label, color=colour)
            axis.bar_label(bars, fmt="%.1f", fontsize=8)
        axis.set_yscale("log")
        axis.axhline(5, color="#505a5f", linestyle=":", linewidth=1)
        axis.set_title(title)
        axis.legend()
    for axis in (cpu, first, command):
        axis.set_xticks(list(places), titles, fontsize=8)
    for figures in all_figures:
        samples = figures.samples
        memory.plot(
            [s.seconds for s in samples],
            [s.rss_mib for s in samples],
            label=f"{figures.contender}, {figures.scenario}",
        )
    memory.set_title("resident memory over the load, MiB")
    memory.set_xlabel("seconds")
    memory.legend(fontsize=8)
    picture.suptitle("; ".join(f"{s.name}: {s.title}" for s in scenarios), fontsize=8)
    picture.savefig(path, dpi=110)
    pyplot.close(picture)
