"""Recorded conversations with a real FreeSWITCH, byte for byte (docs/freeswitch.md)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.esl.reference import Plain, read

FOLDER = Path(__file__).parent.parent / "captures"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.txt")))


@cache
def stream(name: str) -> bytes:
    """All that FreeSWITCH sent, without the empty lines that part it from what was said to it."""
    return b"".join(raw(message) for message in messages(name))


@cache
def messages(name: str) -> tuple[Plain, ...]:
    """The same, cut."""
    lines = (FOLDER / f"{name}.txt").read_bytes().split(b"\n")
    reading = read(b"\n".join(line for line in lines if not line.startswith(b">>> ")))
    assert not reading.broken
    return tuple(reading.messages)


def raw(message: Plain) -> bytes:
    """A message as it came."""
    return message.raw_head + b"\n\n" + message.body


def events(name: str, event_name: str) -> list[bytes]:
    """The messages that hold events of this name."""
    return [raw(m) for m in messages(name) if m.event_name == event_name]


def connect_reply(name: str = "opt-out-then-return") -> bytes:
    """The answer to ``connect``."""
    return raw(messages(name)[0])
