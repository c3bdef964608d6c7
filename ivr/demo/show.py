"""``ivr demo`` from beginning to end."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import gevent
import structlog
from rich.console import Console

from ivr import logs
from ivr.demo.play import Result, View, play
from ivr.demo.report import report
from ivr.demo.screen import LiveScreen, PlainLines
from ivr.demo.site import forget, fresh_folder, shipped
from ivr.demo.stage import Stage
from ivr.errors import IvrError
from ivr.lab.expect import STANDARD_EXPECTED, Expected
from ivr.lab.script import DEMONSTRATION, CallScript

WELL, NOT_WELL, INTERRUPTED = 0, 1, 130
"""Exit codes."""


def run(
    folder: Path | None = None,
    plain: bool | None = None,
    scripts: Sequence[CallScript] = DEMONSTRATION,
) -> int:
    """Play scripts in real time and show what comes of them; the exit code.

    ``folder`` is where everything is kept (new or empty; ``None`` makes a temporary one),
    ``plain`` prints a line a step instead of drawing on the terminal (``None``: where there
    is no terminal to draw on). 0 is well, 1 where anything is not as it must be, 130 after
    Ctrl-C.

    Raises:
        ConfigError, SetupError, DiskError: it could not be played; with what to do.
    """
    console = Console(highlight=False)
    root = shipped()  # where there is none, no folder is made
    made = folder is None or not folder.exists()
    place = fresh_folder(folder)
    with log_to(place / "engine.log"), _asked_to_stop() as asked:
        try:
            stage = Stage(place, root=root)
        except IvrError:
            forget(place, made)
            raise
        console.print(f"Everything is kept in {place}", soft_wrap=True)
        try:
            return show(stage, console, plain, scripts, asked=asked)
        finally:
            stage.stop()


def show(
    stage: Stage,
    console: Console,
    plain: bool | None = None,
    scripts: Sequence[CallScript] = DEMONSTRATION,
    expected: Mapping[str, Expected] = STANDARD_EXPECTED,
    asked: Sequence[int] = (),
) -> int:
    """Start a stage, play the scripts on it and report to the console; the exit code.

    ``asked`` is filled by whoever wants it to stop early.
    """
    stage.start()
    result = play(stage, _view(console, plain), scripts, expected, lambda: bool(asked))
    if result.interrupted:
        console.print(_cut_short(result), style="bold")
        return INTERRUPTED
    report(console, result, stage.folder, stage.spool, stage.metrics_url)
    return WELL if result.well else NOT_WELL


def _view(console: Console, plain: bool | None) -> View:
    if plain is None:
        plain = not console.is_terminal or console.is_dumb_terminal
    return PlainLines(console) if plain else LiveScreen(console)


def _cut_short(result: Result) -> str:
    over = sum(one.complaints is not None for one in result.placed)
    return (
        f"Stopped: {over} of {len(result.placed)} calls were over. What there is of them stays"
        " in the folder."
    )


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Have the engine's log go to a file, as JSON, and not to the terminal."""
    before = structlog.get_config()
    with path.open("w", encoding="utf-8") as file:
        logs.set_up("json")
        structlog.configure(
            logger_factory=structlog.PrintLoggerFactory(file=file), cache_logger_on_first_use=False
        )
        try:
            yield
        finally:
            structlog.configure(**before)


@contextmanager
def _asked_to_stop() -> Iterator[list[int]]:
    """Gathers SIGINT and SIGTERM while it is open, instead of dying of them."""
    asked: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    watchers = [gevent.signal_handler(number, asked.append, int(number)) for number in numbers]
    try:
        yield asked
    finally:
        for watcher in watchers:
            watcher.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
