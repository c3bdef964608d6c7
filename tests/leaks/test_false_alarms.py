"""Nothing that engine and switch write of ordinary calls is taken for a number or a key (R6)."""

from __future__ import annotations

from ivr.lab import CallScript, Destination
from ivr.lab.script import STANDARD, HangUp, Hold, Unhold, Wait, WhenConnected
from tests.engine.conftest import build, house, logged
from tests.leaks.cards import CARDS
from tests.leaks.search import digits_in, keys_told, tones_in

__all__ = ["build", "house", "logged"]

NO_KEYS = tuple(one for one in STANDARD if not any("Keys" in repr(step) for step in one.steps))
HELD = CallScript(
    destination=Destination(
        steps=(WhenConnected(500), Hold(), Wait(500), Unhold(), Wait(500), HangUp())
    )
)


def test_calls_without_a_card_raise_no_alarm(house, logged):
    calls = [house.place(one) for one in (*NO_KEYS, HELD) for _ in range(3)]
    for call in calls:
        house.over(call)
    assert digits_in(house.folder, *CARDS) == []
    assert digits_in(house.switch.traffic, *CARDS) == []
    assert digits_in(repr(logged), *CARDS) == []
    assert digits_in({path: house.get(path)[1] for path in ("/metrics", "/healthz")}, *CARDS) == []
    for kept in (house.spool, house.freeswitch, house.switch.traffic, repr(logged)):
        assert keys_told(kept) == {}
    recordings = sorted((house.spool / "new").glob("*.wav"))
    assert len(recordings) >= 6
    assert [tone for path in recordings for tone in tones_in(path)] == []
