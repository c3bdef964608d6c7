"""Recorded conversations with a real FreeSWITCH, cut into what each side said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.lab.client import Message, make_message, read_head

CAPTURES = Path(__file__).parent.parent / "captures"


@dataclass(frozen=True)
class Said:
    """A command of the client."""

    text: str


def read_capture(name: str) -> list[Said | Message]:
    """The conversation in order."""
    lines = (CAPTURES / f"{name}.txt").read_text("utf-8", "surrogateescape").split("\n")
    found: list[Said | Message] = []
    heard: list[str] = []
    said: list[str] = []
    for line in lines:
        if line.startswith(">>> "):
            found += _messages("\n".join(heard))
            heard = []
            said.append(line[4:])
        else:
            if said:
                found.append(Said("\n".join(said)))
                said = []
            heard.append(line)
    return [*found, *_messages("\n".join(heard))]


def _messages(text: str) -> list[Message]:
    data = text.encode("utf-8", "surrogateescape")
    found = []
    while data.strip(b"\n"):
        head, _, data = data.lstrip(b"\n").partition(b"\n\n")
        decoded = head.decode("utf-8", "surrogateescape")
        size = int(read_head(decoded).get("Content-Length", 0))
        body, data = data[:size], data[size:]
        found.append(make_message(decoded, body.decode("utf-8", "surrogateescape")))
    return found
