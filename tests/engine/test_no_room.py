"""New calls while recordings have nowhere to go (R22; docs/freeswitch.md 62)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.core.entries import TakenUp
from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.expect import CALLER_HZ
from ivr.lab.faults import START
from tests.engine.disks import FALLBACK, Disks
from tests.engine.house import CALLER, House
from tests.engine.site import NUMBER, OWN_KEYS

TALKS = Destination.talks(4000, answer_ms=500)
CONNECTS = CallScript(destination=TALKS, dialled=NUMBER)
REFUSES = CallScript(destination=TALKS, dialled=OWN_KEYS)


@pytest.fixture
def house(build) -> House:
    """One with a fallback."""
    one = build(more=FALLBACK)
    one.start()
    return one


@pytest.fixture
def disks(house, monkeypatch):
    made = Disks(house, monkeypatch)
    yield made
    made.go_on()


def started(house: House) -> list[Path]:
    """Where the switch was to record, in order."""
    told = [one.split() for one in house.commands if "api uuid_record" in one]
    return [Path(words[4]) for words in told if words[3] == "start"]


@pytest.mark.parametrize("script", [CONNECTS, REFUSES])
def test_where_only_the_fallback_has_room_it_is_used_from_the_first(house, disks, script):
    disks.fill()
    house.clock.run(1000)
    call = house.call(script)
    call.assert_heard(4000)
    assert [one.parent for one in started(house)] == [disks.fallback]
    assert [one.name for one in call.parts] == [f"{call.outcome.uuid}.wav"]
    assert "recording-stalled" not in call.steps
    assert not list(disks.fallback.iterdir())


def test_where_none_has_room_a_call_is_connected_and_recorded_once_there_is(house, disks):
    disks.fill(disks.spool, disks.fallback)
    house.clock.run(1000)
    call = house.place(CONNECTS)
    house.until(call, "connected")
    assert started(house) == []
    house.clock.run(1500)
    disks.free()
    told = house.over(call)
    assert [one.name for one in told.parts] == [f"{call.uuid}.2.wav"]
    recording = told.record["recording"]
    assert 500 < recording["duration_ms"] <= 2500
    assert told.loudness(CALLER, CALLER_HZ) > 1000
    failed = [one["detail"] for one in told.record["steps"] if one["what"] == "recording-failed"]
    assert failed[0] == "there is no room to record"
    assert house.metric("ivr_recordings_stalled_total", outcome="no-room") == 1


def test_where_none_has_room_a_team_that_records_all_is_not_connected(house, disks):
    disks.fill(disks.spool, disks.fallback)
    house.clock.run(1000)
    call = house.call(REFUSES)
    assert call.outcome.connected_ms is None
    assert call.outcome.names("destination") == [], "nobody's telephone rang"
    assert call.record["ended"]["reason"] == "not-recordable"
    assert call.record["recording"]["detail"] == "there is no room to record"
    assert call.played[-1] == ("unavailable", True)
    assert started(house) == []
    disks.free()
    house.clock.run(1000)
    house.call(REFUSES).assert_heard(4000)


@pytest.mark.parametrize("script", [CONNECTS, REFUSES])
def test_a_disk_that_fills_in_the_announcement(house, disks, script):
    """FreeSWITCH refuses to begin: it is begun in the other folder before anybody is connected."""
    call = house.place(script)
    house.until(call, "announcing")
    disks.fill()
    told = house.over(call)
    told.assert_heard(4000)
    assert [one.parent for one in started(house)] == [disks.spool, disks.fallback]
    assert [one.name for one in told.parts] == [f"{call.uuid}.2.wav"]
    assert told.steps.index("recording-started") < told.steps.index("dialled")


def test_a_call_that_comes_back_is_begun_in_the_other_folder_too(house, disks):
    """The main one fills between the last look and the moment in which it is begun."""
    call = house.place(REFUSES)
    house.until(call, "announcing")
    house.lose(call)
    house.clock.run_until(lambda: "handed-back" in ways(house, call))
    house.switch.faults.refuse(START, "-ERR Cannot record session!\n")
    told = house.over(call)
    told.assert_heard(4000)
    assert [one.name for one in told.parts] == [f"{call.uuid}.3.wav"]


def ways(house: House, call: LabCall) -> list[str]:
    """How the call was taken up so far."""
    entries = (one.entry for one in house.engine.context.calls[call.uuid].entries)
    return [one.how for one in entries if isinstance(one, TakenUp)]
