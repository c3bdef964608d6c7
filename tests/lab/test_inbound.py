"""Clients that connect to the switch themselves (docs/freeswitch.md 10c, 68, 71, 72)."""

from __future__ import annotations

import pytest

from ivr.errors import SetupError
from ivr.lab.script import CallScript, Destination, DuringPrompt, HangUp, Keys, Wait, WhenConnected
from ivr.lab.switch import LabSwitch
from tests.lab.client import begin, inbound, spawn


def run(clock, switch, script, one):
    call = switch.place(script)
    clock.run_until(call.done.ready)
    clock.run_until(one.finished)
    one.results[0].get()
    return call.done.get()


def test_the_inbound_socket_asks_for_the_password(clock, switch):
    address = switch.listen(("127.0.0.1", 0))
    made = spawn(lambda: inbound(clock, address, password="wrong"))
    clock.run_until(made.ready)
    client = made.get()
    gone = spawn(client.rest)
    clock.run_until(gone.ready)
    labels = [message.label() for message in client.seen]
    assert labels == ["auth/request", "command/reply -ERR invalid", "notice"]


def test_the_inbound_socket_hears_the_agents_keys(clock, switch, engine, visitor):
    def part(client):
        begin(client)
        client.execute("bridge", "sofia/lab/agent")
        client.rest()
        return [message.value("DTMF-Digit") for message in client.seen if message.name == "DTMF"]

    visitor("event plain DTMF CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE")
    one = engine(part)
    agent = Destination(steps=(WhenConnected(1000), Keys("*7"), Wait(500), HangUp()))
    heard = spawn(lambda: visitor.client.until("CHANNEL_HANGUP_COMPLETE", Call_Direction="inbound"))
    run(clock, switch, CallScript(destination=agent), one)
    clock.run_until(heard.ready)
    keys = [m for m in visitor.client.seen if m.name == "DTMF"]
    assert [m.value("DTMF-Digit") for m in keys] == ["*", "7"]
    assert {m.value("Call-Direction") for m in keys} == {"outbound"}
    assert one.results[0].get() == [], "the caller's own socket does not"


def test_bgapi_answers_by_an_event(clock, visitor):
    visitor("event plain BACKGROUND_JOB")
    reply = visitor("bgapi version")
    job = reply.headers["Job-UUID"]
    assert reply.headers["Reply-Text"] == f"+OK Job-UUID: {job}"
    heard = spawn(lambda: visitor.client.until("BACKGROUND_JOB", Job_UUID=job))
    clock.run_until(heard.ready)
    assert "FreeSWITCH Version" in heard.get().body


def test_a_filter_leaves_out_events_without_the_header(clock, visitor):
    visitor("event plain BACKGROUND_JOB RELOADXML")
    visitor("filter Unique-ID nobody")
    visitor("api reloadxml")
    assert visitor("filter delete Unique-ID").label().endswith("+OK filter deleted. [Unique-ID][]")
    visitor("api reloadxml")
    clock.settle()
    spawn(visitor.client.message)
    clock.settle()
    assert [m.name for m in visitor.client.seen if m.event] == ["RELOADXML"]


def test_nixevent_and_noevents(visitor):
    assert visitor("noevents").label().endswith("-ERR not listening for events")
    visitor("event plain RELOADXML DTMF")
    assert visitor("nixevent RELOADXML").label().endswith("+OK events nixed")
    assert visitor("nixevent NOSUCH").label().endswith("-ERR no keywords supplied")
    visitor("api reloadxml")
    assert visitor("noevents").label().endswith("+OK no longer listening for events")
    assert not [m for m in visitor.client.seen if m.event]


def test_exit_says_goodbye(clock, visitor):
    assert visitor("exit").label() == "command/reply +OK bye"
    rest = spawn(visitor.client.rest)
    clock.run_until(rest.ready)
    assert rest.get()[0].body.startswith("Disconnected, goodbye.\n")


def test_a_port_that_is_taken_is_a_clear_error(clock, switch):
    address = switch.listen(("127.0.0.1", 0))
    with pytest.raises(
        SetupError, match=rf"cannot listen on 127\.0\.0\.1:{address[1]}: .*; choose"
    ):
        LabSwitch(clock).listen(address)


def test_a_heartbeat_comes_every_twenty_seconds(clock, visitor):
    visitor("event plain HEARTBEAT")
    beats = []

    def listen():
        for message in iter(visitor.client.message, None):
            beats.append((clock.monotonic_ms(), message.value("Heartbeat-Interval")))

    spawn(listen)
    clock.run(60_000)
    assert [interval for _, interval in beats] == ["20"] * 3
    assert beats[1][0] - beats[0][0] == 20_000


def left_by_its_engine(client):
    """Bridges and is gone."""
    begin(client)
    client.execute("answer")
    client.execute("set", "ivr_route=main")
    client.execute("bridge", "sofia/lab/agent")
    client.until("CHANNEL_BRIDGE")
    client.socket.close()


TALKS = CallScript(destination=Destination(), steps=(WhenConnected(60_000), HangUp()))


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("sendmsg {a}\ncall-command: hangup\nhangup-cause: CALL_REJECTED", "CALL_REJECTED"),
        ("api uuid_kill {a} CALL_REJECTED", "CALL_REJECTED"),
        ("api uuid_kill {a}", "NORMAL_CLEARING"),
        ("api uuid_kill {b} CALL_REJECTED", "NORMAL_CLEARING"),
    ],
)
def test_a_bridged_call_without_its_engine_can_be_ended(
    clock, switch, engine, visitor, command, cause
):
    engine(left_by_its_engine)
    call = switch.place(TALKS)
    clock.run_until(lambda: call.leg.bridged)
    clock.run(1000)
    assert visitor(f"api uuid_getvar {call.uuid} ivr_route").body == "main"
    assert visitor(f"api uuid_getvar {call.uuid} core_uuid").body == switch.core_uuid
    reply = visitor(command.format(a=call.uuid, b=call.other.uuid))
    assert "+OK" in (reply.body or reply.label())
    clock.run_until(call.done.ready)
    outcome = call.done.get()
    assert (outcome.cause, outcome.ended_by) == (cause, "switch")
    assert outcome.duration_ms < 2000
    assert call.leg.get("sip_hangup_disposition") == "send_bye"
    gone = visitor(f"api uuid_kill {call.uuid}").body
    assert gone == "-ERR No such channel!\n"
    again = visitor(f"sendmsg {call.uuid}\ncall-command: hangup").label()
    assert again == f"command/reply -ERR invalid session id [{call.uuid}]"


def test_who_filters_on_the_leg_hears_the_parting_in_its_order(
    clock, switch, engine, visitor, tmp_path
):
    """docs/freeswitch.md 22, 72: nothing of the other leg."""
    path = tmp_path / "x.wav"
    engine(left_by_its_engine)
    call = switch.place(
        CallScript(
            destination=Destination(steps=(WhenConnected(1000), Keys("7"))),
            steps=(WhenConnected(2000), Keys("5"), Wait(500), HangUp()),
        )
    )
    clock.run_until(lambda: call.leg.bridged)
    visitor(f"filter Unique-ID {call.uuid}")
    visitor(
        "event plain CHANNEL_BRIDGE CHANNEL_UNBRIDGE DTMF CHANNEL_HOLD CHANNEL_HANGUP "
        "CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE_COMPLETE RECORD_START RECORD_STOP"
    )
    visitor(f"api uuid_record {call.uuid} start {path}")
    heard = spawn(lambda: visitor.client.until("CHANNEL_HANGUP_COMPLETE"))
    clock.run_until(heard.ready)
    told = [
        (m.name, m.value("DTMF-Digit") or m.value("Application"))
        for m in visitor.client.seen
        if m.event
    ]
    assert told == [
        ("RECORD_START", ""),
        ("DTMF", "5"),
        ("CHANNEL_HANGUP", ""),
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "bridge"),
        ("CHANNEL_EXECUTE_COMPLETE", "socket"),
        ("RECORD_STOP", ""),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]


def test_a_client_that_does_not_read_stops_all_others_until_it_is_gone(clock, switch, visitor):
    """docs/freeswitch.md 71."""
    switch.longest_queue = 20
    address = switch.listen(("127.0.0.1", 0))
    made = spawn(lambda: inbound(clock, address))
    clock.run_until(made.ready)
    slow = made.get()
    subscribed = spawn(lambda: slow.ask("event plain RELOADXML"))
    clock.run_until(subscribed.ready)
    for _ in range(600):
        switch.fire_named("RELOADXML", [], "x" * 100_000)
        clock.settle()
    assert len(switch.listeners) == 2
    answer = spawn(lambda: visitor.client.ask("api version"))
    newcomer = spawn(lambda: inbound(clock, address))
    clock.run(10_000)
    assert not answer.ready()
    assert not newcomer.ready()
    read = spawn(slow.rest)
    clock.run_until(lambda: answer.ready() and newcomer.ready() and read.ready())
    assert "FreeSWITCH" in answer.get().body
    assert len(read.get()) < 600
    assert [m.label() for m in read.get()][-1] == "event RELOADXML", "it is not told"
    assert len(switch.listeners) == 2


def test_a_hung_event_socket_answers_nobody_until_it_moves(clock, switch, engine, visitor, prompt):
    def part(client):
        begin(client)
        client.execute("playback", prompt)
        client.until("PLAYBACK_STOP")
        return clock.monotonic_ms()

    one = engine(part)
    call = switch.place(CallScript(steps=(DuringPrompt(1000), Wait(60_000), HangUp())))
    clock.run(1000)
    switch.faults.freeze()
    asked = spawn(lambda: visitor.client.ask("api version"))
    newcomer = spawn(lambda: inbound(clock, switch.address))
    began = clock.monotonic_ms()
    clock.run(10_000)
    assert not asked.ready()
    assert not newcomer.ready()
    assert not one.finished()
    assert "PLAYBACK_STOP" in [one.event for one in call.happenings], "calls go on"
    switch.faults.thaw()
    clock.run_until(lambda: asked.ready() and newcomer.ready() and one.finished())
    assert one.results[0].get() == began + 10_000
