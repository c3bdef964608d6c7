"""The switch's side of the event socket: what a client sends, and how values are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

_LONGEST_COMMAND = 10_485_760
"""Bytes FreeSWITCH reads of one command before it takes what it has."""

_UNSAFE = re.compile(rb"""%(?![0-9A-F][0-9A-F])|[^ -~]|[ "#&+:;<=>?@\[\\\]^`{|}]""")

GOODBYE = b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
"""The body of FreeSWITCH's last message on a connection."""


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """One command of a client: a line, headers below it, and perhaps a body."""

    command: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: str = ""

    def header(self, name: str) -> str | None:
        """The header's value, or None; ``name`` in lower case."""
        return self.headers.get(name)


class ClientReader:
    """Cuts the bytes of a client into :class:`ClientMessage`."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[ClientMessage]:
        """Take bytes and yield each message that they complete."""
        self._buffer = (self._buffer + data.replace(b"\r", b"")).lstrip(b"\n")
        while True:
            head, gap, rest = self._buffer.partition(b"\n\n")
            if not gap:
                if len(head) < _LONGEST_COMMAND:
                    return
                rest = b""
            lines = head.decode("utf-8", "surrogateescape").split("\n")
            headers = {}
            for line in lines[1:]:
                name, colon, value = line.partition(":")
                if colon:
                    headers[name.lower()] = value.lstrip(" ")
            length = _length(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            body, rest = rest[:length], rest[length:]
            self._buffer = rest.lstrip(b"\n")
            yield ClientMessage(lines[0], headers, body.decode("utf-8", "surrogateescape"))


def _length(text: str) -> int:
    """A C programmer's ``atoi``: the digits at the front, else nought."""
    match = re.match(r"\s*(\d{1,9})", text)
    return int(match[1]) if match else 0


@lru_cache(maxsize=8192)
def url_encode(value: str) -> bytes:
    """Encode a value as FreeSWITCH does: ``%XX`` that is there already stays as it came.

    Only upper-case hexadecimal counts as there already, and that is how a stranger's
    ``%0A`` reaches the client as a line feed (docs/freeswitch.md 4).
    """
    raw = value.encode("utf-8", "surrogateescape")
    return _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], raw)


_JSON_ESCAPES = {
    0x22: b'\\"',
    0x5C: b"\\\\",
    0x08: b"\\b",
    0x0C: b"\\f",
    0x0A: b"\\n",
    0x0D: b"\\r",
    0x09: b"\\t",
}
_JSON_UNSAFE = re.compile(rb'["\\\x00-\x1f]')


@lru_cache(maxsize=8192)
def json_string(value: str) -> bytes:
    """Write a string as FreeSWITCH's JSON printer does: bytes above 0x7F go out as they are."""
    raw = value.encode("utf-8", "surrogateescape")
    return b'"' + _JSON_UNSAFE.sub(_json_escape, raw) + b'"'


def _json_escape(match: re.Match[bytes]) -> bytes:
    code = match[0][0]
    return _JSON_ESCAPES.get(code) or b"\\u%04x" % code


def command_reply(text: str, extra: str = "") -> bytes:
    """The answer to a command; ``extra`` holds further header lines, each with its end."""
    return _encode(f"Content-Type: command/reply\nReply-Text: {text}\n{extra}\n")


def api_response(text: str) -> bytes:
    """The answer to ``api``."""
    body = _encode(text)
    return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body


def linger_notice(uuid: str, channel: str, seconds: int) -> bytes:
    """The channel is gone, the connection stays (docs/freeswitch.md 7); -1 is without limit."""
    return _encode(
        "Content-Type: text/disconnect-notice\n"
        f"Controlled-Session-UUID: {uuid}\n"
        "Content-Disposition: linger\n"
        f"Channel-Name: {channel}\n"
        f"Linger-Time: {seconds}\n"
        "Content-Length: 0\n\n"
    )


def disconnect_notice(uuid: str | None) -> bytes:
    """The connection ends here; ``uuid`` where it belongs to one channel."""
    head = "Content-Type: text/disconnect-notice\n"
    if uuid is not None:
        head += f"Controlled-Session-UUID: {uuid}\nContent-Disposition: disconnect\n"
    return _encode(f"{head}Content-Length: {len(GOODBYE)}\n\n") + GOODBYE


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
