"""What hundreds of tests begin with, done once: nothing of it is what they try."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import structlog

from ivr.api import http
from ivr.api.v1 import V1
from ivr.config import prompts, reading
from ivr.retention.index import database, migrating
from tests.remembered import compiled, composed, migrated

# Workers and the many processes that tests start would compile all anew where this is set.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_SLOW = (
    "tests/leaks/test_nothing_left.py::test_of_five_hundred_cards",
    "tests/crash/test_random_instants.py",
    "tests/docs/test_failures_of_engines.py",
    "tests/core/test_restarts.py::test_whatever",
    "tests/core/test_search.py::test_no_sequence",
    "tests/test_diagram.py",
    "tests/core/test_explore.py",
    "tests/engine/test_time_left.py",
    "tests/crash/",
    "tests/bench/",
    "tests/prompts/test_understood.py",
    "tests/simulate/test_playing.py",
    "tests/storage/test_every_cut.py",
    "tests/explain/test_agreement.py",
)
"""What takes seconds, the slowest first: none of it may be left to one worker at the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first; all others in the order in which they are written."""

    def place(item: pytest.Item) -> int:
        slow = (at for at, name in enumerate(_SLOW) if item.nodeid.startswith(name))
        return next(slow, len(_SLOW))

    items.sort(key=place)


_MEMORY = Path("/dev/shm")
_ENOUGH = 4 << 30
"""Bytes; a whole run leaves a third of it."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Workers get few tests at a time: else the first would get all that are slow. Where there is
    memory enough, tests' folders are there, for thousands of them sync all that they write; they
    are gone after the run. ``--basetemp`` keeps them."""
    if getattr(config.option, "maxschedchunk", 0) is None:
        config.option.maxschedchunk = 4
    if config.option.basetemp is None and _fit_for_folders(_MEMORY):
        folder = tempfile.mkdtemp(dir=_MEMORY, prefix="ivr-tests-")
        config.option.basetemp = f"{folder}/run"
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def _fit_for_folders(memory: Path) -> bool:
    """Containers often have little memory there, and let no program run from it."""
    if not os.access(memory, os.W_OK):
        return False
    found = os.statvfs(memory)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= _ENOUGH


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: some tests wait, for a process that is killed or a
    voice that speaks, and leave theirs to others meanwhile."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    """Thousands of tests are there to stay: the collector need not go through them again and
    again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class _LaterV1:
    """The routes, made when the first of them is asked for: most engines of tests are never
    asked, and making them is a third of making an engine."""

    def __init__(self, *words: Any) -> None:
        self._words = words
        self.app = self

    @cached_property
    def _made(self) -> Callable[..., Iterable[bytes]]:
        return V1(*self._words).app.wsgi_app

    def wsgi_app(self, *words: Any) -> Iterable[bytes]:
        """See :class:`ivr.api.v1.V1`."""
        return self._made(*words)


def _remembered(judge: Callable[..., bool]) -> Callable[..., bool]:
    """The same judgement of samples that were judged before."""
    known: dict[tuple[bytes, *tuple[int, ...]], bool] = {}

    def judged(samples: array[int], *more: int) -> bool:
        which = (hashlib.sha256(samples).digest(), *more)
        if which not in known:
            known[which] = judge(samples, *more)
        return known[which]

    return judged


def do_once(patch: Callable[[Any, str, Any], None]) -> None:
    """Make of each only one in this process."""
    patch(http, "V1", _LaterV1)
    # A logger that remembers how it was set up by one test would tell the next one nothing.
    configure = structlog.configure
    patch(
        structlog,
        "configure",
        lambda **more: configure(**(more | {"cache_logger_on_first_use": False})),
    )
    patch(prompts, "_silent", _remembered(prompts._silent))
    patch(prompts, "_clipped", _remembered(prompts._clipped))
    patch(reading, "_compose", composed(reading._compose))
    patch(migrating, "upgrade", migrated(migrating.upgrade))
    patch(database, "_engine", compiled(database._engine))


@pytest.fixture(scope="session", autouse=True)
def _once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        do_once(patch.setattr)
        yield
