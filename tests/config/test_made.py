"""Audio that is not what its catalogue says is found before a record names it (R18, R20)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.config.load import check, load
from ivr.errors import ConfigError
from tests.config.conftest import GOOD, PROMPTS, build, tone
from tests.noted import note_audio

CATALOGUE = Path("prompts/en-GB.yaml")
MADE = Path("prompts/en-GB/made.json")
ALL_AGAIN = (
    "python prompts/make_audio.py (or python prompts/make_audio.py --recorded FOLDER, with a "
    "person's recording)"
)


def again(name: str) -> str:
    """What is to be done about one prompt."""
    return (
        f"python prompts/make_audio.py {name} (or python prompts/make_audio.py --recorded FOLDER "
        f"{name}, with a person's recording)"
    )


def printed(site_file: Path) -> list[str]:
    """What ``ivr check`` prints."""
    return [str(mistake) for mistake in check(site_file)]


def test_every_version_raised_without_new_audio(site_file: Path) -> None:
    text = GOOD["prompts/en-GB.yaml"]
    for old in ("1", "3", "4"):
        text = text.replace(f'version: "{old}"', 'version: "9"')
    CATALOGUE.write_text(text)
    found = printed(site_file)
    assert [line.split(":")[1] for line in found] == [str(n) for n in range(4, 12)]
    for line, name in zip(found, PROMPTS, strict=True):
        assert '"version" is "9", but the audio was made as version' in line
        assert line.endswith(again(name))
    with pytest.raises(ConfigError):
        load(site_file)


def test_line_breaks_in_a_text_are_no_change(site_file: Path) -> None:
    text = GOOD["prompts/en-GB.yaml"]
    CATALOGUE.write_text(
        text.replace("text: The call will end.", 'text: "The call\n    will end."')
    )
    assert printed(site_file) == []


@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_audio_of_another_prompt(site_file: Path, rate: int) -> None:
    folder = Path(f"prompts/en-GB/{rate}")
    tone(folder / "goodbye.wav", rate, ms=500)
    note_audio(Path("prompts"), "en-GB")
    shutil.copy(folder / "goodbye.wav", folder / "busy.wav")
    assert printed(site_file) == [
        f'prompts/en-GB.yaml:8:3: prompts/en-GB/{rate}/busy.wav is the audio of "goodbye", '
        f"expected it made again: {again('busy')}"
    ]


def test_audio_that_was_put_there_by_hand(site_file: Path) -> None:
    tone(Path("prompts/en-GB/8000/busy.wav"), 8000, ms=500)
    assert printed(site_file) == [
        "prompts/en-GB.yaml:8:3: prompts/en-GB/8000/busy.wav is not the audio that was made of "
        f"this prompt, expected it made again: {again('busy')}"
    ]


def test_what_else_is_wrong_with_a_prompt_is_said_too(site_file: Path) -> None:
    CATALOGUE.write_text(
        GOOD["prompts/en-GB.yaml"].replace('busy: {version: "1"', 'busy: {version: "2"')
    )
    tone(Path("prompts/en-GB/8000/busy.wav"), 8000, level=2.0)
    tone(Path("prompts/en-GB/16000/busy.wav"), 16000, ms=500)
    assert [line.split(", ")[0] for line in printed(site_file)] == [
        "prompts/en-GB.yaml:8:3: prompts/en-GB/16000/busy.wav is not the audio that was made of "
        "this prompt",
        "prompts/en-GB.yaml:8:3: prompts/en-GB/8000/busy.wav is clipped",
        'prompts/en-GB.yaml:8:19: "version" is "2"',
    ]


def test_a_prompt_that_is_gone_from_the_catalogue_does_not_matter(site_file: Path) -> None:
    made = json.loads(MADE.read_text())
    made["gone"] = made["busy"]
    MADE.write_text(json.dumps(made))
    assert printed(site_file) == []


def test_a_language_without_its_notes_is_told_how_to_make_them(site_file: Path) -> None:
    MADE.unlink()
    assert printed(site_file) == [
        "prompts/en-GB/made.json:1:1: the file is missing, expected what make_audio.py notes "
        f"there when it makes the audio: {ALL_AGAIN}"
    ]


def test_another_language_is_recorded_by_a_person(site_file: Path) -> None:
    """The synthetic voice speaks English only."""
    Path("prompts/cy.yaml").write_text(GOOD["prompts/en-GB.yaml"].replace("en-GB", "cy"))
    shutil.copytree("prompts/en-GB", "prompts/cy")
    assert printed(site_file) == []
    tone(Path("prompts/cy/8000/busy.wav"), 8000, ms=500)
    [wrong] = printed(site_file)
    assert wrong.startswith("prompts/cy.yaml:8:3: prompts/cy/8000/busy.wav is not the audio")
    assert wrong.endswith(": python prompts/make_audio.py --language cy --recorded FOLDER busy")
    Path("prompts/cy/made.json").unlink()
    [missing] = printed(site_file)
    assert missing.endswith(": python prompts/make_audio.py --language cy --recorded FOLDER")


DAMAGED = "prompts/en-GB/made.json:1:1: the file is not as make_audio.py writes it ("


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '<<<<<<< HEAD\n{"busy": {}}',
        '{"busy": {"version": "1", "text_sha256": "a", "by": "x"}}',
        '{"busy": {"version": 1, "text_sha256": "a", "by": "x", "audio_sha256": {}}}',
        "[" * 100_000,
        '{"a\\nb": 3}',
    ],
)
def test_notes_that_are_damaged(site_file: Path, text: str) -> None:
    MADE.write_text(text)
    [line] = printed(site_file)
    assert line.startswith(DAMAGED)
    assert line.isprintable()
    assert line.endswith(f"or removed and every prompt made again: {ALL_AGAIN}")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right configuration whose notes every example spoils."""
    root = tmp_path_factory.mktemp("made")
    build(root)
    return root


@settings(max_examples=60, deadline=None)
@example(data=b'{"busy": {"version": "\\ud800"}}')
@given(data=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_notes_give_a_mistake(root: Path, data: bytes) -> None:
    (root / MADE).write_bytes(data)
    mistakes = check(root / "deploy/ivr.yaml")
    assert mistakes
    assert all(str(mistake).isprintable() for mistake in mistakes)
