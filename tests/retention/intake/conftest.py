from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from .scene import Scene

MEMORY = Path("/dev/shm")


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, Any]]]:
    """What was logged, as events and not as text."""
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.add_log_level, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: hundreds of scenes sync all they do."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY, prefix="ivr-tests-") as folder:
        yield Path(folder)


@pytest.fixture
def build(root: Path) -> Iterator[Callable[..., Scene]]:
    """Makes scenes in folders of their own; what one is made like is copied."""
    made: list[Scene] = []

    def make(like: Scene | None = None, **words: Any) -> Scene:
        folder = root / f"scene{len(made)}"
        if like is None:
            folder.mkdir()
        else:
            shutil.copytree(like.folder, folder, symlinks=True)
        made.append(Scene(folder, **words))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def scene(build: Callable[..., Scene]) -> Scene:
    return build()
