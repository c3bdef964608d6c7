"""Exact metrics after a known set of calls (R21)."""

from __future__ import annotations

import os
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ivr.lab import CallScript, Destination, api, script
from ivr.lab.script import DuringPrompt, HangUp, Keys, WhenConnected
from tests.engine.conftest import build, house, logged  # noqa: F401 # fixtures
from tests.engine.site import OWN_KEYS

OPTS = (DuringPrompt(300), Keys("*#*"))
CALLS = (
    CallScript(steps=(WhenConnected(2000), HangUp()), destination=Destination()),
    CallScript(destination=Destination.talks(1000)),
    CallScript(destination=Destination.talks(500), dialled=OWN_KEYS),
    CallScript(steps=OPTS),
    CallScript(steps=(*OPTS, DuringPrompt(300), Keys("1")), destination=Destination.talks(500)),
    CallScript(steps=(*OPTS, DuringPrompt(300), HangUp())),
    CallScript(steps=(*OPTS, *(step for _ in range(3) for step in (DuringPrompt(200), Keys("7"))))),
    script.HANGS_UP_IN_ANNOUNCEMENT,
    script.BUSY,
    script.NO_ANSWER,
    CallScript(destination=Destination.unallocated()),
)

EXPECTED = {
    ("ivr_calls_ended_total", "caller", "ordinary", "customer-services"): 3,
    ("ivr_calls_ended_total", "agent", "ordinary", "customer-services"): 2,
    ("ivr_calls_ended_total", "agent", "ordinary", "council-tax"): 1,
    ("ivr_calls_ended_total", "engine", "opted-out", "customer-services"): 2,
    ("ivr_calls_ended_total", "engine", "busy", "customer-services"): 1,
    ("ivr_calls_ended_total", "engine", "no-answer", "customer-services"): 1,
    ("ivr_calls_ended_total", "engine", "unavailable", "customer-services"): 1,
    ("ivr_announcements_total", "fully", "customer-services"): 5,
    ("ivr_announcements_total", "partly", "customer-services"): 5,
    ("ivr_announcements_total", "fully", "council-tax"): 1,
    ("ivr_opt_outs_total", "started"): 4,
    ("ivr_opt_outs_total", "returned"): 1,
    ("ivr_opt_outs_total", "confirmed"): 3,
    # Those that nobody answered were started too: the recording runs before the bridge.
    ("ivr_recordings_total", "started"): 7,
    ("ivr_recordings_total", "failed"): 0,
    ("ivr_recordings_finished_total", "kept"): 4,
    ("ivr_recordings_finished_total", "none"): 7,
    ("ivr_recordings_finished_total", "lost"): 0,
    ("ivr_recordings_short_total",): 0,
    ("ivr_calls_unrecorded_total",): 0,
    ("ivr_records_set_aside_total",): 0,
    ("ivr_records_written_total",): 11,
    ("ivr_records_failed_total",): 0,
    ("ivr_spool_records",): 11,
    ("ivr_links_lost_total",): 0,
    ("ivr_calls_turned_away_total",): 0,
    ("ivr_freeswitch_connected",): 1,
    ("ivr_freeswitch_connects_total",): 1,
    ("ivr_config_last_reload_successful",): 1,
    # What alarms rest on is there from the first, or a first case would be no rise.
    ("ivr_calls_taken_up_total", "followed"): 0,
    ("ivr_calls_taken_up_total", "handed-back"): 0,
    ("ivr_recordings_stalled_total", "renewed"): 0,
    ("ivr_recordings_stalled_total", "no-room"): 0,
    ("ivr_journal_lines_bad_total",): 0,
    ("ivr_clock_jumps_total",): 0,
    ("ivr_recording_folder_usable", "spool"): 1,
    ("ivr_journal_on_fallback",): 0,
    ("ivr_faults_total",): 0,
}


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Each sample of the page by its name and its labels' values, by the labels' names."""
    return {
        (one.name, *(value for _name, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.fixture
def page(house):  # noqa: F811 # the fixture
    for one in CALLS:
        house.call(one)
    house.clock.run(30_000)
    oldest = min((house.spool / "new").glob("*.json"))
    for one in (house.spool / "new").glob("*.json"):
        age_s = 500 if one == oldest else 5
        os.utime(one, (house.clock.wall_ms() / 1000 - age_s,) * 2)
    house.get("/metrics")  # has the spool looked at
    house.clock.settle()
    status, text = house.get("/metrics")
    assert status == 200
    return text


def test_exact_values_after_a_known_set_of_calls(page):
    found = samples(page)
    assert {name: found.get(name) for name in EXPECTED} == EXPECTED
    ended = {name: value for name, value in found.items() if name[0] == "ivr_calls_ended_total"}
    assert sum(ended.values()) == len(CALLS)
    assert len(ended) == 7
    assert found["ivr_recorded_seconds_total",] == pytest.approx(4.0, abs=0.15)
    assert {value for name, value in found.items() if name[0] == "ivr_calls"} == {0}
    assert found["ivr_spool_oldest_seconds",] == pytest.approx(500, abs=1)
    assert found["ivr_spool_free_bytes",] > 0
    assert found["ivr_recording_folder_free_bytes", "spool"] > 0
    assert ("ivr_recording_folder_usable", "fallback") not in found, "where there is none"


def test_reaction_times_are_histograms(page):
    found = samples(page)
    assert found["ivr_reaction_seconds_count", "connect"] == len(CALLS)
    prompts = found["ivr_reaction_seconds_count", "prompt"]
    assert prompts >= len(CALLS), "each announcement, reminder and goodbye"
    assert found["ivr_reaction_seconds_bucket", "+Inf", "connect"] == len(CALLS)
    assert found["ivr_reaction_seconds_bucket", "0.005", "connect"] <= len(CALLS)


def test_the_configuration_in_force(page, house):  # noqa: F811 # the fixture
    version = house.engine.context.configuration.version
    assert samples(page)["ivr_config_info", "2.0", version] == 1
    when = samples(page)["ivr_config_last_reload_timestamp_seconds",]
    assert when == pytest.approx(house.clock.wall_ms() / 1000, abs=3600)


def test_no_number_and_no_name_of_a_caller_is_on_the_page(page):
    for one in CALLS:
        assert one.number not in page
        assert one.caller not in page
        assert one.dialled not in page
    values = {value for name in samples(page) for value in name[1:]}
    version = next(name[2] for name in samples(page) if name[0] == "ivr_config_info")
    assert not [one for one in values - {version} if re.search(r"\d{6}", one)], "nor any other"


def test_each_metric_says_what_it_is(page):
    families = list(text_string_to_metric_families(page))
    assert len(families) >= 19
    for one in families:
        assert one.name.startswith("ivr_")
        assert one.documentation.endswith("."), one.name


def test_calls_in_progress_by_phase(house):  # noqa: F811 # the fixture
    talking = house.place(CallScript(destination=Destination.talks(60_000)))
    house.until(talking, "connected")
    deciding = house.place(CallScript(steps=OPTS))
    house.until(deciding, "deciding")
    found = samples(house.get("/metrics")[1])
    by_phase = {name[1]: value for name, value in found.items() if name[0] == "ivr_calls" and value}
    assert by_phase == {"connected": 1, "deciding": 1}


def test_a_recording_that_failed_and_a_command_that_was_refused(house, monkeypatch):  # noqa: F811 # the fixture
    monkeypatch.setattr(api, "start_recording", lambda *_: False)
    house.call(CallScript(destination=Destination.talks(500)))
    found = samples(house.get("/metrics")[1])
    assert found["ivr_recordings_total", "failed"] == 1
    assert found["ivr_recordings_total", "started"] == 0
    assert found["ivr_commands_refused_total", "StartRecording"] == 1
    assert found["ivr_recorded_seconds_total",] == 0


def test_the_spool_empties_when_the_consumer_takes_records(house):  # noqa: F811 # the fixture
    house.call(CallScript(destination=Destination.talks(500)))
    for one in (house.spool / "new").iterdir():
        one.unlink()
    for _ in range(2):
        house.clock.run(11_000)
        house.get("/metrics")
        house.clock.settle()
    found = samples(house.get("/metrics")[1])
    assert found["ivr_spool_records",] == 0
    assert found["ivr_spool_oldest_seconds",] == 0
