"""Whatever is changed in a trail is found (R17)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.retention.audit.line import canonical, logged, seal, text_of
from ivr.retention.model import Entry
from tests.retention.audit.scene import Scene


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with TemporaryDirectory() as folder:
        made = Scene(Path(folder))
        own = made.folder / "checkpoints"
        (made.copies / "checkpoints").write_bytes(own.read_bytes())
        assert made.verify().good
        yield made


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_byte_that_was_changed_anywhere(scene: Scene, data: st.DataObject) -> None:
    paths = [*sorted(scene.folder.glob("*.log")), scene.folder / "checkpoints"]
    path = data.draw(st.sampled_from([*paths, scene.copies / "checkpoints"]))
    before = path.read_bytes()
    at = data.draw(st.integers(0, len(before) - 1))
    byte = data.draw(st.one_of(st.sampled_from(b"\n 0123456789aZ{}\0"), st.integers(0, 255)))
    changed = before[:at] + bytes([byte]) + before[at + 1 :]
    try:
        path.write_bytes(changed)
        assert scene.verify().good is (changed == before)
    finally:
        path.write_bytes(before)


MOVES = st.tuples(
    st.sampled_from(("drop", "double", "move", "text", "change")),
    st.integers(0, 17),
    st.integers(0, 17),
)


@settings(max_examples=400, deadline=None)
@given(moves=st.lists(MOVES, min_size=1, max_size=6))
def test_lines_that_were_moved_about(scene: Scene, moves: list[tuple[str, int, int]]) -> None:
    """Lines are taken, doubled, moved and written over, and put into the files anyhow."""
    paths = sorted(scene.folder.glob("*.log"))
    before = [path.read_bytes() for path in paths]
    original = b"".join(before).splitlines(keepends=True)
    lines = list(original)
    for what, one, other in moves:
        place = min(one, len(lines))
        if what == "text":
            lines.insert(place, b"hello\n")
        elif what == "double":
            lines.insert(place, original[other])
        elif place < len(lines):
            line = lines.pop(place)
            if what == "move":
                lines.insert(min(other, len(lines)), line)
            elif what == "change":
                lines.insert(place, line.replace(b"ann", b"bob"))
    try:
        for path, first in zip(paths, (0, 4, 8, 12, 16), strict=True):
            end = None if first == 16 else first + 4
            path.write_bytes(b"".join(lines[first:end]))
        report = scene.verify()
        assert report.good is (lines == original)
        assert report.entries <= len(lines)
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_bytes(content)


TEXT = st.text()


@given(detail=TEXT, who=TEXT, reason=TEXT)
def test_whatever_strangers_send_is_one_line_and_comes_back(
    detail: str, who: str, reason: str
) -> None:
    text = text_of(Entry("listen", who, "granted", detail=detail), "")
    assert text.isascii()
    assert b"\n" not in text
    entry = logged(b"1 " + b"0" * 64 + b" " + text)
    assert entry is not None
    assert (entry.who, entry.detail) == (who, detail)
    sealed = seal("00" * 32, canonical({"reason": reason}))
    assert sealed != seal("01" + "00" * 31, canonical({"reason": reason}))
