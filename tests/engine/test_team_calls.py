"""Hours, overflow, languages, ring groups, queues and calls for help, played (R9, R10)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.expect import AGENT_HZ, CALLER_HZ
from ivr.lab.script import DuringPrompt, HangUp, Keys, Wait, WhenConnected
from tests.engine import site
from tests.engine.house import AGENT, CALLER, House
from tests.leaks.tones import tones_in
from tests.noted import note_audio

MORE = {"closed": (700, 1150), "overflow": (500, 1450), "choose-language": (900, 1550)}
WAITING = "queue-announcement"
CLOSED = "01427676701"
"""Its team has closed for the day, at whatever hour."""
ELSEWHERE = "01427676702"
"""The same, with a destination for such hours."""
TURNS = "01427676703"
QUEUE = "01427676704"
LANGUAGES = "01427676705"

DESTINATIONS = """\
turns: {ring: round, members: ["1001", "1002", "1003"]}
waiting:
  queue:
    members: ["1001", "1002"]
    strategy: in-order
    longest: "20s"
duty:
  dial: "sofia/lab/duty"
outside:
  dial: "sofia/lab/$number"
"""
ROUTES = f"""\
- {{name: closed, numbers: ["{CLOSED}"], team: closed, destination: desk}}
- {{name: elsewhere, numbers: ["{ELSEWHERE}"], team: elsewhere, destination: desk}}
- {{name: turns, numbers: ["{TURNS}"], team: customer-services, destination: turns}}
- {{name: queue, numbers: ["{QUEUE}"], team: queueing, destination: waiting}}
- {{name: languages, numbers: ["{LANGUAGES}"], team: spoken, destination: desk}}
- name: staff
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  team: customer-services
  destination: outside
"""
NEVER = "hours: {mon-sun: closed}\n"
TEAMS = {
    "closed": f"name: Closed\n{NEVER}",
    "elsewhere": f"name: Elsewhere\n{NEVER}out_of_hours: {{destination: duty}}\n",
    "queueing": "name: Queueing\noverflow:\n  - {destination: duty, prompt: overflow}\n"
    "opt_out: {connected: keep}\n",
    "spoken": "name: Spoken\nlanguages:\n  prompt: choose-language\n"
    '  keys: {"1": en-GB, "2": cy-GB}\n  wait: "2s"\n',
}
HELP = 'emergency:\n  numbers: ["999", "112"]\n  dial: "sofia/lab/help"\n'


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    one = build()
    dialplan = one.folder / "dialplan"
    for name, more in (("destinations", DESTINATIONS), ("routes", ROUTES), ("policy", HELP)):
        path = dialplan / f"{name}.yaml"
        path.write_text(path.read_text() + more)
    for name, text in TEAMS.items():
        (dialplan / f"teams/{name}.yaml").write_text(text)
    _speak(one.folder / "prompts", "en-GB", 0)
    _speak(one.folder / "prompts", "cy-GB", 25)
    one.start()
    return one


def _speak(prompts: Path, language: str, higher_hz: int) -> None:
    """All prompts in a language."""
    every = site.LENGTHS | MORE | {WAITING: (400, 1950)}
    text = f"language: {language}\nvoice: test tones\nprompts:\n"
    for name in every:
        text += f'  {name}: {{version: "3", text: Said of {name}.}}\n'
    (prompts / f"{language}.yaml").write_text(text)
    for rate in (8000, 16000):
        audio = prompts / language / str(rate)
        audio.mkdir(parents=True, exist_ok=True)
        for name, (ms, hz) in every.items():
            site.tone(audio / f"{name}.wav", rate, ms, hz + higher_hz)
    note_audio(prompts, language)


def script(dialled: str, *steps: Any, **places: Destination) -> CallScript:
    there = {name.removeprefix("at_"): place for name, place in places.items()}
    return CallScript(dialled=dialled, steps=steps, destinations=there)


def called(call: LabCall) -> list[str]:
    """The telephones that rang, in order."""
    return [number for number, _leg in call.others]


def test_a_team_that_is_closed(house: House) -> None:
    call = house.call(script(CLOSED, Wait(60_000)))
    assert call.played == [("closed", True)]
    assert call.record["ended"]["reason"] == "closed"
    assert call.record["recording"]["state"] == "none"
    placed = house.place(script(ELSEWHERE, at_duty=Destination.talks(1500)))
    call = house.over(placed)
    assert called(placed) == ["duty"]
    assert call.played == [("announcement", True)]
    call.assert_heard(1500)


@pytest.mark.parametrize(
    ("steps", "language", "played"),
    [
        ((DuringPrompt(300), Keys("2")), "cy-GB", [False, True]),
        ((Wait(60_000),), "en-GB", [True, True]),
    ],
    ids=["chosen", "not chosen"],
)
def test_a_language_is_chosen(
    house: House, steps: tuple[Any, ...], language: str, played: list[bool]
) -> None:
    placed = house.place(script(LANGUAGES, *steps, Wait(60_000), at_desk=Destination.talks(500)))
    call = house.over(placed)
    names = ["choose-language", "announcement"]
    assert call.played == list(zip(names, played, strict=True))
    assert call.record["language"] == language
    assert f"/{language}/" in placed.leg.heard[1].what
    call.assert_heard(500)


def test_three_calls_ring_three_telephones_first(house: House) -> None:
    first = []
    for _ in range(3):
        busy, talks = Destination.busy(), Destination.talks(500)
        placed = house.place(script(TURNS, at_1001=busy, at_1002=busy, at_1003=talks))
        call = house.over(placed)
        call.assert_heard(500)
        assert call.record["legs"][0]["number"] == "1003"
        first.append(called(placed)[0])
    assert sorted(first) == ["1001", "1002", "1003"]
    assert first[1] == {"1001": "1002", "1002": "1003", "1003": "1001"}[first[0]]


SILENT = Destination.silent()


def test_a_queue_and_what_comes_after_it(house: House) -> None:
    """Nothing of the wait is in a recording."""
    answers = Destination(answer_ms=4_000, steps=(WhenConnected(2000), HangUp()))
    placed = house.place(script(QUEUE, at_1001=Destination.busy(), at_1002=answers))
    call = house.over(placed)
    assert call.record["legs"][0]["number"] == "1002"
    call.assert_heard(2000)
    placed = house.place(
        script(QUEUE, at_1001=SILENT, at_1002=SILENT, at_duty=Destination.talks(1500))
    )
    call = house.over(placed)
    assert called(placed)[-1] == "duty"
    assert call.played == [("announcement", True), ("overflow", True)]
    assert call.record["durations"]["to_connect_ms"] > 20_000
    call.assert_heard(1500)


def test_opting_out_in_a_queue(house: House) -> None:
    keys = (DuringPrompt(), Wait(5000), Keys("*#*"))
    later = Destination(answer_ms=4_000, steps=(WhenConnected(2000), HangUp()))
    back = house.place(
        script(QUEUE, *keys, DuringPrompt(500), Keys("1"), at_1001=later, at_1002=SILENT)
    )
    ends = house.place(script(QUEUE, *keys, Wait(60_000), at_1001=SILENT, at_1002=SILENT))
    call = house.over(back)
    opted = call.record["opt_out"]
    assert (opted["started"], opted["returned"], opted["confirmed"]) == (1, 1, False)
    assert [name for name, _ in call.played] == ["announcement", "reminder"]
    for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
        assert call.loudness(channel, hz, 300, 1900) > 1000, "but for the guard of the gap"
    assert not tones_in(call.audio.read_bytes())
    call = house.over(ends)
    assert call.record["ended"]["reason"] == "opted-out"
    assert call.record["opt_out"]["how"] == "timeout"
    assert call.record["recording"]["state"] == "none"
    assert not ends.done.get().connected_ms
    assert not list(house.spool.rglob(f"{ends.uuid}*.wav"))


@pytest.mark.parametrize("after_ms", [-80, -40, 20])
def test_an_agent_takes_the_call_in_the_moment_of_the_opt_out(house: House, after_ms: int) -> None:
    """Whichever comes first, not one sample is kept of who does not come back."""
    # The last key comes some five seconds after the call began, and it rings since 2.1.
    agent = Destination(answer_ms=3_000 + after_ms)
    keys = (DuringPrompt(), Wait(4400), Keys("*#*"), Wait(60_000))
    placed = house.place(script(QUEUE, *keys, at_1001=agent, at_1002=SILENT))
    call = house.over(placed)
    assert call.record["ended"]["reason"] == "opted-out"
    assert call.record["opt_out"]["confirmed"]
    house.clock.run(60_000)
    assert not house.switch.legs()
    if call.record["recording"]["state"] == "kept":
        for channel, hz in ((CALLER, CALLER_HZ), (AGENT, AGENT_HZ)):
            assert call.loudness(channel, hz) < 20
    for path in house.spool.rglob("*.wav"):
        assert not tones_in(path.read_bytes())


def test_a_call_for_help_waits_for_no_engine(house: House) -> None:
    offered = house.engine.metrics.registry.get_sample_value
    for dialled in ("999", "112", "9999", "9112"):
        call = house.switch.place(
            CallScript.of_staff("1001", dialled, WhenConnected(1000), HangUp())
        )
        house.clock.run_until(call.done.ready)
        assert called(call) == ["help"], dialled
        assert call.done.get().connected_ms <= 40
        assert "socket" not in [app for app, _ in call.leg.app_log]
    assert house.engine.context.calls == {}
    assert not list((house.spool / "new").iterdir())
    assert not [one for one in house.switch.streams if "of call" in one.name]
    assert not offered("ivr_calls_total", {})
