"""Scripts of simulations: mistakes are said with their place; what is right becomes calls (R20)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config.load import ConfigurationError
from ivr.lab.script import HangUp, Hold, Keys, Speak, Tell, Unhold, Wait
from ivr.simulate import read_script
from ivr.simulate.script import context_of
from tests.simulate.stories import SITE, configuration

RIGHT = """\
at: "2026-11-24T10:00"
people:
  "1001": {answers: "2s", does: [{keys: "*7"}, {hold: "3s"}, {silent: "1s"}, {hang_up: true}]}
  "1002": {state: busy}
calls:
  - from: "07700900123"
    to: "01427676676"
    expect: {recorded: true}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "calls.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ('at: "2026-11-24T10:00"\n', "", "1:1", 'key "at" is missing'),
        ("2026-11-24T10:00", "tomorrow", "1:5", "expected a date and a time such as"),
        ("10:00", "25:00", "1:5", "expected a date and a time such as"),
        ("answers:", "answer:", "3:12", 'did you mean "answers"?'),
        ('"2s"', "2", "3:21", 'did you mean "2s"?'),
        ("busy", "bussy", "4:19", 'did you mean "busy"?'),
        ('{keys: "*7"}', '{keys: "seven"}', "3:41", "expected 1 to 64 keys"),
        ('{keys: "*7"}', "{}", "3:34", "expected exactly one key in it"),
        ('{keys: "*7"}', '{keys: "*7", wait: "1s"}', "3:34", "expected exactly one key in it"),
        ("hang_up: true", "hang_up: false", "3:78", "(hang_up: true)"),
        ('from: "07700900123"', "from: 07700900123", "6:11", "expected quotes"),
        ("recorded: true", "recorded: yes", "8:24", "expected true or false"),
        ("recorded: true", "recordet: true", "8:14", 'did you mean "recorded"?'),
        ('    to: "01427676676"\n', "", "6:5", 'key "to" is missing'),
    ],
)
def test_a_mistake_is_said_with_its_place_and_what_was_expected(
    old: str, new: str, place: str, words: str, tmp_path: Path
) -> None:
    assert old in RIGHT
    path = write(tmp_path, RIGHT.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as raised:
        read_script(path)
    said = str(raised.value)
    assert f"calls.yaml:{place}: " in said
    assert words in said


def test_a_script_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the file is missing"):
        read_script(tmp_path / "calls.yaml")


def test_what_people_do_becomes_the_steps_of_their_telephones(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    script = read_script(write(tmp_path, RIGHT))
    people = script.people(configuration(), lambda who, text: told.append((who, text)))
    steps = [step for step in people["1001"].steps if not isinstance(step, Tell)]
    assert steps == [
        *(Keys("*7"), Hold(), Wait(3000), Unhold()),
        *(Speak(False), Wait(1000), Speak(True), HangUp()),
    ]
    assert people["1001"].answer_ms == 2000
    assert people["1002"].refusal == "USER_BUSY"
    for step in people["1001"].steps:
        if isinstance(step, Tell):
            step.moment.now()
            step.moment.now()  # a second call of the same telephone tells of it, too
    assert told.count(("1001", "presses *7")) == 2


def test_telephones_of_the_house_that_nobody_named_are_not_there(tmp_path: Path) -> None:
    script = read_script(write(tmp_path, RIGHT))
    people = script.people(configuration(), lambda _who, _text: None)
    assert people["1003"].refusal == "SUBSCRIBER_ABSENT"


def test_an_extension_calls_where_staff_dial_and_others_where_callers_do() -> None:
    assert SITE.name == "ivr.yaml"
    assert context_of(configuration(), "1001") == "default"
    assert context_of(configuration(), "07700900123") == "public"
