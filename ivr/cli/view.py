"""Calls in progress as people see them: a line each, or a view that is renewed each second."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ivr.api.calls import CallNow
from ivr.config.mistakes import printable
from ivr.logs import masked

_EACH_S = 1.0
_ID_SHOWN = 8
_COLOURS = {"recording": "green", "paused": "yellow", "stopped": "yellow", "failed": "bold red"}
_QUIT = b"qQ\x04"
"""q, Q and Ctrl-D."""


def hide(call: CallNow, numbers: bool) -> CallNow:
    """The call with the customer's number masked, unless numbers are wanted."""
    return call if numbers else call._replace(caller=masked(call.caller))


def line(call: CallNow) -> str:
    """The call on one line, whatever strangers sent (R23)."""
    words = [
        call.call,
        call.arrived_at,
        f"{call.team}/{call.route}",
        call.direction,
        call.phase,
        f"{call.caller or '-'} - {call.extension or '-'}",
        call.recording,
    ]
    if call.pause != "off":
        words.append(_pause(call))
    words.extend(call.marks)
    return printable("  ".join(words))


def _pause(call: CallNow) -> str:
    state = "paused" if call.pause == "on" else f"pause {call.pause}"
    return f"{state} since {call.paused_since} by {call.paused_by}{_alarms(call)}"


def _alarms(call: CallNow) -> str:
    """What somebody has to look after in a pause."""
    kept = ", keys not hidden" if call.pause == "on" and not call.keys_hidden else ""
    return f"{kept}, overdue" if call.overdue else kept


def _lasting(since: str, now: datetime) -> str:
    """How long ago, as ``m:ss`` or ``h:mm:ss``; empty for what has not been."""
    try:
        passed = max(now - datetime.fromisoformat(since), timedelta())
    except (ValueError, TypeError):
        return ""
    minutes, seconds = divmod(int(passed.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def table(calls: Sequence[CallNow], now: datetime) -> Table:
    """The calls as a table; ids are as short as commands take them."""
    paused = sum(call.pause != "off" for call in calls)
    made = Table(
        title=f"{len(calls)} calls, {paused} paused",
        title_justify="left",
        caption="q ends",
        caption_justify="left",
        expand=True,
    )
    for heading in ("call", "for", "team", "phase", "customer", "agent", "recording", "pause", ""):
        made.add_column(heading, no_wrap=heading in ("call", "for"))
    for call in calls:
        pause = ""
        if call.pause != "off":
            state = "" if call.pause == "on" else f"{call.pause} "
            pause = f"{state}{_lasting(call.paused_since, now)} by {call.paused_by}"
        alarms = _alarms(call)
        cells = (
            (call.call[:_ID_SHOWN], ""),
            (_lasting(call.arrived_at, now), ""),
            (f"{call.team}/{call.route}", ""),
            (call.phase, ""),
            (call.caller, ""),
            (call.extension, ""),
            (call.recording, _COLOURS.get(call.recording, "")),
            (pause + alarms, "bold red" if alarms else "yellow"),
            (" ".join(call.marks), "magenta"),
        )
        # Text, not markup: a caller's name may look like markup.
        made.add_row(*(Text(printable(text), style=style) for text, style in cells))
    return made


def live(calls: Callable[[], Sequence[CallNow]], numbers: bool) -> None:
    """Show the calls until q, Ctrl-C or Ctrl-D. Raises what ``calls`` raises."""
    with _keys() as quit_within, Live(auto_refresh=False, console=Console()) as view:
        try:
            while True:
                shown = [hide(call, numbers) for call in calls()]
                view.update(table(shown, datetime.now(UTC)), refresh=True)
                if quit_within(_EACH_S):
                    return
        except KeyboardInterrupt:
            return


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Whether the view is to end, asked with how long to wait for a key."""
    if not sys.stdin.isatty():
        yield lambda seconds: bool(select.select((), (), (), seconds)[0])
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)

    def quit_within(seconds: float) -> bool:
        if not select.select((keyboard,), (), (), seconds)[0]:
            return False
        keys = os.read(keyboard, 64)
        return not keys or any(key in _QUIT for key in keys)

    try:
        tty.setcbreak(keyboard)
        yield quit_within
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
