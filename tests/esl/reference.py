"""The event socket read the slow and simple way, to hold the engine's reader against.

Nothing but the limits is shared with ``ivr/esl``: lines are cut at every line feed, one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote_to_bytes

from ivr.esl.wire import MOST_BODY, MOST_HEAD


def value_of(lines: list[bytes], name: bytes) -> str | None:
    """The decoded value of the first line that begins with this name."""
    begin = name + b": "
    for line in lines:
        if line.startswith(begin):
            return unquote_to_bytes(line[len(begin) :]).decode("utf-8", "replace")
    return None


@dataclass(frozen=True)
class Plain:
    """A message; answers as :class:`ivr.esl.wire.Message` does."""

    raw_head: bytes
    body: bytes

    @cached_property
    def head_lines(self) -> list[bytes]:
        return self.raw_head.split(b"\n")

    @cached_property
    def kind(self) -> str:
        return value_of(self.head_lines, b"Content-Type") or ""

    def head(self, name: str) -> str | None:
        return value_of(self.head_lines, name.encode())

    @cached_property
    def lines(self) -> list[bytes]:
        """The event's headers; a body of its own comes after a Content-Length and an empty line."""
        lines = self.body.split(b"\n")
        for at, line in enumerate(lines):
            if at and line.startswith(b"Content-Length: ") and b"" in lines[at + 1 : -1]:
                return lines[: lines.index(b"", at + 1)]
        return lines

    @property
    def reply(self) -> str:
        if self.kind == "api/response":
            return self.body.decode("utf-8", "replace").strip()
        return (self.head("Reply-Text") or "").strip()

    @property
    def refused(self) -> bool:
        if self.kind == "api/response":
            return self.body.startswith(b"-")
        return any(line.startswith(b"Reply-Text: -") for line in self.head_lines)

    @property
    def event_name(self) -> str:
        """As it stands where it comes first, which it always does; decoded elsewhere."""
        head, _, rest = self.body.partition(b"\n")
        if head.startswith(b"Event-Name: ") and rest:
            return head[12:].decode("ascii", "replace")
        return self.first(b"Event-Name") or ""

    def first(self, name: bytes) -> str | None:
        return value_of(self.lines, name)

    def last(self, name: bytes) -> str | None:
        return value_of(self.lines[::-1], name)


@dataclass(frozen=True)
class Reading:
    """What a stream holds, and whether reading it has to end there."""

    messages: list[Plain]
    broken: bool


def read(stream: bytes) -> Reading:
    """Cut a whole stream into messages."""
    found: list[Plain] = []
    rest = stream
    while True:
        rest = rest.lstrip(b"\n")
        head, gap, rest = rest.partition(b"\n\n")
        if len(head) > MOST_HEAD:
            return Reading(found, True)
        if not gap:
            return Reading(found, False)
        told = value_of(head.split(b"\n"), b"Content-Length")
        length = 0
        if told is not None:
            plain = told.isascii() and told.isdigit() and len(told) <= 10
            if not plain or int(told) > MOST_BODY:
                return Reading(found, True)
            length = int(told)
        if len(rest) < length:
            return Reading(found, False)
        found.append(Plain(head, rest[:length]))
        rest = rest[length:]
