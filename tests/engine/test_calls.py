"""Calls from the first ring to the record, and what can be heard of them (R1, R2, R3, R5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.lab import CallScript, Destination, script
from ivr.lab.expect import Expected
from ivr.lab.script import AfterPrompt, DuringPrompt, HangUp, Keys, Step, Wait, WhenConnected
from tests.engine.site import NUMBER, OWN_KEYS

TALKS = Destination.talks(2000, answer_ms=1000)
OPTED_OUT = Expected("none", "engine", "opted-out", "partly", opt_outs=1, confirmed="timeout")
RETURNED = Expected("kept", "agent", announcement="partly", opt_outs=1, returned=1, least_ms=2000)
KEPT = Expected("kept", "agent", least_ms=2000)


def keyed(keys: str, *then: Step, at: int = 300, dialled: str = NUMBER) -> CallScript:
    """Keys so long into the announcement, and what is done then."""
    return CallScript((DuringPrompt(at), Keys(keys), *then), dialled=dialled, destination=TALKS)


STORIES: dict[str, tuple[CallScript, Expected]] = {
    "listens": (script.LISTENS, Expected("kept", "caller", least_ms=2500)),
    "agent hangs up": (CallScript(destination=TALKS), KEPT),
    "wideband": (CallScript(destination=TALKS, rate=16000), KEPT),
    "opts out": (script.OPTS_OUT, OPTED_OUT),
    "opts out at the first moment": (keyed("*#*", at=0), OPTED_OUT),
    "1 while the reminder plays": (keyed("*#*", DuringPrompt(600), Keys("1")), RETURNED),
    "1 after the reminder": (
        keyed("*#*", DuringPrompt(), AfterPrompt(), AfterPrompt(2500), Keys("1")),
        RETURNED,
    ),
    "1 too late": (keyed("*#*", AfterPrompt(), AfterPrompt(3200), Keys("1")), OPTED_OUT),
    "a stray star": (keyed("**#*"), OPTED_OUT),
    "a stray digit": (keyed("5*#*"), OPTED_OUT),
    "half a sequence and a whole one": (keyed("*#5*#*"), OPTED_OUT),
    "wrong keys": (script.WRONG_KEYS, replace(KEPT, least_ms=1500)),
    "keys of the sequence in another order": (keyed("#**#"), KEPT),
    "1 without an opt-out": (keyed("1"), KEPT),
    "a pause that breaks the sequence": (keyed("*#", Wait(2100), Keys("*"), at=0), KEPT),
    "a pause that does not": (keyed("*#", Wait(600), Keys("*")), OPTED_OUT),
    "keyed across the end": (
        keyed("*", Wait(500), Keys("#*"), at=1700),
        replace(OPTED_OUT, announcement="fully"),
    ),
    "begun at the end and given up": (keyed("*#", at=1500), KEPT),
    "begun at the end and broken by a key": (keyed("*", Wait(500), Keys("5"), at=1700), KEPT),
    "wrong keys in the reminder until the end": (
        keyed("*#*", *(step for _ in range(3) for step in (DuringPrompt(300), Keys("7")))),
        replace(OPTED_OUT, confirmed="wrong-keys"),
    ),
    "wrong keys in the reminder, then 1": (
        keyed("*#*", DuringPrompt(300), Keys("7"), DuringPrompt(300), Keys("1")),
        RETURNED,
    ),
    "opts out twice": (
        keyed("*#*", DuringPrompt(300), Keys("*"), DuringPrompt(300), Keys("#"), DuringPrompt(200)),
        OPTED_OUT,
    ),
    "own keys": (keyed("##", dialled=OWN_KEYS), OPTED_OUT),
    "own keys and back": (keyed("##", DuringPrompt(300), Keys("9"), dialled=OWN_KEYS), RETURNED),
    "own keys, the default's return": (
        keyed("##", DuringPrompt(300), Keys("1"), dialled=OWN_KEYS),
        replace(OPTED_OUT, confirmed="wrong-keys"),
    ),
    "the default's keys where others are agreed": (keyed("*#*", dialled=OWN_KEYS), KEPT),
    "own limit between keys": (keyed("#", Wait(520), Keys("#"), dialled=OWN_KEYS), KEPT),
    "hangs up in the announcement": (
        script.HANGS_UP_IN_ANNOUNCEMENT,
        Expected("none", "caller", announcement="partly"),
    ),
    "hangs up before the announcement": (
        CallScript(steps=(Wait(10), HangUp())),
        Expected("none", "caller", announcement="no"),
    ),
    "hangs up in the reminder": (
        keyed("*#*", DuringPrompt(300), HangUp()),
        Expected("none", "caller", "", "partly", opt_outs=1, confirmed="hangup"),
    ),
    "hangs up after the reminder": (
        keyed("*#*", AfterPrompt(), AfterPrompt(500), HangUp()),
        Expected("none", "caller", "", "partly", opt_outs=1, confirmed="hangup"),
    ),
    "hangs up in the goodbye": (
        keyed("*#*", DuringPrompt(), DuringPrompt(300), HangUp()),
        replace(OPTED_OUT, by="caller"),
    ),
    "hangs up with half a sequence": (
        keyed("*#", Wait(500), HangUp(), at=1500),
        Expected("none", "caller"),
    ),
    "hangs up while it rings": (
        CallScript(steps=(AfterPrompt(1000), HangUp()), destination=Destination.silent()),
        Expected("none", "caller"),
    ),
    "hangs up in the apology": (
        CallScript(
            steps=(DuringPrompt(), DuringPrompt(200), HangUp()), destination=Destination.busy()
        ),
        Expected("none", "caller", "busy"),
    ),
    "hangs up at the moment of connection": (
        CallScript(steps=(WhenConnected(100), HangUp()), destination=Destination()),
        Expected("kept", "caller", least_ms=80),
    ),
    "busy": (script.BUSY, Expected("none", "engine", "busy")),
    "no answer": (script.NO_ANSWER, Expected("none", "engine", "no-answer")),
    "unallocated": (
        CallScript(destination=Destination.unallocated()),
        Expected("none", "engine", "unavailable"),
    ),
    "rejected": (
        CallScript(destination=Destination(refusal="CALL_REJECTED", answer_ms=900)),
        Expected("none", "engine", "unavailable"),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_call_ends_as_its_script_says(house, name):
    told, expected = STORIES[name]
    call = house.call(told)
    assert expected.complaints(house.spool, call.outcome.uuid) == []
    if expected.recording == "kept":
        call.assert_heard(expected.least_ms, expected.least_ms + 450)
        rate = 16000 if told.rate == 16000 else 8000
        assert call.record["recording"]["rate"] == rate
    if expected.confirmed:
        assert call.outcome.names("destination") == [], "nobody's telephone rang"
    house.clock.run(20_000)
    assert house.engine.context.calls == {}
    assert house.switch.legs() == []
    assert [one.leg for one in house.switch.listeners] == [None]
    assert not list((house.spool / "recording").iterdir())
    assert not list((house.spool / "tmp").iterdir())


def test_the_order_of_an_ordinary_call(house):
    call = house.call(script.LISTENS)
    assert call.steps == [
        "arrived",
        "recording-intended",
        "answered",
        "prompt-started",
        "prompt-ended",
        "recording-started",
        "dialled",
        "connected",
        "recording-stopped",
        "hung-up",
    ]


def test_coming_back_does_not_start_the_announcement_again(house):
    """R3: unless it was not heard at all."""
    told, _ = STORIES["1 while the reminder plays"]
    call = house.call(told)
    assert [name for name, _ in call.played] == ["announcement", "reminder"]
    assert call.record["connected_at"]


def test_each_reminder_is_repeated_as_often_as_configured(house):
    told, _ = STORIES["wrong keys in the reminder until the end"]
    call = house.call(told)
    assert [name for name, _ in call.played] == ["announcement", *["reminder"] * 3, "goodbye"]
    assert call.record["opt_out"]["reminders_repeated"] == 2
    assert call.played[-1] == ("goodbye", True), "R3: how else to reach the council"


@pytest.mark.parametrize("name", ["busy", "no-answer", "unavailable"])
def test_the_caller_hears_why_nobody_is_there(house, name):
    told, _ = STORIES[name.replace("-", " ").replace("unavailable", "unallocated")]
    assert house.call(told).played == [("announcement", True), (name, True)]


def test_the_file_of_the_channels_rate_is_played(house):
    call = house.call(STORIES["wideband"][0])
    heard = [one.detail for one in call.outcome.happenings if one.event == "PLAYBACK_START"]
    assert [path.split("/")[-2] for path in heard] == ["16000"]


def test_the_second_destination_is_tried_where_the_first_is_busy(house):
    house.switch.destinations["hall"] = Destination.busy()
    house.switch.destinations["annexe"] = TALKS
    call = house.call(CallScript(dialled=OWN_KEYS))
    call.assert_heard(2000)
    assert call.record["ended"]["by"] == "agent"


def test_a_call_that_never_ends_is_ended(house):
    call = house.place(CallScript(destination=Destination()))
    house.until(call, "connected")
    house.clock.run(600_000)
    ended = house.over(call).record["ended"]
    assert (ended["by"], ended["reason"]) == ("engine", "longest-call")
