"""A switch that is killed, and the one that is started after it (docs/freeswitch.md 20)."""

from __future__ import annotations

import pytest
from gevent import socket

from ivr.lab import CallScript, Destination, LabSwitch, Moment
from ivr.lab.script import DuringPrompt, HangUp, Tell, Wait, WhenConnected
from ivr.lab.switch import dialplan_for
from tests.lab.client import EVENTS, begin, inbound, spawn
from tests.lab.ears import Recording

TALKS = CallScript(steps=(WhenConnected(60_000), HangUp()), destination=Destination())


@pytest.fixture
def connected(clock, switch, engine, tmp_path):
    """A call that is recorded and bridged, and its engine."""

    def make(*variables: str):
        path = tmp_path / "rec" / "call.wav"

        def part(client):
            uuid = begin(client)
            for one in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true", *variables):
                client.execute("set", one)
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(f"api uuid_record {uuid} start {path}")
            client.execute("bridge", "sofia/lab/agent")
            client.until("CHANNEL_BRIDGE")
            client.seen.clear()
            client.rest()
            return client.seen

        one = engine(part)
        call = switch.place(TALKS)
        clock.run_until(lambda: call.leg.bridged)
        clock.run(2000)
        return call, one, path

    return make


def asked(clock, switch: LabSwitch, *commands: str) -> list[str]:
    """What an inbound connection is answered."""

    def ask() -> list[str]:
        client = inbound(clock, switch.address)
        return [client.ask(one).body for one in commands]

    answers = spawn(ask)
    clock.run_until(answers.ready)
    return answers.get()


def test_every_start_has_its_own_core_uuid(clock, switch, engine):
    other = LabSwitch(clock, seed=1)
    assert other.core_uuid != switch.core_uuid
    assert switch.api("global_getvar", "core_uuid") == switch.core_uuid
    one = engine(lambda client: (client.ask("connect"), begin_events(client))[0])
    switch.place(CallScript(steps=(Wait(100), HangUp())))
    clock.run_until(one.finished)
    [result] = one.results
    assert result.get().value("Core-UUID") == switch.core_uuid
    told = {m.value("Core-UUID") for m in one.clients[0].seen if m.event}
    assert told == {switch.core_uuid}


def begin_events(client) -> None:
    client.ask(f"event plain {EVENTS} HEARTBEAT")
    client.execute("answer")
    client.until("CHANNEL_ANSWER")


def test_a_killed_switch_says_nothing_and_its_calls_are_gone(clock, switch, connected):
    call, one, _path = connected("enable_file_write_buffering=false")
    switch.listen(("127.0.0.1", 0))
    told: list[str] = []

    def listen():
        client = inbound(clock, switch.address)
        client.ask(f"event plain {EVENTS}")
        client.seen.clear()
        client.rest()
        told.extend(m.label() for m in client.seen)

    watching = spawn(listen)
    clock.run(1000)
    switch.kill()
    clock.run_until(watching.ready)
    clock.run_until(one.finished)
    assert told == []
    assert one.results[0].get() == [], "no event, no notice, only the end"
    outcome = call.done.get()
    assert outcome.lost
    assert outcome.cause == ""
    assert outcome.names()[-1] == "LOST"
    assert outcome.names("destination")[-1] == "LOST"
    assert switch.legs() == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(switch.address)


def test_what_was_not_buffered_is_on_the_disk_behind_an_unfinished_header(clock, switch, connected):
    _call, _one, path = connected("enable_file_write_buffering=false")
    switch.kill()
    clock.run(5000)
    heard = Recording(path)
    assert (heard.riff_bytes, heard.header_frames) == (8, 0)
    assert 1900 <= heard.ms <= 2000
    assert heard.hears(0, 440, 0, heard.ms)
    assert heard.hears(1, 880, 0, heard.ms)


def test_what_was_buffered_is_lost(clock, switch, connected):
    _call, _one, path = connected()
    switch.kill()
    clock.run(5000)
    assert path.stat().st_size == 44


def test_the_next_one_knows_nothing_of_them(clock, switch, connected):
    call, _one, _path = connected()
    switch.listen(("127.0.0.1", 0))
    switch.kill()
    clock.run(3000)
    after = switch.successor()
    uuid = call.uuid
    core, exists, variable, killed = asked(
        clock,
        after,
        "api global_getvar core_uuid",
        f"api uuid_exists {uuid}",
        f"api uuid_getvar {uuid} ivr_route",
        f"api uuid_kill {uuid}",
    )
    assert core == after.core_uuid != switch.core_uuid
    assert exists == "false"
    assert variable == killed == "-ERR No such channel!\n"
    after.close()


def test_calls_reach_the_engine_over_the_next_one(clock, switch, connected, engine):
    first, _one, _path = connected()
    switch.kill()
    after = switch.successor()
    one = engine(begin)
    after.dialplan = dialplan_for(one.address)
    call = after.place(CallScript(steps=(Wait(300), HangUp())))
    clock.run_until(call.done.ready)
    assert one.results[0].get() == call.uuid != first.uuid
    assert not call.done.get().lost
    after.close()


def test_it_may_die_by_the_hand_of_one_of_its_callers(clock, switch, engine, prompt):
    """In a prompt, with a command under way that is never answered."""

    def part(client):
        uuid = begin(client)
        switch.faults.silence("uuid_getvar")
        client.execute("playback", prompt)
        client.ask(f"api uuid_getvar {uuid} x")

    one = engine(part)
    dies = Moment("dies")
    dies.watch(switch.kill)
    call = switch.place(CallScript(steps=(DuringPrompt(500), Tell(dies), HangUp())))
    clock.run_until(call.done.ready)
    clock.run(10_000)
    assert call.done.get().lost
    assert call.done.get().names()[-1] == "LOST"
    with pytest.raises(EOFError):
        one.results[0].get()
