"""The event socket's bytes: framing, lazy headers, and the text of commands. Pure.

FreeSWITCH sends 6 to 12 KB of headers with every event, of which the engine reads
five. So a message keeps its bytes and a header is looked up when it is asked for:
the bytes are searched as they came, undecoded, for a line that begins with its name.
In plain events every value is URL-encoded, so a line feed that a caller put into a
value is ``%0A`` here and cannot begin a line: no value forges a header (R23,
docs/freeswitch.md 4). Only the value found is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from ivr.errors import WireError

MOST_HEAD = 4 * 1024 * 1024
"""Bytes that the headers of one message may take. CHANNEL_DATA takes about 6 KB, and more of
what a caller puts into an INVITE; a limit in a caller's reach would be a way around being
recorded, so this one is beyond what SIP can carry."""
MOST_BODY = 4 * 1024 * 1024
"""Bytes that a body may take; an event takes at most about 20 KB, and no command is sent whose
answer grows with the calls there are."""

EVENT = "text/event-plain"
REPLY = "command/reply"
API = "api/response"
"""The kinds of message that the engine acts on, by their Content-Type."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Message:
    """One message from FreeSWITCH: a head, and a body where it has one."""

    __slots__ = ("_head", "body", "kind")

    def __init__(self, kind: str, head: bytes, body: bytes) -> None:
        self.kind = kind
        """Its Content-Type; empty where it has none (docs/freeswitch.md 5)."""
        self._head = head
        self.body = body
        """Undecoded, without the head."""

    @property
    def reply(self) -> str:
        """What FreeSWITCH answered: Reply-Text of a reply, the body of an api response."""
        if self.kind == API:
            return decode(self.body).strip()
        return (_first(self._head, b"Reply-Text") or "").strip()

    @property
    def refused(self) -> bool:
        """FreeSWITCH said no: ``-ERR``, ``-USAGE``."""
        if self.kind == API:
            return self.body.startswith(b"-")
        return b"\nReply-Text: -" in self._head or self._head.startswith(b"Reply-Text: -")

    def head(self, name: str) -> str | None:
        """A header of the head, decoded; None where it is missing."""
        return _first(self._head, name.encode())

    @property
    def event_name(self) -> str:
        """The event's name, empty where the message is not an event."""
        body = self.body
        end = body.find(b"\n", 12)
        if end < 0 or not body.startswith(b"Event-Name: "):
            return _first(body, b"Event-Name") or ""
        return body[12:end].decode("ascii", "replace")

    def first(self, name: bytes) -> str | None:
        """A header of the event, searched from its beginning (where the channel's data is)."""
        return _first(self.body, name)

    def last(self, name: bytes) -> str | None:
        """The same, searched from the end, where variables and the event's own headers are."""
        body = self.body
        start = body.rfind(b"\n" + name + b": ")
        if start < 0:
            return _first(body, name) if body.startswith(name) else None
        start += len(name) + 3
        return _value(body, start)


def _first(block: bytes, name: bytes) -> str | None:
    if block.startswith(name + b": "):
        return _value(block, len(name) + 2)
    start = block.find(b"\n" + name + b": ")
    return None if start < 0 else _value(block, start + len(name) + 3)


def _value(block: bytes, start: int) -> str:
    end = block.find(b"\n", start)
    raw = block[start:] if end < 0 else block[start:end]
    return decode(unquote_to_bytes(raw) if b"%" in raw else raw)


def decode(raw: bytes) -> str:
    """Bytes as text; what is not UTF-8 becomes U+FFFD (a Latin-1 name, docs/freeswitch.md 3)."""
    return raw.decode("utf-8", "replace")


class Framer:
    """Cuts a stream of bytes into messages. Holds at most one unfinished message."""

    __slots__ = ("_held", "_want")

    def __init__(self) -> None:
        self._held = bytearray()
        self._want = 0

    @property
    def held(self) -> int:
        """Bytes of the message that is not finished yet; never more than the limits and
        what was fed last."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes as they came; give each message that they complete.

        Raises:
            WireError: the head is too long, or Content-Length is no number or too large.
                The stream cannot be read any further.
        """
        if self._held and not (data := self._joined(data)):
            return
        at, most = 0, len(data)
        while at < most:
            if data.startswith(b"\n", at):
                at += 1
                continue
            end = data.find(b"\n\n", at)
            if (most if end < 0 else end) - at > MOST_HEAD:
                raise WireError(
                    f"FreeSWITCH sent more than {MOST_HEAD} bytes of headers"
                    " without an end; the connection is dropped"
                )
            if end < 0:
                self._hold(data[at:], 0)
                return
            head = data[at:end]
            kind, length = _kind_and_length(head)
            stop = end + 2 + length
            if stop > most:
                self._hold(data[at:], stop - at)
                return
            body = data[end + 2 : stop]
            at = stop
            yield Message(kind, head, _headers(body) if kind == EVENT else body)

    def _hold(self, rest: bytes, want: int) -> None:
        """Keep what is unfinished until there are ``want`` bytes; 0 is until its head ends."""
        self._held += rest
        self._want = want

    def _joined(self, data: bytes) -> bytes:
        """All that is held and this, once that can finish something; nothing before.

        It is copied out at most twice a message and not kept in pieces, so that a stream in
        single bytes costs no more than its length, in time and in memory.
        """
        held = self._held
        seam = len(held) - 1
        held += data
        if self._want:
            ready = len(held) >= self._want
        else:
            ready = held.find(b"\n\n", seam) >= 0 or len(held) > MOST_HEAD
        if not ready:
            return b""
        whole = bytes(held)
        held.clear()
        return whole


_EVENT_END = b"\nContent-Type: text/event-plain"
_LENGTH, _REPLY, _API = (
    b"Content-Length: ",
    b"Content-Type: command/reply\nReply-Text: ",
    b"Content-Type: api/response\nContent-Length: ",
)


def _kind_and_length(head: bytes) -> tuple[str, int]:
    """What kind of message a head begins, and how long its body is.

    Three shapes are nearly all there are and are told by their ends; others are searched.
    """
    if head.endswith(_EVENT_END) and head.startswith(_LENGTH):
        digits = head[len(_LENGTH) : -len(_EVENT_END)]
        if digits.isdigit() and len(digits) < 7:
            return EVENT, int(digits)
    elif head.startswith(_REPLY):
        if head.find(b"\n", len(_REPLY)) < 0:
            return REPLY, 0
    elif head.startswith(_API):
        digits = head[len(_API) :]
        if digits.isdigit() and len(digits) < 7:
            return API, int(digits)
    return _first(head, b"Content-Type") or "", _length(head)


def _headers(event: bytes) -> bytes:
    """An event without the body of its own that some have: nothing in there is encoded, so a
    stranger's line would look like a header."""
    at = event.find(b"\nContent-Length: ")
    end = event.find(b"\n\n", at + 1) if at >= 0 else -1
    return event if end < 0 else event[: end + 1]


def _length(head: bytes) -> int:
    text = _first(head, b"Content-Length")
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > MOST_BODY:
        raise WireError(
            f"FreeSWITCH announced a body of {text[:40]!r} bytes, expected a number up to"
            f" {MOST_BODY}; the connection is dropped"
        )
    return int(text)


# Commands. They are made here and nowhere else.


def line(text: str) -> bytes:
    """A command of one line.

    Raises:
        WireError: ``text`` holds a control character: it would end the line and let what
            follows be a command of its own (R23).
    """
    return _safe(text) + b"\n\n"


def execute(app: str, arg: str, event_id: str, channel: str = "") -> bytes:
    """Queue an application on the socket's own channel, or on another ``channel``.

    ``event_id`` comes back as ``Application-UUID`` when it is done (docs/freeswitch.md 6).

    Raises:
        WireError: as :func:`line`.
    """
    head = b"sendmsg" + (b" " + _safe(channel) if channel else b"")
    head += b"\ncall-command: execute\nexecute-app-name: " + _safe(app)
    if arg:
        head += b"\nexecute-app-arg: " + _safe(arg)
    return head + b"\nEvent-UUID: " + _safe(event_id) + b"\n\n"


def _safe(text: str) -> bytes:
    found = _CONTROL.search(text)
    if found is not None:
        # Not the whole text: a password may be in it.
        word = text[: found.start()].partition(" ")[0][:40]
        raise WireError(
            f"refused to send FreeSWITCH a text that begins with {word!r}: character"
            f" {found.start() + 1} of it is the control character {found[0]!r}, and what"
            " follows would be a command of its own; take it out where the text comes from"
        )
    return text.encode("utf-8", "replace")
