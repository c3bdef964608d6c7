"""What is counted and said of a call at its end, however it came to it (R21, R22)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ivr.core.fold import fold
from ivr.engine.ended import ended
from ivr.lab import CallScript, Destination, api
from ivr.lab.script import HangUp, WhenConnected
from ivr.metrics import Metrics
from ivr.storage import filing
from ivr.storage.filing import Filed
from tests.engine.house import Call
from tests.storage.parts import ARRIVED, stamped, whole_call

TALKS = CallScript(destination=Destination.talks(4000, answer_ms=500))
OUTCOMES = ("kept", "none", "lost")


def line_of(logged: list[dict[str, Any]], call_id: str) -> dict[str, Any]:
    """The one canonical line of a call."""
    lines = [one for one in logged if one["event"] == "call ended" and one["call"] == call_id]
    assert len(lines) == 1
    return lines[0]


def finished(house) -> dict[str, float | None]:
    return {one: house.metric("ivr_recordings_finished_total", state=one) for one in OUTCOMES}


def test_a_call_as_it_should_be_is_no_warning(house, logged):
    call = house.call(TALKS)
    line = line_of(logged, call.outcome.uuid)
    assert line["log_level"] == "info"
    assert "problem" not in line
    away = house.call(CallScript(destination=Destination.busy()))
    assert line_of(logged, away.outcome.uuid)["log_level"] == "info", "not connected, not recorded"
    assert finished(house) == {"kept": 1, "none": 1, "lost": 0}
    assert house.metric("ivr_recordings_short_total") == 0
    assert house.metric("ivr_calls_unrecorded_total") == 0


def test_a_recording_that_is_lost(house, logged):
    call = house.place(TALKS)
    house.until(call, "connected")
    house.clock.run(3500)  # too late for a further part to be begun
    (house.spool / "recording" / f"{call.uuid}.wav").unlink()
    house.over(call)
    line = line_of(logged, call.uuid)
    assert (line["log_level"], line["problem"]) == ("warning", "lost")
    assert finished(house) == {"kept": 0, "none": 0, "lost": 1}
    assert house.metric("ivr_recordings_short_total") == 0


def test_a_recording_that_was_refused(house, logged, monkeypatch):
    monkeypatch.setattr(api, "start_recording", lambda *_: False)
    call = house.call(TALKS)
    line = line_of(logged, call.outcome.uuid)
    assert (line["log_level"], line["problem"], line["recording_reason"]) == (
        "warning",
        "lost",
        "failed",
    )
    assert finished(house)["lost"] == 1


def test_a_recording_that_the_disk_did_not_take_whole(house, logged):
    house.switch.room = 60_000
    call = house.call(TALKS)
    line = line_of(logged, call.outcome.uuid)
    assert (line["log_level"], line["problem"]) == ("warning", "short")
    recording, joined_ms = call.record["recording"], call.record["durations"]["joined_ms"]
    assert recording["missing_ms"] == 0, "FreeSWITCH claims no more than the file holds"
    assert 1000 < recording["duration_ms"] < joined_ms - 1000
    assert finished(house) == {"kept": 1, "none": 0, "lost": 0}
    assert house.metric("ivr_recordings_short_total") == 1


@pytest.mark.parametrize(("after_ms", "short"), [(1000, True), (3500, False)])
def test_a_recording_that_dies_in_mid_call(house, logged, after_ms, short):
    """Nothing is missing of what FreeSWITCH claims: it stopped long before the call did."""
    call = house.place(TALKS)
    house.until(call, "connected")
    house.clock.run(after_ms)
    house.switch.api("uuid_record", f"{call.uuid} stop all")
    told = house.over(call)
    assert told.record["recording"]["missing_ms"] == 0
    assert line_of(logged, call.uuid)["log_level"] == ("warning" if short else "info")
    assert house.metric("ivr_recordings_short_total") == short


def test_a_call_that_was_connected_and_never_meant_to_be_recorded(logged):
    entries = [one for one in whole_call() if not type(one.entry).__name__.startswith("Recording")]
    record = fold("x", "h", "v", tuple(entries))
    metrics = Metrics()
    ended(metrics, Filed("x", record))
    [line] = logged
    assert (line["log_level"], line["problem"]) == ("warning", "unrecorded")
    assert metrics.registry.get_sample_value("ivr_calls_unrecorded_total") == 1
    ended(metrics, Filed("x", fold("x", "h", "v", stamped(ARRIVED))))
    assert logged[1]["log_level"] == "info"
    assert metrics.registry.get_sample_value("ivr_calls_unrecorded_total") == 1


def test_a_call_that_an_earlier_engine_left_is_told_like_any_other(house, logged):
    """At the start: one canonical line, with the same fields, and the same counters."""
    whole = line_of(logged, house.call(TALKS).outcome.uuid)
    left = house.place(CallScript(steps=(WhenConnected(8000), HangUp()), destination=Destination()))
    house.until(left, "connected")
    house.clock.run(1000)
    house.stop()
    house.clock.run_until(left.done.ready)
    (house.spool / "recording" / f"{left.uuid}.wav").unlink()
    house.start()
    house.clock.run(1000)
    line = line_of(logged, left.uuid)
    assert line.keys() - whole.keys() == {"problem", "missing_ms"}
    assert whole.keys() <= line.keys()
    assert (line["log_level"], line["problem"]) == ("warning", "lost")
    assert line["team"] == "customer-services"
    assert finished(house) == {"kept": 0, "none": 0, "lost": 1}


def at_fault(monkeypatch, call_id: str) -> None:
    def broken(which: str, *rest: Any) -> Any:
        if which == call_id:
            raise ValueError("a fault about 07700900123")
        return fold(which, *rest)

    monkeypatch.setattr(filing, "fold", broken)


def test_a_fault_in_making_a_record_costs_that_call_its_record_for_now(house, logged, monkeypatch):
    bad, good = house.place(TALKS), house.place(TALKS)
    at_fault(monkeypatch, bad.uuid)
    house.over(good).assert_heard(4000)
    house.clock.run_until(bad.done.ready)
    house.clock.run(20_000)
    assert house.engine.context.calls == {}
    assert house.metric("ivr_records_set_aside_total") == 1
    assert house.metric("ivr_records_written_total") == 1
    assert house.metric("ivr_records_failed_total") == 0
    [line] = [one for one in logged if one["log_level"] == "error"]
    assert line["call"] == bad.uuid
    assert line["fault"].startswith("ValueError: a fault about ***********")
    status, body = house.get("/readyz")
    assert status == 200
    assert json.loads(body)["calls"] == 0
    assert (house.spool / "recording" / f"{bad.uuid}.wav").exists()
    assert not (house.spool / "new" / f"{bad.uuid}.json").exists()

    # The fault is still there at the next start, and mended at the one after.
    house.stop()
    house.start()
    house.clock.run(1000)
    assert house.metric("ivr_records_set_aside_total") == 1
    assert "call of an earlier engine recorded" not in [one["event"] for one in logged]
    house.stop()
    monkeypatch.undo()
    house.start()
    house.clock.run(1000)
    told = Call(house.spool, bad)
    told.assert_heard(4000)
    assert told.record["ended"]["by"] == "agent"
    assert line_of(logged, bad.uuid)["recording"] == "kept"
    assert list((house.spool / "aside").iterdir()) == []
