"""``ivr retention check``: every mistake in what the retention layer is told (R20)."""

from __future__ import annotations

from pathlib import Path

import click

from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say


@click.command(
    epilog=examples("ivr retention check", "ivr retention check --site /etc/ivr/retention.yaml")
)
@retention_option
def check(site: Path) -> None:
    """Read retention.yaml, the schedule and who may what; print every mistake with its place.

    Exits with 1 where there is one. Files of passwords are read, too: run it as the service's
    user, or as root.
    """
    from ivr.config.reading import read
    from ivr.config.retention import check_retention, load_retention

    mistakes = check_retention(site)
    for mistake in mistakes:
        say(str(mistake))
    if mistakes:
        click.get_current_context().exit(1)
    found = load_retention(site)
    schedule, access = found.schedule, found.access
    decided = read(found.site.schedule)
    say(
        f"well: schedule {schedule.version} of {decided.text('date')} ({decided.text('officer')}),"
        f" {len(schedule.rules)} rules, {len(schedule.kinds)} kinds of case;"
        f" {len(access.roles)} roles, {len(access.people)} people, {len(access.groups)} groups"
    )
