"""What tests of simulations share: the shipped site, and scripts that are written on the spot."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import dedent

from structlog.testing import capture_logs

from ivr.config.load import load
from ivr.config.settings import Configuration
from ivr.simulate import Played, Script, play, read_script

ROOT = Path(__file__).parents[2]
SITE = ROOT / "deploy/ivr.yaml"


@cache
def configuration(site: Path = SITE) -> Configuration:
    """The shipped one, or an example's."""
    return load(site)


def played(folder: Path, text: str, site: Path = SITE) -> tuple[Script, Played]:
    """A script that was played in a folder."""
    path = folder / "calls.yaml"
    path.write_text(dedent(text))
    script = read_script(path)
    with capture_logs():
        return script, play(script, configuration(site), folder)
