"""The lab switch leaks as FreeSWITCH does, so that a test that finds nothing means something.

No engine: a plain client does, or leaves out, what the engine must do (R6).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ivr.lab import CallScript, Destination, TurnedClock
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from ivr.lab.switch import dialplan_for
from tests.lab.client import Engine, begin, inbound, spawn
from tests.lab.tap import TappedSwitch
from tests.leaks.cards import CARDS, CODE, EXPIRY, keyed
from tests.leaks.search import digits_in, keys_told, tones_in

CARD = CARDS[0]
PAYS = CallScript(
    steps=(WhenConnected(1000), Keys(keyed(CARD), gap_ms=60, press_ms=100), Wait(500), HangUp()),
    destination=Destination(),
)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def switch(clock, tmp_path) -> Iterator[TappedSwitch]:
    made = TappedSwitch(clock, seed=1, folder=tmp_path / "freeswitch")
    yield made
    made.close()
    clock.settle()


class Kept:
    """What was left of a call."""

    def __init__(self, switch, folder, call) -> None:
        self.log = digits_in(folder / "freeswitch" / "freeswitch.log", CARD)
        self.cdr = digits_in(folder / "freeswitch" / "cdr", CARD)
        self.events = digits_in(switch.traffic, CARD)
        self.bytes_of_audio = digits_in(folder / "call.wav", CARD)
        self.keys = keys_told(switch.traffic) | keys_told(folder / "freeswitch")
        self.heard = [tone.key for tone in tones_in(folder / "call.wav") if tone.channel == 0]
        self.relayed = call.other.heard_keys


@pytest.fixture
def left(clock, switch, tmp_path):
    """A recorded call in which a card, its expiry and its code are keyed; what is left of it."""

    def run(*before: str, mask: bool = False, level: str = "INFO") -> Kept:
        path = tmp_path / "call.wav"
        switch.kept.level = level

        def part(client):
            uuid = begin(client)
            client.execute("answer")
            client.execute("set", "RECORD_STEREO=true")
            for variable in before:
                assert client.ask(f"api uuid_setvar {uuid} {variable}").body == "+OK\n"
            client.until("CHANNEL_EXECUTE_COMPLETE", Application="set")
            client.ask(f"api uuid_record {uuid} start {path}")
            if mask:
                assert client.ask(f"api uuid_record {uuid} mask {path}").body == "+OK Success\n"
            client.execute("bridge", "sofia/lab/agent")
            client.until("CHANNEL_HANGUP_COMPLETE")

        one = Engine(clock, part)
        switch.dialplan = dialplan_for(one.address)
        address = switch.listen(("127.0.0.1", 0))
        made = spawn(lambda: inbound(clock, address))
        clock.run_until(made.ready)
        spawn(
            lambda: (made.get().ask("event json DTMF CHANNEL_HANGUP_COMPLETE"), made.get().rest())
        )
        clock.settle()
        call = switch.place(PAYS)
        clock.run_until(lambda: call.done.ready() and not switch.legs())
        clock.run_until(one.finished)
        one.close()
        one.results[0].get()
        return Kept(switch, tmp_path, call)

    return run


def test_as_it_is_the_number_is_in_log_cdr_events_and_audio(left):
    kept = left()
    assert [one.disguise for one in kept.log] == ["log lines"]
    assert kept.log[0].digits == CARD
    assert [one.disguise for one in kept.cdr] == ["plain"]
    where = {(one.where.split(", ")[-1], one.disguise) for one in kept.events}
    assert where == {("to the client", "plain"), ("to the client", "events")}
    assert {one.where.split(", ")[1] for one in kept.events} >= {"inbound"}
    assert "".join(kept.heard) == keyed(CARD)
    assert all(f"{EXPIRY}#{CODE}#" in keys for keys in kept.keys.values())
    assert kept.relayed == keyed(CARD)
    assert kept.bytes_of_audio == []


def test_sensitive_keys_are_left_in_the_audio_only(left):
    """docs/freeswitch.md 14a."""
    kept = left("sensitive_dtmf true")
    assert kept.log == kept.cdr == kept.events == []
    assert kept.keys == {}
    assert "".join(kept.heard) == keyed(CARD)
    assert kept.relayed == ""


def test_masked_too_nothing_is_left(left):
    kept = left("sensitive_dtmf true", mask=True)
    assert kept.log == kept.cdr == kept.events == kept.bytes_of_audio == kept.heard == []
    assert kept.keys == {}


def test_masked_alone_only_the_audio_is_clean(left):
    kept = left(mask=True)
    assert kept.heard == []
    assert kept.log
    assert kept.cdr
    assert kept.events


def test_the_filter_keeps_them_out_of_cdrs_and_the_level_out_of_the_log(left):
    """docs/freeswitch.md 14b: keys that must reach a payment line. Events remain."""
    kept = left("digits_dialed_filter ^(.+)$", mask=True, level="NOTICE")
    assert kept.log == kept.cdr == kept.heard == []
    assert {one.disguise for one in kept.events} == {"events"}
    assert kept.relayed == keyed(CARD)


def test_the_filter_alone_leaves_the_log(left):
    kept = left("digits_dialed_filter ^(.+)$", mask=True)
    assert kept.log
    assert kept.cdr == []
