"""Telephones that ring at once, and a called person who is told something before the two are joined
(docs/freeswitch.md, what is said of ring groups and of announced calls)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import Engine, begin
from tests.lab.ears import Recording

CALLED = Destination(answer_ms=1000, hz=620)
EVENTS = (
    "CHANNEL_ANSWER CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_BRIDGE CHANNEL_UNBRIDGE "
    "CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE DTMF PLAYBACK_START PLAYBACK_STOP RECORD_STOP"
)
LIMITS = "originate_timeout=60,leg_timeout=30"


@pytest.fixture
def told_first(clock, switch):
    """A call whose bridge tells the called person something first: the engine has two parts."""
    made = []

    def run(script, on_caller, on_called, *, limits=LIMITS, to="sofia/lab/customer", file="socket"):
        def part(client):
            hello = client.ask("connect")
            if hello.value("Call-Direction") == "outbound":
                uuid = hello.value("Unique-ID")
                client.ask("linger 5")
                client.ask(f"filter Unique-ID {uuid}")
                client.ask(f"event plain {EVENTS}")
                return on_called(client, hello)
            uuid = hello.value("Unique-ID")
            client.ask("linger 5")
            client.ask(f"filter Unique-ID {uuid}")
            client.ask(f"event plain {EVENTS}")
            what = {
                "socket": f"socket {engine.address} async full",
                "nobody": "socket 127.0.0.1:1 async full",
                "extension": "execute_extension ivr-announce XML public",
            }[file]
            client.execute("set", "ringback=%(400,200,400,450)")
            variables = (
                f"group_confirm_key=exec,group_confirm_file='{what}',"
                f"group_confirm_cancel_timeout=1,ivr_for={uuid}"
            )
            client.execute("bridge", f"{{{limits},{variables}}}{to}", Event_UUID="bridge")
            return on_caller(client, uuid)

        engine = Engine(clock, part)
        made.append(engine)
        switch.dialplan = {
            "ivr-announce": (
                Action("set", "ivr_after=ivr-refuse"),
                Action("sched_hangup", "+5 NORMAL_TEMPORARY_FAILURE"),
                Action("socket", f"{engine.address} async full"),
                Action("execute_extension", "${ivr_after} XML public"),
            ),
            "ivr-refuse": (Action("hangup", "NORMAL_TEMPORARY_FAILURE"),),
            "ivr-join": (Action("sched_cancel"),),
            ".*": (
                Action("set", "hangup_after_bridge=true"),
                Action("set", "continue_on_fail=true"),
                Action("socket", f"{engine.address} async full"),
                Action("hangup", "NORMAL_CLEARING"),
            ),
        }
        call = switch.place(script)
        clock.run_until(call.done.ready)
        clock.run_until(engine.finished)
        return call, [result.get() for result in engine.results]

    yield run
    for one in made:
        one.close()
    clock.settle()


def until_the_end(client, uuid):
    client.rest()
    return [m for m in client.seen if m.event]


def bridged(client, uuid):
    client.until("CHANNEL_BRIDGE")
    return until_the_end(client, uuid)


def ended(client, uuid):
    done = client.until("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    client.execute("hangup")
    return done


def announced(prompt, then=lambda client, uuid: client.ask("exit")):
    def part(client, hello):
        client.execute("playback", prompt, Event_UUID="told")
        client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="told")
        then(client, hello.value("Unique-ID"))
        return hello

    return part


TALKS = CallScript(steps=(WhenConnected(1000), HangUp()), destination=CALLED)


def test_the_called_person_is_told_first(told_first, prompt):
    call, (seen, hello) = told_first(TALKS, bridged, announced(prompt))
    for name in ("variable_originating_leg_uuid", "variable_originator", "Other-Leg-Unique-ID"):
        assert hello.value(name) == call.uuid
    assert hello.value("variable_ivr_for") == call.uuid
    assert hello.value("Caller-Destination-Number") == "customer"
    names = [m.name for m in seen]
    assert names.count("CHANNEL_BRIDGE") == 1
    assert names.index("CHANNEL_ANSWER") < names.index("CHANNEL_BRIDGE")
    assert not [m for m in seen if m.name == "PLAYBACK_START"], "the caller's socket has none of it"
    outcome = call.done.get()
    assert 4000 <= outcome.answered_ms <= 4200, "the caller is answered when they are joined"
    assert outcome.connected_ms >= outcome.answered_ms
    assert [one.what for one in call.other.heard] == [prompt]
    assert not call.leg.heard


def test_who_calls_hears_it_ring_meanwhile_and_nothing_else(told_first, prompt, switch, tmp_path):
    path = tmp_path / "agent.wav"

    def on_caller(client, uuid):
        client.ask(f"api uuid_setvar {uuid} RECORD_STEREO true")
        client.ask(f"api uuid_record {uuid} start {path}")
        return bridged(client, uuid)

    told_first(TALKS, on_caller, announced(prompt))
    heard = Recording(path)
    for hz in (400, 450):
        assert heard.hears(1, hz, 50, 300)
        assert heard.hears(1, hz, 3050, 3300), "while the other one hears the announcement"
    assert not heard.hears(1, 620, 0, 3500)


def test_keys_reach_the_called_persons_socket(told_first, prompt):
    def on_called(client, hello):
        client.execute("playback", prompt)
        key = client.until("DTMF").value("DTMF-Digit")
        client.execute("hangup", "CALL_REJECTED")
        client.rest()
        return key

    place = Destination(steps=(DuringPrompt(500), Keys("5")))
    call, (done, key) = told_first(CallScript(destination=place), ended, on_called)
    assert key == "5"
    assert call.other.hangup_cause == "CALL_REJECTED"
    assert done.value("variable_originate_disposition") == "CALL_REJECTED"
    assert done.value("variable_last_bridge_hangup_cause") == "CALL_REJECTED"


def test_the_called_person_hangs_up_in_the_announcement(told_first, prompt):
    def on_called(client, hello):
        client.execute("playback", prompt)
        client.rest()
        return [m.name for m in client.seen if m.event]

    place = Destination(steps=(DuringPrompt(500), HangUp()))
    call, (done, names) = told_first(CallScript(destination=place), ended, on_called)
    assert done.value("variable_originate_disposition") == "NORMAL_CLEARING"
    assert names[-1] == "CHANNEL_HANGUP_COMPLETE"
    assert call.done.get().connected_ms is None


def test_who_calls_hangs_up_meanwhile(told_first, prompt):
    def on_called(client, hello):
        client.execute("playback", prompt)
        client.rest()
        return [m.name for m in client.seen if m.event]

    script = CallScript(steps=(Wait(2000), HangUp()), destination=CALLED)
    call, (_, names) = told_first(script, until_the_end, on_called)
    assert call.other.hangup_cause == "ORIGINATOR_CANCEL"
    assert "CHANNEL_HANGUP" in names
    assert names[-1] == "CHANNEL_HANGUP_COMPLETE"


def test_where_nothing_listens_they_are_joined_untold(told_first):
    call, _ = told_first(TALKS, bridged, None, file="nobody")
    assert 1000 <= call.done.get().connected_ms <= 1100


def test_an_engine_that_dies_joins_them_when_its_prompt_is_over(told_first, prompt):
    def on_called(client, hello):
        client.execute("playback", prompt)
        client.until("PLAYBACK_START")
        client.socket.close()

    call, _ = told_first(TALKS, bridged, on_called)
    assert 4000 <= call.done.get().connected_ms <= 4200


def test_by_an_extension_an_engine_that_dies_joins_nobody(told_first, prompt):
    def on_called(client, hello):
        client.execute("playback", prompt)
        client.until("PLAYBACK_START")
        client.socket.close()

    call, (done, _) = told_first(TALKS, ended, on_called, file="extension")
    assert done.value("variable_originate_disposition") == "NORMAL_TEMPORARY_FAILURE"
    assert call.done.get().connected_ms is None


def test_by_an_extension_a_silent_engine_joins_nobody(told_first):
    call, (done, _) = told_first(
        TALKS, ended, lambda client, hello: client.rest(), file="extension"
    )
    assert done.value("variable_originate_disposition") == "NORMAL_TEMPORARY_FAILURE"
    assert 6000 <= call.done.get().duration_ms <= 6200


def test_by_an_extension_it_is_let_through_by_a_variable(told_first, prompt):
    def let(client, uuid):
        client.ask(f"api uuid_setvar_multi {uuid} ivr_after=ivr-join")
        client.ask("exit")

    script = CallScript(steps=(WhenConnected(8000), HangUp()), destination=CALLED)
    call, _ = told_first(script, bridged, announced(prompt, let), file="extension")
    assert call.done.get().ended_by == "caller", "it lives on past the time for the announcement"


@pytest.mark.parametrize(
    ("limits", "connected"),
    [("originate_timeout=3", False), ("originate_timeout=60,leg_timeout=3", True)],
    ids=["of the whole list", "of the telephone"],
)
def test_whose_limit_counts_in_the_announcement(told_first, prompt, limits, connected):
    call, results = told_first(
        TALKS, bridged if connected else ended, announced(prompt), limits=limits
    )
    assert (call.done.get().connected_ms is not None) is connected
    if not connected:
        assert results[0].value("variable_originate_disposition") == "NO_ANSWER"
        assert 3000 <= call.done.get().duration_ms <= 3100


def test_one_after_the_other_is_told(told_first, prompt):
    def on_called(client, hello):
        if hello.value("Caller-Destination-Number") == "one":
            client.execute("hangup", "CALL_REJECTED")
            return None
        return announced(prompt)(client, hello)

    script = CallScript(steps=(WhenConnected(500), HangUp()))
    call, _ = told_first(script, bridged, on_called, to="sofia/lab/one|sofia/lab/two")
    assert call.at("one").hangup_cause == "CALL_REJECTED"
    assert call.leg.get("last_bridge_to") == call.at("two").uuid


def test_of_two_at_once_the_first_that_is_let_through_wins(told_first, prompt):
    def on_called(client, hello):
        slow = hello.value("Caller-Destination-Number") == "one"
        client.execute("playback", prompt if slow else "silence_stream://500", Event_UUID="p")
        client.until("CHANNEL_EXECUTE_COMPLETE" if not slow else "CHANNEL_HANGUP")
        if not slow:
            client.ask("exit")
        return [m.value("Hangup-Cause") for m in client.seen if m.name == "CHANNEL_HANGUP"]

    script = CallScript(steps=(WhenConnected(500), HangUp()))
    call, results = told_first(script, bridged, on_called, to="sofia/lab/one,sofia/lab/two")
    assert call.leg.get("last_bridge_to") == call.at("two").uuid
    assert ["LOSE_RACE"] in results


# Ring groups, without anything to be told.

SPEAKS = (WhenConnected(500), HangUp())


@pytest.fixture
def rings(clock, switch, engine):
    """A call to a dial string; the end of its bridge, or the leg that it was joined to."""

    def run(dial, destinations, steps=SPEAKS):
        def part(client):
            begin(client, events=EVENTS)
            client.execute("set", "continue_on_fail=true")
            client.execute("answer")
            client.execute("bridge", dial, Event_UUID="bridge")
            done = client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="bridge")
            client.execute("hangup")
            return done, [m for m in client.seen if m.event]

        one = engine(part)
        call = switch.place(CallScript(destinations=destinations, steps=steps))
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return call, *one.results[0].get()

    return run


def test_telephones_that_ring_at_once(rings):
    call, _, _ = rings(
        "{originate_timeout=20}[ivr_x=a]sofia/lab/a,[ivr_x=b]sofia/lab/b,[ivr_x=c]sofia/lab/c",
        {
            "a": Destination(answer_ms=3000),
            "b": Destination(answer_ms=1000),
            "c": Destination.busy(),
        },
    )
    assert call.at("a").hangup_cause == "LOSE_RACE"
    assert call.at("c").hangup_cause == "USER_BUSY"
    assert call.leg.get("last_bridge_to") == call.at("b").uuid
    assert call.at("b").get("ivr_x") == "b"
    assert 1000 <= call.done.get().connected_ms <= 1100


def test_a_group_and_then_another_telephone(rings):
    call, _, _ = rings(
        "[leg_timeout=2]sofia/lab/a,[leg_timeout=2]sofia/lab/b|sofia/lab/c",
        {"a": Destination.silent(), "b": Destination.busy(), "c": Destination()},
    )
    assert call.at("a").hangup_cause == "ALLOTTED_TIMEOUT"
    assert 2000 <= call.done.get().connected_ms <= 2100


def test_a_group_in_which_nobody_answers(rings):
    call, done, _ = rings(
        "[leg_timeout=2]sofia/lab/a,[leg_timeout=2]sofia/lab/b",
        {"a": Destination.busy(), "b": Destination.silent()},
    )
    assert done.value("variable_originate_disposition") == "USER_BUSY"
    assert done.value("variable_DIALSTATUS") == "BUSY"
    assert done.value("variable_last_bridge_hangup_cause") == "ALLOTTED_TIMEOUT"
    a, b = call.at("a").uuid, call.at("b").uuid
    assert done.value("variable_originate_causes") == (
        f"ARRAY::{a};USER_BUSY|:{b};ALLOTTED_TIMEOUT"
    )


def test_a_key_in_the_ringing_is_told_when_they_are_joined(rings):
    call, _, seen = rings(
        "sofia/lab/a",
        {"a": Destination(answer_ms=3000)},
        (Wait(1000), Keys("1"), WhenConnected(500), HangUp()),
    )
    names = [m.name for m in seen if m.name in {"CHANNEL_BRIDGE", "DTMF"}]
    assert names == ["CHANNEL_BRIDGE", "DTMF"]
    assert call.other.heard_keys == "1"
