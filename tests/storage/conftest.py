from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest

from tests.storage.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "spool")
    yield bench
    bench.trace.failing.clear()
    bench.spool.close()
    bench.journal.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than ``tmp_path``."""
    own = tmp_path.stat().st_dev
    there = (Path("/dev/shm"), Path(gettempdir()), Path.cwd())
    other = next((each for each in there if each.is_dir() and each.stat().st_dev != own), None)
    if other is None:
        pytest.skip("there is no second file system here")
    with TemporaryDirectory(dir=other) as folder:
        yield Path(folder)
