"""How commands of the retention layer print: tables at a terminal, plain lines elsewhere.

What strangers sent is written out where it cannot be printed (R23).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import click

from ivr.cli.retention.asking import at_terminal
from ivr.cli.words import say
from ivr.config.mistakes import printable

if TYPE_CHECKING:
    from ivr.core.retention import Disposition

ID_SHOWN = 13
"""So much of a call's id is shown in tables: commands take it, and no two calls of an archive are
likely to share it."""
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def show_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print rows. At a terminal the first column is a call's id or another name that is not
    wrapped, and headings and caption stand about them."""
    if not at_terminal():
        for row in rows:
            say(printable("  ".join(cell or "-" for cell in row)))
        return
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(caption=caption or None, caption_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(heading, no_wrap=not place)
    for row in rows:
        # Text, not markup: what a caller sent may look like markup.
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def show_page(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """Print what there is of one thing: a label and a text a line; several lines may share a
    label, and then the later ones are empty."""
    width = max((len(label) for label, _text in lines), default=0)
    say(click.style(printable(title), bold=True))
    for label, text in lines:
        say(f"  {click.style(f'{label:{width}}', dim=True)}  {printable(text)}")


def plain(value: Any) -> dict[str, Any]:
    """An answer of the service as JSON has it."""
    from pydantic import TypeAdapter

    told: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return told


def nothing(what: str) -> None:
    """Say that there is none, apart from what programs read."""
    click.echo(f"no {what}", err=True)


def short(call: str) -> str:
    """A call's id as tables show it."""
    return call[:ID_SHOWN] if at_terminal() else call


def moment(ms: int, zone: tzinfo | None) -> str:
    """Milliseconds since 1970 as people read it, by the site's clock: ``2026-03-29 14:05``."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def lasting(ms: int) -> str:
    """A length of time as ``m:ss`` or ``h:mm:ss``."""
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def size_of(size: int) -> str:
    """Bytes as people read them, in powers of 1000."""
    number, unit = float(size), 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{size} bytes" if not unit else f"{number:.1f} {_UNITS[unit]}"


def counted(number: int, one: str, more: str = "") -> str:
    """``1 recording``, ``2 recordings``."""
    return f"{number} {one if number == 1 else more or f'{one}s'}"


def fate(disposition: Disposition) -> str:
    """What becomes of a recording, in few words."""
    if disposition.action == "hold":
        return f"held: {disposition.why}"
    due = disposition.due.isoformat() if disposition.due else "?"
    when = f"due since {due}" if disposition.action == "destroy" else f"until {due}"
    return f"{when} ({disposition.rule})"


def fate_at_length(disposition: Disposition) -> str:
    """The same with the reason, for a page about one recording."""
    if disposition.action == "hold":
        return f"not destroyed: {disposition.why}"
    due = disposition.due.isoformat() if disposition.due else "?"
    when = f"due since {due}" if disposition.action == "destroy" else f"to be destroyed on {due}"
    return f"{when}: {disposition.why} (rule {disposition.rule})"
