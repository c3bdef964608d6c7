"""What the commands of the retention layer have in common."""

from __future__ import annotations

import os
from pathlib import Path

import click

DEFAULT_RETENTION = Path("deploy/retention.yaml")
INSTALLED_RETENTION = Path("/etc/ivr/retention.yaml")


def _default_retention() -> Path:
    # os.path, since Path.exists() raises where a folder may not be looked into.
    return DEFAULT_RETENTION if os.path.exists(DEFAULT_RETENTION) else INSTALLED_RETENTION


retention_option = click.option(
    "--site",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="IVR_RETENTION",
    show_envvar=True,
    default=_default_retention,
    show_default=f"{DEFAULT_RETENTION} here, else {INSTALLED_RETENTION}",
    help="The retention layer's file; the schedule and who may what follow from it.",
)
