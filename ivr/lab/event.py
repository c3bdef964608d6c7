"""One event of the switch, and how it is written as plain text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ivr.lab.wire import json_string, url_encode

Value = str | tuple[str, ...]
"""A header's value; a tuple is FreeSWITCH's array."""


class Event:
    """An event: named headers in order, some of them twice, and perhaps a body."""

    __slots__ = ("_index", "_json", "_plain", "body", "headers", "name")

    def __init__(
        self, name: str, headers: Iterable[tuple[str, Value]], body: str | None = None
    ) -> None:
        self.name = name
        self.headers = list(headers)
        self.body = body
        self._index: dict[str, Value] | None = None
        self._plain: bytes | None = None
        self._json: bytes | None = None

    def get(self, name: str) -> Value | None:
        """The first value of a header, its name in any case; None where it is missing."""
        if self._index is None:
            self._index = {key.lower(): value for key, value in reversed(self.headers)}
        return self._index.get(name.lower())

    def text(self) -> bytes:
        """The event as lines of URL-encoded values, ended by an empty line."""
        lines = [_plain_name(key) + _plain_value(value) for key, value in self.headers]
        if self.body is None:
            return b"\n".join(lines) + b"\n\n"
        body = self.body.encode("utf-8", "surrogateescape")
        return b"\n".join(lines) + b"\nContent-Length: %d\n\n" % len(body) + body

    def plain(self) -> bytes:
        """The whole message for a listener that asked for ``plain``."""
        if self._plain is None:
            self._plain = _message(self.text(), b"plain")
        return self._plain

    def json(self) -> bytes:
        """The whole message for a listener that asked for ``json``."""
        if self._json is None:
            pairs = [json_string(key) + b":" + _json_value(value) for key, value in self.headers]
            if self.body is not None:
                size = len(self.body.encode("utf-8", "surrogateescape"))
                pairs.append(b'"Content-Length":' + json_string(str(size)))
                pairs.append(b'"_body":' + json_string(self.body))
            self._json = _message(b"{" + b",".join(pairs) + b"}", b"json")
        return self._json


@lru_cache(maxsize=4096)
def _plain_name(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape") + b": "


def _plain_value(value: Value) -> bytes:
    if isinstance(value, tuple):
        return url_encode("ARRAY::" + "|:".join(value))
    return url_encode(value)


def _json_value(value: Value) -> bytes:
    if isinstance(value, tuple):
        return b"[" + b",".join(map(json_string, value)) + b"]"
    return json_string(value)


def _message(body: bytes, kind: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n" % (len(body), kind) + body
