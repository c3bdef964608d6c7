"""Speed, side by side: this engine and a stock greenswitch application under one load; what pausing
takes; what it takes that nothing is lost; and what keeping a million recordings takes.

The load is made by a driver process that plays FreeSWITCH; figures of the measured process
come from /proc. Writes figures.json and figures.png into the output folder. Exits 1 where
a contender could not be started, a call failed, or an aim is missed.

\b
  python -m tests.bench                         everything (about 25 minutes)
  python -m tests.bench --quick                 a smoke run, about two minutes
  python -m tests.bench -s calls -c stock       one scenario, one contender
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from .aims import Aim, of_http, of_keys, of_proof, print_aims
from .contender import CONTENDERS
from .keeping import of_audit, of_index, of_taking
from .lasting import of_growth, of_journal, of_repair, of_start
from .load import Load, Progress
from .measure import Figures, Scenario, measure
from .report import draw, print_table, write_json

SUSTAINED = 100.0
"""Calls a second that every contender bears on one core, with room to spare."""

PIPED_WIDTH = 130
"""Columns of a table that goes into a file."""


def scenarios(quick: bool, rate: float) -> list[Scenario]:
    """The three questions: what a call costs, what many at once take, whether memory grows."""
    both = ("stock", "stock-no-pause", "engine")
    seconds = 3 if quick else 20
    connected, keys = (100, 60) if quick else (1000, 1000)
    many = 300 if quick else 5000
    ramp = 100.0 if quick else 200.0
    up_ms = int(many / ramp * 1000) + 10_000
    return [
        Scenario(
            "calls",
            "what a call costs, at a rate that all sustain",
            Load(0, rate, int(rate * seconds)),
            both,
        ),
        Scenario(
            "busy",
            "what a call costs where the processor never rests in between",
            Load(0, 600.0, 600 * seconds),
            ("engine",),
        ),
        Scenario(
            "many",
            f"{many} calls at once",
            Load(0, ramp, many, talk_ms=up_ms),
            ("engine",),
        ),
        Scenario(
            "long",
            "memory over many calls",
            Load(0, 150.0, 1000 if quick else 20_000, prompt_ms=1000, talk_ms=1000),
            ("engine",),
        ),
        Scenario(
            "keys",
            f"from an agent's key to the mask: {connected} calls connected, others come and go",
            Load(0, 20.0, connected + keys + 1200, stay=connected, keys=keys),
            ("stock-codes", "engine"),
        ),
    ]


PAUSING: dict[str, Callable[[bool], list[Aim]]] = {"http": of_http, "proof": of_proof}
"""What is measured besides, by name: requests of payment pages, and reading back an hour."""
LASTING: dict[str, Callable[[bool], list[Aim]]] = {
    "start": of_start,
    "journal": of_journal,
    "repair": of_repair,
    "growth": of_growth,
}
"""What it takes that nothing is lost, by name."""
KEEPING: dict[str, Callable[[bool], list[Aim]]] = {
    "index": of_index,
    "audit": of_audit,
    "taking": of_taking,
}
"""What the retention layer takes with a million recordings, by name."""
PAUSING_COMPARED = "compared with: stock greenswitch that obeys codes; the wave module and numpy"
LASTING_COMPARED = (
    "compared with: a start on an empty spool; json.dumps, write and fdatasync for each entry;"
    " hashing the file; a hub that watches nothing"
)
KEEPING_COMPARED = "compared with: nothing"
NAMES = [*(s.name for s in scenarios(True, SUSTAINED)), *PAUSING, *LASTING, *KEEPING]


@click.command(help=__doc__)
@click.option("-s", "--scenario", "wanted", multiple=True, type=click.Choice(NAMES))
@click.option(
    "-c",
    "--contender",
    "only",
    multiple=True,
    type=click.Choice(list(CONTENDERS)),
    help="Measure these, in every scenario chosen.  [default: as each scenario says]",
)
@click.option("--rate", default=SUSTAINED, show_default=True, help="Calls a second of `calls`.")
@click.option("--quick", is_flag=True, help="Small loads: shows that it works, measures little.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/bench"),
    show_default=True,
    help="Where the JSON and the picture go.",
)
@click.option(
    "--growth",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw how the index grows, up to a million recordings (docs/growth.svg).",
)
@click.option("--keep", is_flag=True, help="Keep the contenders' folders and logs in the output.")
def main(
    wanted: tuple[str, ...],
    only: tuple[str, ...],
    rate: float,
    quick: bool,
    output: Path,
    growth: Path | None,
    keep: bool,
) -> None:
    """Run the scenarios one after the other."""
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    output.mkdir(parents=True, exist_ok=True)
    chosen = [s for s in scenarios(quick, rate) if not wanted or s.name in wanted]
    found: list[Figures] = []
    troubles: list[str] = []
    for scenario in chosen:
        for name in only or scenario.contenders:
            contender = CONTENDERS[name]
            label = f"{scenario.name}: {contender.title}"
            with console.status(label) as status:

                def tell(progress: Progress, label: str = label) -> None:
                    status.update(
                        f"{label}: {progress.started} begun, {progress.open} open, "
                        f"{progress.completed} done, {progress.failed} failed"
                    )

                try:
                    figures = measure(contender, scenario, output if keep else None, tell)
                except click.ClickException as error:
                    troubles.append(f"{label}: {error.message}")
                    console.print(f"[red]{label}:[/red] {error.message}", highlight=False)
                    continue
            found.append(figures)
            console.print(
                f"{label}: {figures.outcome.completed} calls, "
                f"{figures.cpu_ms_a_call:.2f} ms of CPU each",
                highlight=False,
            )
    pausing, lasting, keeping = of_keys(found), list[Aim](), list[Aim]()
    drawn = KEEPING | {"index": partial(of_index, growth=growth)}
    for measured, aims in ((PAUSING, pausing), (LASTING, lasting), (drawn, keeping)):
        for name, take in measured.items():
            if (not wanted and not only) or name in wanted:
                with console.status(name):
                    aims += take(quick)
    if found:
        print_table(console, chosen, found)
        draw(output / "figures.png", chosen, found)
        console.print(f"Written: {output / 'figures.png'}")
    if pausing:
        print_aims(console, "pausing, against its aims", PAUSING_COMPARED, pausing)
    if lasting:
        print_aims(console, "losing nothing, against its aims", LASTING_COMPARED, lasting)
    if keeping:
        print_aims(console, "keeping, against its aims", KEEPING_COMPARED, keeping)
    write_json(output / "figures.json", chosen, found, [*pausing, *lasting, *keeping])
    console.print(f"Written: {output / 'figures.json'}")
    failed = any(figures.outcome.failed for figures in found)
    if troubles or failed or not all(aim.met for aim in (*pausing, *lasting, *keeping)):
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench")
