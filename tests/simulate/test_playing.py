"""Simulations play the real engine: what is told, kept, heard, and held against the script."""

from __future__ import annotations

import json
from pathlib import Path

from ivr.config.mistakes import Mistake
from ivr.simulate.expecting import facts, unmet
from ivr.simulate.telling import as_json, lines, who_is_heard
from tests.simulate.stories import ROOT, played

COUNCIL_TAX = ROOT / "dialplan/examples/council-tax-payment/site.yaml"
ONE_CALL = """\
at: "2026-11-24T10:00"
people:
  "1101":
    answers: "3s"
    does:
      - wait: "10s"
      - keys: "#70"
      - wait: "10s"
      - keys: "#71"
      - wait: "10s"
      - hang_up: true
calls:
  - from: "07700900123"
    to: "01427676690"
    does:
      - when_connected: "15s"
      - keys: "4929000000006"
"""


def test_the_time_line_tells_what_everybody_does_and_hears(tmp_path: Path) -> None:
    _script, came = played(tmp_path, ONE_CALL, COUNCIL_TAX)
    told = [f"{line.who} {line.text}" for line in came.lines]
    in_order = [
        "07700900123 calls 01427676690",
        "07700900123 (engine: announcing)",
        "07700900123 hears announcement-council-tax (14.0 s)",
        "1101 is called",
        "1101 answers",
        "07700900123 and 1101 are connected",
        "1101 presses #70",
        "07700900123 recording is masked: silence is written",
        "07700900123 presses 4929000000006",
        "1101 presses #71",
        "07700900123 recording goes on: what is said is written",
        "1101 hangs up",
        "07700900123 recording ends",
        "07700900123 (engine: done)",
    ]
    places = [told.index(one) for one in in_order]
    assert places == sorted(places)
    assert [line.at_ms for line in came.lines] == sorted(line.at_ms for line in came.lines)
    connected = came.lines[told.index("07700900123 and 1101 are connected")].at_ms
    gone = came.lines[told.index("1101 hangs up")].at_ms
    assert 30_000 <= gone - connected <= 33_000


def test_in_a_recording_it_is_told_who_is_heard_when(tmp_path: Path) -> None:
    script, came = played(tmp_path, ONE_CALL, COUNCIL_TAX)
    record = came.calls[0].record
    assert record is not None
    ((path, heard),) = who_is_heard(script, came, record)
    assert path == f"new/{record.call}.wav"
    assert (heard[0].left, heard[0].right) == (("07700900123",), ("1101",))
    assert heard[0].begin_ms == 0
    assert heard[0].end_ms >= 9_900
    silent = max(heard, key=lambda one: one.end_ms - one.begin_ms if not one.left else 0)
    (pause,) = record.recording.pauses
    assert abs(silent.begin_ms - pause.start_ms) <= 150
    assert abs(silent.end_ms - pause.end_ms) <= 150
    assert (heard[-1].left, heard[-1].right) == (("07700900123",), ("1101",))
    assert heard[-1].end_ms == record.recording.duration_ms


def test_what_is_kept_of_a_call_has_nothing_of_the_keys(tmp_path: Path) -> None:
    played(tmp_path, ONE_CALL, COUNCIL_TAX)
    kept = [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]
    assert any(path.suffix == ".wav" for path in kept)
    assert not any(b"4929000000006" in path.read_bytes() for path in kept)


def test_an_expectation_that_is_not_met_is_said_with_its_place(tmp_path: Path) -> None:
    expect = """\
    expect:
      recorded: false
      connected_to: ["1102"]
      heard: [announcement]
      paused_by: [agent]
      recorded_from: "1m"
      ended_by: agent
expect:
  records: 2
  exempt: 0
"""
    script, came = played(tmp_path, ONE_CALL + expect, COUNCIL_TAX)
    said = [(one.line, one.column, one.text) for one in unmet(script, came)]
    first = ONE_CALL.count("\n") + 2
    ms = came.calls[0].record.recording.duration_ms if came.calls[0].record else 0
    assert said == [
        (first, 7, "expected recorded: false, and it is true"),
        (first + 1, 7, "expected connected_to: [1102], and it is [1101]"),
        (first + 2, 7, "expected heard: [announcement], and it is [announcement-council-tax]"),
        (first + 4, 7, f"expected recorded_from: 1m, and it is {ms / 1000:g}s"),
        (first + 7, 3, "expected records: 2, and it is 1"),
    ]


def test_a_call_that_goes_on_is_ended_at_the_end_of_the_scripts_time(tmp_path: Path) -> None:
    text = """\
    at: "2026-11-24T10:00"
    longest: "2m"
    people:
      "1001": {answers: "1s"}
    calls:
      - {from: "07700900123", to: "01427676676"}
    """
    _script, came = played(tmp_path, text)
    (call,) = came.calls
    assert call.cut_off
    assert came.lasted_ms == 120_000
    assert call.record is not None
    assert call.record.recording.state == "kept"


def test_a_call_of_an_hour_is_played_and_recorded_whole(tmp_path: Path) -> None:
    text = """\
    at: "2026-11-24T10:00"
    longest: "2h"
    people:
      "1001": {does: [{wait: "1h"}, {hang_up: true}]}
    calls:
      - {from: "07700900123", to: "01427676676"}
    """
    _script, came = played(tmp_path, text)
    record = came.calls[0].record
    assert record is not None
    assert 3_600_000 <= record.recording.duration_ms <= 3_600_100


def test_without_an_engine_calls_go_where_the_dialplan_sends_them(tmp_path: Path) -> None:
    text = """\
    at: "2026-11-24T10:00"
    engine: away
    people:
      "1001": {does: [{wait: "5s"}, {hang_up: true}]}
    calls:
      - {from: "07700900123", to: "01427676676"}
      - {from: "07700900124", to: "01427676690", after: "1m"}
    """
    _script, came = played(tmp_path, text)
    connected, told = came.calls
    assert connected.connected_to == ("1001",)
    assert (told.connected_to, told.heard) == ((), ("no-engine",))
    assert came.records == []
    assert not facts(connected)["record"]


def test_callers_reach_no_extension_by_themselves(tmp_path: Path) -> None:
    text = """\
    at: "2026-11-24T10:00"
    people:
      "1001": {does: [{wait: "5s"}, {transfer: "1102"}]}
      "1102": {does: [{wait: "5s"}, {hang_up: true}]}
    calls:
      - {from: "07700900123", to: "1102"}
      - {from: "07700900124", to: "01427676676", after: "1m"}
    """
    _script, came = played(tmp_path, text)
    by_itself, transferred = came.calls
    assert by_itself.connected_to == ()
    assert transferred.connected_to == ("1001", "1102")


def test_what_the_engine_warned_of_is_told_before_what_was_not_met(tmp_path: Path) -> None:
    script, came = played(tmp_path, ONE_CALL, COUNCIL_TAX)
    log = tmp_path / "some.log"
    entries = ["warning", "info", "warning", "error"]
    words = ["pause overdue", "call ended", "pause overdue", "call without a recording"]
    log.write_text(
        "".join(
            json.dumps({"level": level, "event": event}) + "\n"
            for level, event in zip(entries, words, strict=True)
        )
    )
    told = list(lines(script, came, [Mistake("calls.yaml", 1, 1, "not met")], log))
    assert told[-3:] == [
        "the engine warned: pause overdue (2 times)",
        "the engine warned: call without a recording",
        "calls.yaml:1:1: not met",
    ]


def test_both_ways_of_telling_have_the_same_facts(tmp_path: Path) -> None:
    script, came = played(tmp_path, ONE_CALL, COUNCIL_TAX)
    text = "\n".join(lines(script, came, []))
    plain = json.loads(json.dumps(as_json(script, came, [])))
    (call,) = plain["calls"]
    assert call["connected_to"] == ["1101"]
    assert "  connected_to: 1101" in text
    assert call["paused_by"] == ["agent"]
    assert "by agent: " in text
    assert len(plain["line"]) == len(came.lines)
    assert plain["well"]
    first = call["parts"][0]["heard"][0]
    assert f"{first['begin_ms'] / 1000:.1f} to {first['end_ms'] / 1000:.1f} s" in text


def test_a_telephone_of_the_house_consults_where_staff_dial(tmp_path: Path) -> None:
    text = """\
    at: "2026-11-24T10:00"
    people:
      "1001": {does: [{wait: "5s"}, {hold: "5s"}, {wait: "5s"}, {attended_transfer: "1102"}]}
      "1102": {does: [{wait: "10s"}, {hang_up: true}]}
    calls:
      - {from: "07700900123", to: "01427676676"}
    """
    _script, came = played(tmp_path, text)
    (call,) = came.calls
    assert call.connected_to == ("1001", "1102")
    told = [f"{line.who} {line.text}" for line in came.lines]
    assert "1001 puts the other side on hold" in told
    assert "1001 and 1102 are connected" in told
    assert call.record is not None
    assert call.record.recording.pauses[0].by == "hold"


def test_whoever_is_sent_to_a_room_is_recorded_no_more(tmp_path: Path) -> None:
    text = """\
    at: "2026-11-24T10:00"
    rooms: ["3000"]
    people:
      "1001": {does: [{wait: "5s"}, {transfer: "3000"}]}
    calls:
      - {from: "1102", to: "3000", does: [{wait: "1m"}, {hang_up: true}]}
      - {from: "07700900123", to: "01427676676", does: [{wait: "40s"}, {hang_up: true}]}
    """
    script, came = played(tmp_path, text)
    record = came.calls[1].record
    assert record is not None
    assert 4_900 <= record.recording.duration_ms <= 5_200
    ((_path, heard),) = who_is_heard(script, came, record)
    assert heard[-1].right in ((), ("1001",))
    assert not any("1102" in (*one.left, *one.right) for one in heard)
