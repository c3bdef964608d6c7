"""Callers who wait in a queue of the switch (docs/freeswitch.md, on queues)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination, LabQueue, QueueAgent, read_queues
from ivr.lab.script import BlindTransfer, HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin
from tests.lab.conftest import make_prompt
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
MUSIC = "tone_stream://%(1000,0,300);loops=-1"
EVENTS = (
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE "
    "CHANNEL_EXECUTE_COMPLETE CHANNEL_PARK CHANNEL_UNPARK PLAYBACK_START PLAYBACK_STOP DTMF "
    "RECORD_STOP"
)
AGENTS = tuple(QueueAgent.at(number, 3) for number in ("1001", "1002", "1003"))
AWAY = CallScript(destination=Destination.silent())


@pytest.fixture
def queued(clock, switch, engine, tmp_path):
    """Places calls that are recorded and sent to a queue; what their engine was told."""

    def run(*scripts, during=lambda client, uuid, done: None, until=None, to="q", **queue):
        switch.callcenter.set_queues(LabQueue("q", **{"agents": AGENTS, "music": MUSIC, **queue}))

        def part(client):
            uuid = begin(client, events=EVENTS)
            for variable in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true"):
                client.execute("set", variable)
            client.execute("set", "hangup_after_bridge=true")
            client.execute("set", "playback_terminators=none")
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(f"api uuid_record {uuid} start {tmp_path}/{uuid}.wav")
            client.seen.clear()
            client.execute("callcenter", to, Event_UUID="queue")
            during(client, uuid, _ended)
            client.rest()
            return [m for m in client.seen if m.event]

        one = engine(part)
        switch.dialplan = {"5555": (Action("bridge", "user/5555"),), **switch.dialplan}
        calls = []
        for script in scripts:
            calls.append(switch.place(script))
            clock.run(1000)
        clock.run_until(until or (lambda: all(call.done.ready() for call in calls)))
        if until is None:
            clock.run_until(one.finished)
        return calls, [result.get() for result in one.results if result.ready()]

    return run


def _ended(client) -> str:
    """Why the wait was over; the call is hung up then."""
    done = client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="queue")
    client.execute("hangup")
    return done.value("variable_cc_cancel_reason")


def of(seen, *names) -> list[tuple[str, str]]:
    return [
        (m.name, m.value("Application")) for m in seen if m.event and (not names or m.name in names)
    ]


def test_a_caller_waits_with_music_until_an_agent_answers(queued, tmp_path, switch):
    script = CallScript(
        destination=Destination(answer_ms=2000, steps=(WhenConnected(1000), HangUp())),
        steps=(Wait(1000), Keys("5")),
    )
    [call], [seen] = queued(script)
    assert of(seen) == [
        ("CHANNEL_EXECUTE", "callcenter"),
        ("PLAYBACK_START", ""),
        ("DTMF", ""),
        ("PLAYBACK_STOP", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "callcenter"),
        ("CHANNEL_UNPARK", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "socket"),
        ("CHANNEL_EXECUTE", "uuid_bridge"),
        ("CHANNEL_BRIDGE", ""),
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_HANGUP", ""),
        ("RECORD_STOP", ""),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]
    [done] = [m for m in seen if m.value("Application-UUID") == "queue"][1:]
    assert done.value("variable_cc_cause") == "answered"
    [joined] = [m for m in seen if m.name == "CHANNEL_BRIDGE"]
    assert joined.value("variable_cc_agent") == joined.value("Other-Leg-Destination-Number")
    assert joined.value("variable_cc_agent_uuid") == joined.value("Other-Leg-Unique-ID")
    assert 2050 <= call.done.get().connected_ms <= 2250
    [music] = call.leg.heard
    assert music.what == MUSIC
    tape = Recording(tmp_path / f"{call.uuid}.wav")
    assert 980 <= tape.ms <= 1060
    assert tape.hears(CALLER, 440, 0, 900)
    assert tape.hears(AGENT, 880, 0, 900)
    assert sorted(one.hangup_cause for _, one in call.others) == [
        "NORMAL_CLEARING",
        "ORIGINATOR_CANCEL",
        "ORIGINATOR_CANCEL",
    ], "all rang at once, the others were cancelled"
    assert not switch.legs()


def test_agents_are_tried_in_order(queued):
    places = {
        "1001": Destination.busy(),
        "1002": Destination.silent(),
        "1003": Destination.talks(500, answer_ms=300),
    }
    [call], _ = queued(CallScript(destinations=places), strategy="sequentially-by-agent-order")
    assert [number for number, _ in call.others] == ["1001", "1002", "1003"]
    assert call.at("1002").hangup_cause == "ALLOTTED_TIMEOUT"
    assert 3300 <= call.done.get().connected_ms <= 3900


def test_agents_are_tried_in_turn(queued):
    script = CallScript(destination=Destination.talks(300))
    calls, _ = queued(script, script, script, script, strategy="round-robin")
    assert [call.others[-1][0] for call in calls] == ["1001", "1002", "1003", "1001"]


def test_an_agent_has_one_caller_at_a_time_and_the_next_comes_after(queued):
    script = CallScript(destination=Destination.talks(5000))
    calls, _ = queued(script, script, agents=AGENTS[:1])
    first, second = (call.done.get() for call in calls)
    assert first.connected_ms < 200
    assert 5000 <= second.connected_ms + 1000 <= 5400


@pytest.mark.parametrize(
    ("queue", "ms", "reason"),
    [
        ({"longest_s": 2}, 2000, "TIMEOUT"),
        ({"agents": (), "longest_alone_s": 2, "longest_s": 9}, 2000, "NO_AGENT_TIMEOUT"),
    ],
    ids=["too long", "no agent"],
)
def test_a_wait_has_an_end(queued, queue, ms, reason):
    reasons = []
    [call], _ = queued(AWAY, during=lambda client, _, done: reasons.append(done(client)), **queue)
    assert reasons == [reason]
    assert ms <= call.done.get().duration_ms <= ms + 100


def test_a_queue_that_is_not_there(queued):
    reasons = []
    [call], [seen] = queued(
        AWAY, during=lambda client, _, done: reasons.append(done(client)), to="none"
    )
    assert reasons == [""]
    [done] = [m for m in seen if m.value("Application-UUID") == "queue"][1:]
    assert "variable_cc_cause" not in done.event
    assert call.done.get().duration_ms <= 150


def test_who_is_taken_out_and_comes_back_has_kept_the_place(queued, switch, prompt, clock):
    lists = []

    def during(client, uuid, done):
        if lists:
            client.pause(60_000)
            return
        lists.append("")
        client.pause(2000)
        client.ask(f"api uuid_transfer {uuid} park inline")
        out = client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="queue")
        lists.append(out.value("variable_cc_cancel_reason"))
        client.execute("playback", prompt, Event_UUID="p")
        client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="p")
        client.execute("callcenter", "q")
        client.pause(1000)
        lists.append(client.ask("api callcenter_config queue list members q").body)

    calls, _ = queued(
        AWAY,
        CallScript(caller="a|b", destination=AWAY.destination),
        during=during,
        until=lambda: len(lists) == 3,
    )
    _, reason, listed = lists
    assert reason == "BREAK_OUT"
    head, *rows, ok = listed.splitlines()
    assert ok == "+OK"
    assert head.split("|")[3] == "session_uuid"
    there = [row for row in rows if "|Abandoned|" not in row]
    assert [f"|{call.uuid}|" in row for call, row in zip(calls, there, strict=True)] == [True, True]
    assert len(rows) == 3, "the first wait is listed as abandoned"
    assert switch.api("callcenter_config", "queue count members q") == "3\n"
    assert call_ended(calls[0], clock, switch)
    clock.run(61_000)
    assert switch.api("callcenter_config", "queue count members q") == "1\n"


def call_ended(call, clock, switch) -> bool:
    switch.api("uuid_kill", call.uuid)
    clock.run(100)
    return call.done.ready()


def test_a_prompt_takes_the_musics_place_for_its_length(queued, prompt):
    heard = []

    def during(client, uuid, done):
        client.pause(1000)
        client.execute("playback", prompt, Event_UUID="p")
        told = client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="p")
        heard.append(told.value("Application-Response"))
        client.ask(f"api uuid_break {uuid} all")
        client.pause(500)
        client.ask("api status")
        heard.append(of(client.seen)[-2:])
        client.execute("hangup")

    [call], _ = queued(AWAY, during=during)
    assert heard == ["FILE PLAYED", [("PLAYBACK_STOP", ""), ("PLAYBACK_START", "")]]
    assert [one.what for one in call.leg.heard] == [MUSIC, prompt, MUSIC]


def test_an_agent_who_answers_cuts_a_prompt(queued, prompt):
    def during(client, uuid, done):
        client.execute("playback", prompt, Event_UUID="p")

    [call], [seen] = queued(
        CallScript(destination=Destination.talks(300, answer_ms=1000)), during=during
    )
    [done] = [m for m in seen if m.value("Application-UUID") == "p"][1:]
    assert done.value("Application-Response") == "PLAYBACK ERROR"
    assert call.done.get().connected_ms <= 1200


def test_waiting_callers_are_told_something_again_and_again(queued, tmp_path):
    told = make_prompt(tmp_path / "told.wav", 500)
    [call], _ = queued(
        CallScript(destination=Destination.silent(), steps=(Wait(3500), HangUp())),
        announce=told,
        announce_s=1,
    )
    assert [one.what for one in call.leg.heard] == [MUSIC, told, told, told]


def test_a_caller_who_gives_up_is_not_rung_for(queued):
    [call], _ = queued(
        CallScript(destination=Destination.silent(), steps=(Wait(1000), HangUp())),
        agents=AGENTS[:1],
    )
    assert call.at("1001").hangup_cause == "ORIGINATOR_CANCEL"


def test_an_agent_logs_out_and_in(queued, switch, clock):
    switch.callcenter.away.add("1001")
    script = CallScript(destination=Destination.talks(500))
    [call], _ = queued(script, agents=AGENTS[:1], until=lambda: True)
    clock.run(5000)
    assert not call.others
    assert switch.api("callcenter_config", "agent set status 1001 'Available'") == "+OK\n"
    clock.run_until(call.done.ready)
    assert 6000 <= call.done.get().connected_ms <= 6200


def test_a_lost_engine_leaves_the_caller_in_the_queue(queued, tmp_path, clock):
    def during(client, uuid, done):
        client.pause(500)
        client.socket.close()

    calls, _ = queued(
        CallScript(destination=Destination.talks(1000, answer_ms=2000)),
        during=during,
        until=lambda: True,
    )
    clock.run_until(calls[0].done.ready)
    assert calls[0].done.get().connected_ms >= 2000
    assert Recording(tmp_path / f"{calls[0].uuid}.wav").ms >= 980


def test_an_agent_of_the_queue_sends_the_call_on_and_is_free(queued, switch, clock):
    places = {
        "1001": Destination(steps=(WhenConnected(500), BlindTransfer("5555"), Wait(60_000))),
        "5555": Destination.talks(3000),
    }
    first = CallScript(destinations=places)
    second = CallScript(destination=Destination.talks(500))
    calls, [seen, _] = queued(first, second, agents=AGENTS[:1])
    assert of(seen, "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE") == [
        ("CHANNEL_BRIDGE", ""),
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_BRIDGE", ""),
        ("CHANNEL_UNBRIDGE", ""),
    ]
    assert calls[1].done.get().connected_ms <= 1000


def test_queues_are_read_from_freeswitchs_xml():
    [queue] = read_queues(
        """<configuration name="callcenter.conf"><queues><queue name="q">
        <param name="strategy" value="round-robin"/><param name="moh-sound" value="m"/>
        <param name="announce-sound" value="a.wav"/><param name="announce-frequency" value="20"/>
        <param name="time-base-score" value="system"/><param name="max-wait-time" value="90"/>
        </queue></queues><agents>
        <agent name="x" contact="[leg_timeout=9]user/1" busy-delay-time="4"/>
        <agent name="y" contact="user/2"/></agents><tiers>
        <tier agent="x" queue="q" level="1" position="2"/>
        <tier agent="y" queue="q" level="1" position="1"/></tiers></configuration>"""
    )
    assert queue == LabQueue(
        "q",
        (QueueAgent("y", "user/2", 0, 0, 0), QueueAgent("x", "[leg_timeout=9]user/1", 4, 0, 0)),
        "round-robin",
        "m",
        "a.wav",
        20,
        90,
        0,
        True,
    )
