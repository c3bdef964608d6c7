"""Engines that are killed at random instants under many calls, as processes (R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.crowd import MOST_DOWN_MS, Crowd

AT_ONCE = 50
KILLS = 50
"""In each of the chunks."""
SEEDS = (1, 2, 3, 4)


@pytest.fixture(params=SEEDS)
def crowd(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Crowd]:
    one = Crowd(tmp_path, request.param, at_once=AT_ONCE)
    yield one
    one.close()


def test_killed_at_random_instants(crowd: Crowd) -> None:
    """Whatever the engine was doing when it was killed, the books balance."""
    crowd.zygote.start()
    assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
    crowd.begin()
    crowd.wait(1_000)
    for _ in range(KILLS):
        crowd.wait(crowd.random.choice((20, 150, 300, 500)) * crowd.random.random())
        crowd.zygote.kill()
        crowd.zygote.start()
    assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
    assert crowd.finish() == []
    assert crowd.counts()["pause"] > 0
