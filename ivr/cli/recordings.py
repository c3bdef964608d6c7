"""The commands about recordings: ``ivr search``, ``show``, ``listen``, ``hold``, ``release``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.retention.asking import (
    DAY,
    at_terminal,
    case_option,
    day_in,
    identity_in,
    identity_option,
    json_option,
    reason_option,
    service,
    zone_of,
)
from ivr.cli.retention.listen import listen
from ivr.cli.retention.view import plain
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say
from ivr.config.mistakes import printable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ivr.retention.answers import Found
    from ivr.retention.model import Hold

_MOST = 10_000


@click.command(
    epilog=examples(
        "ivr search --number 01277312500",
        "ivr search --number 2500 --from 2026-03-01 --to yesterday",
        "ivr search --team housing --mark abuse --json | jq -r .recording.call",
    )
)
@retention_option
@click.option("--from", "since", metavar=DAY, help="Calls of this day and later ones.")
@click.option("--to", "until", metavar=DAY, help="Calls of this day and earlier ones.")
@click.option(
    "--number",
    default="",
    help="The customer's: whole where it begins with + or 0, else its last digits, four at least."
    " With - it is read from standard input, and stands in no list of processes.",
)
@click.option("--last", is_flag=True, help="NUMBER is its last digits, whatever it begins with.")
@click.option("--team", default="", help="Calls of this team.")
@click.option("--agent", default="", help="Calls that this extension had.")
@click.option("--case", default="", metavar="REF", help="Calls that this case names.")
@click.option("--mark", default="", help="Calls with this mark, such as abuse.")
@click.option(
    "--most",
    type=click.IntRange(1, _MOST),
    default=100,
    show_default=True,
    help="So many at most, the latest.",
)
@json_option
def search(
    site: Path,
    since: str | None,
    until: str | None,
    number: str,
    last: bool,
    team: str,
    agent: str,
    case: str,
    mark: str,
    most: int,
    as_json: bool,
) -> None:
    """Find recordings; the latest come first.

    DAY is 2026-03-29, yesterday or today. Only recordings of teams that your roles are for are
    found. Numbers are not shown: `ivr show` has them.
    """
    from ivr.retention.model import Query
    from ivr.retention.service.requests import Search

    number = (_typed() if number == "-" else number).strip()
    whole = number.startswith(("+", "0")) and not last
    if last and not number:
        raise click.UsageError("--last says what --number is: expected --number, too")
    query = Query(
        number=number if whole else "",
        tail="" if whole else number,
        since=day_in(since, "--from", site),
        until=day_in(until, "--to", site),
        team=team,
        agent=agent,
        case=case,
        mark=mark,
        most=most,
    )
    found: list[Found] = service(site).ask(Search(query))
    if as_json:
        for each in found:
            say(json.dumps(plain(each)))
    else:
        _show_found(found, zone_of(site))
    if len(found) == most:
        click.echo(f"the latest {most}; there may be more: --most", err=True)


def _typed() -> str:
    """A number, asked for at a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        asked: str = click.prompt("number", err=True)
        return asked
    return sys.stdin.readline()


def _show_found(found: list[Found], zone: ZoneInfo | None) -> None:
    from ivr.cli.retention import view as view

    rows = [
        (
            view.short(each.recording.call),
            view.moment(each.recording.ended_ms, zone),
            f"{each.recording.team}/{each.recording.route}",
            each.recording.direction,
            ",".join(each.recording.agents),
            f"{each.recording.state} {view.lasting(each.recording.duration_ms)}",
            ",".join(each.recording.marks),
            view.fate(each.disposition),
        )
        for each in found
    ]
    headings = ("call", "ended", "team", "", "agents", "recording", "marks", "kept")
    view.show_rows(headings, rows, view.counted(len(rows), "recording"))
    if not found:
        view.nothing("recordings")


@click.command(epilog=examples("ivr show 3deba8b7", "ivr show 3deba8b7 --case C-1234 --json"))
@retention_option
@click.argument("call")
@case_option
@identity_option
@json_option
def show(site: Path, call: str, case: str, identity: Path | None, as_json: bool) -> None:
    """Show all there is of a recording, and until when it is kept.

    CALL is its id, or so much of its beginning as no other call has.
    """
    from ivr.retention.service.requests import Show

    shown = service(site).ask(Show(call, case, identity_in(identity)))
    if as_json:
        told = plain(shown)
        told["record"] = None if shown.record is None else json.loads(shown.record)
        say(json.dumps(told, indent=2 if at_terminal() else None))
        return
    from ivr.cli.retention.page import show_shown

    show_shown(shown, zone_of(site))


@click.command(epilog=examples("ivr hold 3deba8b7 --kind complaint --reason 'asked by C-77'"))
@retention_option
@click.argument("call")
@click.option("--kind", required=True, help="A kind of case of the schedule: its period applies.")
@reason_option
@json_option
def hold(site: Path, call: str, kind: str, reason: str, as_json: bool) -> None:
    """Keep a recording until the hold is released, without a case.

    After that the period of its kind begins. Prints the hold's name.
    """
    from ivr.retention.service.requests import HoldPlace

    _show_hold(site, service(site).ask(HoldPlace(call, kind, reason)), as_json)


@click.command(epilog=examples("ivr release hold-12 --reason 'the claim was settled'"))
@retention_option
@click.argument("hold", metavar="HOLD")
@reason_option
@json_option
def release(site: Path, hold: str, reason: str, as_json: bool) -> None:
    """End a hold today: the period of its kind begins.

    HOLD is its name; `ivr show CALL` has it.
    """
    from ivr.retention.service.requests import HoldRelease

    _show_hold(site, service(site).ask(HoldRelease(hold, reason)), as_json)


def _show_hold(site: Path, held: Hold, as_json: bool) -> None:
    from ivr.cli.retention import view as view

    if as_json:
        say(json.dumps(plain(held)))
        return
    since = f"placed {view.moment(held.placed_ms, zone_of(site))} by {held.placed_by}"
    until = f"released {held.released}" if held.released else "held"
    say(printable("  ".join((held.ref, held.call, held.kind, since, until))))


COMMANDS: tuple[click.Command, ...] = (search, show, listen, hold, release)
"""For :mod:`ivr.cli`."""
