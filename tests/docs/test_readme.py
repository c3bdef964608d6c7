"""What README.md shows of commands is what they print."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from ivr.cli import main
from tests.docs.pages import ROOT

_SHOWN = re.compile(r"^\$ ivr ((?:route|simulate) .+)\n((?:.+\n|\n)*?)```", re.MULTILINE)
_TIME = re.compile(r"[0-9]+[.:][0-9.:]*")
LEFT_OUT = "…"


def shown() -> list[tuple[str, list[str]]]:
    """Commands, and what they print."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [(words, timeless(said)) for words, said in _SHOWN.findall(text)]


def timeless(text: str) -> list[str]:
    """The lines, without seconds that a change of the lab's may move."""
    return [_TIME.sub("0", line) for line in text.splitlines()]


def test_two_commands_are_shown() -> None:
    assert [words.split()[0] for words, _said in shown()] == ["route", "simulate"]


@pytest.mark.parametrize(("words", "said"), shown())
def test_a_command_prints_what_is_shown(
    words: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    printed = timeless(CliRunner().invoke(main, words.split()).output)
    place = 0
    for line in said:
        if line != LEFT_OUT:
            assert line in printed[place:], f"README.md shows {line!r}"
            place = printed.index(line, place) + 1
