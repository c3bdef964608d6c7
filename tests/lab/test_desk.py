"""What the agent's telephone does with a call: hold, transfers (docs/freeswitch.md 23a-23c)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination, LabSwitch, Moment
from ivr.lab.script import (
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Hold,
    Keys,
    Tell,
    Unhold,
    Wait,
    WaitFor,
    WhenConnected,
)
from ivr.lab.session import Action
from tests.lab.client import begin
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
PAY = (Action("answer"), Action("bridge", "sofia/lab/pay"))
PAY_HZ = 620


@pytest.fixture
def recorded(clock, switch, engine, tmp_path):
    """A call that is recorded and bridged to an agent; the call and its recording."""

    def run(script, during=lambda client, uuid: None, variables=()):
        path = tmp_path / "call.wav"

        def part(client):
            uuid = begin(client, events=EVENTS)
            for variable in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true", *variables):
                client.execute("export" if "nolocal" in variable else "set", variable)
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(f"api uuid_record {uuid} start {path}")
            client.execute("bridge", "sofia/lab/agent")
            during(client, uuid)
            client.rest()
            return [m for m in client.seen if m.event]

        one = engine(part)
        switch.dialplan = {"5555": PAY, "5556": (Action("hangup", "USER_BUSY"),), **switch.dialplan}
        call = switch.place(script)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return call, Recording(path), one.results[0].get()

    return run


EVENTS = (
    "CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PARK "
    "CHANNEL_UNPARK CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE RECORD_STOP DTMF "
    "CHANNEL_HOLD CHANNEL_UNHOLD"
)


def named(seen) -> list[tuple[str, str]]:
    return [(m.name, m.value("Application")) for m in seen]


HOLDS = Destination(
    steps=(WhenConnected(1000), Hold(), Wait(2000), Unhold(), Wait(1000), HangUp()), hz=880
)


def test_on_hold_the_caller_hears_music_and_is_recorded_and_the_agent_is_silent(recorded, watch):
    held = watch("CHANNEL_HOLD CHANNEL_UNHOLD")
    call, heard, seen = recorded(CallScript(destination=HOLDS))
    [music] = call.leg.heard
    assert music.what == "local_stream://moh"
    assert 2200 <= music.ms <= 2300
    assert ("CHANNEL_EXECUTE", "playback") in named(seen)
    assert heard.silent(AGENT, 1100, 2900)
    assert heard.hears(CALLER, 440, 1100, 2900)
    assert heard.hears(AGENT, 880, 200, 900)
    assert heard.hears(AGENT, 880, 3350, 3900)
    [hold, unhold] = [m for m in held if m.event]
    assert (hold.name, unhold.name) == ("CHANNEL_HOLD", "CHANNEL_UNHOLD")
    assert hold.value("Unique-ID") == unhold.value("Unique-ID") == call.other.uuid
    assert hold.value("Channel-Call-State") == "HELD"
    assert unhold.value("Channel-Call-State") == "UNHELD"
    assert hold.value("Other-Leg-Unique-ID") == call.uuid
    assert 2250 <= (at(unhold) - at(hold)) <= 2300


def test_a_call_whose_own_telephone_holds_is_not_recorded_meanwhile(recorded):
    """docs/freeswitch.md 56: that time is missing; the agent hears the music."""
    script = CallScript(
        destination=Destination(),
        steps=(WhenConnected(1000), Hold(), Wait(2000), Unhold(), Wait(1000), HangUp()),
    )
    call, heard, seen = recorded(script)
    assert 1700 <= heard.ms <= 1780
    assert heard.hears(AGENT, 880, 0, 950)
    assert heard.hears(AGENT, 880, 1050, heard.ms)
    [music] = call.other.heard
    assert 2200 <= music.ms <= 2300
    [hold, unhold] = [m for m in seen if m.name in {"CHANNEL_HOLD", "CHANNEL_UNHOLD"}]
    assert hold.value("Unique-ID") == unhold.value("Unique-ID") == call.uuid


@pytest.mark.parametrize(
    ("last", "then"),
    [
        ((HangUp(),), ()),
        ((BlindTransfer("5555"),), ()),
        ((Wait(60_000),), (HangUp(),)),
    ],
    ids=["the agent hangs up", "a transfer", "the caller hangs up"],
)
def test_every_hold_has_its_end(recorded, watch, last, then):
    """docs/freeswitch.md 57: before the leg's own hangup, and before the legs are parted."""
    told = watch("CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_UNBRIDGE CHANNEL_HANGUP")
    agent = Destination(steps=(WhenConnected(500), Hold(), Wait(500), *last))
    script = CallScript(
        destination=agent,
        destinations={"pay": Destination.talks(500)},
        steps=(WhenConnected(2000), *then),
    )
    call, _, _ = recorded(script)
    agents = call.at("agent").uuid
    order = [(m.name, m.value("Unique-ID")) for m in told if m.event]
    held = order.index(("CHANNEL_UNHOLD", agents))
    assert held < order.index(("CHANNEL_HANGUP", agents))
    assert held < order.index(("CHANNEL_UNBRIDGE", call.uuid))
    assert [name for name, _ in order].count("CHANNEL_UNHOLD") == 1


def test_the_switch_can_hold_for_a_telephone(recorded, switch):
    def during(client, uuid):
        agent = client.until("CHANNEL_BRIDGE").value("Other-Leg-Unique-ID")
        client.ask(f"api uuid_hold {agent}")
        assert switch.find(agent).held
        client.ask(f"api uuid_hold off {agent}")
        assert not switch.find(agent).held

    recorded(CallScript(destination=Destination.talks(1000)), during)
    assert switch.api("uuid_hold", "nobody") == "-ERR Operation failed\n"


def test_eval_says_whether_a_telephone_holds(recorded, switch, clock):
    said = []

    def during(client, uuid):
        agent = client.until("CHANNEL_BRIDGE").value("Other-Leg-Unique-ID")
        for _ in range(3):
            client.pause(700)
            said.append(client.ask(f"api eval uuid:{agent} ${{Channel-Call-State}}").body)

    agent = Destination(
        steps=(WhenConnected(1000), Hold(), Wait(500), Unhold(), Wait(1000), HangUp())
    )
    recorded(CallScript(destination=agent), during)
    assert said == ["ACTIVE", "HELD", "ACTIVE"]


def at(message) -> int:
    return int(message.value("Event-Date-Timestamp")) // 1000


def test_music_of_ones_own_is_heard_and_keys_go_nowhere(recorded):
    music = "tone_stream://%(200,100,330);loops=-1"
    script = CallScript(destination=HOLDS, steps=(WhenConnected(2000), Keys("56")))
    call, heard, _ = recorded(
        script,
        variables=(f"nolocal:hold_music={music}", "playback_terminators=none"),
    )
    assert [one.what for one in call.leg.heard] == [music]
    assert heard.hears(AGENT, 330, 1300, 1450)
    assert call.other.heard_keys == ""
    assert call.leg.digits == "56"


def test_an_agent_who_hangs_up_with_the_caller_on_hold_ends_the_call(recorded):
    agent = Destination(steps=(WhenConnected(500), Hold(), Wait(500), HangUp()))
    call, _, _ = recorded(CallScript(destination=agent))
    assert call.done.get().ended_by == "destination"
    assert call.done.get().duration_ms < 2000


def test_hold_twice_and_unhold_without_hold_change_nothing(recorded):
    agent = Destination(
        steps=(WhenConnected(500), Unhold(), Hold(), Hold(), Wait(0), Unhold(), Wait(500), HangUp())
    )
    call, heard, _ = recorded(CallScript(destination=agent))
    assert heard.ms >= 1000
    [music] = call.leg.heard
    assert music.ms <= 300


def test_the_callers_keys_reach_the_payment_line_that_the_call_is_sent_to(recorded):
    there = Moment("at the payment line")
    script = CallScript(
        destination=Destination(steps=(WhenConnected(1000), BlindTransfer("5555"))),
        destinations={"pay": Destination(steps=(WhenConnected(), Tell(there)), hz=PAY_HZ)},
        steps=(
            WhenConnected(100),
            Keys("1"),
            WaitFor(there, 500),
            Keys("4929#"),
            Wait(500),
            HangUp(),
        ),
    )
    call, heard, seen = recorded(script)
    assert call.at("agent").heard_keys == "1"
    assert call.at("pay").heard_keys == "4929#"
    assert heard.hears(AGENT, PAY_HZ, heard.ms - 500, heard.ms), "recorded on"
    assert named(seen)[-4:] == [
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "bridge"),
        ("RECORD_STOP", ""),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]
    with pytest.raises(LookupError, match=r"5555 was not called, but \['agent', 'pay'\]"):
        call.at("5555")


def test_hidden_keys_do_not_reach_it_and_filtered_ones_do(recorded):
    def keys(variable):
        script = CallScript(
            destination=Destination(steps=(WhenConnected(1000), BlindTransfer("5555"))),
            steps=(WhenConnected(), WhenConnected(500), Keys("4929"), Wait(500), HangUp()),
        )
        call, _, seen = recorded(script, variables=(variable,))
        last = seen[-1].value("variable_digits_dialed")
        return call.at("pay").heard_keys, last

    assert keys("sensitive_dtmf=true") == ("", "none")
    assert keys("digits_dialed_filter=^(.+)$") == ("4929", "XXXX")


def test_an_attended_transfer(recorded, switch):
    """docs/freeswitch.md 23b."""
    agent = Destination(steps=(WhenConnected(1000), AttendedTransfer("5555", 800)), hz=880)
    script = CallScript(
        destination=agent,
        destinations={"pay": Destination(hz=PAY_HZ)},
        steps=(WhenConnected(), WhenConnected(1000), Keys("49"), Wait(200), HangUp()),
    )
    call, heard, seen = recorded(script)
    pay = call.at("pay")
    order = named(seen)
    at = order.index(("CHANNEL_UNBRIDGE", ""))
    assert [one for one in order[at:] if one[0] != "DTMF"] == [
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "bridge"),
        ("CHANNEL_UNPARK", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "socket"),
        ("CHANNEL_EXECUTE", "uuid_bridge"),
        ("CHANNEL_BRIDGE", ""),
        ("CHANNEL_HANGUP", ""),
        ("CHANNEL_UNBRIDGE", ""),
        ("RECORD_STOP", ""),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]
    joined = [m for m in seen if m.name == "CHANNEL_BRIDGE"][1]
    assert joined.value("Other-Leg-Unique-ID") == joined.value("Bridge-B-Unique-ID") == pay.uuid
    assert pay.heard_keys == "49"
    assert call.at("agent").down
    assert heard.silent(AGENT, 1100, 1700), "the caller was on hold meanwhile"
    assert heard.hears(AGENT, PAY_HZ, heard.ms - 500, heard.ms)
    assert call.done.get().ended_by == "caller"
    assert not switch.legs()


def test_where_nobody_answers_the_agent_takes_the_caller_up_again(recorded):
    agent = Destination(
        steps=(WhenConnected(500), AttendedTransfer("5556"), Wait(500), HangUp()), hz=880
    )
    call, heard, seen = recorded(CallScript(destination=agent))
    assert heard.hears(AGENT, 880, heard.ms - 300, heard.ms)
    assert named(seen).count(("CHANNEL_BRIDGE", "")) == 1
    assert call.done.get().ended_by == "destination"


def test_staff_who_called_a_customer_can_send_them_on(clock, switch: LabSwitch):
    """The customer is the B leg, and goes on with the dialplan by itself."""
    switch.dialplan = {"5555": PAY, ".*": (Action("bridge", "sofia/lab/customer"),)}
    customer = Destination(
        steps=(WhenConnected(), WhenConnected(500), Keys("4929"), Wait(300), HangUp())
    )
    call = switch.place(
        CallScript(
            number="2001",
            dialled="07700900123",
            context="default",
            destination=customer,
            steps=(WhenConnected(1000), BlindTransfer("5555")),
        )
    )
    clock.run_until(lambda: call.done.ready() and not switch.legs())
    assert call.at("pay").heard_keys == "4929"
    assert call.leg.heard_keys == ""
