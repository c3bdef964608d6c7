"""Calls side by side, and a FreeSWITCH that is killed in the middle of them (R5, R22)."""

from __future__ import annotations

from dataclasses import replace

from ivr.lab import CallScript, Destination
from ivr.lab.expect import Expected
from tests.engine.house import Call
from tests.engine.test_calls import STORIES

TALKS = CallScript(destination=Destination.talks(5000))


def test_every_story_at_once(house):
    """One call, one recording, one record, and nobody's in another's."""
    calls = {}
    for name, (told, expected) in STORIES.items():
        # Pitches of their own would not be told apart; lengths are.
        calls[name] = (house.place(replace(told, caller=name)), expected)
        house.clock.run(37)
    for name, (call, expected) in calls.items():
        told = house.over(call)
        assert expected.complaints(house.spool, call.uuid) == [], name
        assert told.record["caller_name"] == name
        if expected.recording == "kept":
            told.assert_heard(expected.least_ms, expected.least_ms + 450)
    records = list((house.spool / "new").glob("*.json"))
    assert len(records) == len(STORIES)
    kept = [one for _call, one in calls.values() if one.recording == "kept"]
    assert len(list((house.spool / "new").glob("*.wav"))) == len(kept)
    assert house.metric("ivr_records_written_total") == len(STORIES)
    house.clock.run(1000)
    assert house.engine.journal.open_calls == 0


def test_freeswitch_is_killed_and_comes_back(house):
    """Every recording that it wrote has its record, though nobody said that the calls ended."""
    arrived_ms = house.clock.monotonic_ms()
    calls = [house.place(TALKS) for _ in range(5)]
    ringing = house.place(CallScript(destination=Destination.silent()))
    for call in calls:
        house.until(call, "connected")
    house.clock.run(2000)
    house.switch.kill()
    for call in calls:
        house.wrote(call)
    killed_ms = house.clock.monotonic_ms()
    house.clock.run(2000)
    assert house.metric("ivr_freeswitch_connected") == 0
    assert house.metric("ivr_calls", phase="unlinked") == 6
    house.switch = house.switch.successor()
    house.clock.run(60_000)
    assert house.metric("ivr_freeswitch_connected") == 1
    assert house.engine.context.calls == {}
    for call in calls:
        told = Call(house.spool, call)
        assert told.record["recording"]["repaired"]
        told.assert_heard(1800, 2300)
        ended = told.record["ended"]
        assert (ended["by"], ended["reason"]) == ("switch", "switch-lost")
        assert told.record["durations"]["total_ms"] <= killed_ms - arrived_ms
    told = Call(house.spool, ringing)
    assert told.record["announcement"] == "fully"
    assert told.record["recording"]["state"] != "kept"


def test_a_call_is_not_kept_twice(house):
    call = house.call(TALKS)
    house.clock.run(60_000)
    names = sorted(one.name for one in (house.spool / "new").iterdir())
    assert names == [f"{call.outcome.uuid}.json", f"{call.outcome.uuid}.wav"]
    assert Expected("kept", "agent", least_ms=5000).complaints(house.spool, call.outcome.uuid) == []
