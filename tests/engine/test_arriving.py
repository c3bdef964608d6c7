"""Calls that FreeSWITCH hands over once more: to the same engine, to the next, to another one
(R22; docs/freeswitch.md 64 to 67)."""

from __future__ import annotations

import wave

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import BlindTransfer, DuringPrompt, HangUp, Keys, WhenConnected
from tests.engine.house import Call, House

TALKS = (WhenConnected(3000), HangUp())
LISTENS = CallScript(steps=TALKS, destination=Destination(answer_ms=400))
OPTS_OUT = CallScript(steps=(DuringPrompt(300), Keys("*#*")))


def ways(call: Call) -> list[str]:
    """How the call was taken up, each time."""
    return [one["detail"] for one in call.record["steps"] if one["what"] == "taken-up"]


def killed(house: House) -> None:
    """The engine dies; a moment later another one runs in its place.

    What it had not yet brought to disk is brought there all the same: what a death costs at each
    step is shown by tests of crashes.
    """
    house.stop()
    house.clock.run(200)
    house.start()


@pytest.mark.parametrize(
    ("phase", "script", "reason"),
    [
        ("announcing", LISTENS, ""),
        ("reminding", OPTS_OUT, "opted-out"),
        ("farewell", OPTS_OUT, "opted-out"),
        (
            "apologising",
            CallScript(destination=Destination.busy()),
            "unavailable",
        ),
    ],
)
def test_a_call_that_hears_a_prompt_comes_to_the_next_engine_at_its_end(
    house, phase, script, reason
):
    call = house.place(script)
    house.until(call, phase)
    house.clock.run(100)
    killed(house)
    told = house.over(call)
    assert ways(told)[-1:] == ["handed-back"]
    assert told.record["ended"]["reason"] == reason
    if not reason:
        told.assert_heard(3000)
        assert told.record["announcement"] == "fully"
    assert call.leg.get("ivr_unrecorded") == ""
    assert house.metric("ivr_calls_taken_up_total", how="handed-back") == 1
    assert len(list((house.spool / "new").glob("*.json"))) == 1


@pytest.mark.parametrize("phase", ["dialling", "connected"])
def test_a_call_that_goes_on_by_itself_is_followed_by_the_next_engine(house, phase):
    call = house.place(LISTENS)
    house.until(call, phase)
    house.clock.run(100)
    killed(house)
    assert house.metric("ivr_calls", phase="unlinked") == 1
    told = house.over(call)
    told.assert_heard(3000)
    assert ways(told) == ["followed"]
    assert told.record["connected_at"]
    assert told.record["ended"]["by"] == "caller"
    assert house.metric("ivr_calls_taken_up_total", how="followed") == 1


def test_a_call_that_nobody_answers_while_its_engine_is_gone_is_told_so(house):
    """The next engine does not try the destination again: it rang for long enough."""
    call = house.place(CallScript(destination=Destination.silent()))
    house.until(call, "dialling")
    killed(house)
    told = house.over(call)
    assert ways(told) == ["followed", "handed-back"]
    assert told.steps.count("dialled") == 1
    assert told.played[-1] == ("unavailable", True)
    assert told.record["ended"]["reason"] == "unavailable"


def test_a_call_whose_agent_is_gone_without_an_engine_is_ended(house):
    """With ``hangup_after_bridge`` FreeSWITCH does so itself; else the call comes back."""
    call = house.place(CallScript(destination=Destination.talks(2000)))
    house.until(call, "connected")
    call.leg.set("hangup_after_bridge", "false")
    house.stop()
    house.clock.run(1000)
    house.start()
    told = house.over(call)
    told.assert_heard(2000)
    assert ways(told) == ["followed", "handed-back"]
    assert told.record["ended"]["reason"] == "agent-gone"


# Where people talk already.


def test_a_call_that_an_agent_passes_to_a_number_of_ours_is_turned_away(house, logged):
    """An earlier engine left it. FreeSWITCH connects the people; here nobody would be told
    anything new, and the recording goes on."""
    agent = Destination(steps=(WhenConnected(3000), BlindTransfer("01427676690")))
    call = house.place(
        CallScript(
            steps=(WhenConnected(), WhenConnected(40_000), HangUp()),
            destinations={"desk": agent, "hall": Destination()},
        )
    )
    house.until(call, "connected")
    house.stop()
    house.switch.password = "other, for now"
    house.start()
    house.clock.run_until(lambda: call.leg.passed_on)
    house.clock.run(500)
    assert call.uuid not in house.engine.context.calls
    assert "call that was transferred to a route sent on" in [one["event"] for one in logged]
    house.switch.password = "ClueCon"
    kept = house.over(call)
    assert kept.record["recording"]["state"] == "kept"
    assert len(kept.record["legs"]) == 2


def test_a_call_that_is_driven_is_not_driven_twice(house, logged):
    """The same call at the engine's port once more, while its own socket stands."""
    call = house.place(LISTENS)
    house.until(call, "connected")
    driver = house.engine.context.calls[call.uuid]
    house.switch.connect(call.leg, f"127.0.0.1:{house.engine.calls.port} async full")
    house.clock.settle()
    assert house.engine.context.calls[call.uuid] is driver
    told = [one for one in logged if one["event"] == "call turned away"]
    assert [one["reason"] for one in told] == ["it is being driven already"]
    house.over(call)
    assert house.metric("ivr_records_written_total") == 1


# Two engines of one FreeSWITCH, each with its spool.


@pytest.fixture
def neighbour(house, tmp_path):
    """Another engine, with a spool of its own, which the dialplan names second."""
    folder = tmp_path / "neighbour"
    folder.mkdir()
    other = House(folder, beside=house)
    for one in (house, other):
        text = one.site_file.read_text()
        two = text.replace(
            'engines: ["127.0.0.1:8084"]', 'engines: ["127.0.0.1:8084", "127.0.0.1:8085"]'
        )
        one.site_file.write_text(two)
    house.stop()
    house.start()
    other.start()
    house.switch.dialplan = house.dialplan(house.engine.calls.port, other.engine.calls.port)
    yield other
    other.engine.stop(drain_s=0.2)
    house.clock.settle()


def records(*houses: House) -> list[int]:
    return [len(list((one.spool / "new").glob("*.json"))) for one in houses]


def test_a_call_of_an_engine_that_is_gone_is_the_seconds(house, neighbour, logged):
    """Its recording begins anew in the second's spool. The first one, back when all is over, is
    told by FreeSWITCH whose it was."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.stop()
    told = neighbour.over(call)
    told.assert_heard(3000)
    assert told.record["announcement"] == "fully", "which the second one played"
    assert told.record["number"] == LISTENS.dialled
    assert "call of another engine taken over" in [one["event"] for one in logged]
    started = [one for one in house.commands if "uuid_record" in one and " start " in one]
    assert [one.split()[-1] for one in started] == [
        str(neighbour.spool / f"recording/{call.uuid}.wav")
    ]
    assert f"api uuid_record {call.uuid} stop all" in house.commands
    house.start()
    house.clock.run(60_000)
    assert records(house, neighbour) == [0, 1]
    assert house.engine.journal.open_calls == 0
    assert house.switch.api("global_getvar", f"ivr_had_{call.uuid}") == "", "it is forgotten"


def test_where_freeswitch_does_not_know_whose_a_call_was_the_first_one_says_what_it_knows(
    house, neighbour
):
    """Better two records than none."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.stop()
    neighbour.over(call)
    house.switch.api("global_setvar", f"ivr_had_{call.uuid}=")
    house.start()
    house.clock.run(60_000)
    left = Call(house.spool, call).record
    assert (left["ended"]["reason"], left["recording"]["state"]) == ("ended-unseen", "none")


def test_a_call_that_came_back_to_the_first_engine_is_not_the_seconds(house, neighbour):
    """The second one had it in between, and is started again when the call is over."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.stop()
    neighbour.until(call, "announcing")
    house.start()
    house.switch.dialplan = house.dialplan(house.engine.calls.port)
    neighbour.stop()
    house.over(call).assert_heard(3000)
    neighbour.start()
    house.clock.run(60_000)
    assert records(house, neighbour) == [1, 0]


def test_the_first_engine_sees_that_another_one_has_the_call(house, neighbour, logged):
    """Back before the call is over, it closes its journal of it without a record."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.stop()
    neighbour.until(call, "announcing")
    house.start()
    house.switch.dialplan = house.dialplan(neighbour.engine.calls.port)
    house.clock.settle()
    assert call.uuid not in house.engine.context.calls
    told = [one for one in logged if one["event"] == "call handed on to another engine"]
    assert [(one["call"], one["engine"]) for one in told] == [
        (call.uuid, neighbour.engine.context.me)
    ]
    neighbour.over(call).assert_heard(3000)
    house.clock.run(20_000)
    assert records(house, neighbour) == [0, 1]
    assert house.engine.journal.open_calls == 0
    house.stop()
    house.start()
    house.clock.run(1000)
    assert records(house, neighbour) == [0, 1], "nor later"


def test_the_first_engine_lost_only_the_calls_socket(house, neighbour):
    """It follows the call until it hears whose it is now."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.switch.dialplan = house.dialplan(neighbour.engine.calls.port)
    house.lose(call)
    assert house.metric("ivr_calls", phase="unlinked") == 1
    neighbour.over(call).assert_heard(3000)
    house.clock.run(60_000)
    assert house.engine.context.calls == {}
    assert records(house, neighbour) == [0, 1]


@pytest.mark.parametrize(("samples", "record"), [(0, 0), (8000, 1)], ids=["nothing", "a second"])
def test_what_the_first_engine_had_recorded_is_cleared_away_or_has_its_record(
    house, neighbour, samples, record
):
    """It was killed, people talked, and the call was parted and came to the second engine."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.stop()
    neighbour.until(call, "announcing")
    path = house.spool / "recording" / f"{call.uuid}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(4 * samples))
    house.start()
    house.switch.dialplan = house.dialplan(neighbour.engine.calls.port)
    neighbour.over(call).assert_heard(3000)
    house.clock.run(1000)
    assert not path.exists()
    assert records(house, neighbour) == [record, 1]
    if record:
        assert Call(house.spool, call).record["recording"]["duration_ms"] == 1000
    assert house.engine.journal.open_calls == 0


def test_a_call_that_its_engine_waits_for_and_another_one_gets(house, neighbour):
    """An engine that is restarted while the prompt plays finds the call; at the prompt's end the
    dialplan asks the other one first. Two that drive it would record and mask it twice."""
    call = house.place(LISTENS)
    house.until(call, "announcing")
    house.stop()
    house.start()
    assert house.metric("ivr_calls", phase="unlinked") == 1
    house.switch.dialplan = house.dialplan(neighbour.engine.calls.port, house.engine.calls.port)
    neighbour.until(call, "connected")
    house.clock.run(500)
    assert call.uuid not in house.engine.context.calls
    assert house.engine.context.agents == {}
    neighbour.over(call).assert_heard(3000)
    house.clock.run(1000)
    assert records(house, neighbour) == [0, 1]
    assert house.engine.journal.open_calls == 0


def test_what_a_caller_chose_with_another_engine_is_not_taken_for_nothing(house, neighbour):
    """The first engine knows that the caller was told, and not that the caller opted out with the
    second one: it begins with the announcement (R3)."""
    keys = (DuringPrompt(1500), Keys("*#"), DuringPrompt(300), Keys("*#*"))
    call = house.place(CallScript(steps=(*keys, *TALKS), destination=Destination()))
    house.until(call, "last keys")
    house.clock.run(400)
    house.stop()
    neighbour.until(call, "reminding")
    neighbour.clock.run(300)
    neighbour.stop()
    house.start()
    house.until(call, "announcing")
    assert not house.engine.context.calls[call.uuid].state.may_record
    neighbour.start()
    house.over(call).assert_heard(3000)
