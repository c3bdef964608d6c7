"""The ways to a telephone with which nothing may be recorded (docs/freeswitch.md 80 and after).

What keeps it out of a recording at the moment of joining is in ``test_hooks``.
"""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.apps import start_recording
from ivr.lab.script import BlindTransfer, HangUp, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
EXEMPT_HZ = 1200
EVENTS = (
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE "
    "CHANNEL_APPLICATION RECORD_STOP"
)
OURS = ("ivr_route", "ivr_next", "ivr_engine", "socket_resume")
TO_EXEMPT = (
    Action("set", "ivr_exempt=true"),
    Action("stop_record_session", "all"),
    Action("sched_cancel"),
    Action("event", "Ivr-Exempt=met"),
    Action("multiunset", " ".join(OURS)),
    Action("unset", "execute_on_post_bridge_ivr"),
    Action("clear_digit_action", "all"),
    Action("bridge", "[ivr_exempt=true,ivr_exempt_leg=true]user/1999"),
    Action("hangup"),
)
SENDS_ON = Destination(steps=(WhenConnected(1000), BlindTransfer("1999"), Wait(60_000)))


@pytest.fixture
def exempt(clock, switch, engine, tmp_path):
    """A recorded call that an engine bridges, in a dialplan with an exempt extension; on a second
    offer the engine does the same again, with another agent."""

    def run(script, part=lambda client, uuid: client.rest(), fatal="true"):
        paths = []

        def whole(client):
            uuid = begin(client, events=EVENTS)
            hello = client.seen[0]
            path = tmp_path / f"{len(paths)}.wav"
            paths.append(path)
            for variable in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true"):
                client.execute("set", variable)
            for name in OURS[:3]:
                client.execute("set", f"{name}=x")
            client.execute("unset", "socket_resume")
            client.execute("set", "continue_on_fail=true")
            client.execute("set", "hangup_after_bridge=true")
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(
                f"api uuid_setvar {uuid} execute_on_post_bridge_ivr record_session_mask {path}"
            )
            client.ask(f"api uuid_record {uuid} start {path}")
            client.ask(f"api uuid_record {uuid} mask {path}")
            unmask = f"api_on_answer_ivr='uuid_record {uuid} unmask {path}'"
            dial = "sofia/lab/second" if paths[1:] else "sofia/lab/agent"
            client.execute("bridge", f"{{{unmask},outbound_redirect_fatal={fatal}}}{dial}")
            part(client, uuid)
            return hello, [m for m in client.seen if m.event and m is not hello]

        one = engine(whole)
        route = (
            Action("unset", "ivr_exempt"),
            Action("socket", f"{one.address} async full"),
            Action("hangup"),
        )
        switch.dialplan = {
            "1999": TO_EXEMPT,
            "room": (Action("answer"), Action("conference", "k@default")),
            ".*": route,
        }
        call = switch.place(script)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return call, [result.get() for result in one.results], paths

    return run


def assert_unheard(path) -> None:
    tape = Recording(path)
    for channel in (CALLER, AGENT):
        assert not tape.hears(channel, EXEMPT_HZ, 0, tape.ms)


EXEMPT = Destination(hz=EXEMPT_HZ, steps=(WhenConnected(1500), HangUp()))


def test_a_blind_transfer_ends_the_recording_before_it_rings(exempt):
    script = CallScript(destinations={"agent": SENDS_ON, "1999": EXEMPT})
    call, [(_, seen)], [path] = exempt(script)
    [stop] = [m for m in seen if m.name == "RECORD_STOP"]
    assert stop.value("variable_ivr_exempt") == "true"
    [told] = [m for m in seen if m.name == "CHANNEL_APPLICATION"]
    assert told.value("Ivr-Exempt") == "met"
    _, joined = (m for m in seen if m.name == "CHANNEL_BRIDGE")
    assert joined.value("variable_ivr_exempt") == "true"
    assert joined.value("Other-Leg-Destination-Number") == "1999"
    assert not [name for name in OURS if f"variable_{name}" in joined.event]
    assert "variable_execute_on_post_bridge_ivr" not in joined.event
    assert seen.index(stop) < seen.index(joined)
    assert 980 <= Recording(path).ms <= 1060
    assert_unheard(path)
    assert call.at("1999").get("ivr_exempt") == "true"


@pytest.mark.parametrize("when", ["CHANNEL_BRIDGE", "RECORD_STOP"])
def test_the_engine_may_leave_such_a_call(exempt, when):
    """It goes on without its socket, also where that ends before the telephone is called."""

    def part(client, uuid):
        client.until("CHANNEL_BRIDGE")
        client.until("RECORD_STOP")
        if when == "CHANNEL_BRIDGE":
            client.until(when)
        client.ask("exit")

    script = CallScript(destinations={"agent": SENDS_ON, "1999": EXEMPT})
    call, _, [path] = exempt(script, part)
    assert call.done.get().ended_by == "destination"
    assert call.at("1999").times.bridged
    assert call.done.get().duration_ms >= 2500
    assert_unheard(path)


@pytest.mark.parametrize("leaves", [True, False], ids=["socket closed", "socket open"])
def test_who_comes_back_is_offered_as_a_new_call(exempt, leaves):
    def part(client, uuid):
        if leaves and client.seen[0].value("variable_transfer_history") == "":
            client.until("RECORD_STOP")
            client.ask("exit")
        client.rest()

    back = Destination(
        hz=EXEMPT_HZ, steps=(WhenConnected(1000), BlindTransfer("01427676676"), Wait(500))
    )
    script = CallScript(
        destinations={"agent": SENDS_ON, "1999": back}, steps=(Wait(5000), HangUp())
    )
    call, offers, [first, second] = exempt(script, part)
    assert len(offers) == 2
    hello = offers[1][0]
    assert hello.value("Unique-ID") == call.uuid
    history = hello.value("variable_transfer_history")
    assert history.startswith("ARRAY::")
    assert [one.split(":")[3].split("/")[0] for one in history[7:].split("|:")] == [
        "1999",
        "01427676676",
    ]
    assert hello.value("Caller-Profile-Index") == "3"
    assert hello.value("Caller-RDNIS") == "1999"
    assert "variable_ivr_exempt" not in hello.event
    assert_unheard(first)
    assert_unheard(second)
    assert Recording(second).hears(AGENT, 880, 0, 500)


def ends_with_bridge(client, uuid):
    done = client.until("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
    client.seen.append(done)
    client.execute("hangup")
    client.rest()


def test_a_302_to_this_switch_enters_the_dialplan(exempt):
    script = CallScript(
        destinations={"agent": Destination(answer_ms=200, redirect="1999"), "1999": EXEMPT}
    )
    call, _, [path] = exempt(script, fatal="false")
    assert call.leg.get("sip_redirected_to").startswith("<sip:1999@")
    assert ":bl_xfer:1999/public/XML" in call.leg.get("transfer_history")
    assert call.at("1999").times.bridged
    assert not path.exists(), "it was empty"
    assert call.at("agent").hangup_cause == "ORIGINATOR_CANCEL"


def test_a_302_to_elsewhere_is_called_by_freeswitch_itself_and_recorded(exempt):
    script = CallScript(
        destinations={"agent": Destination(answer_ms=200, redirect="1999@else"), "1999": EXEMPT}
    )
    call, _, [path] = exempt(script, fatal="false")
    assert [number for number, _ in call.others] == ["agent"], "the same leg"
    assert Recording(path).hears(AGENT, EXEMPT_HZ, 0, 1000)
    assert not call.leg.get("transfer_history")


@pytest.mark.parametrize("to", ["1999", "1999@else"])
def test_where_it_is_fatal_a_302_ends_the_bridge(exempt, to):
    script = CallScript(
        destinations={"agent": Destination(answer_ms=200, redirect=to), "1999": EXEMPT}
    )
    call, [(_, seen)], [path] = exempt(script, ends_with_bridge)
    [done] = [
        m for m in seen if m.name.endswith("COMPLETE") and m.value("Application") == "bridge"
    ][:1]
    assert done.value("variable_originate_disposition") == "REQUESTED_CHAN_UNAVAIL"
    assert [number for number, _ in call.others] == ["agent"]
    assert call.done.get().connected_ms is None
    assert not path.exists()


def test_a_recording_does_not_grow_in_a_conference(exempt, switch, clock):
    agent = Destination(steps=(WhenConnected(1000), BlindTransfer("room"), Wait(60_000)))
    script = CallScript(destinations={"agent": agent}, steps=(Wait(3000), HangUp()))
    joins = switch.place(
        CallScript(dialled="room", hz=EXEMPT_HZ, steps=(Wait(2500), HangUp()), number="1999")
    )
    switch.dialplan = {"room": (Action("conference", "k@default"),)}
    _, _, [path] = exempt(script)
    assert 980 <= Recording(path).ms <= 1060
    assert_unheard(path)
    assert joins.leg.answered


def test_those_in_a_conference_hear_each_other(switch, clock, tmp_path):
    switch.dialplan = {"room": (Action("conference", "k@default"),)}
    calls = [
        switch.place(CallScript(dialled="room", hz=hz, steps=(Wait(2000), HangUp())))
        for hz in (440, 620, EXEMPT_HZ)
    ]
    clock.run(1000)
    for call in calls:
        call.leg.set("RECORD_STEREO", "true")
        start_recording(call.leg, str(tmp_path / f"{call.uuid}.wav"))
    clock.run_until(calls[0].done.ready)
    tape = Recording(tmp_path / f"{calls[0].uuid}.wav")
    assert tape.hears(1, 620, 100, 800)
    assert tape.hears(1, EXEMPT_HZ, 100, 800)
    assert not tape.hears(1, 440, 100, 800)
