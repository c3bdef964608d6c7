"""Recording as pausing needs it: masked, on either leg (docs/freeswitch.md 15 to 23)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination, Moment
from ivr.lab.audio import Cadence
from ivr.lab.script import (
    BlindTransfer,
    HangUp,
    Keys,
    Wait,
    WaitFor,
    WhenConnected,
    WhenMasked,
    WhenUnmasked,
)
from ivr.lab.session import Action
from tests.lab.client import EVENTS, begin
from tests.lab.ears import Recording
from tests.leaks.search import tones_in

LEFT, RIGHT = 0, 1
TONE = "tone_stream://%(150,50,500);%(150,0,400)"
NO_MASK = "-ERR Cannot mask recording session!\n"


@pytest.fixture
def play(clock, switch, engine, tmp_path):
    """A bridged call, one leg of which an engine records from before the bridge or after it."""

    def run(part, script, leg="a", variables=("RECORD_STEREO=true",)):
        path = tmp_path / "call.wav"

        def whole(client):
            uuid = begin(client)
            client.execute("answer")
            for variable in variables:
                client.execute("set", variable)
            client.execute("bridge", "sofia/lab/agent")
            other = client.until("CHANNEL_BRIDGE").value("Bridge-B-Unique-ID")
            part(client, other if leg == "b" else uuid, str(path))
            client.rest()
            return client.seen

        one = engine(whole)
        call = switch.place(script)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return call, path, one.results[0].get()

    return run


CUSTOMER = Destination(
    steps=(WhenConnected(1000), Keys("4929"), Wait(2000), HangUp()),
    hz=660,
)
STAFF = CallScript(number="2001", dialled="07700900123", context="default", destination=CUSTOMER)


def test_the_customer_whom_staff_called_is_recorded_on_the_left_by_the_b_leg(play):
    """The B leg's options are its own, and its events reach the A leg's socket by a filter."""

    def part(client, other, path):
        client.ask(f"filter Unique-ID {other}")
        said = client.ask(
            f"api uuid_setvar_multi {other} RECORD_STEREO=true;RECORD_BRIDGE_REQ=true;"
            "enable_file_write_buffering=false;RECORD_MIN_SEC=0"
        )
        assert said.body == "+OK\n"
        assert client.ask(f"api uuid_record {other} start {path}").body == "+OK Success\n"
        client.until("RECORD_STOP")

    call, path, seen = play(part, STAFF, leg="b", variables=("a=b",))
    told = [m for m in seen if m.name in {"RECORD_START", "RECORD_STOP"}]
    assert [m.name for m in told] == ["RECORD_START", "RECORD_STOP"]
    assert {m.value("Unique-ID") for m in told} == {call.other.uuid}
    assert {m.value("Record-File-Path") for m in told} == {str(path)}
    heard = Recording(path)
    assert heard.channels == 2
    assert heard.hears(LEFT, 660, 100, 700)
    assert heard.hears(RIGHT, 440, 100, 700)
    assert [tone.key for tone in tones_in(path) if tone.channel == LEFT] == list("4929")
    assert not [tone for tone in tones_in(path) if tone.channel == RIGHT]


def test_without_the_filter_the_b_legs_recording_is_not_heard_of(play):
    def part(client, other, path):
        client.ask(f"api uuid_record {other} start {path}")

    _, _, seen = play(part, STAFF, leg="b")
    assert not [m for m in seen if m.name.startswith("RECORD")]


def test_masked_on_the_b_leg_the_customers_keys_are_zeros(play):
    def part(client, other, path):
        client.ask(f"api uuid_record {other} start {path}")
        assert client.ask(f"api uuid_record {other} mask {path}").body == "+OK Success\n"
        client.pause(2500)
        assert client.ask(f"api uuid_record {other} unmask {path}").body == "+OK Success\n"

    _, path, _ = play(part, STAFF, leg="b")
    heard = Recording(path)
    assert tones_in(path) == []
    assert heard.silent(0, 100, 2400)
    assert heard.ms > 3000


def test_a_tone_to_one_leg_is_heard_there_and_is_not_on_the_other_legs_recording(play):
    def part(client, uuid, path):
        client.ask(f"api uuid_record {uuid} start {path}")
        other = client.ask("getvar bridge_uuid").headers["Reply-Text"]
        client.pause(500)
        assert client.ask(f"api uuid_broadcast {other} {TONE} aleg").body == "+OK Message sent\n"

    agent = Destination(hz=880)
    script = CallScript(steps=(WhenConnected(3000), HangUp()), destination=agent)
    call, path, _ = play(part, script)
    [tone] = call.other.heard
    assert (tone.what, tone.ms) == (TONE, 360)
    assert call.leg.heard == []
    heard = Recording(path)
    for begin_ms in range(100, 2800, 100):
        assert heard.hears(LEFT, 440, begin_ms, begin_ms + 100)
        assert not heard.hears(LEFT, 500, begin_ms, begin_ms + 100)
        assert not heard.hears(RIGHT, 500, begin_ms, begin_ms + 100)
        assert heard.hears(RIGHT, 880, begin_ms, begin_ms + 100)


def test_a_tone_that_is_mixed_in_ends_by_itself_and_is_not_begun_twice(play):
    def part(client, uuid, path):
        other = client.ask("getvar bridge_uuid").headers["Reply-Text"]
        command = f"api uuid_displace {other} start {TONE} 0 m"
        answers.extend(client.ask(command).body for _ in range(2))
        client.pause(1000)
        answers.append(client.ask(command).body)
        client.pause(1000)

    answers: list[str] = []
    script = CallScript(steps=(WhenConnected(3000), HangUp()), destination=Destination())
    call, _, _ = play(part, script)
    refused = "-ERR Cannot displace session!\n"
    assert answers == ["+OK Success\n", refused, "+OK Success\n"]
    assert [(tone.what, tone.ms) for tone in call.other.heard] == [(TONE, 360)] * 2


def test_the_leg_that_hears_the_tone_has_it_on_its_own_recording(play):
    def part(client, uuid, path):
        client.ask(f"api uuid_record {uuid} start {path}")
        client.ask(f"api uuid_broadcast {uuid} {TONE} aleg")
        client.until("PLAYBACK_STOP")

    script = CallScript(steps=(WhenConnected(2000), HangUp()), destination=Destination())
    call, path, seen = play(part, script)
    [tone] = call.leg.heard
    start = next(m for m in seen if m.name == "PLAYBACK_START")
    assert start.value("Playback-File-Path") == TONE
    heard = Recording(path)
    bursts = [ms for ms in range(0, 1000, 10) if heard.hears(RIGHT, 500, ms, ms + 20)]
    lows = [ms for ms in range(0, 1000, 10) if heard.hears(RIGHT, 400, ms, ms + 20)]
    assert 120 <= bursts[-1] - bursts[0] <= 150
    assert lows[0] - bursts[-1] >= 40
    assert tone.ms == 360


def test_a_cadence_is_silent_before_it_begins_and_repeats():
    cadence = Cadence(((10, 10, (500,)),), start_ms=100)
    assert not any(cadence.samples(0, 800, 8000))
    tone = cadence.samples(760, 200, 8000)
    assert not any(tone[:40])
    assert any(tone[40:120])
    assert not any(tone[120:200])
    assert cadence.samples(800, 160, 8000) == cadence.samples(960, 160, 8000)


def test_a_path_that_is_not_recorded_cannot_be_masked(play):
    def part(client, uuid, path):
        assert client.ask(f"api uuid_record {uuid} mask {path}").body == NO_MASK
        client.ask(f"api uuid_record {uuid} start {path}")
        assert client.ask(f"api uuid_record {uuid} mask {path}x").body == NO_MASK
        client.ask(f"api uuid_record {uuid} stop {path}")
        assert client.ask(f"api uuid_record {uuid} mask {path}").body == NO_MASK

    play(part, CallScript(steps=(WhenConnected(1000), HangUp()), destination=Destination()))


def test_a_blind_transfer_keeps_the_mask(play, switch, clock):
    """docs/freeswitch.md 23."""
    masked = Moment("masked")
    switch.dialplan = {}
    agent = Destination(steps=(WaitFor(masked, 200), BlindTransfer("5555")))
    script = CallScript(
        steps=(WhenConnected(), WhenConnected(200), Keys("4929"), Wait(300), HangUp()),
        destination=agent,
    )

    def part(client, uuid, path):
        switch.dialplan = {"5555": (Action("bridge", "sofia/lab/pay"),), **switch.dialplan}
        client.ask(f"api uuid_record {uuid} start {path}")
        client.pause(300)
        client.ask(f"api uuid_record {uuid} mask {path}")
        masked.now()

    call, path, _ = play(part, script)
    assert call.at("pay").heard_keys == "4929"
    assert tones_in(path) == []
    heard = Recording(path)
    assert heard.hears(LEFT, 440, 50, 250)
    assert heard.silent(LEFT, 360, heard.ms)
    assert heard.ms > 1500


def test_a_key_across_the_mask_leaves_its_tone_before_and_after(play):
    """So a pause is asked for before the key, and its guard must reach over the rest."""

    def part(client, uuid, path):
        client.ask(f"api uuid_record {uuid} start {path}")
        client.pause(1060)
        client.ask(f"api uuid_record {uuid} mask {path}")
        client.pause(100)
        client.ask(f"api uuid_record {uuid} unmask {path}")

    script = CallScript(
        steps=(WhenConnected(1000), Keys("5", press_ms=400), Wait(500), HangUp()),
        destination=Destination(),
    )
    _, path, _ = play(part, script)
    assert [tone.key for tone in tones_in(path)] == ["5", "5"]


def test_events_of_recordings_are_among_those_that_are_asked_for():
    assert {"RECORD_START", "RECORD_STOP"} <= set(EVENTS.split())


def test_a_script_can_wait_until_it_is_masked_and_until_it_is_not(play):
    """Not that a telephone could know: so that a test presses keys at an edge."""

    def part(client, uuid, path):
        client.ask(f"api uuid_record {uuid} start {path}")
        client.pause(700)
        client.ask(f"api uuid_record {uuid} mask {path}")
        client.pause(2000)
        client.ask(f"api uuid_record {uuid} unmask {path}")
        client.pause(1000)
        client.ask(f"api uuid_record {uuid} stop {path}")
        client.pause(500)
        client.ask(f"api uuid_record {uuid} start {path}")

    steps = (
        WhenConnected(),
        WhenMasked(),
        Keys("1"),
        WhenUnmasked(100),
        Keys("2"),
        WhenMasked(100),
        Keys("3"),
        WhenUnmasked(100),
        Keys("4"),
        Wait(500),
        HangUp(),
    )
    call, _, _ = play(part, CallScript(steps=steps, destination=Destination()))
    order = [
        one.event
        for one in call.happenings
        if one.event.startswith("RECORD") or (one.event == "DTMF" and one.side == "caller")
    ]
    assert order == [
        "RECORD_START",
        "RECORD_MASK",
        "DTMF",
        "RECORD_UNMASK",
        "DTMF",
        "RECORD_STOP",
        "DTMF",
        "RECORD_START",
        "DTMF",
        "RECORD_STOP",
    ]
