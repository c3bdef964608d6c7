"""Engines that are killed at random instants, or stopped, under many calls, as processes (R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.crowd import MOST_DOWN_MS, Crowd

AT_ONCE = 50
KILLS = 50
"""In each of the chunks."""
CHUNKS = ((1, False), (2, True), (3, True), (4, True))
"""The seed, and whether calls wait in systemd's socket while there is no engine."""
INTERVALS_MS = (30, 150, 400, 900)
"""At most so long from a start to a kill. An engine is there after some 100 ms."""


@pytest.fixture(params=CHUNKS, ids=lambda chunk: f"seed-{chunk[0]}{'-systemd' * chunk[1]}")
def crowd(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Crowd]:
    seed, systemd = request.param
    one = Crowd(tmp_path, seed, at_once=AT_ONCE, systemd=systemd)
    yield one
    one.close()


def test_killed_at_random_instants(crowd: Crowd) -> None:
    """Whatever the engine was doing when it was killed, the books balance."""
    crowd.start()
    assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
    crowd.begin()
    crowd.wait(1_000)
    for _ in range(KILLS):
        crowd.wait(crowd.random.choice(INTERVALS_MS) * crowd.random.random())
        crowd.kill()
        crowd.start()
    assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
    assert crowd.finish() == []
    counts = crowd.counts()
    assert counts["pause"] > 0
    if crowd.systemd:  # else most go to the fallback, as their team decided
        judged = len(crowd.callers.calls) - counts["unrecorded"]
        assert judged >= AT_ONCE // 2, "so many at least met engines, and were looked at as a whole"


UPGRADES = 6
UPGRADED = 100
"""Calls at once."""


def test_upgraded_under_a_hundred_calls(tmp_path: Path) -> None:
    """Each engine ends well and the next takes on what it had: every call is driven by one."""
    crowd = Crowd(tmp_path, 5, at_once=UPGRADED, systemd=True)
    try:
        crowd.start()
        assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
        crowd.begin()
        crowd.wait(2_000)
        for _ in range(UPGRADES):
            crowd.wait(1_000 * crowd.random.random())
            assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
            assert crowd.upgrade() == 0
        assert crowd.until(lambda: crowd.there, MOST_DOWN_MS)
        assert crowd.finish() == []
        assert crowd.counts()["unrecorded"] == 0
        assert len(crowd.callers.calls) > UPGRADED
    finally:
        crowd.close()
