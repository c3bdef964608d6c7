"""The group ``ivr retention``: what keeps and destroys recordings (R12 to R18)."""

from __future__ import annotations

import click

from ivr.cli_retention_check import check
from ivr.cli_retention_run import run


@click.group()
def retention() -> None:
    """Keep recordings for as long as the schedule says, and destroy them then."""


retention.add_command(check)
retention.add_command(run)
