"""Recordings that no longer grow, in calls that go on (R22; docs/freeswitch.md 58 to 63)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ivr.core.state import MOST_AGAIN, TOLD_MS
from ivr.engine.growth import LATE_MS
from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.expect import AGENT_HZ, CALLER_HZ
from ivr.lab.script import BlindTransfer, HangUp, Hold, Keys, Unhold, Wait, WhenConnected
from tests.engine.disks import FALLBACK, Disks
from tests.engine.house import AGENT, CALLER, Call, House
from tests.engine.site import NUMBER, OWN_KEYS

SOON_MS = 2_000
"""A recording that no longer grows is begun anew so soon."""
NOT_DONE = "tone_stream://%(400,100,200);%(400,0,200)"


@pytest.fixture
def house(build) -> House:
    """One with a fallback."""
    one = build(more=FALLBACK)
    one.start()
    return one


@pytest.fixture
def bare(build) -> House:
    """One without."""
    one = build()
    one.start()
    return one


@pytest.fixture
def disks(house, monkeypatch):
    made = Disks(house, monkeypatch)
    yield made
    made.go_on()


@pytest.fixture
def disk(bare, monkeypatch):
    """The only one."""
    made = Disks(bare, monkeypatch)
    yield made
    made.go_on()


def talks(ms: int, *agent: Any, caller: Any = (), dialled: str = NUMBER, **more: Any) -> CallScript:
    """The agent does this, and both talk so long in all."""
    return CallScript(
        steps=(WhenConnected(), *caller),
        dialled=dialled,
        destination=Destination(steps=(WhenConnected(), *agent, Wait(ms), HangUp())),
        **more,
    )


def connected(house: House, script: CallScript, ms: int = 1000) -> LabCall:
    call = house.place(script)
    house.until(call, "connected")
    house.clock.run(ms)
    return call


def tones(house: House, call: LabCall) -> list[str]:
    """What the agent was told."""
    told = [one.split() for one in house.commands if "api uuid_displace" in one]
    assert all(words[2] == call.other.uuid for words in told)
    return [words[4] for words in told]


def parts(call: Call) -> list[str]:
    return [Path(part["path"]).name.split(".", 1)[1] for part in call.record["recording"]["parts"]]


def stalled(house: House) -> tuple[float | None, float | None]:
    metric = "ivr_recordings_stalled_total"
    return house.metric(metric, outcome="renewed"), house.metric(metric, outcome="no-room")


def test_a_full_disk_has_the_recording_go_on_in_the_fallback(house, disks, logged):
    call = connected(house, talks(8000))
    full_ms = house.clock.monotonic_ms()
    disks.fill()
    house.clock.run_until((disks.fallback / f"{call.uuid}.2.wav").exists)
    assert house.clock.monotonic_ms() - full_ms <= SOON_MS
    house.clock.run(1000)
    assert house.metric("ivr_recording_folder_usable", folder="spool") == 0
    assert house.metric("ivr_recording_folder_usable", folder="fallback") == 1
    told = house.over(call)
    recording = told.record["recording"]
    assert parts(told) == ["wav", "2.wav"]
    missing_ms = told.record["durations"]["joined_ms"] - recording["duration_ms"]
    assert 0 < missing_ms <= SOON_MS
    offset_ms = recording["parts"][1]["offset_ms"]
    assert 1000 < offset_ms <= 1100 + SOON_MS
    told.assert_heard(8000 - SOON_MS, 8000)
    assert stalled(house) == (1, 0)
    assert told.steps.count("recording-stalled") == 1
    why = next(one for one in logged if one["event"] == "no room for recordings")
    assert why["why"] == "takes no file: No space left on device"
    assert not list(disks.fallback.iterdir())
    assert not list(disks.spool.iterdir())


def test_room_that_is_there_again_is_told_and_used_for_new_calls(house, disks, logged):
    call = connected(house, talks(8000))
    disks.fill()
    house.clock.run(3000)
    disks.free()
    house.clock.run(1000)
    assert "room for recordings again" in [one["event"] for one in logged]
    assert house.metric("ivr_recording_folder_usable", folder="spool") == 1
    new = connected(house, talks(1000))
    assert (disks.spool / f"{new.uuid}.wav").exists()
    assert parts(house.over(call)) == ["wav", "2.wav"], "one that goes on stays where it is"


def shown(house: House, call: LabCall) -> str:
    """What is said of the call's recording to those who ask over HTTP."""
    now = house.engine.ongoing.find(call.uuid)
    assert now is not None
    return now.recording


def test_without_room_a_call_goes_on_and_its_agent_knows(bare, disk, logged):
    """What stalled grows again when there is room, and is not begun anew."""
    call = connected(bare, talks(12_000))
    disk.fill()
    bare.clock.run(5000)
    assert tones(bare, call) == [NOT_DONE], "once"
    assert stalled(bare) == (0, 1)
    assert shown(bare, call) == "stalled"
    disk.free()
    bare.clock.run(1500)
    assert shown(bare, call) == "recording"
    told = bare.over(call)
    assert parts(told) == ["wav"]
    assert 7000 <= told.record["recording"]["duration_ms"] <= 8000
    assert told.record["ended"]["by"] == "agent"
    ended = next(one for one in logged if one["event"] == "call ended")
    assert ended["problem"] == "short"


def test_without_room_the_call_of_a_team_that_records_all_ends(bare, disk):
    call = connected(bare, talks(60_000, dialled=OWN_KEYS))
    disk.fill()
    bare.until(call, "refusing")
    told_ms = bare.clock.monotonic_ms()
    assert tones(bare, call) == [NOT_DONE]
    told = bare.over(call)
    assert told.record["ended"]["reason"] == "not-recordable"
    assert told.record["ended"]["by"] == "engine"
    assert told.record["durations"]["joined_ms"] <= 1100 + SOON_MS + TOLD_MS
    assert bare.clock.monotonic_ms() >= told_ms + TOLD_MS, "the agent hears it first"
    assert told.record["recording"]["state"] == "kept"
    assert stalled(bare) == (0, 1)


def test_while_a_folder_takes_recordings_no_call_is_ended(house, disks):
    """Whatever it is that keeps this one from growing, it is not for want of room."""
    call = connected(house, talks(60_000, dialled=OWN_KEYS))
    house.switch.faults.fill(disks.spool)
    house.switch.faults.fill(disks.fallback)
    told = house.over(call)
    assert told.record["ended"]["by"] == "agent"
    assert told.record["durations"]["joined_ms"] == 60_000
    assert stalled(house) == (MOST_AGAIN, 0), "and it is not tried for ever"


def test_a_folder_that_does_not_answer_is_left(house, disks, logged):
    """As one on a network disk that is away: the look does not come back."""
    call = connected(house, talks(12_000))
    disks.hang()
    house.clock.run(LATE_MS + SOON_MS)
    assert (disks.fallback / f"{call.uuid}.2.wav").exists()
    why = next(one for one in logged if one["event"] == "no room for recordings")
    assert (why["folder"], why["why"]) == (str(disks.spool), "does not answer")
    assert house.metric("ivr_recording_folder_usable", folder="spool") == 0
    disks.go_on()
    house.clock.run(2000)
    assert house.metric("ivr_recording_folder_usable", folder="spool") == 1
    assert parts(house.over(call)) == ["wav", "2.wav"]


def test_what_is_in_the_other_folder_is_left_alone_meanwhile(house, disks):
    """That nobody can look there does not say that it stands still."""
    call = connected(house, talks(60_000))
    disks.hang()
    house.clock.run(40_000)
    disks.go_on()
    assert parts(house.over(call)) == ["wav", "2.wav"]


def test_a_fallback_that_does_not_answer_leaves_the_spool_alone(house, disks):
    """Nothing is begun on a disk that hangs, while the spool's own is well."""
    call = connected(house, talks(12_000))
    disks.hang(1)
    house.clock.run(LATE_MS + SOON_MS)
    assert house.metric("ivr_recording_folder_usable", folder="spool") == 1
    assert house.metric("ivr_recording_folder_usable", folder="fallback") == 0
    second = connected(house, talks(4_000))
    assert (disks.spool / f"{second.uuid}.wav").exists()
    disks.go_on()
    assert parts(house.over(call)) == ["wav"]


def test_a_spool_that_does_not_answer_while_the_fallback_does(house, disks):
    """What goes on in the fallback is looked at all the same."""
    call = connected(house, talks(20_000))
    disks.hang()
    house.clock.run(LATE_MS + SOON_MS)
    disks.fill(disks.fallback)
    house.clock.run(2_000)
    assert house.metric("ivr_recording_folder_usable", folder="fallback") == 0
    disks.free()
    disks.go_on()
    assert parts(house.over(call))[:2] == ["wav", "2.wav"]


def test_a_file_that_is_removed_has_a_successor_in_the_other_folder(house, disks):
    call = connected(house, talks(6000))
    (disks.spool / f"{call.uuid}.wav").unlink()
    told = house.over(call)
    assert parts(told) == ["2.wav"]
    started = [
        one.split()[-1] for one in house.commands if "uuid_record" in one and " start" in one
    ]
    assert started == [
        str(disks.spool / f"{call.uuid}.wav"),
        str(disks.fallback / f"{call.uuid}.2.wav"),
    ]


def test_a_folder_that_is_removed_is_made_again(bare, disk):
    call = connected(bare, talks(6000))
    shutil.rmtree(disk.spool)
    told = bare.over(call)
    assert parts(told) == ["2.wav"]
    assert disk.spool.stat().st_mode & 0o7777 == 0o2770
    assert told.record["recording"]["duration_ms"] > 2500


# When nothing is to grow.


def test_a_customers_hold_is_no_stall(house, disks):
    """The recording stands still then (docs/freeswitch.md 56)."""
    call = connected(house, talks(12_000, caller=(Wait(500), Hold(), Wait(6000), Unhold())))
    told = house.over(call)
    assert stalled(house) == (0, 0)
    assert parts(told) == ["wav"]
    assert {"customer-held", "customer-back"} < set(told.steps)
    assert 5500 < told.record["recording"]["duration_ms"] < 6500
    assert told.record["durations"]["joined_ms"] == told.record["recording"]["duration_ms"]


def test_nothing_grows_while_the_next_agents_telephone_rings(house, disks):
    there = {"desk": Destination(steps=(WhenConnected(1000), BlindTransfer(OWN_KEYS)))}
    there["hall"] = Destination(answer_ms=4500, steps=(WhenConnected(2000), HangUp()))
    call = house.place(CallScript(destinations=there))
    told = house.over(call)
    assert call.at("hall").hangup_cause
    assert stalled(house) == (0, 0)
    assert "recording-stalled" not in told.steps


def test_nothing_grows_in_a_pause_that_had_the_recording_stopped(house, disks):
    house.switch.faults.refuse_mask()
    call = house.place(talks(2000, Wait(500), Keys("*7"), Wait(6000), Keys("*8")))
    told = house.over(call)
    assert stalled(house) == (0, 0)
    assert parts(told) == ["wav", "2.wav"]
    assert {one["how"] for one in told.record["recording"]["pauses"]} == {"stopped"}


def test_in_a_pause_a_further_part_is_masked_from_its_first_sample(house, disks):
    """A card number may be read out at that very moment (R6)."""
    call = connected(house, talks(3000, Wait(300), Keys("*7"), Wait(8000), Keys("*8")), 2000)
    assert house.metric("ivr_calls_paused") == 1
    disks.fill()
    second = disks.fallback / f"{call.uuid}.2.wav"
    house.clock.run_until(second.exists)
    sent = [one for one in house.commands if one.endswith(str(second))]
    assert [one.split()[3] for one in sent] == ["start", "mask"]
    told = house.over(call)
    recording = told.record["recording"]
    assert parts(told) == ["wav", "2.wav"]
    spans = [(one["part"], one["how"], one["leaked_peak"]) for one in recording["pauses"]]
    assert spans == [(1, "masked", 0), (2, "masked", 0)]
    before = recording["parts"][0]["frames"] // 8
    for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
        assert told.loudness(channel, hz, before, before + 3000) == 0
        assert told.loudness(channel, hz, recording["duration_ms"] - 1000) > 1000, "and no longer"
