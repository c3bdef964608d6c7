"""FreeSWITCH is killed under an engine that lives: each recording that it left has its record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import story
from tests.crash.place import Place
from tests.engine.site import NUMBER

pytestmark = pytest.mark.usefixtures("mortals")

EVERY_MS = 150
MOST_MS = 9_000
"""The story is over by then."""
CHUNKS = 4


def after(folder: Path, ms: int, away_ms: int) -> list[str]:
    """Kill the switch so long into the story; what is wrong then."""
    place = Place(folder)
    try:
        place.start()
        place.clock.settle()
        story.tell(place)
        place.clock.run(ms)
        place.kill_switch()
        place.clock.run(away_ms)
        place.start_switch()
        place.clock.run(40_000)  # the engine finds it again, after a wait of up to 30 s
        late = place.callers.place("after it all", NUMBER, story.listen)
        place.callers.answering["desk"] = story.chat
        late.ends = "destination"
        place.clock.run_until(lambda: place.callers.all_over)
        place.clock.run(15_000)
        return place.books()
    finally:
        place.close()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_killed_at_any_time(tmp_path: Path, chunk: int) -> None:
    """What the switch wrote until then is recorded, and calls of the next one are not mixed up
    with those of this one."""
    unbalanced = {}
    for number, ms in enumerate(range(100, MOST_MS, EVERY_MS)):
        if number % CHUNKS == chunk and (wrong := after(tmp_path, ms, (500, 12_000)[number % 2])):
            unbalanced[ms] = wrong
    assert unbalanced == {}
