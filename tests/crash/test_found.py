"""What the crash tests found, one at a time (R22)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gevent
import pytest

from ivr.engine.arriving import Arrival
from tests.crash import story
from tests.crash.place import Place
from tests.crash.telling import deaths, told
from tests.engine.site import NUMBER

pytestmark = pytest.mark.usefixtures("mortals")


def test_stopped_between_accepting_a_call_and_knowing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next engine is there at once; an upgrade loses no call to the fallback."""
    place = Place(tmp_path, systemd=True)
    stops: list[gevent.Greenlet] = []
    begin = Arrival.__init__

    def stop_then(self: Arrival, *words: Any) -> None:
        begin(self, *words)
        monkeypatch.setattr(Arrival, "__init__", begin)
        engine = place.life.engine
        assert engine is not None
        stops.append(gevent.spawn(engine.stop, 0.1))

    try:
        place.start()
        place.clock.settle()
        monkeypatch.setattr(Arrival, "__init__", stop_then)
        place.callers.answering["desk"] = story.chat
        call = place.callers.place("comes just then", NUMBER, story.listen)
        call.ends = "destination"
        place.clock.run(20)
        stops[0].join()
        place.life.die()
        place.start()
        place.clock.run_until(lambda: place.callers.all_over)
        place.clock.run(15_000)
        assert not call.unrecorded
        assert place.books() == []
    finally:
        place.close()


@pytest.mark.parametrize("nth", range(3))
def test_killed_while_the_codes_of_staff_are_bound(tmp_path: Path, nth: int) -> None:
    """Whoever follows the call binds them again: they can pause, and resume."""
    every = deaths(told(tmp_path, story.tell_harder).steps)
    binding = [death for death in every if "bind_digit_action" in str(death)]
    assert list(told(tmp_path, story.tell_harder, [binding[nth]], (60, False)).wrong) == []
