from __future__ import annotations

from pathlib import Path

import pytest

from ivr.lab.script import CallScript, Destination, DuringPrompt, HangUp, Keys, Wait, WhenConnected
from tests.lab.client import begin
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
TALKS = CallScript(steps=(WhenConnected(4000), HangUp()), hz=440, destination=Destination(hz=880))


@pytest.fixture
def record(clock, switch, engine, tmp_path):
    """Runs a call whose engine records: what it did, and the recording's path."""

    def run(part, script=TALKS, variables=("RECORD_STEREO=true",)) -> Path:
        path = tmp_path / "rec" / "call.wav"

        def whole(client) -> None:
            uuid = begin(client)
            client.execute("answer")
            for variable in variables:
                client.execute("set", variable)
            client.until("CHANNEL_EXECUTE_COMPLETE", Application_Data=variables[-1])
            part(client, uuid, str(path))

        one = engine(whole)
        call = switch.place(script)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        one.results[0].get()
        return path

    return run


def start(client, uuid, path) -> None:
    assert client.ask(f"api uuid_record {uuid} start {path}").body == "+OK Success\n"


def connect(client) -> None:
    client.execute("bridge", "sofia/lab/agent@127.0.0.1:5080")
    client.until("CHANNEL_BRIDGE")


def test_caller_is_left_and_agent_is_right(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)
        client.until("RECORD_STOP", Record_File_Path=path)

    heard = Recording(record(part))
    assert (heard.channels, heard.rate) == (2, 8000)
    assert heard.header_frames == heard.frames
    assert 4000 <= heard.ms <= 4100
    assert heard.hears(CALLER, 440, 200, 3900)
    assert heard.hears(AGENT, 880, 200, 3900)
    assert not heard.hears(CALLER, 880, 200, 3900)
    assert not heard.hears(AGENT, 440, 200, 3900)


def test_mono_holds_both(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)

    heard = Recording(record(part, variables=("RECORD_STEREO=false",)))
    assert heard.channels == 1
    assert heard.hears(0, 440, 200, 3900)
    assert heard.hears(0, 880, 200, 3900)


def test_sixteen_kilohertz_where_the_call_is(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)

    script = CallScript(rate=16000, steps=(WhenConnected(1000), HangUp()))
    heard = Recording(record(part, script))
    assert heard.rate == 16000
    assert heard.hears(CALLER, 440, 100, 900)


def test_a_mask_writes_zeros_that_end_before_unmask_returns(record, clock):
    marks = []

    def part(client, uuid, path):
        start(client, uuid, path)
        began = clock.monotonic_ms()
        connect(client)
        client.pause(1000)
        marks.append(clock.monotonic_ms() - began)
        client.ask(f"api uuid_record {uuid} mask {path}")
        client.pause(2000)
        marks.append(clock.monotonic_ms() - began)
        client.ask(f"api uuid_record {uuid} unmask {path}")

    heard = Recording(record(part))
    masked, unmasked = marks
    for side, hz in ((CALLER, 440), (AGENT, 880)):
        assert heard.silent(side, masked, unmasked - 30)
        assert not heard.silent(side, unmasked - 30, unmasked)
        assert heard.hears(side, hz, 200, masked)
        assert heard.hears(side, hz, unmasked, heard.ms - 20)
    assert heard.ms >= 4000, "the time line is kept"


def test_a_pause_takes_the_time_away(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)
        client.pause(1000)
        client.ask(f"api uuid_record {uuid} pause {path}")
        client.pause(2000)
        client.ask(f"api uuid_record {uuid} resume {path}")

    assert 2000 <= Recording(record(part)).ms <= 2100


def test_bridge_req_records_only_while_bridged(record, prompt):
    def part(client, uuid, path):
        start(client, uuid, path)
        client.execute("playback", prompt)
        client.until("PLAYBACK_STOP")
        connect(client)

    script = CallScript(
        steps=(WhenConnected(2000), HangUp()), destination=Destination(answer_ms=500)
    )
    path = record(part, script, ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true"))
    heard = Recording(path)
    assert 1980 <= heard.ms <= 2020
    assert heard.hears(AGENT, 880, 0, 1900)


def test_without_bridge_req_prompt_and_ringing_are_on_the_right(record, prompt):
    def part(client, uuid, path):
        start(client, uuid, path)
        client.execute("playback", prompt)
        client.until("PLAYBACK_STOP")
        connect(client)

    script = CallScript(
        steps=(WhenConnected(500), HangUp()), destination=Destination(answer_ms=2000)
    )
    heard = Recording(record(part, script))
    assert set(heard.channel(AGENT, 500, 2500)) == {0x1000}
    assert heard.hears(AGENT, 400, 3150, 3350)
    assert heard.hears(AGENT, 450, 3150, 3350)


def test_a_key_sounds_on_the_callers_side_while_it_is_pressed(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        client.until("DTMF", DTMF_Digit="5")

    script = CallScript(steps=(Wait(1000), Keys("5", press_ms=200), Wait(500), HangUp()))
    heard = Recording(record(part, script))
    begin_ms = next(
        ms for ms in range(0, heard.ms - 100, 20) if heard.hears(CALLER, 770, ms, ms + 100)
    )
    assert heard.hears(CALLER, 1336, begin_ms, begin_ms + 100)
    assert not heard.hears(CALLER, 440, begin_ms, begin_ms + 100)
    assert heard.hears(CALLER, 440, begin_ms + 300, begin_ms + 500)


def test_too_short_is_thrown_away_only_where_a_minimum_is_set(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        assert client.until("RECORD_STOP").value("Record-Completion-Cause") == "input-too-short"

    script = CallScript(steps=(Wait(1500), HangUp()))
    assert not record(part, script, ("RECORD_MIN_SEC=3",)).exists()


def test_stop_before_the_end_and_start_again_on_the_same_path(record):
    def part(client, uuid, path):
        start(client, uuid, path)
        start(client, uuid, path)
        client.pause(1000)
        assert client.ask(f"api uuid_record {uuid} stop {path}").body == "+OK Success\n"
        stopped = client.until("RECORD_STOP")
        assert stopped.value("Record-Completion-Cause") == "success-maxtime"
        assert len([m for m in client.seen if m.name == "RECORD_START"]) == 1
        again = client.ask(f"api uuid_record {uuid} stop {path}").body
        assert again == "-ERR Cannot stop record session!\n"

    script = CallScript(steps=(Wait(3000), HangUp()))
    assert 1000 <= Recording(record(part, script)).ms <= 1100


def test_with_buffering_the_file_is_only_a_header_until_64_kib(record, clock):
    sizes = []

    def part(client, uuid, path):
        start(client, uuid, path)
        client.pause(1500)
        sizes.append(Path(path).stat().st_size)

    script = CallScript(steps=(Wait(3000), HangUp()))
    record(part, script)
    assert sizes == [44]


def test_without_buffering_every_frame_is_there_and_only_the_header_is_wrong(record):
    sizes = []

    def part(client, uuid, path):
        start(client, uuid, path)
        client.pause(2000)
        early = Recording(path)
        sizes.append((early.header_frames, early.ms))

    script = CallScript(steps=(Wait(4000), HangUp()))
    record(part, script, ("RECORD_STEREO=true", "enable_file_write_buffering=false"))
    [(header, ms)] = sizes
    assert header == 0
    assert 1700 <= ms <= 2000


@pytest.mark.parametrize("buffering", ["true", "false"])
def test_a_full_disk_is_told_of_at_the_end_only(record, switch, buffering):
    """With buffering FreeSWITCH counts on; what the file holds its header says either way."""
    claimed = []

    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)
        switch.room = 32_000
        stop = client.until("RECORD_STOP")
        assert stop.value("Record-Completion-Cause") == "uri-failure"
        claimed.append(int(stop.value("variable_record_ms")))

    variables = ("RECORD_STEREO=true", f"enable_file_write_buffering={buffering}")
    heard = Recording(record(part, variables=variables))
    assert heard.ms < 2000
    assert heard.header_frames == heard.frames
    [ms] = claimed
    assert ms >= 4000 if buffering == "true" else ms == heard.ms


@pytest.mark.parametrize("whole", [True, False])
def test_a_folder_that_is_full_for_a_while(record, switch, clock, whole):
    """The time that was not written is missing; what comes after follows at once."""
    said = []

    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)
        full = Path(path).parent if whole else Path(path)
        client.pause(1000)
        switch.faults.fill(full)
        client.pause(250)
        size = Path(path).stat().st_size
        client.pause(750)
        assert Path(path).stat().st_size == size
        other = str(Path(path).with_name("call.1.wav"))
        refused = client.ask(f"api uuid_record {uuid} start {other}").body
        assert (refused == "-ERR Cannot record session!\n") is whole
        assert Path(other).stat().st_size == (0 if whole else 44)
        switch.faults.free(full)
        stop = client.until("RECORD_STOP", Record_File_Path=path)
        said.append((stop.value("Record-Completion-Cause"), stop.value("variable_record_ms")))

    heard = Recording(record(part, variables=UNBUFFERED))
    assert 2900 <= heard.ms <= 3200
    assert heard.hears(AGENT, 880, 100, heard.ms)
    assert said == [("uri-failure", str(heard.ms))]


UNBUFFERED = ("RECORD_STEREO=true", "enable_file_write_buffering=false")


@pytest.mark.parametrize("gone", ["file", "folder"])
def test_a_recording_that_is_removed_goes_on_unseen(record, clock, gone):
    """docs/freeswitch.md 61; a new one makes the folder anew (17)."""

    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)
        client.pause(1000)
        Path(path).unlink()
        if gone == "folder":
            Path(path).parent.rmdir()
        client.pause(1000)
        assert not Path(path).exists()
        again = str(Path(path).with_name("call.1.wav"))
        start(client, uuid, again)
        assert client.ask(f"api uuid_record {uuid} stop {path}").body == "+OK Success\n"
        stop = client.until("RECORD_STOP", Record_File_Path=path)
        assert stop.value("Record-Completion-Cause") == "success-maxtime"
        client.until("RECORD_STOP", Record_File_Path=again)

    path = record(part, variables=UNBUFFERED)
    assert not path.exists()
    assert Recording(path.with_name("call.1.wav")).ms >= 1800


def test_a_folder_is_made_and_an_unknown_extension_refused(record):
    def part(client, uuid, path):
        refused = client.ask(f"api uuid_record {uuid} start {path}.zzz")
        assert refused.body == "-ERR Cannot record session!\n"
        deep = Path(path).parent / "not" / "there" / "x.wav"
        start(client, uuid, deep)
        assert deep.exists()

    record(part, CallScript(steps=(Wait(1000), HangUp())))


def test_a_limit_ends_the_recording(record):
    def part(client, uuid, path):
        client.ask(f"api uuid_record {uuid} start {path} 2")
        assert client.until("RECORD_STOP").value("Record-Completion-Cause") == "success-maxtime"

    script = CallScript(steps=(Wait(5000), HangUp()))
    assert 2000 <= Recording(record(part, script)).ms < 3100


def test_the_recording_goes_on_through_a_prompt_to_the_caller(record, prompt):
    def part(client, uuid, path):
        start(client, uuid, path)
        connect(client)
        client.ask(f"api uuid_broadcast {uuid} {prompt} aleg")
        client.until("PLAYBACK_START")
        client.until("PLAYBACK_STOP")

    script = CallScript(steps=(DuringPrompt(), Wait(4000), HangUp()))
    heard = Recording(record(part, script))
    assert set(heard.channel(AGENT, 200, 3000)) == {0x1000}
    assert heard.hears(AGENT, 880, 3200, 3900)
