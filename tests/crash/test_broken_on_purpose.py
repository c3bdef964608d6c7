"""The books do not balance where an engine does not do what it must: the crash test can fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.core import pausing
from ivr.core.steps import Step
from ivr.engine import looking, recovery
from ivr.storage import filing, journal, readback
from ivr.storage.segments import read
from tests.crash import story
from tests.crash.telling import deaths, told

AT_ONCE = (0, False)
"""When the next engine is there."""

pytestmark = pytest.mark.usefixtures("mortals")


@pytest.fixture
def unbalanced(tmp_path: Path) -> Callable[..., str]:
    """Tells the story with an engine killed at the first step whose name has all of these; what
    is wrong then."""
    every = deaths(told(tmp_path, story.tell).steps)

    def run(*words: str, nth: int = 0) -> str:
        dying = [one for one in every if all(word in str(one) for word in words)]
        return "\n".join(told(tmp_path, story.tell, [dying[nth]], AT_ONCE).wrong)

    return run


def test_the_journal_is_not_read(
    unbalanced: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unbalanced("hear CHANNEL_APPLICATION") == ""
    monkeypatch.setattr(journal, "recover", lambda folder, _spare: replace(read(folder), calls=()))
    assert "is not in the journal" in unbalanced("hear CHANNEL_APPLICATION")


def test_a_pause_is_forgotten(
    unbalanced: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the journal, and by what the channel remembers; killed when the agent was to resume."""
    assert unbalanced("hear CHANNEL_APPLICATION", nth=1) == ""
    monkeypatch.setattr(pausing, "taken_up", Step)
    assert unbalanced("hear CHANNEL_APPLICATION", nth=1) == "", "one of the two is enough"
    monkeypatch.setattr(looking, "remembered", lambda _text: None)
    assert "are silent" in unbalanced("hear CHANNEL_APPLICATION", nth=1)


def test_pauses_are_not_made_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "silence", lambda *_: None)
    monkeypatch.setattr(readback.ReadBack, "_loud", lambda *_: ())
    assert "not silent from" in "\n".join(told(tmp_path, story.tell).wrong)


def test_a_recording_is_moved_while_freeswitch_writes_it(
    unbalanced: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next engine believes that the calls are over which it finds."""
    real = recovery.Recovery.found

    def found(self: Any, call_id: str, *more: Any, **named: Any) -> None:
        real(self, call_id, False)

    monkeypatch.setattr(recovery.Recovery, "found", found)
    assert "while the switch wrote it" in unbalanced("hear CHANNEL_APPLICATION")


def test_a_record_is_written_again(
    unbalanced: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the record was visible, and the journal did not know of it."""
    step = "unlink tmp/", ".proofs"
    assert unbalanced(*step) == ""
    lexists = os.path.lexists
    monkeypatch.setattr(
        filing.os.path,
        "lexists",
        lambda path: not str(path).endswith(".json") and lexists(path),
    )
    assert "written 2 times" in unbalanced(*step)
