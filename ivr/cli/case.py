"""``ivr case``: cases, which keep the recordings that they name (R13)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.retention.asking import DAY, day_in, json_option, service, zone_of
from ivr.cli.retention.view import counted, fate, moment, nothing, plain, show_page, show_rows
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say
from ivr.config.mistakes import printable
from ivr.errors import RefusedError

if TYPE_CHECKING:
    from ivr.retention.answers import Found
    from ivr.retention.model import Case

_MOST = 10_000
"""Recordings of a case of which is said what becomes of them."""


@click.group()
def case() -> None:
    """Cases: while one is open, the recordings that it names are not destroyed.

    CALL is a recording's id, or so much of its beginning as no other has. REF is how you call the
    case, such as C-1234.
    """


@case.command(
    "open",
    epilog=examples(
        "ivr case open C-1234 --kind complaint",
        "ivr case open C-1234 --kind complaint 3deba8b7 40aa1c02",
    ),
)
@retention_option
@click.argument("ref")
@click.option("--kind", required=True, help="A kind of the schedule: complaint, disciplinary, ...")
@click.argument("calls", metavar="[CALL]...", nargs=-1)
def open_(site: Path, ref: str, kind: str, calls: tuple[str, ...]) -> None:
    """Open a case, and add recordings to it."""
    from ivr.retention.service.requests import CaseAdd, CaseOpen

    asked = service(site)
    opened = asked.ask(CaseOpen(ref, kind))
    _show(asked.ask(CaseAdd(ref, calls)) if calls else opened)


@case.command("add", epilog=examples("ivr case add C-1234 3deba8b7"))
@retention_option
@click.argument("ref")
@click.argument("calls", metavar="CALL...", nargs=-1, required=True)
def add(site: Path, ref: str, calls: tuple[str, ...]) -> None:
    """Have recordings belong to a case: all of them, or none where one cannot."""
    from ivr.retention.service.requests import CaseAdd

    _show(service(site).ask(CaseAdd(ref, calls)))


@case.command("remove", epilog=examples("ivr case remove C-1234 3deba8b7"))
@retention_option
@click.argument("ref")
@click.argument("calls", metavar="CALL...", nargs=-1, required=True)
def remove(site: Path, ref: str, calls: tuple[str, ...]) -> None:
    """Have recordings no longer belong to a case: it keeps them no longer."""
    from ivr.retention.service.requests import CaseRemove

    _show(service(site).ask(CaseRemove(ref, calls)))


@case.command(
    "close", epilog=examples("ivr case close C-1234", "ivr case close C-1234 --at 2026-03-29")
)
@retention_option
@click.argument("ref")
@click.option("--at", metavar=DAY, help="The day on which it was closed.  [default: today]")
def close(site: Path, ref: str, at: str | None) -> None:
    """Close a case: the period of its kind begins.

    Says what then becomes of its recordings, and when.
    """
    from ivr.retention.model import Query
    from ivr.retention.service.requests import CaseClose, Search

    day = day_in(at, "--at", site)
    asked = service(site)
    closed: Case = asked.ask(CaseClose(ref, day))
    _show(closed)
    if not closed.calls:
        return
    try:
        found = asked.ask(Search(Query(case=ref, most=_MOST)))
    except RefusedError:
        click.echo("what becomes of its recordings: ivr retention plan", err=True)
        return
    for line in _becomes(found):
        say(line)


@case.command("reopen", epilog=examples("ivr case reopen C-1234"))
@retention_option
@click.argument("ref")
def reopen(site: Path, ref: str) -> None:
    """Open a closed case again: it keeps its recordings for as long as it is open."""
    from ivr.retention.service.requests import CaseReopen

    _show(service(site).ask(CaseReopen(ref)))


@case.command("show", epilog=examples("ivr case show C-1234", "ivr case show C-1234 --json"))
@retention_option
@click.argument("ref")
@json_option
def show(site: Path, ref: str, as_json: bool) -> None:
    """Show a case and the recordings that it names."""
    from ivr.retention.service.requests import CaseShow

    one: Case = service(site).ask(CaseShow(ref))
    if as_json:
        say(json.dumps(plain(one)))
        return
    calls = [("" if place else "recordings", call) for place, call in enumerate(one.calls)]
    opened = f"{moment(one.opened_ms, zone_of(site))} by {one.opened_by}"
    state = f"closed on {one.closed}" if one.closed else "open"
    page = [("kind", one.kind), ("opened", opened), ("state", state)]
    show_page(one.ref, page + (calls or [("recordings", "none")]))


@case.command("ls", epilog=examples("ivr case ls --open", "ivr case ls --kind complaint --json"))
@retention_option
@click.option("--kind", default="", help="Only cases of this kind.")
@click.option("--open", "open_only", is_flag=True, help="Only open ones.")
@json_option
def ls(site: Path, kind: str, open_only: bool, as_json: bool) -> None:
    """List the cases that you may see, the latest first."""
    from ivr.retention.service.requests import CaseList

    cases: list[Case] = service(site).ask(CaseList(kind, open_only))
    if as_json:
        for each in cases:
            say(json.dumps(plain(each)))
        return
    zone = zone_of(site)
    rows = [
        (
            each.ref,
            each.kind,
            f"closed {each.closed}" if each.closed else "open",
            counted(len(each.calls), "recording"),
            moment(each.opened_ms, zone),
            each.opened_by,
        )
        for each in cases
    ]
    show_rows(("case", "kind", "state", "names", "opened", "by"), rows)
    if not cases:
        nothing("cases")


def _show(one: Case) -> None:
    state = f"closed {one.closed}" if one.closed else "open"
    names = counted(len(one.calls), "recording")
    say(printable("  ".join((one.ref, one.kind, state, names))))


def _becomes(found: Sequence[Found]) -> list[str]:
    """What becomes of a case's recordings, counted by when and why."""
    told = Counter((each.disposition.due or date.max, fate(each.disposition)) for each in found)
    return [
        printable(f"  {counted(number, 'recording')} {text}")
        for (_day, text), number in sorted(told.items())
    ]
