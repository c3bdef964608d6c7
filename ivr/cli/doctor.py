"""The command ``ivr doctor``: is everything in place on this host?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.words import examples, say, site_option
from ivr.config.mistakes import printable
from ivr.errors import IvrError

if TYPE_CHECKING:
    from ivr.doctor.finding import Result


@click.command(
    epilog=examples(
        "ivr doctor",
        "ivr doctor --json | jq -r 'select(.verdict == \"wrong\").do'",
    )
)
@site_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def doctor(site: Path, as_json: bool) -> None:
    """See whether everything is in place on this host, and what to do where it is not.

    Looks at the configuration, FreeSWITCH and its dialplan, folders and rights, the journal and
    what was set aside, ports, clock and the engine. Changes nothing, and may run at any time,
    beside an engine too. Best run as root: others may not look at everything.

    \b
    ok         as it should be
    warning    it works, and somebody should look at it
    wrong      calls, recordings or callers' keys suffer from it
    unchecked  it could not be looked at, and why

    Exits with 1 where anything is wrong, else with 0.
    """
    from ivr.doctor.checks import CHECKS, examine

    width = max(len(check.name) for check in CHECKS)
    bad = count = 0
    for result in examine(site):
        count += 1
        bad += result.finding.verdict == "wrong"
        if as_json:
            say(json.dumps({"check": result.check, **asdict(result.finding)}))
        else:
            for line in lines(result, width):
                say(line)
    if bad:
        raise IvrError(f"{bad} of {count} checks: wrong")


def lines(result: Result, width: int) -> list[str]:
    """What a person reads: the check in one line, and below it what else there is to say."""
    finding = result.finding
    shown = [f"{finding.verdict:9}  {result.check:{width}}  {finding.found}"]
    indent = " " * (13 + width)
    shown += [f"{indent}{each}" for each in finding.more]
    shown += [
        f"{indent}{word}: {text}"
        for word, text in (("expected", finding.expected), ("do", finding.do))
        if text
    ]
    return [printable(line) for line in shown]
