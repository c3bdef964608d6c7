"""What FreeSWITCH does in a whole call, greenswitch's application beside the engine.

A lab switch plays FreeSWITCH; ``tests/lab`` holds it to what a real one was seen to do.
"""

from __future__ import annotations

import socket as plain

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, HangUp, Keys, Wait
from ivr.lab.session import Action
from ivr.lab.switch import LabSwitch, dialplan_for
from tests.engine.house import House
from tests.engine.site import LENGTHS, NUMBER

ALL = "CHANNEL_ANSWER CHANNEL_EXECUTE_COMPLETE PLAYBACK_STOP RECORD_START RECORD_STOP"
HOUR = 3_600_000
TALKS = CallScript(dialled=NUMBER, destination=Destination.talks(2000))
LONG = CallScript(dialled=NUMBER, destination=Destination.talks(40_000))


def names(session) -> list[str]:
    """Has a stock session note the names of all events that reach it."""
    seen: list[str] = []
    session.register_handle("*", lambda event: seen.append(event.headers.get("Event-Name", "")))
    return seen


def run(clock, switch: LabSwitch, script: CallScript, engine):
    """A call to an application on greenswitch; the outcome, and what the application returned."""
    switch.dialplan = dialplan_for(engine.address)
    call = switch.place(script)
    clock.run_until(call.done.ready)
    clock.settle()
    return call.done.get(), engine.result.get(block=False)


def recording_to(path):
    """Records the call, and returns what was heard of it."""

    def app(session):
        seen = names(session)
        session.send(f"event plain {ALL}")
        session.answer()
        session.send(f"api uuid_record {session.uuid} start {path}/x.wav")
        return seen

    return app


# docs/freeswitch.md 2: `myevents` does not bring RECORD_START and RECORD_STOP.


def test_2_greenswitchs_myevents_hears_nothing_of_the_recording(
    clock, switch, stock_engine, tmp_path
):
    def app(session):
        seen = names(session)
        session.linger()
        session.myevents()
        session.answer()
        session.send(f"api uuid_record {session.uuid} start {tmp_path}/x.wav")
        return seen

    script = CallScript(steps=(Wait(2000), HangUp()))
    outcome, seen = run(clock, switch, script, stock_engine(app))
    assert {"RECORD_START", "RECORD_STOP"} <= set(outcome.names())
    assert "CHANNEL_HANGUP_COMPLETE" in seen
    assert not {"RECORD_START", "RECORD_STOP"} & set(seen)


def test_2_ours_hears_of_the_recordings_start_and_end(house: House):
    one = house.call(TALKS)
    assert {"recording-started", "recording-stopped"} <= set(one.steps)
    assert one.record["recording"]["state"] == "kept"


# docs/freeswitch.md 10: when the engine is gone, call and recording go on.


def test_10_a_stock_application_hears_no_end_of_a_recording_that_goes_on(
    clock, switch, stock_engine, tmp_path
):
    def app(session):
        seen = recording_to(tmp_path)(session)
        session.call_command("bridge", "sofia/lab/desk")
        return seen

    engine = stock_engine(app)
    switch.dialplan = dialplan_for(engine.address)
    call = switch.place(CallScript(destination=Destination.talks(5000)))
    clock.run_until(lambda: "CHANNEL_BRIDGE" in [one.event for one in call.happenings])
    [listener] = switch.listeners
    listener.drop()
    clock.run_until(call.done.ready)
    assert "RECORD_STOP" in call.done.get().names()
    seen = engine.result.get(block=False)
    assert "RECORD_START" in seen
    assert "RECORD_STOP" not in seen


def test_10_ours_follows_the_call_by_its_own_line_to_freeswitch(house: House):
    call = house.place(LONG)
    house.until(call, "connected")
    house.listener(call).drop()
    house.until(call, "unlinked")
    one = house.over(call)
    assert one.record["recording"]["state"] == "kept"
    one.assert_heard(40_000)


# docs/freeswitch.md 10a: legs can be parted and joined again; the end of `bridge` is no end.


def part_and_join(clock, switch: LabSwitch, call) -> None:
    """As an agent does who puts the caller aside for a second."""
    clock.run_until(lambda: call.other is not None and call.other.bridged)
    other = call.other
    clock.run(3000)
    switch.api("uuid_transfer", f"{call.uuid} -both park inline")
    clock.run(1000)
    switch.api("uuid_bridge", f"{call.uuid} {other.uuid}")


def test_10a_a_script_takes_the_parting_of_the_legs_for_the_end(clock, switch, stock_engine):
    def app(session):
        session.send(f"event plain {ALL}")
        session.answer()
        session.bridge("sofia/lab/desk")
        session.hangup()

    engine = stock_engine(app)
    switch.dialplan = dialplan_for(engine.address)
    call = switch.place(LONG)
    part_and_join(clock, switch, call)
    clock.run_until(call.done.ready)
    assert call.done.get().duration_ms < 10_000, "hung up while the agent was to come back"


def test_10a_ours_waits_for_the_legs_to_be_joined_again(house: House):
    call = house.place(LONG)
    part_and_join(house.clock, house.switch, call)
    one = house.over(call)
    assert one.outcome.names().count("CHANNEL_BRIDGE") == 2
    assert one.outcome.duration_ms > 40_000
    assert one.record["recording"]["state"] == "kept"


# docs/freeswitch.md 10b: `connect` in time, `linger` with a number, `full`.


def test_10b_a_socket_lost_before_connect_leaves_the_call_in_silence(clock, switch):
    listener = plain.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    switch.dialplan = {
        ".*": (
            Action("socket", f"127.0.0.1:{listener.getsockname()[1]} async full"),
            Action("bridge", "sofia/lab/desk"),
        )
    }
    call = switch.place(CallScript(steps=(Wait(HOUR), HangUp())))
    clock.settle()
    listener.accept()[0].close()
    listener.close()
    clock.run_until(call.done.ready, 2 * HOUR)
    assert call.done.get().duration_ms >= HOUR
    assert call.done.get().connected_ms is None


def test_10b_ours_says_connect_at_once_and_takes_socket_resume_back(house: House):
    engine = f"127.0.0.1:{house.engine.calls.port}"
    house.switch.dialplan = {
        ".*": (
            Action("set", "socket_resume=true"),
            Action("socket", f"{engine} async full"),
        )
    }
    call = house.place(TALKS)
    assert house.listener(call).connected, "before any time has passed"
    house.until(call, "announcing")
    assert not call.leg.true("socket_resume"), "it has done its work and would end a bridge"
    house.over(call)


def test_10b_a_linger_without_a_number_holds_the_socket_for_ever(clock, switch, stock_engine):
    engine = stock_engine(lambda session: session.linger())
    run(clock, switch, CallScript(steps=(Wait(1000), HangUp())), engine)
    clock.run(HOUR)
    assert len(switch.listeners) == 1


def test_10b_without_linger_the_end_of_the_recording_is_lost(clock, switch, stock_engine, tmp_path):
    engine = stock_engine(recording_to(tmp_path))
    outcome, seen = run(clock, switch, CallScript(steps=(Wait(2000), HangUp())), engine)
    assert "RECORD_STOP" in outcome.names()
    assert "RECORD_START" in seen
    assert "RECORD_STOP" not in seen


def test_10b_ours_lingers_long_enough_and_no_longer(house: House):
    one = house.call(TALKS)
    assert "recording-stopped" in one.steps
    assert "linger 10" in house.commands
    house.clock.run(12_000)
    assert [listener for listener in house.switch.listeners if listener.leg] == []


def test_10b_without_full_greenswitch_is_refused_and_goes_on_as_if_it_were_not(
    clock, switch, stock_engine
):
    def app(session):
        session.linger()
        session.uuid_break()
        return "went on"

    engine = stock_engine(app)
    switch.dialplan = {".*": (Action("socket", f"{engine.address} async"),)}
    call = switch.place(CallScript(steps=(Wait(1000), HangUp())))
    clock.run_until(call.done.ready)
    assert engine.result.get(block=False) == "went on"


def test_10b_ours_says_what_is_wrong_with_the_dialplan(house: House, logged):
    engine = f"127.0.0.1:{house.engine.calls.port}"
    house.switch.dialplan = {".*": (Action("socket", f"{engine} async"),)}
    call = house.place(CallScript(dialled=NUMBER, steps=(Wait(1000), HangUp())))
    [line, *_] = [one for one in logged if "full" in one["event"]]
    assert line["call"] == call.uuid
    assert line["log_level"] == "error"
    assert house.metric("ivr_commands_refused_total", command="Subscribe") == 2
    house.clock.run_until(call.done.ready)


# docs/freeswitch.md 11: a caller's `*` ends what plays.

STAR = CallScript(
    dialled=NUMBER,
    destination=Destination.talks(1000),
    steps=(DuringPrompt(500), Keys("*")),
)


def playing(path: str):
    """Plays a prompt and hangs up; returns the event that ended it."""

    def app(session):
        session.send(f"event plain {ALL}")
        session.answer()
        ended = session.playback(path)
        session.hangup()
        return ended

    return app


def test_11_a_star_ends_the_announcement_of_a_stock_application(
    clock, switch, stock_engine, prompt
):
    outcome, ended = run(clock, switch, STAR, stock_engine(playing(prompt)))
    assert outcome.duration_ms < 1500, "of three seconds"
    assert ended.headers["Application-Response"] == "FILE PLAYED", "and it seems heard"


def test_11_a_star_does_not_end_ours(house: House):
    one = house.call(STAR)
    assert one.played[0] == ("announcement", True)
    assert one.record["recording"]["state"] == "kept"


# docs/freeswitch.md 24: a prompt that is missing, one that was stopped, one that was heard.


def test_24_a_missing_prompt_ends_in_greenswitch_as_one_that_was_heard(
    clock, switch, stock_engine, prompt
):
    results = {}
    for path in ("/no/such.wav", prompt):
        results[path] = run(clock, switch, CallScript(), stock_engine(playing(path)))[1]
    missing, heard = results["/no/such.wav"], results[prompt]
    assert missing.headers["Event-Name"] == heard.headers["Event-Name"]
    assert missing.headers["Application-Response"] == "FILE NOT FOUND", "for who looks"
    assert heard.headers["Application-Response"] == "FILE PLAYED"


def test_24_ours_knows_a_missing_announcement_and_records_nothing(house: House):
    for path in house.folder.glob("prompts/en-GB/*/announcement.wav"):
        path.unlink()
    one = house.call(TALKS)
    assert one.played[0] == ("announcement", False)
    assert one.record["prompts"][0]["heard_ms"] == 0
    assert one.record["recording"]["state"] != "kept"


def test_24_ours_knows_how_much_of_a_stopped_prompt_was_heard(house: House):
    script = CallScript(
        dialled=NUMBER,
        destination=Destination.talks(1000),
        steps=(DuringPrompt(480), Keys("*#*"), DuringPrompt(200), Keys("1")),
    )
    [stopped, *_] = house.call(script).record["prompts"]
    assert stopped["name"] == "announcement"
    assert not stopped["complete"]
    assert 480 < stopped["heard_ms"] < LENGTHS["announcement"][0] - 500


def test_24_ours_knows_a_prompt_that_was_heard(house: House):
    [announcement] = house.call(TALKS).record["prompts"]
    assert announcement["complete"]
    assert announcement["heard_ms"] == LENGTHS["announcement"][0]


# docs/freeswitch.md 25: `uuid_break <uuid> all` stops what plays and what is queued.


@pytest.mark.parametrize(("flag", "starts"), [("", 2), (" all", 0)])
def test_25_a_break_without_all_leaves_what_is_queued(
    clock, switch, stock_engine, prompt, flag: str, starts: int
):
    def app(session):
        session.answer()
        session.playback("silence_stream://400", block=False)
        session.playback(prompt, block=False)
        if flag:
            session.send(f"api uuid_break {session.uuid}{flag}")
        else:
            session.uuid_break()

    script = CallScript(steps=(Wait(9000), HangUp()))
    outcome, _ = run(clock, switch, script, stock_engine(app))
    assert outcome.names().count("PLAYBACK_START") == starts


def test_25_ours_stops_all_and_hears_that_it_has_stopped(house: House):
    script = CallScript(dialled=NUMBER, steps=(DuringPrompt(500), Keys("*#*")))
    one = house.call(script)
    assert f"api uuid_break {one.outcome.uuid} all" in house.commands
    assert [name for name, _ in one.played] == ["announcement", "reminder", "goodbye"]
    assert one.record["prompts"][0]["heard_ms"] > 500
