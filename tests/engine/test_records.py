"""What a record holds, field by field (R1, R3, R5, R18)."""

from __future__ import annotations

import hashlib
import json
import socket
import stat
import wave
from datetime import datetime

import pytest

from ivr import __version__
from ivr.lab import CallScript, Destination, script
from ivr.lab.clock import START_WALL_MS
from ivr.lab.script import DuringPrompt, Keys
from tests.engine.site import LENGTHS, NUMBER


@pytest.fixture
def call(house):
    """A caller who opts out, presses a wrong key, comes back, and talks for two seconds."""
    return house.call(
        CallScript(
            number="07700900125",
            caller="Zoë Bloggs",
            steps=(
                DuringPrompt(700),
                Keys("*#*"),
                DuringPrompt(600),
                Keys("7"),
                DuringPrompt(400),
                Keys("1"),
            ),
            destination=Destination.talks(2000, answer_ms=300),
        )
    )


def test_who_called_whom(house, call):
    record = call.record
    assert record["schema"] == 4
    assert record["call"] == call.outcome.uuid
    assert (record["number"], record["caller"]) == (NUMBER, "07700900125")
    assert record["caller_name"] == "Zoë Bloggs"
    assert record["direction"] == "inbound"
    assert (record["team"], record["route"]) == ("customer-services", "main-line")
    assert (record["destination"], record["language"]) == ("desk", "en-GB")


def test_who_made_it_and_under_what(house, call):
    record = call.record
    assert (record["engine"], record["host"]) == (__version__, socket.gethostname())
    assert record["policy_version"] == "2.0"
    assert record["config_version"] == house.engine.context.configuration.version


def test_each_prompt_with_version_hash_and_how_much_was_heard(house, call):
    heard = [(one["role"], one["name"], one["complete"]) for one in call.record["prompts"]]
    assert heard == [
        ("announcement", "announcement", False),
        ("reminder", "reminder", False),
        ("reminder", "reminder", False),
    ]
    for one in call.record["prompts"]:
        file = house.folder / "prompts/en-GB/8000" / f"{one['name']}.wav"
        assert one["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (one["version"], one["language"]) == ("3", "en-GB")
        assert one["length_ms"] == LENGTHS[one["name"]][0]
        assert not one["missing"]
    announcement, first, second = (one["heard_ms"] for one in call.record["prompts"])
    # Three keys of 160 ms with 100 ms between them, from 700 ms on; then the break.
    assert 1380 <= announcement <= 1440
    assert 760 <= first <= 820
    assert 560 <= second <= 620


def test_what_the_caller_did_about_opting_out(call):
    assert call.record["opt_out"] == {
        "started": 1,
        "returned": 1,
        "confirmed": False,
        "how": "",
        "reminders_repeated": 1,
    }
    assert call.record["announcement"] == "partly"


def test_times_with_their_zone(call):
    record = call.record
    arrived, connected, ended = (
        datetime.fromisoformat(record[name]) for name in ("arrived_at", "connected_at", "ended_at")
    )
    assert None not in (arrived.tzinfo, connected.tzinfo, ended.tzinfo)
    assert arrived.timestamp() * 1000 == pytest.approx(START_WALL_MS, abs=50)
    assert arrived < connected < ended
    durations = record["durations"]
    assert durations["to_connect_ms"] + durations["connected_ms"] == durations["total_ms"]
    assert durations["total_ms"] == round((ended - arrived).total_seconds() * 1000)
    assert durations["connected_ms"] == 2000
    assert call.outcome.connected_ms == pytest.approx(durations["to_connect_ms"], abs=40)
    times = [step["ms"] for step in record["steps"]]
    assert times == sorted(times)
    assert times[0] == 0
    for step in record["steps"]:
        at = datetime.fromisoformat(step["at"])
        assert (at - arrived).total_seconds() * 1000 == pytest.approx(step["ms"], abs=1)


def test_the_recording(house, call):
    recording = call.record["recording"]
    data = call.audio.read_bytes()
    with wave.open(str(call.audio), "rb") as file:
        assert file.getnchannels() == recording["channels"] == 2
        assert file.getframerate() == recording["rate"] == 8000
        assert file.getnframes() == recording["frames"]
    assert recording["state"] == "kept"
    assert recording["path"] == f"new/{call.outcome.uuid}.wav"
    assert (house.spool / recording["path"]) == call.audio
    assert recording["format"] == "wav"
    assert recording["sha256"] == hashlib.sha256(data).hexdigest()
    assert recording["size"] == len(data)
    assert recording["duration_ms"] == recording["frames"] * 1000 // 8000
    assert recording["switch_ms"] == recording["duration_ms"]
    assert recording["missing_ms"] == 0
    assert not recording["repaired"]
    assert recording["started_at"] <= call.record["connected_at"] <= recording["stopped_at"]
    assert recording["parts"] == [
        {"offset_ms": 0, **{key: recording[key] for key in ("path", "frames", "size", "sha256")}}
    ]


@pytest.mark.parametrize(
    ("told", "by", "cause", "q850", "reason"),
    [
        (script.LISTENS, "caller", "NORMAL_CLEARING", 16, ""),
        (CallScript(destination=Destination.talks(500)), "agent", "NORMAL_CLEARING", 16, ""),
        (script.OPTS_OUT, "engine", "NORMAL_CLEARING", 16, "opted-out"),
        (script.BUSY, "engine", "NORMAL_CLEARING", 16, "busy"),
        (script.NO_ANSWER, "engine", "NORMAL_CLEARING", 16, "no-answer"),
    ],
)
def test_who_ended_it_and_why(house, told, by, cause, q850, reason):
    ended = house.call(told).record["ended"]
    assert ended == {"by": by, "cause": cause, "q850": q850, "reason": reason}


def test_why_the_destination_was_not_reached(house):
    steps = house.call(script.BUSY).record["steps"]
    assert [step["detail"] for step in steps if step["what"] == "not-connected"] == ["USER_BUSY"]


def test_a_host_whose_date_jumps(house):
    """Dates are the host's, durations are not."""
    call = house.place(CallScript(destination=Destination.talks(2000)))
    house.until(call, "connected")
    house.clock.run(500)
    house.clock.step_wall(-3_600_000)
    record = house.over(call).record
    assert record["durations"]["connected_ms"] == 2000
    assert record["ended_at"] < record["arrived_at"]


def test_the_record_is_one_line_of_ascii_for_the_consumers_group(house, call):
    path = call.audio.with_suffix(".json")
    text = path.read_bytes()
    assert text.isascii()
    assert text.count(b"\n") == 1
    assert text.endswith(b"}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(json.loads(text)) == list(call.record)


def test_no_key_that_the_caller_pressed_is_in_record_or_journal(house, call):
    """R6: they may be anything."""
    assert "DTMF" not in json.dumps(call.record)
    journal = b"".join(one.read_bytes() for one in (house.spool / "journal").iterdir())
    assert call.outcome.uuid.encode() in journal
    assert b"Key" not in journal


def test_the_journal_forgets_a_call_that_is_finished(house, call):
    """Callers' numbers do not linger on the disk."""
    house.clock.run(180_000)
    left = b"".join(one.read_bytes() for one in (house.spool / "journal").iterdir())
    assert b"07700900125" not in left
