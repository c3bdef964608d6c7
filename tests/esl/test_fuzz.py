"""At least 200,000 hostile inputs: nothing is forged, injected, thrown, or held without limit.

What the engine makes of each stream is held against a reader that shares nothing with it
(``reference.py``), whatever the pieces it comes in. Each search is also run against a way
that is known to be wrong, and has to find that out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Protocol

import gevent
import pytest
from greenswitch.esl import ESLEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import commands as do
from ivr.errors import WireError
from ivr.esl.translate import PAUSERS, Legs, engine_of, event_of, is_leg, offer, remembered
from ivr.esl.wire import Framer, Message, execute, line
from ivr.esl.wording import asked, text_of
from ivr.lab.wire import ClientReader, url_encode
from tests.core.calls import prompt
from tests.esl.ends import Ours, settle
from tests.esl.hostile import MESSAGES, Hostile
from tests.esl.reference import Plain, read

SHARDS = 8
STREAMS = 13_000
VALUES = 12_200
LINKS = 250
"""Inputs of each kind in a shard; shards can run side by side."""

CALL = "a4bd770f-353b-4ddd-bec9-511325e16be5"
PATH = f"/var/spool/rec/{CALL}.wav"
LEGS = Legs(CALL, CALL, "")
PLAYS = {play: prompt(f"p{play}") for play in range(1, 4)}

shards = pytest.mark.parametrize("seed", range(SHARDS))


def test_there_are_enough():
    assert SHARDS * (STREAMS + VALUES) >= 200_000
    names = {message.event_name for stream in MESSAGES for message in Framer().feed(stream)}
    known = {"DTMF", "RECORD_STOP", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE", "CHANNEL_HANGUP_COMPLETE"}
    assert known <= names


# Streams.


class Reader(Protocol):
    """What cuts a stream into messages."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes, give messages."""


def meaning(message: Message | Plain) -> tuple[object, ...]:
    """All that the engine would make of a message."""
    try:
        offered: object = offer(message)  # type: ignore[arg-type] # answers as one does
    except WireError as error:
        offered = str(error)
    event = None
    engine = ""
    if message.kind == "text/event-plain":
        event = event_of(message, 7, LEGS, PATH, PLAYS)  # type: ignore[arg-type] # the same
        engine = engine_of(message)  # type: ignore[arg-type] # the same
    return message.kind, message.reply, message.refused, offered, event, engine


def check_stream(framer: Reader, stream: bytes, chunks: Iterable[bytes]) -> int:
    """Hold a reader against the reference; the number of messages."""
    wanted = read(stream)
    found: list[tuple[object, ...]] = []
    broken = False
    try:
        for chunk in chunks:
            for message in framer.feed(chunk):
                found.append(meaning(message))
            if isinstance(framer, Framer):
                assert framer.held <= len(stream)
    except WireError:
        broken = True
    assert found == [meaning(message) for message in wanted.messages], stream
    assert broken == wanted.broken, stream
    return len(found)


@shards
def test_a_damaged_stream_says_what_it_says_and_nothing_more(seed: int):
    hostile = Hostile(seed)
    messages = 0
    for _ in range(STREAMS):
        stream = hostile.stream()
        messages += check_stream(Framer(), stream, hostile.chunks(stream))
    assert messages > STREAMS, "most streams hold some messages still"


@given(st.lists(st.binary(max_size=60) | st.sampled_from([*MESSAGES, b"\n\n"]), max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_bytes_at_all(chunks: list[bytes]):
    pieces = [piece for piece in chunks if piece]
    check_stream(Framer(), b"".join(pieces), pieces)


class Forgetful:
    """Looks for the end of a head in each piece for itself."""

    def __init__(self) -> None:
        self._head = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        if b"\n\n" not in data:
            self._head += data
            return
        yield from Framer().feed(self._head + data)
        self._head = b""


class Trusting:
    """Believes every length."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        self._buffer = (self._buffer + data).lstrip(b"\n")
        while b"\n\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\n\n")
            message = Message("", head, b"")
            length = int(message.head("Content-Length") or 0)
            if len(rest) < length:
                return
            self._buffer = rest[length:].lstrip(b"\n")
            yield Message(message.head("Content-Type") or "", head, rest[:length])


@pytest.mark.parametrize("wrong", [Forgetful, Trusting])
def test_a_reader_that_is_wrong_is_found_out(wrong: Callable[[], Reader]):
    hostile = Hostile(0)

    def search() -> None:
        for _ in range(500):
            stream = hostile.stream()
            check_stream(wrong(), stream, hostile.chunks(stream))

    with pytest.raises((AssertionError, ValueError)):
        search()


# Values.

PLACES = (
    b"Caller-Caller-ID-Name",
    b"Caller-Caller-ID-Number",
    b"Caller-Destination-Number",
    b"variable_sip_h_X-Evil",
    b"variable_sip_from_display",
)


def known() -> list[tuple[bytes, list[bytes], list[bytes]]]:
    """Recorded messages: head, the headers before a stranger's, those after."""
    found = []
    for stream in MESSAGES:
        one = read(stream).messages[0]
        if one.kind not in ("text/event-plain", "command/reply") or one.first(b"DTMF-Digit") == "1":
            continue
        block = one.body if one.event_name else one.raw_head
        lines = [at for at in block.strip(b"\n").split(b"\n") if at.split(b": ")[0] not in PLACES]
        half = len(lines) // 2
        kind = b"" if not one.event_name else b"Content-Type: text/event-plain\n"
        found.append((kind, lines[:half], lines[half:]))
    return found


KNOWN = known()


def built(kind: bytes, lines: list[bytes]) -> bytes:
    """A message of these headers."""
    block = b"\n".join(lines) + b"\n\n"
    return b"Content-Length: %d\n%s\n" % (len(block), kind) + block if kind else block


def facts(message: Message) -> tuple[object, ...]:
    """What no stranger may change."""
    if message.kind == "command/reply":
        named = (message.head("Unique-ID"), message.head("Event-Name"), message.reply)
    else:
        named = (message.first(b"Unique-ID"), message.last(b"Unique-ID"), message.event_name)
    told = event_of(message, 7, LEGS, PATH, PLAYS)
    return message.kind, message.refused, named, told, engine_of(message)


def one(stream: bytes) -> Message:
    [message] = Framer().feed(stream)
    return message


UNTOUCHED = [facts(one(built(kind, [*before, *after]))) for kind, before, after in KNOWN]


def check_value(value: str, turn: int) -> None:
    """A stranger's value is data in every event, and in no command more than an argument."""
    at = turn % len(KNOWN)
    kind, before, after = KNOWN[at]
    encoded = url_encode(value)
    places = [place + b": " + encoded for place in PLACES]
    message = one(built(kind, [*before, *places, *after]))
    assert facts(message) == UNTOUCHED[at], value
    read_back = message.first if kind else lambda name: message.head(name.decode())
    data = value_as_data(encoded)
    for place in PLACES:
        assert read_back(place) == data, value
    for text in (value, data):
        check_commands(text)
        check_memory(text)


def value_as_data(encoded: bytes) -> str:
    """Decoded without the engine's means."""
    raw = bytearray()
    at = 0
    while at < len(encoded):
        pair = encoded[at + 1 : at + 3]
        if (
            encoded[at] == 0x25
            and len(pair) == 2
            and all(c in b"0123456789abcdefABCDEF" for c in pair)
        ):
            raw.append(int(pair, 16))
            at += 3
        else:
            raw.append(encoded[at])
            at += 1
    return raw.decode("utf-8", "replace")


def check_commands(text: str, make: Callable[[str], bytes] = line) -> None:
    """A command made of this is one command that says just this, or none."""
    reader = ClientReader()
    for build, wanted in (
        (lambda: make(f"api uuid_setvar {CALL} x {text}"), f"api uuid_setvar {CALL} x {text}"),
        (lambda: execute("set", f"x={text}", "id"), f"x={text}"),
    ):
        try:
            command = build()
        except WireError:
            assert any(ord(char) < 32 or ord(char) == 127 for char in text), text
            continue
        assert command.count(b"\n\n") == 1, text
        assert command.endswith(b"\n\n")
        assert b"\r" not in command
        assert b"\x00" not in command
        [heard] = reader.feed(command)
        said = heard.header("execute-app-arg") or heard.command
        assert said == wanted.encode("utf-8", "replace").decode(), text


def check_memory(text: str) -> None:
    """What a channel remembers of a pause goes into commands again, and says no more than that."""
    found = remembered(text)
    assert (found is None) == (text == "")
    if found is not None:
        by, since = found
        assert by in PAUSERS
        assert 0 <= since < 10**15
        for command in text_of(do.HideKeys(by, since), LEGS):
            assert command.count(b"\n") == 2, text
            assert command.count(b" ") == 3, text
    if is_leg(text):
        assert asked(text, "x") == f"api uuid_getvar {text} x\n\n".encode()
        assert len(text) == 36


@shards
def test_a_strangers_value_is_data_and_never_a_header_or_a_command(seed: int):
    hostile = Hostile(1000 + seed)
    for turn in range(VALUES):
        check_value(hostile.value(), turn)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40), st.integers(0, 100))
@settings(max_examples=300, deadline=None)
def test_any_text_at_all(value: str, turn: int):
    check_value(value, turn)


def test_greenswitchs_way_of_reading_is_found_out():
    """It decodes the whole message before it cuts it into lines."""
    hostile = Hostile(1000)
    forged = 0
    for turn in range(100):
        _kind, before, after = KNOWN[turn % len(KNOWN)]
        encoded = url_encode(hostile.value())
        block = [*before, b"variable_sip_h_X-Evil: " + encoded, *after]
        clean, evil = (ESLEvent(b"\n".join(text).decode()) for text in ([*before, *after], block))
        names = ("Event-Name", "Unique-ID", "Application-UUID", "DTMF-Digit", "Reply-Text")
        forged += any(clean.headers.get(name) != evil.headers.get(name) for name in names)
    assert forged >= 5


def test_a_command_that_is_merely_put_together_is_found_out():
    hostile = Hostile(1000)

    def search() -> None:
        for _ in range(50):
            check_commands(hostile.value(), lambda text: text.encode("utf-8", "replace") + b"\n\n")

    with pytest.raises(AssertionError):
        search()


# Links: the same through a socket, to owners of which some fail.


class Failure(Exception):
    """A mistake of the engine's own."""


@shards
def test_a_link_ends_or_lives_and_answers_everybody_once(seed: int, monkeypatch):
    escaped: list[object] = []
    monkeypatch.setattr(gevent.get_hub(), "handle_error", lambda *what: escaped.append(what))
    hostile = Hostile(2000 + seed)
    ends = [Ours() for _ in range(LINKS)]
    told: list[list[Message | None]] = [[] for _ in ends]
    for number, end in enumerate(ends):
        end.link.post(line("a") + line("b"), told[number].append, told[number].append)
        if number % 5 == 0:
            end.on_message = fail
    for end in ends:
        end.switch.end.sendall(hostile.stream())
    settle()
    for end in ends:
        assert len(end.lost) == (not end.link.connected)
        end.switch.end.sendall(hostile.stream())
    settle()
    for end in ends:
        end.switch.end.close()
    settle()
    for number, end in enumerate(ends):
        assert not end.link.connected
        assert len(end.lost) == 1
        assert len(told[number]) == 2
        answers = [reply is not None for reply in told[number]]
        assert all(first >= second for first, second in pairwise(answers)), "None is the end"
    assert escaped == [], "nothing gets out of a link"


def fail(message: Message) -> None:
    raise Failure(message.kind)
