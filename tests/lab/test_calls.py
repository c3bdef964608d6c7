from __future__ import annotations

import pytest

from ivr.clock import RealClock
from ivr.lab import LabSwitch, script
from ivr.lab.dialling import parse_dial_string
from ivr.lab.script import (
    BlindTransfer,
    CallScript,
    Destination,
    DuringPrompt,
    HangUp,
    Keys,
    Wait,
    WhenConnected,
)
from ivr.lab.session import Action
from tests.lab.client import begin


@pytest.fixture
def ask(clock, switch, engine):
    """Places a call whose engine plays a part; what it returned, and how the call went."""

    def run(part, what: CallScript):
        def whole(client):
            begin(client)
            client.execute("answer")
            return part(client)

        one = engine(whole)
        call = switch.place(what)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return one.results[0].get(), call.done.get()

    return run


def bridge(dial: str, *variables: str):
    def part(client):
        for variable in ("hangup_after_bridge=true", "continue_on_fail=true", *variables):
            client.execute("set", variable)
        client.execute("bridge", dial)
        ended = client.until("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
        client.execute("hangup", "NORMAL_CLEARING")
        return ended

    return part


@pytest.mark.parametrize(
    ("destination", "cause", "status"),
    [
        (Destination.busy(), "USER_BUSY", "BUSY"),
        (Destination.unallocated(), "UNALLOCATED_NUMBER", "INVALIDARGS"),
        (Destination.silent(), "NO_ANSWER", "NOANSWER"),
    ],
)
def test_why_a_destination_was_not_reached(ask, destination, cause, status):
    ended, outcome = ask(bridge("sofia/lab/agent"), CallScript(destination=destination))
    assert ended.value("variable_originate_disposition") == cause
    assert ended.value("variable_DIALSTATUS") == status
    assert ended.value("Application-Response") == "_none_"
    assert outcome.connected_ms is None


@pytest.mark.parametrize(
    ("dial", "variables", "seconds"),
    [
        ("sofia/lab/agent", (), 60),
        ("sofia/lab/agent", ("call_timeout=20",), 20),
        ("{originate_timeout=15}sofia/lab/agent", (), 15),
        ("[leg_timeout=7]sofia/lab/agent", ("call_timeout=20",), 7),
    ],
)
def test_how_long_it_rings(ask, dial, variables, seconds):
    _, outcome = ask(bridge(dial, *variables), CallScript(destination=Destination.silent()))
    assert seconds * 1000 <= outcome.duration_ms <= seconds * 1000 + 200


def test_without_continue_on_fail_the_call_ends_with_the_cause(ask):
    def part(client):
        client.execute("bridge", "sofia/lab/busy")
        return client.until("CHANNEL_HANGUP").value("Hangup-Cause")

    cause, outcome = ask(part, CallScript())
    assert cause == outcome.cause == "USER_BUSY"


def test_the_next_destination_is_tried(ask):
    ended, outcome = ask(
        bridge("sofia/lab/busy|sofia/lab/agent"), CallScript(steps=(WhenConnected(500), HangUp()))
    )
    assert ended.value("variable_originate_disposition") == "SUCCESS"
    assert outcome.ended_by == "caller"


def test_a_caller_who_gives_up_stops_the_ringing(ask):
    _, outcome = ask(
        bridge("sofia/lab/agent"),
        CallScript(steps=(Wait(3000), HangUp()), destination=Destination.silent()),
    )
    assert outcome.cause == "NORMAL_CLEARING"
    assert outcome.duration_ms == 3000
    assert outcome.names("destination")[-1] in {"CHANNEL_HANGUP", "CHANNEL_DESTROY"}


def test_a_dial_string_is_read():
    [one], [two] = parse_dial_string("{a='x,y',b=c}[d=e]sofia/lab/7@h:5080|[f=g]user/8")
    assert (one.user, one.get("a"), one.get("d")) == ("7", "x,y", "e")
    assert (two.user, two.get("b"), two.get("f"), two.get("d")) == ("8", "c", "g", "")


def test_a_prompt_that_is_missing(ask):
    """docs/freeswitch.md 24."""

    def part(client):
        client.execute("playback", "/no/such/file.wav")
        ended = client.until("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        return ended.value("Application-Response"), [m.name for m in client.seen]

    (response, names), _ = ask(part, CallScript(steps=(Wait(1000), HangUp())))
    assert response == "FILE NOT FOUND"
    assert "PLAYBACK_START" not in names


@pytest.mark.parametrize(
    ("terminators", "keys", "status"),
    [(None, "*", "break"), (None, "5", "done"), ("none", "*#", "done"), ("5", "5", "break")],
)
def test_which_keys_end_a_prompt(ask, prompt, terminators, keys, status):
    """docs/freeswitch.md 11."""

    def part(client):
        if terminators is not None:
            client.execute("set", f"playback_terminators={terminators}")
        client.execute("playback", prompt)
        return client.until("PLAYBACK_STOP").value("Playback-Status")

    found, _ = ask(part, CallScript(steps=(DuringPrompt(500), Keys(keys), Wait(3000), HangUp())))
    assert found == status


def test_break_stops_what_plays_and_all_forgets_what_is_queued(ask, prompt):
    """docs/freeswitch.md 25."""

    def part(client):
        client.execute("playback", prompt)
        uuid = client.until("PLAYBACK_START").value("Unique-ID")
        client.pause(995)
        client.execute("set", "never=1")
        client.ask(f"api uuid_break {uuid} all")
        stop = client.until("PLAYBACK_STOP")
        client.until("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        client.pause(200)
        never = client.ask("getvar never").label()
        offset = int(stop.value("variable_playback_last_offset_pos"))
        return stop.value("Playback-Status"), offset, stop.value("variable_playback_ms"), never

    (status, offset, read_ahead, never), _ = ask(
        part, CallScript(steps=(DuringPrompt(3000), HangUp()))
    )
    assert status == "break"
    assert 8000 <= offset <= 8320, "what was heard, in samples"
    assert read_ahead == "2048", "what was read ahead, in milliseconds"
    assert never == "command/reply -ERR command not found"


def test_the_order_at_a_hangup_while_recording(ask, tmp_path):
    """docs/freeswitch.md 22."""

    def part(client):
        uuid = client.seen[0].value("Unique-ID")
        client.ask(f"api uuid_record {uuid} start {tmp_path}/x.wav")
        client.execute("bridge", "sofia/lab/agent")
        client.until("CHANNEL_BRIDGE")
        return [
            (m.name, m.value("Application")) for m in client.rest() if m.event and m.name != "DTMF"
        ]

    order, _ = ask(part, CallScript(steps=(WhenConnected(1000), HangUp())))
    assert order == [
        ("CHANNEL_HANGUP", ""),
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "bridge"),
        ("CHANNEL_EXECUTE_COMPLETE", "socket"),
        ("RECORD_STOP", ""),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]


def test_a_blind_transfer_goes_on_with_the_dialplan_and_keeps_socket_and_recording(
    ask, switch, prompt, tmp_path
):
    """docs/freeswitch.md 23a."""
    path = tmp_path / "x.wav"

    def part(client):
        switch.dialplan = {"4000": (Action("playback", prompt),), **switch.dialplan}
        uuid = client.seen[0].value("Unique-ID")
        client.ask(f"api uuid_record {uuid} start {path}")
        client.execute("bridge", "sofia/lab/agent")
        client.until("CHANNEL_BRIDGE")
        return [(m.name, m.value("Application")) for m in client.rest() if m.event], client.seen

    agent = Destination(steps=(WhenConnected(1000), BlindTransfer("4000")))
    (order, seen), _ = ask(part, CallScript(destination=agent))
    assert order == [
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "bridge"),
        ("CHANNEL_EXECUTE_COMPLETE", "socket"),
        ("PLAYBACK_START", ""),
        ("PLAYBACK_STOP", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "playback"),
        ("CHANNEL_HANGUP", ""),
        ("RECORD_STOP", ""),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]
    last = next(m for m in seen if m.name == "CHANNEL_HANGUP_COMPLETE")
    assert "bl_xfer:4000" in last.value("variable_transfer_history")
    assert path.stat().st_size > 4000 * 16


def test_sendmsg_with_a_body_and_as_a_hangup(ask):
    def part(client):
        client.ask(
            "sendmsg\ncall-command: execute\nexecute-app-name: set\n"
            "content-type: text/plain\ncontent-length: 7\n\nbody=1\n"
        )
        client.until("CHANNEL_EXECUTE_COMPLETE", Application="set")
        client.ask("sendmsg\ncall-command: hangup\nhangup-cause: CALL_REJECTED")
        return client.until("CHANNEL_HANGUP_COMPLETE").value("variable_body")

    body, outcome = ask(part, CallScript())
    assert body == "1"
    assert outcome.cause == "CALL_REJECTED"


def answer_and_connect(client):
    """A simple engine: a prompt, then the agent; ``*`` or busy ends the call."""
    client.execute("set", "playback_terminators=*")
    client.execute("playback", "silence_stream://2000")
    stop = client.until("PLAYBACK_STOP")
    if stop.value("Playback-Status") == "done" and stop.value("Answer-State") == "answered":
        client.execute("set", "call_timeout=5")
        client.execute("set", "continue_on_fail=true")
        client.execute("set", "hangup_after_bridge=true")
        client.execute("bridge", "sofia/lab/agent")
        client.until("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    client.execute("hangup", "NORMAL_CLEARING")


@pytest.mark.parametrize("story", script.STANDARD, ids=lambda story: story.name)
def test_the_standard_scripts_end_of_themselves(ask, story):
    _, outcome = ask(answer_and_connect, story)
    reached = {"listens and talks", "presses wrong keys"}
    assert (outcome.connected_ms is not None) == (story.name in reached)
    assert outcome.duration_ms < 20_000


def test_in_real_time(tmp_path):
    """The switch on the host's clocks: nothing is turned, the call takes its own short time."""
    switch = LabSwitch(RealClock(), dialplan={".*": (Action("answer"), Action("sleep", "60"))})
    call = switch.place(CallScript())
    outcome = call.done.get()
    assert outcome.duration_ms >= 60
    assert outcome.answered_ms is not None
    switch.close()
