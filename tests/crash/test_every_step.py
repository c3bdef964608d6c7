"""An engine that is killed at every step that it takes, and the one after it (R22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import story
from tests.crash.telling import Story, deaths, told

CHUNKS = 8

pytestmark = pytest.mark.usefixtures("mortals")


def test_nobody_dies(tmp_path: Path) -> None:
    """The story itself, and that it takes the steps that it is told for."""
    one = told(tmp_path, story.tell)
    assert list(one.wrong) == []
    taken = [step.name for step in one.steps]
    for each in (
        "write journal/0000000001.journal",
        "hear RECORD_START",
        "command sendmsg bridge",
        "hear CHANNEL_APPLICATION",
    ):
        assert each in taken
    for each in ("mask", "unmask", "start"):
        assert any(f" {each} " in name for name in taken if "uuid_record" in name), each
    for each in ("pwrite recording/", "rename recording/", "rename tmp/", "unlink tmp/"):
        assert any(name.startswith(each) for name in taken), each


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_killed_at_each_step(tmp_path: Path, chunk: int) -> None:
    """The books balance wherever the engine was killed."""
    assert _unbalanced(tmp_path, story.tell, chunk, CHUNKS) == {}


@pytest.mark.parametrize("chunk", range(CHUNKS // 4))
def test_killed_in_a_harder_story(tmp_path: Path, chunk: int) -> None:
    """The same at each fourth step, with a mask that is refused, a call that staff make, and one
    that is handed over."""
    assert _unbalanced(tmp_path, story.tell_harder, 4 * chunk, CHUNKS) == {}


def _unbalanced(folder: Path, tell: Story, first: int, each: int) -> dict[str, tuple[str, ...]]:
    whole = told(folder, tell)
    assert list(whole.wrong) == []
    every = deaths(whole.steps)
    assert len(every) > 100
    unbalanced = {}
    for death in every[first::each]:
        one = told(folder, tell, [death])
        assert one.lives[0].dead, f"{death}: never came to it"
        if one.wrong:
            unbalanced[str(death)] = one.wrong
    return unbalanced


FIRST = (
    ("hear CHANNEL_APPLICATION", (1_700, False)),
    ("hear RECORD_START", (60, True)),
    ("rename recording/", (0, False)),
)
"""Where the first engine dies, and what follows: the second one is killed as it takes up what was
left, some of which is over by then."""
EVERY = 6


@pytest.mark.parametrize("chunk", range(CHUNKS // 2))
@pytest.mark.parametrize("first", FIRST, ids=lambda first: first[0])
def test_killed_again(tmp_path: Path, first: tuple[str, tuple[int, bool]], chunk: int) -> None:
    """The next engine is killed as well, at one of its steps, and the third one finds all that
    either left."""
    words, away = first
    every = deaths(told(tmp_path, story.tell).steps)
    once = next(death for death in every if death.step.name.startswith(words))
    again = deaths(told(tmp_path, story.tell, [once], away).lives[1].steps)
    assert len(again) > 20
    unbalanced = {}
    for death in again[chunk * EVERY :: EVERY * CHUNKS // 2]:
        one = told(tmp_path, story.tell, [once, death], away)
        assert one.lives[1].dead, f"{death}: never came to it"
        if one.wrong:
            unbalanced[f"{once}; {death}"] = one.wrong
    assert unbalanced == {}
