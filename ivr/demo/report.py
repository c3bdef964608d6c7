"""What a person is told at the end: calls, files, metrics, and whether all is well."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivr.demo.glyphs import Glyphs, glyphs_for
from ivr.demo.play import Placed, Result
from ivr.demo.verdict import Row
from ivr.storage.record_schema import RecordModel

_ASCII_LINES = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
"""Like rich's SIMPLE_HEAD."""
_WIDE = 106
"""Columns from which a row of the calls needs no second line."""
_SHORT = 8
"""So many characters of a call's id tell it from the others."""


def report(console: Console, result: Result, folder: Path, spool: Path, metrics_url: str) -> None:
    """Print the tables and the verdict."""
    glyphs = glyphs_for(console)
    console.print()
    console.print(_calls(console, result.placed, glyphs))
    _complaints(console, result, glyphs)
    _pauses(console, result)
    _files(console, result.placed, folder, spool)
    console.print()
    console.print(f"Metrics, scraped from {metrics_url}", style="bold", highlight=False)
    console.print(_metrics(console, result.metrics, glyphs))
    console.print()
    console.print(summary(result, glyphs))


def _table(console: Console) -> Table:
    return Table(
        box=_ASCII_LINES if console.options.ascii_only else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )


def _calls(console: Console, placed: Sequence[Placed], glyphs: Glyphs) -> Table:
    table = _table(console)
    narrow = console.width < _WIDE
    table.add_column("call", no_wrap=True)
    table.add_column("story", width=16 if narrow else None)
    table.add_column("heard", no_wrap=True)
    table.add_column("opt-out", no_wrap=True)
    table.add_column("talked to", width=9 if narrow else None)
    table.add_column("kept", justify="right", no_wrap=True)
    table.add_column("ended by", width=10 if narrow else None)
    table.add_column("", no_wrap=True)
    for one in placed:
        good = not one.complaints
        table.add_row(
            one.call.uuid[:_SHORT],
            one.name,
            *_said(one.record, narrow),
            Text(glyphs.good if good else glyphs.bad, style="green" if good else "bold red"),
        )
    return table


def _said(record: RecordModel | None, narrow: bool) -> list[str]:
    """Announcement, opt-out, connection, recording and end, as the record has them."""
    if record is None:
        return ["?", "?", "?", "no record", "?"]
    opt_out, sound = record.opt_out, record.recording
    left = "confirmed" if opt_out.confirmed else "returned" if opt_out.returned else "-"
    agents = [step.detail for step in record.steps if step.what == "connected"]
    talked = (agents[0] or record.destination) if agents else "nobody"
    if narrow:
        talked = talked.replace("-", "-\n")
    kept = f"{sound.duration_ms / 1000:.1f} s" if sound.state == "kept" else sound.state
    ended = f"{record.ended.by}: {record.ended.reason}".rstrip(": ")
    return [record.announcement, left, talked, kept, ended]


def _complaints(console: Console, result: Result, glyphs: Glyphs) -> None:
    """Everything that is wrong, a line each."""
    lines = [
        f"{one.call.uuid[:_SHORT]} {one.name}: {complaint}"
        for one in result.placed
        for complaint in one.complaints or ()
    ]
    for line in [*lines, *result.wrong]:
        console.print(Text(f"{glyphs.bad} {line}", style="bold red"), soft_wrap=True)


def _pauses(console: Console, result: Result) -> None:
    """What was paused, and that nothing is left of what was keyed then."""
    paused = [
        (one, pause)
        for one in result.placed
        for pause in (one.record.recording.pauses if one.record is not None else ())
    ]
    if not paused:
        return
    console.print()
    console.print("Paused", style="bold")
    for one, pause in paused:
        found = "not as it should be, see above"
        if not one.complaints and not result.wrong:
            found = "silent, and no file has the keys"
        console.print(
            f"  {one.call.uuid[:_SHORT]}  from {pause.start_ms / 1000:.1f} to"
            f" {pause.end_ms / 1000:.1f} s, by the {pause.by}: {found}",
            highlight=False,
        )


def _files(console: Console, placed: Sequence[Placed], folder: Path, spool: Path) -> None:
    def path(text: Path) -> None:
        console.print(f"  {text}", soft_wrap=True, highlight=False, markup=False)

    console.print()
    console.print("Recordings, caller left, agent right", style="bold", highlight=False)
    for one in placed:
        if (audio := spool / "new" / f"{one.call.uuid}.wav").exists():
            path(audio)
    console.print("Records", style="bold")
    for one in placed:
        if (record := spool / "new" / f"{one.call.uuid}.json").exists():
            path(record)
    console.print("Configuration, logs, metrics", style="bold")
    for name in ("deploy/ivr.yaml", "engine.log", "switch.log", "metrics.txt"):
        if (folder / name).exists():
            path(folder / name)
    console.print("Look at them", style="bold")
    for command in _commands(placed, spool):
        console.print(f"  {command}", soft_wrap=True, highlight=False, markup=False)


def _commands(placed: Sequence[Placed], spool: Path) -> list[str]:
    """How this program, as it was called here, shows what lies in the spool."""
    called = sys.argv[0] if Path(sys.argv[0]).name == "ivr" else "ivr"
    calls = [one.call.uuid[:_SHORT] for one in placed if one.record is not None][:1]
    paused = [
        one.call.uuid[:_SHORT]
        for one in placed
        if one.record is not None and one.record.recording.pauses
    ][:1]
    words = [
        ["spool", "ls"],
        *(["spool", "show", call] for call in calls),
        ["spool", "verify"],
        *(["recording", "verify", call] for call in paused),
    ]
    return [shlex.join([called, *each, "--spool", str(spool)]) for each in words]


def _metrics(console: Console, rows: Sequence[Row], glyphs: Glyphs) -> Table:
    table = _table(console)
    table.add_column("metric", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what it says")
    for row in (each for each in rows if each.shown or not each.agrees):
        value = "missing" if row.value is None else _number(row.value) + row.unit
        mark = "" if row.expected is None else glyphs.good if row.agrees else glyphs.bad
        style = "green" if row.agrees else "bold red"
        table.add_row(row.name, value, Text(mark, style=style), row.meaning)
    return table


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def summary(result: Result, glyphs: Glyphs) -> Text:
    """One line that says how it went."""
    records = [one.record for one in result.placed if one.record is not None]
    kept = [each.recording for each in records if each.recording.state == "kept"]
    seconds = sum(sound.duration_ms for sound in kept) / 1000
    counted = (
        f"{len(result.placed)} calls, {len(records)} records, {len(kept)} recordings of"
        f" {seconds:.1f} s, in {result.took_ms / 1000:.1f} s"
    )
    if result.well:
        return Text(
            f"{glyphs.good} {counted}: every call ended as its script says, and every record,"
            " recording and count was checked.",
            style="bold green",
        )
    bad = sum(bool(one.complaints) for one in result.placed)
    return Text(
        f"{glyphs.bad} {counted}: {bad} calls are not as their scripts say,"
        f" {len(result.wrong)} other things are wrong (see above).",
        style="bold red",
    )
