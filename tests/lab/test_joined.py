"""Calls that others take, and conferences of a telephone (docs/freeswitch.md 50, 51, 57)."""

from __future__ import annotations

import pytest

from ivr.lab import PICK_UP, CallScript, Destination
from ivr.lab.script import HangUp, Hold, ThreeWay, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
THIRD_HZ = 620
EVENTS = (
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE "
    "CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_PARK CHANNEL_UNPARK"
)
EXTENSIONS = {**PICK_UP, "5555": (Action("answer"), Action("bridge", "sofia/lab/third"))}


@pytest.fixture
def talking(clock, switch, engine, tmp_path):
    """A call that is recorded and bridged to an agent; the call and its recording's path."""

    def make(script):
        path = tmp_path / "call.wav"

        def part(client):
            uuid = begin(client, events=EVENTS)
            for variable in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true"):
                client.execute("set", variable)
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(f"api uuid_record {uuid} start {path}")
            client.execute("bridge", "sofia/lab/agent")
            client.until("CHANNEL_BRIDGE")
            client.seen.clear()
            client.rest()
            return [m for m in client.seen if m.event]

        one = engine(part)
        switch.dialplan = {**EXTENSIONS, **switch.dialplan}
        call = switch.place(script)
        clock.run_until(lambda: call.leg.bridged)
        return call, path, one

    return make


def test_a_telephone_picks_the_call_up(clock, switch, talking, watch):
    told = watch("CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP")
    call, path, one = talking(
        CallScript(destination=Destination(), steps=(WhenConnected(5000), HangUp()))
    )
    agent = call.other
    clock.run(1000)
    taker = switch.place(
        CallScript(
            number="2002",
            dialled=f"pickup-{call.uuid}",
            context="default",
            hz=THIRD_HZ,
            steps=(WhenConnected(2000), HangUp()),
        )
    )
    clock.run_until(lambda: taker.leg.bridged)
    assert switch.api("uuid_getvar", f"{call.uuid} bridge_uuid") == taker.uuid
    clock.run_until(call.done.ready)
    clock.run_until(one.finished)
    told = [m for m in told if m.event and m.value("Unique-ID")]
    [joined] = [m for m in told if m.name == "CHANNEL_BRIDGE"][1:]
    assert [joined.value(f"Bridge-{side}-Unique-ID") for side in "AB"] == [taker.uuid, call.uuid]
    assert joined.value("Other-Leg-Unique-ID") == call.uuid
    assert joined.value("Caller-Caller-ID-Number") == "2002"
    [parted] = [m for m in one.results[0].get() if m.name == "CHANNEL_UNBRIDGE"]
    assert parted.value("Bridge-B-Unique-ID") == agent.uuid
    assert parted.value("Other-Leg-Unique-ID") == taker.uuid, "the new one already"
    assert "CHANNEL_BRIDGE" not in [m.name for m in one.results[0].get()]
    assert agent.hangup_cause == "PICKED_OFF"
    heard = Recording(path)
    assert heard.hears(AGENT, 880, 100, 900)
    assert heard.hears(AGENT, THIRD_HZ, 1200, heard.ms - 100)
    assert heard.hears(CALLER, 440, 1200, heard.ms - 100)
    assert not switch.legs()


def test_a_pick_up_of_nothing_ends(clock, switch):
    switch.dialplan = EXTENSIONS
    taker = switch.place(CallScript(dialled="pickup-nothing"))
    clock.run_until(taker.done.ready)
    assert taker.done.get().connected_ms is None


def test_a_call_on_hold_that_is_joined_elsewhere_is_held_no_more(clock, switch, talking, watch):
    told = watch("CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HOLD CHANNEL_UNHOLD")
    agent = Destination(steps=(WhenConnected(500), Hold(), Wait(60_000)))
    call, _, _ = talking(
        CallScript(
            destinations={"agent": agent, "pay": Destination()},
            steps=(WhenConnected(5000), HangUp()),
        )
    )
    clock.run(1000)
    line = switch.place(
        CallScript(dialled=f"pickup-{call.uuid}", steps=(WhenConnected(1000), HangUp()))
    )
    clock.run_until(lambda: line.done.ready() and call.done.ready())
    order = [(m.name, m.value("Unique-ID")) for m in told if m.event]
    assert order == [
        ("CHANNEL_BRIDGE", call.uuid),
        ("CHANNEL_HOLD", call.at("agent").uuid),
        ("CHANNEL_UNHOLD", call.at("agent").uuid),
        ("CHANNEL_UNBRIDGE", call.uuid),
        ("CHANNEL_BRIDGE", line.uuid),
        ("CHANNEL_UNBRIDGE", line.uuid),
    ]


def test_three_talk_by_the_agents_telephone(clock, switch, talking):
    """FreeSWITCH is told of a hold, and of a call that has nothing to do with the caller's."""
    agent = Destination(steps=(WhenConnected(1000), ThreeWay("5555", 700), Wait(2000), HangUp()))
    call, path, one = talking(
        CallScript(
            destination=agent,
            destinations={"third": Destination(hz=THIRD_HZ)},
            steps=(WhenConnected(60_000), HangUp()),
        )
    )
    clock.run_until(call.done.ready)
    clock.run_until(one.finished)
    names = [m.name for m in one.results[0].get()]
    assert names.count("CHANNEL_BRIDGE") == 0
    assert names.count("CHANNEL_UNBRIDGE") == 1
    heard = Recording(path)
    assert heard.silent(AGENT, 1100, 1700), "on hold"
    for hz in (880, THIRD_HZ):
        assert heard.hears(AGENT, hz, heard.ms - 1000, heard.ms - 200)
        assert heard.hears(CALLER, 440, heard.ms - 1000, heard.ms - 200)
    assert call.done.get().ended_by == "destination"
    clock.run(1000)
    assert not switch.legs()


def test_nobody_to_talk_to_as_well(clock, switch, talking):
    agent = Destination(steps=(WhenConnected(500), ThreeWay("5556"), Wait(1000), HangUp()))
    switch.dialplan = {}
    call, path, _ = talking(CallScript(destination=agent))
    switch.dialplan = {"5556": (Action("hangup", "USER_BUSY"),), **switch.dialplan}
    clock.run_until(call.done.ready)
    heard = Recording(path)
    assert heard.hears(AGENT, 880, heard.ms - 300, heard.ms)
    assert not switch.legs()
