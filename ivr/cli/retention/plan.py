"""``ivr retention plan``, ``stats`` and ``schedule``: what is to go when, and why (R12 to R14)."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ivr.cli.retention.asking import DAY, day_in, json_option, service, zone_of
from ivr.cli.retention.view import counted, moment, nothing, plain, short, show_page, show_rows
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say

if TYPE_CHECKING:
    from ivr.core.retention import Disposition
    from ivr.retention.answers import Change, Stats

_FIELDS = ("call", "action", "due", "rule", "why")
_SUMMARY = ("due", "action", "rule", "recordings")
_EACH = 1000
"""So many are looked at between two signs of life at a terminal."""


@click.command(
    epilog=examples(
        "ivr retention plan",
        "ivr retention plan --at 2026-12-31 --list",
        "ivr retention plan --at tomorrow --format csv > plan.csv",
    )
)
@retention_option
@click.option("--at", metavar=DAY, help="As if it were this day.  [default: today]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="json: one JSON object a line.",
)
@click.option(
    "--list/--summary",
    "each",
    default=None,
    help="Each recording, or how many by day and rule.  [default: each in json and csv]",
)
def plan(site: Path, at: str | None, form: str, each: bool | None) -> None:
    """Show what the sweep would destroy, and what it would keep although its time is over.

    Only recordings whose own period is over on that day are in it: those that a case or a hold
    keeps beyond it are, too, with what keeps them. Nothing is changed.
    """
    from ivr.retention.service.requests import Plan

    planned = service(site).plan(Plan(day_in(at, "--at", site)))
    if (form != "table") if each is None else each:
        _print_each(planned, form)
    else:
        _print_summary(planned, form)


def _print_each(planned: Iterable[Disposition], form: str) -> None:
    if form == "table":
        rows = [
            (short(one.call), one.action, one.due.isoformat() if one.due else "", one.rule, one.why)
            for one in _watched(planned)
        ]
        show_rows(_FIELDS, rows, counted(len(rows), "recording"))
        if not rows:
            nothing("recordings whose period is over")
        return
    if form == "csv":
        say(_csv(_FIELDS), nl=False)
    for one in planned:
        row = (one.call, one.action, one.due.isoformat() if one.due else "", one.rule, one.why)
        if form == "csv":
            say(_csv(row), nl=False)
        else:
            say(json.dumps(plain(one)))


def _print_summary(planned: Iterable[Disposition], form: str) -> None:
    told = Counter(
        (one.due.isoformat() if one.due else "", one.action, one.rule) for one in _watched(planned)
    )
    rows = [(*key, str(number)) for key, number in sorted(told.items())]
    if form == "csv":
        for row in (_SUMMARY, *rows):
            say(_csv(row), nl=False)
    elif form == "json":
        for (due, action, rule), number in sorted(told.items()):
            say(
                json.dumps(
                    {"due": due or None, "action": action, "rule": rule, "recordings": number}
                )
            )
    else:
        going = sum(number for (_due, action, _), number in told.items() if action == "destroy")
        kept = told.total() - going
        show_rows(_SUMMARY, rows, f"{counted(going, 'recording')} to be destroyed, {kept} kept")
        if not rows:
            nothing("recordings whose period is over")


def _csv(row: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


def _watched(planned: Iterable[Disposition]) -> Iterator[Disposition]:
    """The same, with a sign of life at a terminal: a large plan takes seconds."""
    if not sys.stderr.isatty():
        yield from planned
        return
    from rich.console import Console

    with Console(stderr=True).status("asking") as status:
        for number, one in enumerate(planned, 1):
            yield one
            if number % _EACH == 0:
                status.update(f"{number} recordings")


@click.command(epilog=examples("ivr retention stats", "ivr retention stats --json"))
@retention_option
@json_option
def stats(site: Path, as_json: bool) -> None:
    """Show how many recordings there are, the oldest, what is held, and when the last sweep was."""
    from ivr.retention.service.requests import StatsShow

    told: Stats = service(site).ask(StatsShow())
    if as_json:
        say(json.dumps(plain(told)))
        return
    swept = "never" if told.swept_ms is None else moment(told.swept_ms, zone_of(site))
    total = sum(group.recordings for group in told.groups)
    groups = [
        f"{group.recordings} of {group.team or 'no team'}, policy {group.policy or '-'}"
        for group in told.groups
    ]
    show_page(
        counted(total, "recording"),
        [
            *(("" if place else "of teams", text) for place, text in enumerate(groups)),
            ("oldest", told.oldest.isoformat() if told.oldest else "none"),
            ("held", f"{told.held} by open cases and holds"),
            ("begun", f"{told.dying} whose destruction is not finished"),
            ("last sweep", swept),
            ("schedule", told.schedule or "none was adopted"),
            ("audit trail", counted(told.audit_entries, "entry", "entries")),
        ],
    )


@click.command(
    epilog=examples(
        "ivr retention schedule",
        "ivr retention schedule --list",
        "ivr retention schedule --adopt 2.1",
    )
)
@retention_option
@click.option("--adopt", metavar="VERSION", help="Adopt the one in schedule.yaml: its version.")
@click.option("--list", "each", is_flag=True, help="Name each recording that would go.")
@json_option
def schedule(site: Path, adopt: str | None, each: bool, as_json: bool) -> None:
    """Show what a changed schedule would newly destroy; --adopt puts it in force.

    Until then only that is destroyed which the one in force and the changed one would both
    destroy. A change that keeps nothing less long is adopted by the next sweep by itself.
    """
    from ivr.retention.service.requests import ScheduleAdopt, ScheduleShow

    asked = service(site)
    change: Change = asked.ask(ScheduleShow())
    if adopt is not None:
        asked.ask(ScheduleAdopt(adopt))
    if as_json:
        say(json.dumps({**plain(change), "adopted_now": adopt}))
        return
    if each:
        rows = [(short(one.call), str(one.due or ""), one.rule, one.why) for one in change.newly]
        show_rows(("call", "due", "rule", "why"), rows)
    for line in _change(change, "now" if adopt is not None else "asked"):
        say(line)


def _change(change: Change, how: Literal["now", "asked"]) -> list[str]:
    before = f"version {change.adopted} is in force" if change.adopted else "none is in force yet"
    if not change.changed:
        same = "says the same" if change.adopted != change.wanted else "is the one"
        return [f"{before}; schedule.yaml, version {change.wanted}, {same}"]
    rules = sorted(Counter(one.rule for one in change.newly).items())
    lines = [f"{before}; schedule.yaml is version {change.wanted}"]
    lines += [f"  {one.name}: {one.now}, and not {one.before}" for one in change.shorter]
    newly = "newly due" if how == "now" else "would newly be due"
    lines += [f"  {counted(number, 'recording')} {newly} by rule {rule}" for rule, number in rules]
    if not rules:
        lines.append("  no recording becomes due by it today")
    if how == "now":
        lines.append(f"adopted: version {change.wanted}; the next sweep destroys by it")
    else:
        lines.append(f"adopt it: ivr retention schedule --adopt {change.wanted}")
    return lines
