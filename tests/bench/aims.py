"""What pausing may take (R6, R7), and whether it did; how aims are told, those of others too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from . import pauses, proof
from .measure import Figures

KEYS_MS = 20.0
"""An agent's key to FreeSWITCH's having confirmed the mask, 99th percentile, at most."""


@dataclass(frozen=True, slots=True)
class Aim:
    """One figure and what it has to be under."""

    what: str
    unit: str
    figure: float
    under: float | None
    """None for a figure that is told beside those that have an aim."""
    compared: float | None = None
    """The same figure of what the engine is compared with, of the same run."""
    trouble: str = ""
    """Why the figure means nothing."""

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return not self.trouble and self.figure > 0 and (not self.under or self.figure < self.under)


def of_keys(figures: Sequence[Figures]) -> list[Aim]:
    """Agents' keys, where that load was placed on the engine."""
    found = {f.contender: f.outcome for f in figures if f.scenario == "keys"}
    engine, stock = found.get("engine"), found.get("stock-codes")
    if engine is None:
        return []
    return [
        Aim(
            "agent's key to confirmed mask, p99",
            "ms",
            engine.masked_after.p99,
            KEYS_MS,
            stock.masked_after.p99 if stock else None,
            "; ".join(engine.reasons),
        )
    ]


def of_http(quick: bool) -> list[Aim]:
    """Requests of payment pages, on an engine with connected calls."""
    calls, seconds = (50, 4.0) if quick else (1000, 40.0)
    with pauses.under_engine(calls, seconds) as target:
        found = pauses.measure(target, seconds=seconds)
    return [
        Aim(
            f"HTTP call to its answer, /v1/{route}, {calls} calls, p99",
            "ms",
            each.answered.p99,
            pauses.LIMIT_MS,
            trouble=", ".join(f"{count} with {why}" for why, count in each.failed.items()),
        )
        for route, each in found.items()
    ]


def of_proof(quick: bool) -> list[Aim]:
    """Reading back an hour."""
    runs = 1 if quick else 3
    engine, plain = proof.measure(runs), proof.measure(runs, plainly=True)
    return [
        Aim("proving an hour of stereo", "s", engine.seconds, proof.AIM_SECONDS, plain.seconds),
        Aim(
            "peak memory of that process",
            "MiB",
            engine.peak_mib,
            proof.AIM_MIB,
            plain.peak_mib,
        ),
    ]


def print_aims(console: Console, title: str, caption: str, aims: Sequence[Aim]) -> None:
    """One line an aim."""
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for heading in ("", "this engine", "compared with", "aim", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for aim in aims:
        verdict = "met" if aim.under else ""
        table.add_row(
            aim.what,
            f"{aim.figure:.3g} {aim.unit}",
            "" if aim.compared is None else f"{aim.compared:.3g} {aim.unit}",
            f"under {aim.under:g}" if aim.under else "",
            verdict if aim.met else f"missed {aim.trouble}".strip(),
        )
    console.print(table)
