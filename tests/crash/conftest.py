from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
import structlog

from ivr.engine import control
from tests.crash.killing import mortal
from tests.crash.place import SITES

SELDOM_MS = 500


@pytest.fixture(autouse=True, scope="session")
def _one_site(tmp_path_factory: pytest.TempPathFactory) -> None:
    SITES.append(tmp_path_factory.mktemp("site"))


def _drop(*_: Any) -> NoReturn:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def unheard() -> Iterator[None]:
    """Thousands of engines say nothing: what is wrong is in the books."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


@pytest.fixture
def mortals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Engines of this process can be killed."""
    # An empty line every 12 ms, for faster feature codes, is most of what time passes with.
    monkeypatch.setattr(control, "KNOCK_MS", SELDOM_MS)
    with mortal():
        yield
