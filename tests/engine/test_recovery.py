"""An engine that is stopped and started with calls in progress (R22)."""

from __future__ import annotations

import json
import shutil

import gevent
import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, HangUp, Keys, WhenConnected
from tests.engine.disks import FALLBACK
from tests.engine.house import Call
from tests.engine.site import NUMBER, OWN_KEYS

LONG = CallScript(steps=(WhenConnected(8000), HangUp()), destination=Destination())
ORPHAN = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"


def connected(house):
    call = house.place(LONG)
    house.until(call, "connected")
    house.clock.run(1000)
    return call


def test_a_call_in_progress_is_followed_to_its_end(house, logged):
    call = connected(house)
    house.stop()
    house.clock.run(1000)
    house.start()
    assert house.metric("ivr_calls", phase="unlinked") == 1
    assert ("call taken up", call.uuid) in [(one["event"], one.get("call")) for one in logged]
    assert not (house.spool / "new" / f"{call.uuid}.json").exists(), "nothing is taken too early"
    told = house.over(call)
    told.assert_heard(8000)
    assert told.record["announcement"] == "fully"
    assert told.record["connected_at"]
    assert told.record["ended"]["by"] == "caller"
    assert told.record["recording"]["state"] == "kept"
    assert house.metric("ivr_records_written_total") == 1


def test_the_same_call_through_three_engines(house):
    call = connected(house)
    for _ in range(3):
        house.stop()
        house.clock.run(500)
        house.start()
    house.over(call).assert_heard(8000)


def test_a_call_that_is_handed_over_anew_is_driven_and_not_followed(house, logged):
    """FreeSWITCH cannot be asked at first; its dialplan sends the call to the engine again."""
    call = house.place(LONG)
    house.until(call, "announcing")
    house.stop()
    house.switch.password = "other, for now"
    house.start()
    house.until(call, "announcing")
    driver = house.engine.context.calls[call.uuid]
    house.switch.password = "ClueCon"
    house.clock.run_until(lambda: house.engine.control.connected)
    house.clock.settle()
    assert house.engine.context.calls[call.uuid] is driver
    assert driver.state.phase.value != "unlinked"
    told = house.over(call)
    told.assert_heard(8000)
    assert told.steps.count("taken-up") == 1
    assert house.metric("ivr_records_written_total") == 1


def longest_call(house, team: str, value: str) -> None:
    path = house.folder / f"dialplan/teams/{team}.yaml"
    path.write_text(f'{path.read_text()}longest_call: "{value}"\n')


@pytest.mark.parametrize(
    ("dialled", "minutes"), [(NUMBER, 2), (OWN_KEYS, 3)], ids=["first-team", "other-team"]
)
def test_nothing_is_heard_of_a_call_that_was_taken_up_its_own_teams_limit_holds(
    build, dialled, minutes
):
    house = build()
    longest_call(house, "customer-services", "2m")
    longest_call(house, "council-tax", "3m")
    house.start()
    call = house.place(CallScript(dialled=dialled, destination=Destination()))
    house.until(call, "connected")
    house.stop()
    house.start()
    house.clock.run(minutes * 60_000 - 1_000)
    assert call.uuid in house.engine.context.calls
    house.clock.run(10_000)
    assert call.uuid not in house.engine.context.calls


@pytest.mark.parametrize("known", [True, False], ids=["number-gone", "journal-gone"])
def test_a_call_of_no_team_that_there_is_has_the_longest_limit(build, known):
    house = build()
    longest_call(house, "customer-services", "2m")
    longest_call(house, "council-tax", "3m")
    house.start()
    call = house.place(CallScript(destination=Destination()))
    house.until(call, "connected")
    house.stop()
    if known:
        routes = house.folder / "dialplan/routes.yaml"
        routes.write_text(routes.read_text().replace(NUMBER, "01427000000"))
    else:
        for segment in (house.spool / "journal").iterdir():
            segment.unlink()
    house.start()
    house.clock.run(179_000)
    assert call.uuid in house.engine.context.calls
    house.clock.run(10_000)
    assert call.uuid not in house.engine.context.calls


def test_nothing_is_taken_while_freeswitch_cannot_be_asked(house):
    """It may still be writing: the file grows on, and the record waits."""
    call = connected(house)
    house.stop()
    house.switch.password = "other, for now"
    house.start()
    house.clock.run(3000)
    written = house.spool / "recording" / f"{call.uuid}.wav"
    before = written.stat().st_size
    house.clock.run(1000)
    assert written.stat().st_size > before
    assert list((house.spool / "new").iterdir()) == []
    house.switch.password = "ClueCon"
    house.over(call).assert_heard(8000)


def test_a_call_that_ended_meanwhile_is_recorded_at_once(house, logged):
    call = connected(house)
    house.stop()
    house.clock.run_until(call.done.ready)
    house.start()
    house.clock.run(1000)
    told = Call(house.spool, call)
    told.assert_heard(8000)
    assert told.record["ended"]["by"] == "unknown", "nobody was there to see it"
    assert "call of an earlier engine recorded" in [one["event"] for one in logged]
    assert house.metric("ivr_records_written_total") == 1
    assert house.metric("ivr_recorded_seconds_total") == pytest.approx(8.0, abs=0.1)


def test_recorded_once_and_not_again_by_the_next_engine(house):
    call = connected(house)
    house.stop()
    house.clock.run_until(call.done.ready)
    house.start()
    house.clock.run(1000)
    record = house.spool / "new" / f"{call.uuid}.json"
    first = record.read_bytes()
    record.unlink()  # the consumer has it
    house.stop()
    house.start()
    house.clock.run(1000)
    assert not record.exists()
    assert first


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        (CallScript(steps=(DuringPrompt(300), Keys("*#*"))), "deciding"),
        (CallScript(destination=Destination.silent()), "dialling"),
    ],
)
def test_a_call_that_was_not_connected_gets_its_record_too(house, script, phase):
    call = house.place(script)
    house.until(call, phase)
    house.stop()
    house.start()
    told = house.over(call)
    assert told.record["recording"]["state"] in ("none", "lost")
    assert told.record["arrived_at"]
    assert "arrived" in told.steps
    assert not told.audio.exists()


def test_a_recording_of_which_nothing_is_known(build):
    """Its journal is gone: it gets a record that says so, and the audio is kept."""
    house = build()
    house.start()
    call = house.call(LONG)
    shutil.copy(call.audio, house.spool / "recording" / f"{ORPHAN}.wav")
    house.stop()
    house.start()
    house.clock.run(1000)
    record = json.loads((house.spool / "new" / f"{ORPHAN}.json").read_text())
    assert record["recording"]["state"] == "kept"
    assert record["recording"]["sha256"] == call.record["recording"]["sha256"]
    assert record["ended"]["by"] == "unknown"
    assert record["arrived_at"] == ""
    assert not (house.spool / "recording" / f"{ORPHAN}.wav").exists()


def test_an_orphan_that_freeswitch_still_writes_is_left_alone(house):
    """Its journal is lost and the call goes on."""
    call = connected(house)
    house.stop()
    for segment in (house.spool / "journal").iterdir():
        segment.unlink()
    house.start()
    house.clock.run(1000)
    assert list((house.spool / "new").iterdir()) == []
    told = house.over(call)
    told.assert_heard(8000)


def test_files_that_are_no_recordings_are_not_touched(build):
    house = build()
    house.start()
    house.stop()
    for name in ("notes.txt", "..wav", "8F14E45F.wav", "a b.wav"):
        (house.spool / "recording" / name).write_bytes(b"x")
    house.start()
    house.clock.run(1000)
    assert len(list((house.spool / "recording").iterdir())) == 4
    assert list((house.spool / "new").iterdir()) == []


def test_damaged_journal_lines_are_said_and_the_rest_is_read(house, logged):
    call = connected(house)
    house.stop()
    segment = max((house.spool / "journal").iterdir())
    segment.write_bytes(segment.read_bytes() + b"{not json}\n")
    house.start()
    assert [one["lines"] for one in logged if one["event"] == "journal lines could not be read"]
    house.over(call).assert_heard(8000)


def test_a_recording_whose_journal_may_lie_in_a_fallback_that_is_away_waits_for_it(build, logged):
    """Its pause would be kept: the spool's journal knows nothing of it (R7)."""
    house = build(more=FALLBACK)
    house.start()
    call = connected(house)
    gevent.spawn(house.engine.ongoing.pause, call.uuid, "page")
    house.clock.run(1000)
    house.stop()
    house.clock.run_until(call.done.ready)
    fallback, away = house.folder / "fallback", house.folder / "away"
    for segment in (house.spool / "journal").iterdir():
        segment.rename(fallback / "journal" / segment.name)
    fallback.rename(away)
    house.start()
    house.clock.run(10_000)
    assert list((house.spool / "new").iterdir()) == []
    assert (house.spool / "recording" / f"{call.uuid}.wav").exists()
    [told] = [one for one in logged if one["event"].startswith("recording of an unknown call")]
    assert told["call"] == call.uuid
    house.stop()
    away.rename(fallback)
    house.start()
    told = house.over(call)
    assert told.record["caller"]
    assert [pause["by"] for pause in told.record["recording"]["pauses"]] == ["page"]


def test_the_engine_dies_and_freeswitch_with_it(house):
    """Default or not, what is in the file is kept, with its header set right."""
    call = connected(house)
    house.stop()
    written = house.spool / "recording" / f"{call.uuid}.wav"
    half = written.read_bytes()
    house.clock.run_until(call.done.ready)
    written.write_bytes(half)  # as FreeSWITCH leaves it when it is killed
    house.start()
    house.clock.run(1000)
    told = Call(house.spool, call)
    assert told.record["recording"]["repaired"]
    told.assert_heard(900, 1300)


def test_stopping_leaves_the_call_alone(house):
    call = connected(house)
    sent = len(house.commands)
    house.stop()
    house.clock.run(1000)
    assert not call.done.ready()
    assert not [one for one in house.commands[sent:] if "hangup" in one or "stop" in one]
    assert house.metric("ivr_calls_ended_total") is None


def test_a_stopped_engine_takes_no_calls_and_the_dialplan_goes_on(house):
    house.stop()
    call = house.place(LONG)
    house.clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is not None
    assert call.leg.get("ivr_unrecorded") == "true", "what the dialplan has after socket"
    assert list((house.spool / "new").iterdir()) == []


def test_stopping_twice_is_stopping_once(house):
    house.stop()
    house.engine.stop()
    house.engine.wait()
