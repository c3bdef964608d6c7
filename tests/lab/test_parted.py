"""Legs that are parted without ending either, and joined again (docs/freeswitch.md 79)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import BlindTransfer, HangUp, Hold, Keys, Unhold, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin
from tests.lab.conftest import make_prompt
from tests.lab.ears import Recording

CALLER, AGENT = 0, 1
EVENTS = (
    "CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE "
    "CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_PARK CHANNEL_UNPARK "
    "PLAYBACK_START PLAYBACK_STOP DTMF RECORD_STOP"
)
MUSIC = "tone_stream://%(1000,0,300);loops=-1"


class Parting:
    """An engine's hands on one call: what it asks for, and what it is told."""

    def __init__(self, client, uuid: str, path) -> None:
        self.client, self.uuid, self.path = client, uuid, path
        self.other = ""

    def part(self, how: str = "park") -> None:
        self.client.seen.clear()
        self.client.ask(f"filter Unique-ID {self.other}")
        assert self.api(f"uuid_transfer {self.uuid} -both {how} inline") == "+OK\n"

    def api(self, text: str) -> str:
        return self.client.ask(f"api {text}").body

    def pause(self, ms: int) -> None:
        """Let time pass, and read what was told meanwhile."""
        self.client.pause(ms)
        self.api("status")

    def join(self) -> str:
        return self.api(f"uuid_bridge {self.uuid} {self.other}")

    def told(self, uuid: str = "") -> list[tuple[str, str]]:
        """What was told of a leg since the parting."""
        return [
            (m.name, m.value("Application"))
            for m in self.client.seen
            if m.event and m.value("Unique-ID") == (uuid or self.uuid) and m.name != "CHANNEL_DATA"
        ]


def waiting(other: str, seconds: int = 300) -> str:
    return f"'set:park_timeout={seconds},park,intercept:{other}'"


@pytest.fixture
def parting(clock, switch, engine, tmp_path):
    """A call that is recorded and bridged, and an engine that does something then."""

    def run(script, during, *, end=None):
        path = tmp_path / "call.wav"

        def part(client):
            uuid = begin(client, events=EVENTS)
            for variable in ("RECORD_STEREO=true", "RECORD_BRIDGE_REQ=true"):
                client.execute("set", variable)
            client.execute("set", "hangup_after_bridge=true")
            client.execute("set", "playback_terminators=none")
            client.execute("answer")
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
            client.ask(f"api uuid_record {uuid} start {path}")
            client.execute("bridge", "sofia/lab/agent")
            one = Parting(client, uuid, path)
            one.other = client.until("CHANNEL_BRIDGE").value("Bridge-B-Unique-ID")
            client.pause(500)
            return during(one)

        one = engine(part)
        call = switch.place(script)
        clock.run_until(end or call.done.ready)
        clock.run_until(one.finished)
        return call, one.results[0].get()

    return run


STAYS = CallScript(destination=Destination())


def test_the_first_parting_ends_what_ran_and_parks_both(parting, clock):
    def during(one):
        began = one.client.clock.monotonic_ms()
        one.part()
        one.client.until("CHANNEL_PARK", Unique_ID=one.uuid)
        assert one.client.clock.monotonic_ms() - began <= 40
        one.pause(200)
        told, others = one.told(), one.told(one.other)
        [parted] = [m for m in one.client.seen if m.name == "CHANNEL_UNBRIDGE"]
        one.api(f"uuid_kill {one.other}")
        one.api(f"uuid_kill {one.uuid}")
        return told, others, parted, one.other

    call, (told, others, parted, other) = parting(STAYS, during)
    assert told == [
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "bridge"),
        ("CHANNEL_UNPARK", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "socket"),
        ("CHANNEL_EXECUTE", "park"),
        ("CHANNEL_PARK", ""),
    ]
    assert others == [("CHANNEL_EXECUTE", "park"), ("CHANNEL_PARK", "")]
    assert parted.value("Bridge-B-Unique-ID") == other
    assert parted.value("variable_transfer_history").endswith(":bl_xfer:park/public/inline")
    assert call.leg.hangup_cause == "NORMAL_CLEARING"


def test_prompts_and_keys_while_parted_then_joined_and_parted_again(parting, clock, tmp_path):
    prompt = make_prompt(tmp_path / "reminder.wav", 2000)

    def during(one):
        one.api(f"uuid_record {one.uuid} mask {one.path}")
        one.part(waiting(one.other))
        one.client.until("CHANNEL_PARK", Unique_ID=one.uuid)
        one.api(f"uuid_broadcast {one.other} {MUSIC} aleg")
        one.client.execute("playback", prompt, Event_UUID="reminder")
        one.client.until("DTMF")
        assert one.join() == f"+OK {one.other}\n"
        one.client.until("CHANNEL_BRIDGE")
        one.api(f"uuid_record {one.uuid} unmask {one.path}")
        first, cut = one.told(), one.told(one.other)
        [heard] = [
            m.value("Application-Response")
            for m in one.client.seen
            if m.value("Application-UUID") == "reminder" and m.name.endswith("COMPLETE")
        ]
        one.client.pause(1000)
        one.part(waiting(one.other))
        one.client.until("CHANNEL_PARK", Unique_ID=one.uuid)
        second = one.told()
        history = one.api(f"uuid_getvar {one.uuid} transfer_history")
        one.join()
        one.client.until("CHANNEL_BRIDGE")
        one.client.pause(500)
        one.client.seen.clear()
        one.client.rest()
        return first, cut, heard, second, history, one.told()

    script = CallScript(
        steps=(WhenConnected(1200), Keys("1")),
        destination=Destination(
            steps=(WhenConnected(), WhenConnected(), WhenConnected(700), HangUp())
        ),
    )
    call, (first, cut, heard, second, history, last) = parting(script, during)
    assert ("DTMF", "") in first
    assert first[first.index(("DTMF", "")) + 1 :] == [
        ("PLAYBACK_STOP", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "playback"),
        ("CHANNEL_UNPARK", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "park"),
        ("CHANNEL_EXECUTE", "uuid_bridge"),
        ("CHANNEL_BRIDGE", ""),
    ]
    assert heard == "PLAYBACK ERROR"
    assert ("PLAYBACK_STOP", "") in cut, "the music ends by itself"
    assert [one for one in second if one[1] != "set"] == [
        ("CHANNEL_UNBRIDGE", ""),
        ("CHANNEL_EXECUTE", "park"),
        ("CHANNEL_PARK", ""),
    ], "the end of bridge came the first time"
    assert history.startswith("ARRAY::")
    assert history.count("bl_xfer:set:park_timeout") == 2
    names = [name for name, _ in last]
    assert names == [
        "CHANNEL_UNBRIDGE",
        "CHANNEL_HANGUP",
        "RECORD_STOP",
        "CHANNEL_HANGUP_COMPLETE",
    ]
    tape = Recording(tmp_path / "call.wav")
    assert 2100 <= tape.ms <= 2400, "the parted time is missing"
    assert tape.hears(CALLER, 440, 700, 1400)
    assert tape.hears(AGENT, 880, 700, 1400)
    for channel in (CALLER, AGENT):
        assert not tape.hears(channel, 300, 0, tape.ms)
    [music] = [one for one in call.other.heard if one.what == MUSIC]
    assert music.ms is not None


def test_music_is_broken_off_alone(parting):
    def during(one):
        one.part()
        one.client.until("CHANNEL_PARK", Unique_ID=one.other)
        one.api(f"uuid_broadcast {one.other} {MUSIC} aleg")
        one.client.until("PLAYBACK_START", Unique_ID=one.other)
        one.api(f"uuid_break {one.other} all")
        status = one.client.until("PLAYBACK_STOP", Unique_ID=one.other).value("Playback-Status")
        one.api(f"uuid_kill {one.other}")
        one.api(f"uuid_kill {one.uuid}")
        return status

    _, status = parting(STAYS, during)
    assert status == "break"


def test_the_agent_hangs_up_while_parted(parting, prompt):
    def during(one):
        one.part()
        one.client.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=one.other)
        gone = one.told(one.other)
        answer = one.join()
        one.client.execute("playback", prompt, Event_UUID="p")
        one.client.until("CHANNEL_EXECUTE_COMPLETE", Application_UUID="p")
        one.client.execute("bridge", "sofia/lab/second")
        one.client.until("CHANNEL_BRIDGE")
        one.client.rest()
        return gone, answer

    script = CallScript(
        destinations={
            "agent": Destination(steps=(WhenConnected(1000), HangUp())),
            "second": Destination(steps=(WhenConnected(500), HangUp())),
        }
    )
    call, (gone, answer) = parting(script, during)
    assert [one for one in gone if one[0] != "CHANNEL_UNPARK"][-3:] == [
        ("CHANNEL_HANGUP", ""),
        ("CHANNEL_EXECUTE_COMPLETE", "park"),
        ("CHANNEL_HANGUP_COMPLETE", ""),
    ]
    assert answer == "-ERR Invalid uuid\n"
    assert call.done.get().ended_by == "destination"


def test_the_agent_stays_parked_when_the_caller_is_gone(parting, switch, clock):
    def during(one):
        one.part(waiting(one.other, 5))
        one.client.until("CHANNEL_HANGUP_COMPLETE", Unique_ID=one.uuid)

    script = CallScript(steps=(WhenConnected(1000), HangUp()), destination=Destination())
    call, _ = parting(script, during)
    assert switch.legs() == [call.other]
    clock.run(3000)
    assert switch.legs() == [call.other]
    clock.run(2000)
    assert not switch.legs()
    assert call.other.hangup_cause == "NORMAL_CLEARING"


@pytest.mark.parametrize("joins", [False, True], ids=["park", "park, then intercept"])
def test_a_lost_engine_ends_the_parked_call_or_joins_it_again(
    parting, clock, switch, prompt, joins
):
    def during(one):
        one.part(waiting(one.other) if joins else "park")
        one.client.until("CHANNEL_PARK", Unique_ID=one.uuid)
        one.client.execute("playback", prompt)
        one.client.until("PLAYBACK_START")
        one.client.socket.close()
        return one.client.clock.monotonic_ms()

    call, lost = parting(STAYS, during, end=lambda: True)
    clock.run_until(lambda: call.leg.bridged if joins else call.done.ready())
    assert 2900 <= clock.monotonic_ms() - lost <= 3200, "the prompt was heard to its end"
    if joins:
        assert call.leg.bridged
        assert call.leg.peer is call.other
    else:
        assert call.done.get().cause == "NORMAL_CLEARING"
        assert switch.legs() == [call.other], "for ever"


def test_what_a_telephone_does_while_parked(parting, switch):
    """REFER is refused; a hold is told, and forgotten when the two are joined."""

    def during(one):
        one.part()
        one.client.until("CHANNEL_HOLD", Unique_ID=one.other)
        one.client.seen.clear()
        one.join()
        one.client.until("CHANNEL_BRIDGE")
        one.client.rest()
        return one.told(one.other)

    agent = Destination(
        steps=(
            WhenConnected(700),
            BlindTransfer("5555"),
            Wait(100),
            Hold(),
            WhenConnected(100),
            Unhold(),
            Wait(1000),
            HangUp(),
        )
    )
    switch.dialplan = {"5555": (Action("hangup"),)}
    call, told = parting(CallScript(destination=agent), during)
    assert ("CHANNEL_UNHOLD", "") not in told
    assert call.done.get().ended_by == "destination"


def test_a_parked_telephone_that_takes_up_again_is_told(parting, switch):
    def during(one):
        one.part()
        one.client.until("CHANNEL_HOLD", Unique_ID=one.other)
        one.client.until("CHANNEL_UNHOLD", Unique_ID=one.other)
        one.join()
        one.client.rest()

    agent = Destination(
        steps=(WhenConnected(700), Hold(), Wait(300), Unhold(), WhenConnected(300), HangUp())
    )
    call, _ = parting(CallScript(destination=agent), during)
    assert call.done.get().ended_by == "destination"


def test_a_silent_engines_call_is_joined_by_the_clock(parting, switch):
    def during(one):
        answer = one.api(f"sched_api +3 {one.uuid} uuid_bridge {one.uuid} {one.other}")
        assert one.api(f"sched_api +1 {one.uuid}-b uuid_kill {one.uuid}") == "+OK Added: 2\n"
        assert one.api(f"sched_del {one.uuid}-b") == "+OK Deleted: 1\n"
        one.part()
        began = one.client.clock.monotonic_ms()
        one.client.until("CHANNEL_BRIDGE")
        took = one.client.clock.monotonic_ms() - began
        one.api(f"uuid_kill {one.uuid}")
        return answer, took

    _, (answer, took) = parting(STAYS, during)
    assert answer == "+OK Added: 1\n"
    assert 2900 <= took <= 3100
