from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.docs.failure_page import Page, Reader
from tests.docs.retention_scene import Retained
from tests.docs.scene import Scene
from tests.engine.conftest import logged  # noqa: F401 # the fixture
from tests.storage.conftest import elsewhere  # noqa: F401 # the fixture


@pytest.fixture
def stage(tmp_path: Path, logged: list[dict[str, Any]]) -> Iterator[Callable[..., Scene]]:  # noqa: F811 # the fixture
    """Makes a scene in which no engine runs yet."""
    made: list[Scene] = []

    def make(**written: Any) -> Scene:
        made.append(Scene(tmp_path, logged, **written))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def layer(
    logged: list[dict[str, Any]],  # noqa: F811 # the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Retained]]:
    """Makes a retention layer whose service does not run yet."""
    made: list[Retained] = []
    with TemporaryDirectory(prefix="ivr-") as folder:  # a socket's path is short

        def make(**changes: str) -> Retained:
            made.append(Retained(Path(folder), logged, monkeypatch, **changes))
            return made[-1]

        yield make
        for one in made:
            one.stop()


@pytest.fixture
def reading() -> Callable[[str], Reader]:
    """Gives somebody who reads a page."""
    return lambda name: Reader(Page.read(name))
