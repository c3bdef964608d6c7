"""``ivr retention sweep``: the daily destruction of what is due (R14)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.retention.progress import progress
from ivr.cli.retention.view import counted, size_of
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say
from ivr.errors import StoreError, UsageError

if TYPE_CHECKING:
    from ivr.core.schedule import Schedule
    from ivr.retention.sweep import Sweep


@click.command(
    epilog=examples(
        "sudo -u ivr-retention ivr retention sweep --dry-run",
        "sudo -u ivr-retention ivr retention sweep",
    )
)
@retention_option
@click.option("--dry-run", is_flag=True, help="Say what it would destroy; change nothing.")
@click.option(
    "--clock-is-right",
    is_flag=True,
    help="You have looked at the host's clock, which went back or far ahead.",
)
def sweep(site: Path, dry_run: bool, clock_is_right: bool) -> None:
    """Destroy what is due today: for the service's own user, once a day by a timer.

    Nothing is destroyed where the clock went back by more than a day or ahead by more than a
    week, or where the index is not the one that holds this archive's cases; it then ends with 7.
    """
    from ivr import logs
    from ivr.config.retention import load_retention
    from ivr.retention.store import open_store

    if dry_run and clock_is_right:
        raise UsageError("--clock-is-right is remembered, and --dry-run changes nothing")
    configuration = load_retention(site)
    chosen = configuration.site.log
    logs.set_up(chosen.format, chosen.level, chosen.numbers)
    store = open_store(configuration)
    try:
        made = store.sweep()
        if dry_run:
            _rehearse(made, configuration.schedule)
        else:
            _run(made, configuration.schedule, clock_is_right)
    finally:
        store.close()


def _rehearse(made: Sweep, schedule: Schedule) -> None:
    due = Counter((one.rule, one.due) for one in made.would(schedule))
    for (rule, day), number in sorted(due.items(), key=str):
        say(f"{counted(number, 'recording')} by rule {rule}, due on {day}")
    say(f"would destroy {counted(due.total(), 'recording')} today, {made.today()}")
    _say_left(made.waiting(schedule))


def _run(made: Sweep, schedule: Schedule, clock_is_right: bool) -> None:
    with progress("destroying") as update:
        total = None if clock_is_right else _due(made, schedule)
        gone = 0

        def more(number: int) -> None:
            nonlocal gone
            gone += number
            update(gone, total)

        swept = made.run(schedule, clock_is_right=clock_is_right, progress=more)
    toll = swept.toll
    say(
        f"destroyed {counted(toll.recordings, 'recording')} ({size_of(toll.bytes)}),"
        f" and {counted(swept.asides, 'file')} that had been set aside"
    )
    if swept.faults:
        click.echo("the audit trail has faults: ivr audit verify shows them", err=True)
    _say_left(swept.left)


def _say_left(number: int) -> None:
    """How many only the schedule would destroy that waits to be adopted."""
    if number:
        click.echo(
            f"{counted(number, 'recording')} more would go by the schedule in schedule.yaml,"
            " which nobody has adopted: ivr retention schedule",
            err=True,
        )


def _due(made: Sweep, schedule: Schedule) -> int | None:
    """How many are due, for the bar; what is wrong is told by the sweep itself."""
    try:
        return len(made.would(schedule))
    except StoreError:
        return None
