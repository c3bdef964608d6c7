from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from ivr.lab import LabSwitch, TurnedClock
from tests.engine.house import House
from tests.esl.ends import Ours, Stock, StockEngine
from tests.lab.conftest import make_prompt


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, Any]]]:
    """What was logged, as events and not as text."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.add_log_level, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def ours() -> Iterator[Ours]:
    one = Ours()
    yield one
    one.close()


@pytest.fixture
def stock() -> Iterator[Stock]:
    one = Stock()
    yield one
    one.close()


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    """A prompt of three seconds."""
    return make_prompt(tmp_path / "a.wav", 3000)


@pytest.fixture
def switch(clock: TurnedClock) -> Iterator[LabSwitch]:
    made = LabSwitch(clock, seed=1)
    yield made
    made.close()
    clock.settle()


@pytest.fixture
def stock_engine(clock: TurnedClock) -> Iterator[Callable[..., StockEngine]]:
    """Makes an application on greenswitch."""
    made: list[StockEngine] = []

    def make(application: Callable[..., Any]) -> StockEngine:
        made.append(StockEngine(application))
        return made[-1]

    yield make
    for one in made:
        one.close()
    clock.settle()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A switch and an engine that runs and has found it."""
    folder = tmp_path / "house"
    folder.mkdir()
    one = House(folder)
    one.start()
    yield one
    one.close()
