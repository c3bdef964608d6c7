"""An engine that is killed at every step that it takes, and the one after it (R22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import story
from tests.crash.telling import deaths, told

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
    every = deaths(told(tmp_path, story.tell).steps)
    assert len(every) > 100
    unbalanced = {}
    for death in every[chunk::CHUNKS]:
        one = told(tmp_path, story.tell, [death])
        assert one.lives[0].dead, f"{death}: never came to it"
        if one.wrong:
            unbalanced[str(death)] = one.wrong
    assert unbalanced == {}
