from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import gevent
import pytest
from rich.console import Console

from ivr.demo.show import log_to, show
from ivr.demo.stage import Stage
from ivr.lab.clock import TurnedClock
from ivr.lab.expect import STANDARD_EXPECTED, Expected
from ivr.lab.script import DEMONSTRATION, CallScript


@dataclass
class Shown:
    """A demonstration that is over."""

    code: int
    text: str
    stage: Stage


def play_turned(
    folder: Path,
    scripts: Sequence[CallScript] = DEMONSTRATION,
    expected: Mapping[str, Expected] = STANDARD_EXPECTED,
    meddle: Callable[[Stage], None] = lambda _stage: None,
    width: int = 80,
    plain: bool = True,
) -> Shown:
    """The whole demonstration on a clock that is turned; seconds become a moment."""
    clock = TurnedClock()
    out = io.StringIO()
    folder.mkdir()
    console = Console(
        file=out, width=width, height=40, highlight=False, force_terminal=not plain, _environ={}
    )
    with log_to(folder / "engine.log"):
        stage = Stage(folder, clock)
        for pool in (
            stage.engine.journal._pool,
            stage.engine.spool._pool,
            *stage.engine.growth._pools,
        ):
            clock.busy_probes.append(lambda pool=pool: bool(pool.task_queue.unfinished_tasks))
        meddle(stage)
        try:
            shown = gevent.spawn(show, stage, console, plain, scripts, expected)
            clock.run_until(shown.ready)
            return Shown(shown.get(), out.getvalue(), stage)
        finally:
            # Stopping waits for timers of the clock.
            stopping = gevent.spawn(stage.stop)
            clock.run_until(stopping.ready)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The standard calls; their folder is not to be changed."""
    return play_turned(tmp_path_factory.mktemp("demo") / "good")
