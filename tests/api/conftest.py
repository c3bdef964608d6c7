"""A server with calls in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.api.fake import Api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Closed at the end."""
    one = Api(tmp_path)
    yield one
    one.close()


@pytest.fixture
def heard() -> Iterator[list[dict[str, object]]]:
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as events:
        yield events
