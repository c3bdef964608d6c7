"""A journal that is cut short, or has lost a line: nothing that FreeSWITCH wrote is lost (R22).

That a journal which is cut at any byte is read up to there is a test of its own in
``tests/storage``; here an engine starts with what is left of one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import story
from tests.crash.place import Place
from tests.crash.telling import deaths, told

pytestmark = pytest.mark.usefixtures("mortals")

CHUNKS = 3


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Where everything has happened and the last call has just ended, unseen by its engine."""
    every = told(tmp_path, story.tell).steps
    last = [death for death in deaths(every) if "RECORD_STOP" in str(death)][-1]
    one = Place(tmp_path)
    try:
        one.start(last)
        one.clock.settle()
        story.tell(one)
        one.clock.run_until(lambda: one.callers.all_over and one.life.dead)
        shutil.copytree(one.spool, tmp_path / "left")
        yield one
    finally:
        one.close()


def next_engine(place: Place, journal: bytes) -> list[str]:
    """Have an engine start with this journal; what is wrong then."""
    shutil.rmtree(place.spool)
    shutil.copytree(place.folder / "left", place.spool)
    (segment,) = (place.spool / "journal").iterdir()
    segment.write_bytes(journal)
    place.shown.clear()
    place.start()
    place.clock.run(12_000)
    wrong = place.books()
    place.life.die()
    place.clock.settle()
    return wrong


def journal_of(place: Place) -> list[bytes]:
    """Its lines."""
    (segment,) = (place.folder / "left/journal").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    assert len(lines) > 30
    return lines


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_cut_short(place: Place, chunk: int) -> None:
    """After each line, and within each."""
    assert next_engine(place, b"".join(journal_of(place))) == []
    place.forgotten = True
    lines, unbalanced = journal_of(place), {}
    for number in range(chunk, len(lines), CHUNKS):
        for tail in (b"", lines[number][: len(lines[number]) // 2]):
            if wrong := next_engine(place, b"".join(lines[:number]) + tail):
                unbalanced[f"after line {number} and {len(tail)} bytes"] = wrong
    assert unbalanced == {}


def test_a_line_is_lost(place: Place) -> None:
    """One in the middle: damaged, or not there."""
    place.forgotten = True
    lines, unbalanced = journal_of(place), {}
    for number in range(len(lines)):
        damaged = lines[number].replace(b'"crc":', b'"crc":1')
        for instead in (b"", damaged) if number % 2 else (damaged,):
            journal = b"".join([*lines[:number], instead, *lines[number + 1 :]])
            if wrong := [each for each in next_engine(place, journal) if "aside/" not in each]:
                unbalanced[f"without line {number}: {lines[number][:160]!r}"] = wrong
    assert unbalanced == {}
