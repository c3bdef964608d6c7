"""Feature codes of the agent's telephone, and keys that are hidden (docs/freeswitch.md 14)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination, Moment
from ivr.lab.script import HangUp, KeyDown, Keys, KeyUp, Tell, Wait, WaitFor, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin

CODES = (
    "{execute_on_answer_1='bind_digit_action ivr,*7,exec[i]:event,Ivr-Feature=pause',"
    "execute_on_answer_2='bind_digit_action ivr,*8,exec[i]:event,Ivr-Feature=resume',"
    "sensitive_dtmf=true}sofia/lab/agent"
)
PAUSES = Destination(
    steps=(
        WhenConnected(500),
        Keys("5*7"),
        Wait(500),
        Keys("*8"),
        Wait(500),
        HangUp(),
    )
)


@pytest.fixture
def connect(clock, switch, engine):
    """A call that an engine bridges to a dial string; what the engine says meanwhile."""

    def run(script, dial=CODES, part=lambda client, uuid, other: None):
        def whole(client):
            uuid = begin(client)
            client.execute("answer")
            client.execute("bridge", dial)
            other = client.until("CHANNEL_BRIDGE").value("Bridge-B-Unique-ID")
            part(client, uuid, other)
            client.rest()
            return client.seen

        one = engine(whole)
        call = switch.place(script)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return call, one.results[0].get()

    return run


def features(seen) -> list[tuple[str, str]]:
    return [
        (m.value("Ivr-Feature"), m.value("Unique-ID"))
        for m in seen
        if m.name == "CHANNEL_APPLICATION"
    ]


def test_the_agents_codes_are_told_on_the_inbound_connection_with_the_b_legs_id(
    connect, watch, tmp_path
):
    seen = watch("DTMF CHANNEL_APPLICATION CHANNEL_EXECUTE", "Event-Name CHANNEL_APPLICATION")
    call, engines = connect(CallScript(destination=PAUSES))
    other = call.other.uuid
    assert features(seen) == [("pause", other), ("resume", other)]
    assert {m.name for m in seen if m.event} == {"CHANNEL_APPLICATION"}
    assert features(engines) == [], "the caller's socket hears nothing of it"
    assert call.done.get().heard_keys == ""
    assert "RECV DTMF" not in (tmp_path / "switch.log").read_text(), "not even of the 5"
    assert call.other.digits == ""


def test_on_a_leg_that_is_not_sensitive_the_code_alone_is_swallowed(connect, watch, tmp_path):
    seen = watch("CHANNEL_APPLICATION")
    call, _ = connect(CallScript(destination=PAUSES), CODES.replace("sensitive_dtmf=true", "a=b"))
    assert [name for name, _ in features(seen)] == ["pause", "resume"]
    assert call.done.get().heard_keys == call.other.digits == "5"
    assert f"{call.other.uuid} RECV DTMF *:1280" in (tmp_path / "switch.log").read_text()


def test_a_comma_in_the_value_cuts_it(connect, watch):
    seen = watch("CHANNEL_APPLICATION")
    connect(
        CallScript(destination=PAUSES),
        "{execute_on_answer_1='bind_digit_action ivr,*7,exec[i]:event,Ivr-Feature=pause,More=1'}"
        "sofia/lab/agent",
    )
    [event] = [m for m in seen if m.name == "CHANNEL_APPLICATION"]
    assert event.value("Ivr-Feature") == "pause"
    assert "More" not in event.event


BIND = "ivr,*7,exec[i]:event,Ivr-Feature=pause"


def bind(client, uuid: str) -> None:
    client.ask(
        f"sendmsg {uuid}\ncall-command: execute\n"
        f"execute-app-name: bind_digit_action\nexecute-app-arg: {BIND}"
    )


@pytest.mark.parametrize("staff", ["calls", "is called"])
def test_codes_are_bound_in_mid_call_on_either_leg(connect, watch, staff):
    """On the A leg they are those of a member of staff who calls a customer."""
    seen = watch("CHANNEL_APPLICATION")
    steps = (WhenConnected(1000), Keys("*7"), Wait(200), HangUp())
    script = (
        CallScript(steps=steps, number="2001", dialled="07700900123", context="default")
        if staff == "calls"
        else CallScript(destination=Destination(steps=steps))
    )
    call, engines = connect(
        script,
        "sofia/lab/somebody",
        lambda client, uuid, other: bind(client, uuid if staff == "calls" else other),
    )
    leg = call.leg if staff == "calls" else call.other
    assert features(seen) == [("pause", leg.uuid)]
    assert call.at("somebody").heard_keys == call.leg.heard_keys == ""
    assert not [m for m in engines if m.name == "DTMF"]


def test_keys_put_on_a_leg_by_command_reach_no_code(clock, switch, watch):
    """docs/freeswitch.md 39."""
    seen = watch("CHANNEL_APPLICATION")
    switch.dialplan = {".*": (Action("bind_digit_action", BIND), Action("park"))}
    call = switch.place(CallScript(steps=(Wait(3000), HangUp())))
    clock.run(500)
    switch.api("uuid_recv_dtmf", f"{call.uuid} *7")
    clock.run(500)
    assert features(seen) == []
    assert call.leg.digits == "*7"


@pytest.mark.parametrize(
    ("hide", "show"),
    [
        ("uuid_setvar {} sensitive_dtmf true", "uuid_setvar {} sensitive_dtmf false"),
        ("uuid_setvar_multi {} a=b;sensitive_dtmf=true", "uuid_setvar_multi {} sensitive_dtmf=;a="),
    ],
)
def test_keys_are_hidden_from_a_moment_to_a_moment(connect, tmp_path, hide, show):
    first, hidden, second, shown = (Moment() for _ in range(4))
    script = CallScript(
        steps=(
            WhenConnected(200),
            Keys("12"),
            Tell(first),
            WaitFor(hidden),
            Keys("4929"),
            KeyDown("7"),
            Tell(second),
            WaitFor(shown),
            KeyUp(),
            Keys("34"),
            Wait(40),
            HangUp(),
        ),
        destination=Destination(),
    )

    def part(client, uuid, other):
        for moment, command, then in ((first, hide, hidden), (second, show, shown)):
            while not moment.come:
                client.pause(20)
            assert client.ask(f"api {command.format(uuid)}").body == "+OK\n"
            then.now()

    call, seen = connect(script, "sofia/lab/agent", part)
    keys = "".join(m.value("DTMF-Digit") for m in seen if m.name == "DTMF")
    assert keys == call.leg.digits == call.other.heard_keys == "12734", (
        "a key counts when it is released: the 7 was pressed while keys were hidden"
    )
    log = (tmp_path / "switch.log").read_text()
    assert log.count("RECV DTMF") == 5
    last = next(m for m in seen if m.name == "CHANNEL_HANGUP_COMPLETE")
    assert last.value("variable_digits_dialed") == "12734"


def test_a_key_held_for_long_lasts_as_long(clock, switch):
    held = Moment("held")
    switch.dialplan = {".*": (Action("answer"), Action("park"))}
    call = switch.place(
        CallScript(steps=(KeyDown("5"), WaitFor(held, 40), KeyUp(), Wait(500), HangUp()))
    )
    clock.run(700)
    assert call.leg.digits == ""
    assert repr(held) == "Moment('held', to come)"
    held.now()
    clock.run(60)
    assert call.leg.digits == "5"
    [event] = [one.at_ms for one in call.happenings if one.event == "DTMF"]
    assert event == 740
