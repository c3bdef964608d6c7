"""What the commands of ``ivr`` have in common: options, and how they print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ivr.errors import DiskError

DEFAULT_SITE = Path("deploy/ivr.yaml")
INSTALLED_SITE = Path("/etc/ivr/ivr.yaml")


def _default_site() -> Path:
    # os.path, since Path.exists() raises where a folder may not be looked into.
    return DEFAULT_SITE if os.path.exists(DEFAULT_SITE) else INSTALLED_SITE


site_option = click.option(
    "--site",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="IVR_SITE",
    show_envvar=True,
    default=_default_site,
    show_default=f"{DEFAULT_SITE} here, else {INSTALLED_SITE}",
    help="The site's file; all other folders follow from it.",
)

spool_option = click.option(
    "--spool",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A spool's folder, in place of the site's.",
)


def say(text: str, *, nl: bool = True) -> None:
    """Print to standard output. Raises DiskError where that refuses, a full disk for one."""
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        raise
    except OSError as error:
        forget_output()
        raise DiskError(f"cannot write to standard output: {error.strerror}") from error


def forget_output() -> None:
    """What could not be printed is not tried again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def examples(*lines: str) -> str:
    """Examples at the end of a command's help, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
