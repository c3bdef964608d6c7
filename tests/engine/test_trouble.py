"""What FreeSWITCH or the disk may refuse (R1, R5, R22; docs/freeswitch.md 19, 22a, 24)."""

from __future__ import annotations

import json
from errno import EROFS
from pathlib import Path

import pytest

from ivr.lab import CallScript, Destination, api
from ivr.lab.alarm import sleep_until
from ivr.lab.script import DuringPrompt, Keys, WhenConnected
from tests.engine.site import NUMBER, OWN_KEYS
from tests.storage.parts import EIO, ENOSPC, Trace

TALKS = Destination.talks(2000, answer_ms=500)
CONNECTS = CallScript(destination=TALKS, dialled=NUMBER)
REFUSES = CallScript(destination=TALKS, dialled=OWN_KEYS)


def prompt(house, name: str) -> Path:
    return house.folder / "prompts/en-GB/8000" / f"{name}.wav"


def assert_unrecorded(call, *, connected: bool, reason: str) -> None:
    """The team's policy says whether there is a call; there is no recording, and why."""
    recording = call.record["recording"]
    assert not call.audio.exists()
    assert reason in recording["detail"]
    assert "recording-failed" in call.steps
    if connected:
        assert recording["state"] == "lost"
        assert call.outcome.connected_ms is not None
    else:
        assert call.outcome.connected_ms is None
        assert call.record["ended"]["reason"] == "not-recordable"
        assert call.played[-1] == ("unavailable", True)


def path(house, call, part: str = "") -> str:
    """Where FreeSWITCH writes a part of the call's recording."""
    return str(house.spool / "recording" / f"{call.outcome.uuid}{part}.wav")


# Prompts.


@pytest.mark.parametrize(("script", "connected"), [(CONNECTS, True), (REFUSES, False)])
def test_an_announcement_that_is_gone(house, script, connected):
    """Nobody is recorded who was not told."""
    prompt(house, "announcement").unlink()
    call = house.call(script)
    assert call.record["announcement"] == "no"
    assert call.record["prompts"][0]["missing"]
    assert_unrecorded(call, connected=connected, reason="announcement")
    assert [one for one in house.commands if "uuid_record" in one and " start " in one] == []
    assert house.metric("ivr_recordings_total", outcome="failed") == 1


def test_an_announcement_that_is_gone_still_takes_no_keys_for_an_opt_out(house):
    prompt(house, "announcement").unlink()
    call = house.call(CallScript(steps=(WhenConnected(200), Keys("*#*")), destination=TALKS))
    assert call.record["opt_out"]["started"] == 0


def test_a_reminder_that_is_gone(house):
    """The caller is asked nothing and yet may come back, or not: the limit runs."""
    prompt(house, "reminder").unlink()
    call = house.call(CallScript(steps=(DuringPrompt(300), Keys("*#*")), destination=TALKS))
    assert call.record["opt_out"]["how"] == "timeout"
    assert call.record["recording"]["state"] == "none"


@pytest.mark.parametrize("name", ["goodbye", "busy"])
def test_last_words_that_are_gone(house, name):
    prompt(house, name).unlink()
    script = CallScript(steps=(DuringPrompt(300), Keys("*#*")))
    call = house.call(script if name == "goodbye" else CallScript(destination=Destination.busy()))
    assert call.record["ended"]["by"] == "engine"
    assert call.record["prompts"][-1]["missing"]


@pytest.mark.parametrize("times", [1, 2])
def test_an_announcement_that_somebody_else_cuts_short_is_played_again(house, times):
    call = house.place(CONNECTS)
    for _ in range(times):
        house.until(call, "announcing")
        house.clock.run(500)
        assert house.switch.api("uuid_break", f"{call.uuid} all") == "+OK\n"
        house.clock.run(100)
    told = house.over(call)
    assert told.played == [*[("announcement", False)] * times, ("announcement", True)]
    assert told.record["announcement"] == "fully"
    told.assert_heard(2000)


def test_an_announcement_that_is_cut_short_for_ever(house):
    call = house.place(CONNECTS)
    for _ in range(3):
        house.clock.run(500)
        house.switch.api("uuid_break", f"{call.uuid} all")
    told = house.over(call)
    assert told.record["announcement"] == "partly"
    assert_unrecorded(told, connected=True, reason="announcement")


# The recording.


@pytest.mark.parametrize(("script", "connected"), [(CONNECTS, True), (REFUSES, False)])
def test_freeswitch_refuses_to_record(house, monkeypatch, logged, script, connected):
    monkeypatch.setattr(api, "start_recording", lambda *_: False)
    call = house.call(script)
    assert_unrecorded(call, connected=connected, reason="-ERR Cannot record session!")
    tries = 2 if connected else 1  # once more as they talk
    assert house.metric("ivr_recordings_total", outcome="failed") == tries
    assert house.metric("ivr_recordings_total", outcome="started") == 0
    assert house.metric("ivr_commands_refused_total", command="StartRecording") == tries
    refused = next(one for one in logged if one["event"] == "FreeSWITCH refused a command")
    assert refused["reply"] == "-ERR Cannot record session!"


@pytest.mark.parametrize(("script", "connected"), [(CONNECTS, True), (REFUSES, False)])
def test_a_recording_that_starts_too_late_is_stopped(house, monkeypatch, script, connected):
    """The call is dealt with as unrecorded by then: whatever was written does not stay. Where it
    is connected all the same, it is recorded as a further part, a moment later."""
    real = api.COMMANDS["uuid_record"]
    starts = []

    def late(exchange, arg):
        if " start " in arg:
            starts.append(arg)
            if len(starts) == 1:
                sleep_until(exchange.clock, exchange.clock.monotonic_ms() + 3500)
        return real(exchange, arg)

    monkeypatch.setitem(api.COMMANDS, "uuid_record", late)
    call = house.call(script)
    recorded = [one.split()[3:] for one in house.commands if "api uuid_record" in one]
    first = [["start", path(house, call)], *[["stop", path(house, call)]] * 2]
    assert recorded[:3] == first, "at the limit, and when it began after all"
    assert (call.outcome.connected_ms is not None) is connected
    assert not list((house.spool / "recording").iterdir())
    if connected:
        assert recorded[3:] == [["start", path(house, call, ".2")]]
        assert [one.name for one in call.parts] == [f"{call.outcome.uuid}.2.wav"]
        assert 300 < call.record["recording"]["duration_ms"] <= 1000
    else:
        assert call.record["recording"]["detail"] == "FreeSWITCH did not start it in time"
        assert "recording-started" not in call.steps


def test_freeswitch_never_starts_to_record(house, monkeypatch):
    monkeypatch.setitem(api.COMMANDS, "uuid_record", lambda *_: "+OK Success\n")
    call = house.call(CONNECTS)
    assert_unrecorded(call, connected=True, reason="did not start it in time")


def test_the_recordings_disk_is_full(house):
    """Nothing tells of it until the hangup (docs/freeswitch.md 63): but the file grows no more."""
    house.switch.room = 20_000
    call = house.call(CONNECTS)
    recording = call.record["recording"]
    assert recording["cause"] == "uri-failure"
    assert recording["state"] == "kept"
    assert recording["switch_ms"] == recording["duration_ms"] < 1000
    assert call.audio.stat().st_size == recording["size"]
    assert "recording-stalled" in call.steps
    assert call.record["durations"]["joined_ms"] >= 2000, "and the record shows the gap"


def test_a_recording_stopped_by_somebody_else(house):
    call = house.place(CONNECTS)
    house.until(call, "connected")
    house.clock.run(1000)
    house.switch.api("uuid_record", f"{call.uuid} stop all")
    told = house.over(call)
    assert 900 <= told.record["recording"]["duration_ms"] <= 1100
    assert told.record["durations"]["connected_ms"] >= 2000, "and the record shows the gap"


def test_a_recording_that_somebody_removes(house):
    call = house.place(CallScript(destination=Destination.talks(4000)))
    house.until(call, "connected")
    house.clock.run(1000)
    (house.spool / "recording" / f"{call.uuid}.wav").unlink()
    told = house.over(call)
    recording = told.record["recording"]
    assert [one.name for one in told.parts] == [f"{call.uuid}.2.wav"], "it goes on in another"
    assert recording["state"] == "kept"
    assert recording["detail"] == "part 1 is missing"
    assert 1000 <= recording["duration_ms"] <= 2500, "within two seconds"


# The journal and the spool.


@pytest.fixture
def trace(build):
    """A house on a disk that can be made to refuse."""
    made = Trace()
    house = build()
    house.start(made.disk())
    return house, made


@pytest.mark.parametrize("number", [ENOSPC, EIO])
@pytest.mark.parametrize(("script", "connected"), [(CONNECTS, True), (REFUSES, False)])
def test_the_journal_is_refused(trace, logged, script, connected, number):
    """No recording begins whose intent is not on disk."""
    house, disk = trace
    disk.failing["fdatasync:.journal"] = number
    call = house.call(script)
    assert_unrecorded(call, connected=connected, reason="cannot write the journal")
    assert [one for one in house.commands if "uuid_record" in one and " start " in one] == []
    assert "journal not written" in [one["event"] for one in logged]
    status, body = house.get("/readyz")
    assert status == 503
    assert "cannot write the journal" in json.loads(body)["disk"]
    assert house.get("/healthz")[0] == 200
    disk.failing.clear()
    house.clock.run(5000)
    assert house.get("/readyz")[0] == 200
    house.call(CONNECTS).assert_heard(2000)


def test_the_record_is_refused_and_tried_again(trace, logged):
    house, disk = trace
    disk.failing["rename:.json"] = ENOSPC
    call = house.place(CONNECTS)
    house.clock.run_until(call.done.ready)
    house.clock.run(11_000)
    assert house.metric("ivr_records_failed_total") == 3
    assert house.metric("ivr_records_written_total") == 0
    assert house.get("/readyz")[0] == 503
    told = [one for one in logged if one["event"] == "record not written, will be tried again"]
    assert told[0]["call"] == call.uuid
    disk.failing.clear()
    house.over(call).assert_heard(2000)
    assert house.metric("ivr_records_written_total") == 1
    assert house.get("/readyz")[0] == 200


def test_the_record_is_written_and_what_is_left_cannot_be_cleared_away(trace, logged):
    """That is no record that is refused: calls are recorded as ever."""
    house, disk = trace
    disk.failing["rename:.2.wav"] = EROFS
    call = house.place(CONNECTS)
    (house.spool / "recording" / f"{call.uuid}.2.wav").write_bytes(b"no recording" * 9)
    house.over(call).assert_heard(2000)
    house.clock.run(11_000)
    assert house.metric("ivr_records_failed_total") == 0
    assert house.metric("ivr_records_written_total") == 1
    assert house.get("/readyz")[0] == 200
    assert json.loads(house.get("/healthz")[1])["disk"] == "ok"
    assert json.loads(house.get("/healthz")[1])["calls"] == 0
    [told] = [one for one in logged if one["event"].startswith("record written, but")]
    assert (told["log_level"], told["call"]) == ("warning", call.uuid)
    assert "Read-only file system" in told["error"]
    disk.failing.clear()
    house.clock.run(5_000)
    house.clock.run_until(lambda: not house.engine.journal.open_calls)
    assert [one.name for one in (house.spool / "aside").glob("*.wav")] == [f"{call.uuid}.2.wav"]
    assert house.metric("ivr_records_written_total") == 1
    assert "file set aside, as it could not be used" in [one["event"] for one in logged]


def test_the_record_is_refused_until_the_engine_is_stopped(trace):
    """The next engine makes it out of the journal."""
    house, disk = trace
    disk.failing["rename:.json"] = ENOSPC
    call = house.place(CONNECTS)
    house.clock.run_until(call.done.ready)
    house.clock.run(1000)
    house.engine.stop(drain_s=0.05)
    house.forget()
    house.start()
    told = house.over(call)
    told.assert_heard(2000)
    assert told.record["ended"]["by"] == "agent"
    assert told.record["announcement"] == "fully"
