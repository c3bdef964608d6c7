"""Keys that are told of one by one, each with something around it, put in a row again (R6).

What :mod:`tests.leaks.search` says of *events*, *log lines*, *values* and *pairs* is done here.
"""

from __future__ import annotations

import re
import string
from collections import defaultdict

UUID = rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
"""How FreeSWITCH writes a call's id."""

Told = dict[str, list[tuple[int, str]]]
"""By call: where each key stands, and which it is."""

_EVENT = re.compile(
    rb'(?<![\w-])Unique-ID(?:: |"\s*:\s*")(?P<id>[^"\r\n]{1,64})'
    rb'|DTMF-Digit(?:: |"\s*:\s*")(?P<key>%23|%2A|[0-9A-D*#])'
)
_NAMED = rb"s?[\"']?\s*[:=]\s*[\"']?"
_LINE = re.compile(
    rb"(?:"
    # Each begins with one byte of few: so it is searched for several times as fast.
    + b"|".join(word + b" DTMF " for word in (b"RECV", b"SENT", b"SEND", b"sent"))
    + rb"|uuid_(?:send|recv)_dtmf \S{1,64} |Digit |"
    + b"|".join(
        word + _NAMED for word in (b"dtmf", b"DTMF", b"Digit", b"digit", b"Key", b"key", b"pressed")
    )
    + rb")([0-9*#]{1,5})(?![0-9*#])"
)
_ID = re.compile(UUID)
_WORD = frozenset(string.ascii_letters + "-_")
"""What makes another word of it: ``DTMF-Digit`` is an event's, ``card_digits`` a setting."""


def events(data: bytes) -> Told:
    """Keys that DTMF events tell of, by ``Unique-ID``."""
    told: Told = defaultdict(list)
    if b"DTMF-Digit" not in data:
        return told
    name = ""
    for match in _EVENT.finditer(data):
        if match["id"]:
            name = match["id"].decode("utf-8", "backslashreplace")
        else:
            key = match["key"].decode().replace("%23", "#").replace("%2A", "*")
            told[name].append((match.start(), key))
    return told


def lines(data: bytes) -> Told:
    """Keys that lines of a log, or commands, tell of by name, by the call of the line."""
    told: Told = defaultdict(list)
    if not any(word in data for word in (b"DTMF", b"dtmf", b"igit", b"Key", b"key", b"pressed")):
        return told
    for match in _LINE.finditer(data):
        if match.start() and chr(data[match.start() - 1]) in _WORD:
            continue
        told[_call(data, match)].append((match.start(), match[1].decode()))
    return told


_VALUE = re.compile(
    rb"[\"'=:](?<=[A-Za-z_].)(?<!DTMF-Digit.)"
    rb"(?:(?<=[\"'])\s?:\s?[\"']?|(?<==)[\"']?|(?<=:) ?[\"'])(\d)(?=[\"',;)}\]\s]|$)(?![\"']?:)"
)
_NAME = re.compile(rb"[A-Za-z_]{1,32}\Z")
_PAIR = re.compile(rb"[\[({]\s{0,20}(?:[\"'](\d)[\"']|(\d)),\s{0,20}[\d.]{1,20}\s{0,20}[\])}]")
_NUMBERED = re.compile(
    rb":(?<=[\d\"']:)\s{0,2}(?:[\"'](\d)[\"']|(\d))(?=[,}\s])",
)
_NUMBER = re.compile(rb"(?<![\d:.\-])[\"']?\d{1,3}[\"']?\Z")


def values(data: bytes) -> Told:
    """By name and call: a digit each."""
    told: Told = defaultdict(list)
    for match in _VALUE.finditer(data):
        name = _NAME.search(data, max(0, match.start() - 32), match.start())
        if name:
            told[f"{name[0].decode()} {_call(data, match)}"].append(
                (match.start(), match[1].decode())
            )
    return told


def pairs(data: bytes) -> Told:
    """All in one row: the digit that is by itself in each pair."""
    told: Told = defaultdict(list)
    for match in _PAIR.finditer(data):
        told["brackets"].append((match.start(), (match[1] or match[2]).decode()))
    for match in _NUMBERED.finditer(data):
        if _NUMBER.search(data, max(0, match.start() - 6), match.start()):
            told["numbered"].append((match.start(), (match[1] or match[2]).decode()))
    return told


def _call(data: bytes, match: re.Match[bytes]) -> str:
    """The call of which the line tells, or nothing."""
    begin = data.rfind(b"\n", 0, match.start()) + 1
    end = data.find(b"\n", match.end())
    line = data[begin : end if end >= 0 else len(data)]
    name = _ID.search(line) if len(line) < 4096 else None
    return name[0].decode() if name else ""
