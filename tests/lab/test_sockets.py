from __future__ import annotations

import socket

import pytest

from ivr.lab.script import CallScript, DuringPrompt, HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action
from ivr.lab.switch import dialplan_for
from tests.lab.client import EVENTS, begin, inbound, spawn

SHORT = CallScript(steps=(Wait(2000), HangUp()))


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(clock, switch, script, one=None):
    call = switch.place(script)
    clock.run_until(call.done.ready)
    if one is not None:
        clock.run_until(one.finished)
        one.results[0].get()
    return call.done.get()


def test_nobody_listens_and_the_dialplan_goes_on(clock, switch, prompt):
    switch.dialplan = {
        ".*": (
            Action("socket", f"127.0.0.1:{closed_port()} async full"),
            Action("answer"),
            Action("playback", prompt),
        )
    }
    outcome = run(clock, switch, CallScript())
    assert outcome.names().count("PLAYBACK_STOP") == 1
    assert outcome.duration_ms == 3000
    assert "CHANNEL_PARK" not in outcome.names()


def test_the_second_engine_is_tried_where_the_first_refuses(clock, switch, engine):
    one = engine(lambda client: begin(client))
    switch.dialplan = dialplan_for(f"127.0.0.1:{closed_port()}|{one.address}")
    call = switch.place(SHORT)
    clock.run_until(one.finished)
    assert one.results[0].get() == call.uuid


def test_an_engine_that_says_nothing_loses_the_call_to_the_dead_man(clock, switch, engine, prompt):
    one = engine(lambda client: client.rest())
    switch.dialplan = {
        "deadman": (Action("answer"), Action("playback", prompt)),
        ".*": (
            Action("sched_transfer", "+3 deadman XML public"),
            Action("socket", f"{one.address} async full"),
        ),
    }
    outcome = run(clock, switch, CallScript())
    [start] = [h.at_ms for h in outcome.happenings if h.event == "PLAYBACK_START"]
    assert 3000 <= start <= 3040
    assert outcome.cause == "NORMAL_CLEARING"


def test_a_living_engine_cancels_the_dead_man(clock, switch, engine, prompt):
    def part(client):
        uuid = begin(client)
        assert client.ask(f"api sched_del {uuid}").body == "+OK Deleted: 1\n"
        assert client.ask(f"api sched_del {uuid}").body == "+OK Deleted: 0\n"

    one = engine(part)
    switch.dialplan = {
        "deadman": (Action("playback", prompt),),
        ".*": (
            Action("sched_transfer", "+3 deadman XML public"),
            Action("socket", f"{one.address} async full"),
        ),
    }
    outcome = run(clock, switch, CallScript(steps=(Wait(8000), HangUp())), one)
    assert "PLAYBACK_START" not in outcome.names()
    assert outcome.duration_ms == 8000


def test_lost_before_connect_the_call_stays_parked(clock, switch, engine):
    one = engine(lambda client: client.socket.close())
    outcome = run(clock, switch, CallScript(steps=(Wait(60_000), HangUp())), one)
    assert outcome.duration_ms == 60_000


def test_lost_before_connect_with_socket_resume_the_dialplan_goes_on(clock, switch, engine, prompt):
    one = engine(lambda client: client.socket.close())
    switch.dialplan = {
        ".*": (
            Action("set", "socket_resume=true"),
            Action("socket", f"{one.address} async full"),
            Action("playback", prompt),
        )
    }
    assert "PLAYBACK_STOP" in run(clock, switch, CallScript()).names()


def test_an_engine_that_dies_in_a_prompt_lets_it_play_out(clock, switch, engine, prompt):
    def part(client):
        begin(client)
        client.execute("answer")
        client.execute("playback", prompt)
        client.until("PLAYBACK_START")
        client.pause(500)
        client.socket.close()

    one = engine(part)
    switch.dialplan = {
        ".*": (
            Action("socket", f"{one.address} async full"),
            Action("playback", "silence_stream://700"),
        )
    }
    outcome = run(clock, switch, CallScript())
    stops = [h.at_ms for h in outcome.happenings if h.event == "PLAYBACK_STOP"]
    assert 3000 <= stops[0] <= 3040
    assert 3700 <= stops[1] <= 3760


def test_an_engine_that_dies_in_a_call_leaves_call_and_recording_alone(
    clock, switch, engine, tmp_path
):
    path = tmp_path / "x.wav"

    def part(client):
        uuid = begin(client)
        client.execute("answer")
        client.ask(f"api uuid_record {uuid} start {path}")
        client.execute("bridge", "sofia/lab/agent")
        client.until("CHANNEL_BRIDGE")
        client.socket.close()

    one = engine(part)
    address = switch.listen(("127.0.0.1", 0))
    call = switch.place(CallScript(steps=(WhenConnected(5000), HangUp())))
    clock.run_until(one.finished)
    clock.run(1000)
    saved = spawn(lambda: inbound(clock, address))
    clock.run_until(saved.ready)
    client = saved.get()
    for action, answer in (("mask", "+OK Success\n"), ("unmask", "+OK Success\n")):
        asked = spawn(lambda a=action: client.ask(f"api uuid_record {call.uuid} {a} {path}"))
        clock.run_until(asked.ready)
        assert asked.get().body == answer
    clock.run_until(call.done.ready)
    assert call.done.get().duration_ms > 5000
    assert path.stat().st_size > 5000 * 16


def test_linger_tells_of_the_hangup_and_closes_after_its_time(clock, switch, engine):
    times = []

    def part(client):
        begin(client)
        client.execute("answer")
        for message in iter(client.message, None):
            times.append((clock.monotonic_ms() - began, message.label()))

    one = engine(part)
    began = clock.monotonic_ms()
    run(clock, switch, SHORT, one)
    [(linger_at, _)] = [t for t in times if t[1] == "notice linger"]
    [(end_at, _)] = [t for t in times if t[1] == "notice disconnect"]
    assert linger_at == 2000
    assert 7000 <= end_at <= 8000
    assert times[-1][1] == "notice disconnect"


def test_without_linger_the_connection_ends_with_the_hangup(clock, switch, engine, tmp_path):
    def part(client):
        uuid = begin(client)
        client.ask("nolinger")
        client.execute("answer")
        client.ask(f"api uuid_record {uuid} start {tmp_path}/x.wav")
        return [message.label() for message in client.rest()]

    one = engine(part)
    run(clock, switch, SHORT, one)
    labels = one.results[0].get()
    assert labels[-2:] == ["event CHANNEL_HANGUP", "notice disconnect"]
    assert "event RECORD_STOP" not in labels


def test_without_full_only_the_call_itself_is_controlled(clock, switch, engine):
    def part(client):
        hello = client.ask("connect")
        refused = [
            client.ask(text).label() for text in ("linger 5", "api status", f"event {EVENTS}")
        ]
        return hello.headers["Control"], refused, client.ask("getvar direction").label()

    one = engine(part)
    switch.dialplan = {".*": (Action("socket", f"{one.address} async"),)}
    run(clock, switch, SHORT, one)
    control, refused, variable = one.results[0].get()
    assert control == "single-channel"
    assert refused == ["command/reply -ERR command not found"] * 3
    assert variable == "command/reply inbound"


def test_myevents_has_no_recording_events(clock, switch, engine, tmp_path):
    def part(client):
        uuid = client.ask("connect").value("Unique-ID")
        client.ask("linger")
        client.ask("myevents")
        client.execute("answer")
        client.ask(f"api uuid_record {uuid} start {tmp_path}/x.wav")
        client.until("CHANNEL_HANGUP_COMPLETE")
        return {message.name for message in client.seen}

    one = engine(part)
    run(clock, switch, SHORT, one)
    names = one.results[0].get()
    assert "CHANNEL_EXECUTE_COMPLETE" in names
    assert not {"RECORD_START", "RECORD_STOP"} & names


def test_json_says_the_same_as_plain(clock, switch, engine, prompt):
    def part(kind):
        def play(client):
            begin(client, kind=kind)
            client.execute("answer", Event_UUID="an-id-of-ours")
            client.execute("playback", prompt)
            return [m for m in client.rest() if m.event]

        return play

    said = {}
    for kind in ("plain", "json"):
        one = engine(part(kind))
        run(clock, switch, CallScript(steps=(DuringPrompt(500), Keys("#"), HangUp())), one)
        said[kind] = one.results[0].get()
    assert [m.name for m in said["json"]] == [m.name for m in said["plain"]]
    for plain, json in zip(said["plain"], said["json"], strict=True):
        assert set(plain.event) == set(json.event)
    assert said["json"][0].event["variable_DP_MATCH"] == '["01427676676", "01427676676"]'
    assert said["json"][1].value("Application-UUID") == "an-id-of-ours"


HOSTILE = CallScript(
    caller="a%0AEvent-Name: HACK\r\nX: 1 \udcff",
    headers={"X-Evil": "a%0AEvent-Name: HACK", "X-Low": "50%0a"},
    steps=(Wait(500), HangUp()),
)


def test_a_strangers_line_feeds_pass_through_as_they_came(clock, switch, engine):
    def part(client):
        begin(client)
        client.execute("answer")
        return client.until("CHANNEL_ANSWER")

    one = engine(part)
    run(clock, switch, HOSTILE, one)
    event = one.results[0].get()
    assert event.event["variable_sip_h_X-Evil"] == "a%0AEvent-Name%3A%20HACK"
    assert event.event["variable_sip_h_X-Low"] == "50%250a"
    name = event.event["Caller-Caller-ID-Name"]
    assert name == "a%0AEvent-Name%3A%20HACK%0D%0AX%3A%201%20%FF"
    assert event.name == "CHANNEL_ANSWER"


def test_invalid_utf8_goes_out_raw_in_json(clock, switch, engine):
    def part(client):
        begin(client, kind="json")
        client.execute("answer")
        event = client.until("CHANNEL_ANSWER")
        return event.body

    one = engine(part)
    run(clock, switch, HOSTILE, one)
    body = one.results[0].get()
    assert '"Caller-Caller-ID-Name":"a%0AEvent-Name: HACK\\r\\nX: 1 \udcff"' in body


def test_an_app_sent_during_a_prompt_runs_within_it(clock, switch, engine, prompt):
    def part(client):
        begin(client)
        client.execute("answer")
        client.execute("playback", prompt)
        client.until("PLAYBACK_START")
        client.pause(500)
        client.execute("playback", "silence_stream://1000")
        return [
            (m.name, m.value("Playback-File-Path") or m.value("Application-Data"))
            for m in client.rest()
            if m.name.startswith(("PLAYBACK", "CHANNEL_EXECUTE"))
        ]

    one = engine(part)
    outcome = run(clock, switch, CallScript(steps=(Wait(6000), HangUp())), one)
    inner, outer = "silence_stream://1000", prompt
    assert one.results[0].get()[:5] == [
        ("PLAYBACK_START", inner),
        ("PLAYBACK_STOP", inner),
        ("CHANNEL_EXECUTE_COMPLETE", inner),
        ("PLAYBACK_STOP", outer),
        ("CHANNEL_EXECUTE_COMPLETE", outer),
    ]
    stops = [h.at_ms for h in outcome.happenings if h.event == "PLAYBACK_STOP"]
    assert 4000 <= stops[1] <= 4060, "the prompt stood still meanwhile"


NONSENSE = (
    "sendmsg\ncall-command: execute\nexecute-app-name: set\nloops: many",
    "sendmsg\ncall-command: execute\nexecute-app-name: sleep\nexecute-app-arg: long",
    "sendmsg\ncall-command: execute\nexecute-app-name: playback\n"
    "execute-app-arg: silence_stream://x",
    "sendmsg\ncall-command: execute\nexecute-app-name: bind_digit_action\nexecute-app-arg: ,",
    "sendmsg\ncall-command: execute\nexecute-app-name: multiset\nexecute-app-arg: ^^",
    "sendmsg\ncall-command: execute\nexecute-app-name: bridge\nexecute-app-arg: {[}]|,",
    "sendmsg\ncall-command: nothing",
    "filter Unique-ID /(",
    "linger x",
    "event json CUSTOM",
    "api uuid_transfer x -both",
    "api originate {",
)


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_of_a_client_ends_neither_call_nor_connection(clock, switch, engine, text):
    def part(client):
        begin(client)
        client.execute("answer")
        client.execute("set", "continue_on_fail=true")
        reply = client.ask(text)
        client.pause(100)
        return reply, client.ask("getvar direction").label()

    one = engine(part)
    outcome = run(clock, switch, SHORT, one)
    assert one.results[0].get()[1] == "command/reply inbound"
    assert outcome.ended_by == "caller"


def test_a_socket_without_an_address_is_passed_over(clock, switch):
    switch.dialplan = {".*": (Action("socket", ""), Action("answer"), Action("sleep", "100"))}
    assert run(clock, switch, CallScript()).duration_ms == 100
