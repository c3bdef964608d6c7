"""``ivr route explain``: what would happen to a call, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.words import examples, say, site_option

if TYPE_CHECKING:
    from ivr.explain import Explanation


class Moment(click.ParamType[datetime]):
    """A date with a time, by the site's clock where it names no zone."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """See click."""
        text = str(value)
        try:
            if ":" in text:  # a date alone would be taken for midnight
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise click.BadParameter(
            f'{text!r} is no time, expected a date and a time such as "2026-12-25T10:00"',
            ctx=ctx,
            param=param,
        )


@click.group()
def route() -> None:
    """What dialplan/ does with calls."""


@route.command(
    epilog=examples(
        "ivr route explain 01427676676",
        "ivr route explain 01427676690 --at 2026-12-25T10:00",
        "ivr route explain 907700900123 --from 1001",
    )
)
@site_option
@click.argument("number")
@click.option("--at", type=Moment(), help="When it is called; now where nothing is said.")
@click.option("--from", "caller", default="", help="Who calls: a number, or an extension.")
@click.option("--context", default="", help="Of FreeSWITCH's dialplan, where it is dialled.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def explain(
    site: Path, number: str, at: datetime | None, caller: str, context: str, as_json: bool
) -> None:
    """Say what would happen to a call to NUMBER, and whether and why it would be recorded.

    Step by step, each with the file, line and column that decide it. Nothing is called, and no
    engine is asked. Exits with 1 where nothing claims the number.
    """
    from ivr.config.load import load
    from ivr.explain import Verdict, explain

    moment = at or datetime.now(UTC)
    found = explain(load(site), number, at=moment, caller=caller, context=context)
    if as_json:
        say(json.dumps(found.as_json(), indent=2))
    else:
        for line in _lines(found):
            say(line)
    if found.verdict is Verdict.NOBODY:
        click.get_current_context().exit(1)


def _lines(found: Explanation) -> list[str]:
    from ivr.config.mistakes import printable

    wide = max(len(step.what) for step in found.steps)
    lines = [f"{printable(found.number)} at {found.moment}", f"recorded: {found.why}", ""]
    for step in found.steps:
        place = f"  [{step.at}]" if step.at else ""
        lines.append(f"{step.what:{wide}}  {step.text}{place}")
    return lines
