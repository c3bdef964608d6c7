from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from tests.engine.house import House


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, Any]]]:
    """What was logged, as events and not as text."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.add_log_level, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes a house in which no engine runs yet."""
    made: list[House] = []

    def make(**written: Any) -> House:
        made.append(House(tmp_path, **written))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    """A house whose engine runs and has found the switch."""
    one = build()
    one.start()
    return one
