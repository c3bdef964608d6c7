"""``ivr simulate``: described calls, played without a telephone."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from ivr.cli.words import examples, say, site_option


@click.command(
    epilog=examples(
        "ivr simulate dialplan/examples/simple-line/calls.yaml"
        " --site dialplan/examples/simple-line/site.yaml",
        "ivr simulate monday.yaml --keep listen-here",
    )
)
@site_option
@click.argument("script", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="New or empty; keeps recordings, records and the engine's log.",
)
def simulate(site: Path, script: Path, as_json: bool, keep: Path | None) -> None:
    """Play the calls of a SCRIPT through the real engine and the lab switch.

    With the site's own dialplan/ and prompts/, and without its FreeSWITCH, its spool or any
    telephone; the clock is turned, so that an hour takes seconds. Prints what everybody does and
    hears, what is recorded and paused, and who can be heard in each recording when. Exits with 1
    where something did not come as the script expects, and says where that is written.
    """
    from ivr.config.load import load
    from ivr.demo.show import log_to
    from ivr.demo.site import fresh_folder
    from ivr.simulate import play, read_script
    from ivr.simulate.expecting import unmet
    from ivr.simulate.telling import as_json as plain
    from ivr.simulate.telling import lines

    read = read_script(script)
    configuration = load(site)
    with ExitStack() as stack:
        if keep is None:
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivr-simulate-"))
            folder = Path(made)
        else:
            folder = fresh_folder(keep, "simulation", "--keep")
        with log_to(folder / "engine.log"):
            played = play(read, configuration, folder)
        wrong = unmet(read, played)
        if as_json:
            say(json.dumps(plain(read, played, wrong), indent=2))
        else:
            for line in lines(read, played, wrong, folder / "engine.log"):
                say(line)
    if wrong:
        click.get_current_context().exit(1)
