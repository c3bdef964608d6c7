from __future__ import annotations

import json

import pytest

from ivr.lab.script import CallScript, Destination, HangUp, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin, spawn

NO_CHANNEL = "-ERR No such channel!\n"
USAGES = {
    "uuid_record": "<uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]",
    "uuid_break": "<uuid> [all]",
    "uuid_setvar": "<uuid> <var> [value]",
    "uuid_setvar_multi": "<uuid> <var>=<value>;<var>=<value>...",
    "uuid_getvar": "<uuid> <var>",
    "uuid_dump": "<uuid> [format]",
    "uuid_kill": "<uuid> [cause]",
    "uuid_park": "<uuid>",
    "uuid_transfer": "<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]",
    "uuid_bridge": "<uuid> <other_uuid>",
    "uuid_broadcast": "<uuid> <path> [aleg|bleg|holdb|both]",
    "uuid_send_dtmf": "<uuid> <dtmf_data>",
    "uuid_recv_dtmf": "<uuid> <dtmf_data>",
    "sched_transfer": "[+]<time> <uuid> <extension> [<dialplan>] [<context>]",
    "sched_hangup": "[+]<time> <uuid> [<cause>]",
}


@pytest.mark.parametrize("command", USAGES)
def test_a_command_without_its_words_tells_how_it_goes(switch, command):
    assert switch.api(command, "") == f"-USAGE: {USAGES[command]}\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("uuid_record gone start /x.wav", "-ERR Cannot locate session!\n"),
        ("uuid_record gone mask /x.wav", "-ERR Cannot locate session!\n"),
        ("uuid_break gone all", NO_CHANNEL),
        ("uuid_setvar gone a b", NO_CHANNEL),
        (
            "uuid_setvar_multi gone a=b",
            NO_CHANNEL + "-USAGE: " + USAGES["uuid_setvar_multi"] + "\n",
        ),
        ("uuid_getvar gone a", NO_CHANNEL),
        ("uuid_dump gone", NO_CHANNEL),
        ("uuid_kill gone", NO_CHANNEL),
        ("uuid_park gone", NO_CHANNEL),
        ("uuid_transfer gone park inline", NO_CHANNEL),
        ("uuid_bridge gone too", "-ERR Invalid uuid\n"),
        ("uuid_broadcast gone /x.wav", "-ERR invalid uuid\n"),
        ("uuid_send_dtmf gone 1", "-ERR Cannot locate session!\n"),
        ("uuid_recv_dtmf gone 1", "-ERR Cannot locate session!\n"),
        ("sched_transfer +3 gone x", NO_CHANNEL),
        ("sched_hangup +3 gone", NO_CHANNEL),
        ("sched_del gone", "+OK Deleted: 0\n"),
        ("sched_del ", "+OK Deleted: 0\n"),
        ("uuid_exists gone", "false"),
        ("nosuchcommand x", "-ERR nosuchcommand Command not found!\n"),
        ("global_getvar hostname", "lab"),
        ("global_getvar nothing", ""),
        ("reloadxml ", "+OK [Success]\n"),
        ("show channels as json", '{"row_count":0}'),
        ("show calls as json", '{"row_count":0}'),
        (
            "originate ",
            "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] "
            "[<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]\n",
        ),
    ],
)
def test_answers_where_there_is_no_such_thing(switch, command, answer):
    name, _, arg = command.partition(" ")
    assert switch.api(name, arg) == answer


def test_show_of_something_else_tells_what_there_is(switch):
    assert switch.api("show", "nothing").startswith("-USAGE: codec|endpoint|application|api|")


@pytest.fixture
def parked(clock, switch):
    """A call that is parked."""
    switch.dialplan = {
        "other": (Action("answer"), Action("playback", "silence_stream://1000")),
        ".*": (Action("answer"), Action("park")),
    }
    call = switch.place(CallScript())
    clock.settle()
    return call


def test_variables_are_set_read_and_removed(switch, parked):
    uuid = parked.uuid
    assert switch.api("uuid_setvar", f"{uuid} a b c") == "+OK\n"
    assert switch.api("uuid_getvar", f"{uuid} a") == "b c"
    assert switch.api("uuid_setvar", f"{uuid} a") == "+OK\n"
    assert switch.api("uuid_getvar", f"{uuid} a") == "_undef_"
    assert switch.api("uuid_setvar_multi", f"{uuid} x=1;y=2") == "+OK\n"
    assert switch.api("uuid_getvar", f"{uuid} y") == "2"
    assert switch.api("uuid_exists", uuid) == "true"


def test_dump_as_lines_and_as_json(switch, parked):
    switch.api("uuid_setvar", f"{parked.uuid} a b c")
    assert "variable_a: b%20c\n" in switch.api("uuid_dump", parked.uuid)
    assert json.loads(switch.api("uuid_dump", f"{parked.uuid} json"))["variable_a"] == "b c"


def test_show_channels_tells_what_a_new_engine_needs(switch, parked):
    table = json.loads(switch.api("show", "channels as json"))
    [row] = table["rows"]
    assert table["row_count"] == 1
    assert (row["uuid"], row["direction"], row["application"]) == (parked.uuid, "inbound", "park")
    assert (row["cid_num"], row["dest"]) == ("07700900123", "01427676676")
    assert switch.api("show", "channels count") == "\n1 total.\n"


def test_kill_ends_with_the_cause(clock, switch, parked):
    assert switch.api("uuid_kill", f"{parked.uuid} CALL_REJECTED") == "+OK\n"
    clock.run(20)
    assert parked.done.get(block=False).cause == "CALL_REJECTED"


def test_sched_hangup_ends_the_call_when_due(clock, switch, parked):
    assert switch.api("sched_hangup", f"+2 {parked.uuid}") == "+OK\n"
    clock.run_until(parked.done.ready)
    outcome = parked.done.get()
    assert (outcome.cause, outcome.duration_ms) == ("ALLOTTED_TIMEOUT", 2000)


def test_sched_transfer_takes_the_call_away_unless_deleted(clock, switch, parked):
    assert switch.api("sched_transfer", f"+2 {parked.uuid} other XML public") == "+OK\n"
    assert switch.api("sched_del", parked.uuid) == "+OK Deleted: 1\n"
    clock.run(3000)
    assert not parked.done.ready()
    switch.api("sched_transfer", f"+2 {parked.uuid} other XML public")
    clock.run_until(parked.done.ready)
    assert "PLAYBACK_STOP" in parked.done.get().names()


def test_a_parked_call_hears_what_is_broadcast_and_break_stops_it(clock, switch, parked, prompt):
    assert switch.api("uuid_broadcast", f"{parked.uuid} {prompt} aleg") == "+OK Message sent\n"
    clock.run(1000)
    assert switch.api("uuid_break", f"{parked.uuid} all") == "+OK\n"
    clock.run(100)
    assert [h.event for h in parked.happenings].count("PLAYBACK_STOP") == 1
    assert not parked.done.ready()


def test_keys_can_be_sent_to_either_side(clock, switch, parked):
    assert switch.api("uuid_send_dtmf", f"{parked.uuid} 12@120") == (
        f"+OK {parked.uuid} sent DTMF 12@120.\n"
    )
    assert switch.api("uuid_recv_dtmf", f"{parked.uuid} 34") == (
        f"+OK {parked.uuid} received DTMF 34.\n"
    )
    clock.run(20)
    assert (parked.leg.heard_keys, parked.leg.digits) == ("12", "34")


def test_both_legs_are_parted_and_joined_again(clock, switch, engine, tmp_path):
    """docs/freeswitch.md 10a."""
    labels = []

    def part(client):
        uuid = begin(client)
        client.execute("answer")
        client.execute("bridge", "sofia/lab/agent")
        other = client.until("CHANNEL_BRIDGE").value("Bridge-B-Unique-ID")
        assert client.ask(f"api uuid_transfer {uuid} -both park inline").body == "+OK\n"
        client.until("CHANNEL_EXECUTE_COMPLETE", Application="socket")
        client.pause(500)
        client.execute("playback", "silence_stream://300")
        client.until("PLAYBACK_STOP")
        assert client.ask(f"api uuid_bridge {uuid} {other}").body == f"+OK {other}\n"
        joined = client.until("CHANNEL_BRIDGE")
        labels.extend(m.label() for m in client.seen)
        return other, joined.value("Bridge-B-Unique-ID"), joined.value("Other-Leg-Unique-ID")

    one = engine(part)
    call = switch.place(
        CallScript(
            steps=(WhenConnected(), WhenConnected(1000), HangUp()), destination=Destination()
        )
    )
    clock.run_until(call.done.ready)
    other, joined, profile = one.results[0].get()
    assert other == joined == profile
    assert call.done.get().ended_by == "caller"
    assert "event CHANNEL_HANGUP" not in labels
    assert not switch.legs(), "the second leg ended with the first"


def test_originate_answers_when_answered_and_runs_an_application(clock, switch):
    asked = spawn(lambda: switch.api("originate", "{origination_uuid=u1,a=b}sofia/lab/7 &park()"))
    clock.run_until(asked.ready)
    assert asked.get() == "+OK u1\n"
    assert switch.api("uuid_getvar", "u1 a") == "b"


@pytest.mark.parametrize(
    ("endpoint", "cause"),
    [
        ("sofia/lab/busy", "USER_BUSY"),
        ("error/call_rejected", "CALL_REJECTED"),
        ("{originate_timeout=5}sofia/lab/noanswer", "NO_ANSWER"),
    ],
)
def test_originate_tells_why_it_failed(clock, switch, endpoint, cause):
    asked = spawn(lambda: switch.api("originate", f"{endpoint} &park()"))
    clock.run_until(asked.ready)
    assert asked.get() == f"-ERR {cause}\n"


def test_originate_into_the_dialplan(clock, switch, engine):
    one = engine(begin)
    asked = spawn(lambda: switch.api("originate", "sofia/lab/7 01427676676 XML public"))
    clock.run_until(asked.ready)
    clock.run_until(one.finished)
    assert f"+OK {one.results[0].get()}\n" == asked.get()


def test_wait_is_all_that_a_script_needs(clock, switch, parked):
    call = switch.place(CallScript(steps=(Wait(100), HangUp())))
    clock.run_until(call.done.ready)
    assert call.done.get().duration_ms == 100
