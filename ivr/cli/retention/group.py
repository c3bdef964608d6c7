"""The group ``ivr retention``: what keeps and destroys recordings (R12 to R18)."""

from __future__ import annotations

import click

from ivr.cli.retention.check import check
from ivr.cli.retention.plan import plan, schedule, stats
from ivr.cli.retention.run import run
from ivr.cli.retention.sweep import sweep
from ivr.cli.retention.token import token


@click.group()
def retention() -> None:
    """Keep recordings for as long as the schedule says, and destroy them then."""


for _command in (check, run, sweep, plan, stats, schedule, token):
    retention.add_command(_command)
