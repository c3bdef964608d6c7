"""Framing, headers and the text of commands (R23; docs/freeswitch.md 1, 4)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from ivr.errors import WireError
from ivr.esl.wire import MOST_BODY, MOST_HEAD, Framer, Message, execute, line
from tests.esl import captures
from tests.esl.reference import Plain, read

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
API = b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n"
DTMF_BODY = b"Event-Name: DTMF\nUnique-ID: a\nDTMF-Digit: %23\nDTMF-Duration: 2000\n\n"


def event(body: bytes) -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body


DTMF = event(DTMF_BODY)
NOTICE = b"Content-Type: text/disconnect-notice\nContent-Length: 9\n\nGood\n\nbye"
SHORT = OK + b"\n" + DTMF + API + b"\n\n\n" + NOTICE + b"Stray: 1\n\n" + DTMF


def one(stream: bytes) -> Message:
    [message] = Framer().feed(stream)
    return message


def seen(message: Message | Plain) -> tuple[object, ...]:
    """All that one can ask a message."""
    names = (b"Unique-ID", b"Event-Name", b"DTMF-Digit", b"variable_sip_to_uri", b"Nothing")
    return (
        message.kind,
        message.event_name,
        message.body,
        [message.first(name) for name in names],
        [message.last(name) for name in names],
        [message.head(name.decode()) for name in (*names, b"Reply-Text", b"Content-Length")],
    )


def fed(chunks: Iterable[bytes]) -> list[tuple[object, ...]]:
    framer = Framer()
    return [seen(message) for chunk in chunks for message in framer.feed(chunk)]


def chunked(stream: bytes, size: int) -> Iterator[bytes]:
    return (stream[at : at + size] for at in range(0, len(stream), size))


# Framing.


@pytest.mark.parametrize("name", captures.NAMES)
@pytest.mark.parametrize("size", [1, 2, 7, 1000, 65536])
def test_a_recorded_conversation_is_the_same_in_pieces_of_any_size(name: str, size: int):
    wanted = [seen(message) for message in captures.messages(name)]
    assert fed(chunked(captures.stream(name), size)) == wanted
    assert len(wanted) > 15


def test_every_way_to_cut_a_conversation_in_two_gives_the_same_messages():
    wanted = [seen(message) for message in read(SHORT).messages]
    assert len(wanted) == 6
    for at in range(1, len(SHORT)):
        assert fed([SHORT[:at], SHORT[at:]]) == wanted, at


def test_every_way_to_cut_a_message_in_three_gives_the_same():
    stream = b"\n" + DTMF[:60] + DTMF[60:] + OK
    wanted = [seen(message) for message in read(stream).messages]
    for first in range(1, len(stream) - 1):
        for second in range(first + 1, len(stream)):
            chunks = [stream[:first], stream[first:second], stream[second:]]
            assert fed(chunks) == wanted, (first, second)


@pytest.mark.parametrize("name", captures.NAMES)
def test_recorded_messages_may_be_cut_anywhere_near_their_seams(name: str):
    before = captures.raw(captures.messages(name)[-1])
    for message in captures.messages(name):
        stream = before + captures.raw(message)
        wanted = [seen(one) for one in read(stream).messages]
        head = len(before) + len(message.raw_head)
        for seam in (len(before), head, len(stream)):
            for at in range(max(1, seam - 3), min(len(stream), seam + 4)):
                assert fed([stream[:at], stream[at:]]) == wanted, (message.event_name, at)


def test_what_is_not_finished_is_held_and_no_more():
    framer = Framer()
    assert list(framer.feed(OK + DTMF[:50])) != []
    assert framer.held == 50
    assert len(list(framer.feed(DTMF[50:] + b"\n"))) == 1
    assert framer.held <= 1


@pytest.mark.parametrize(
    "told",
    ["10737418240", "4194305", "-1", "1e3", " 5", "5 ", "0x10", "", "5,5", "٣", "1" * 400, "+5"],
)
def test_a_length_that_is_no_number_or_too_large_is_refused(told: str):
    stream = f"Content-Type: api/response\nContent-Length: {told}\n\n".encode() + b"x" * 99
    for size in (1, len(stream)):
        with pytest.raises(WireError, match="expected a number up to 4194304"):
            fed(chunked(stream, size))


def test_ten_gigabytes_are_refused_before_a_byte_of_them_is_held():
    framer = Framer()
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="'10737418240'"):
            list(framer.feed(b"Content-Length: 10737418240\nContent-Type: text/event-plain\n\n"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000


def test_of_two_lengths_the_first_counts():
    stream = b"Content-Length: 3\nContent-Length: 9\nContent-Type: text/event-json\n\nabc" + OK
    assert [message.body for message in Framer().feed(stream)] == [b"abc", b""]


def test_the_largest_body_is_read_and_one_byte_more_is_refused():
    head = b"Content-Type: api/response\nContent-Length: %d\n\n"
    assert len(one(head % MOST_BODY + b"x" * MOST_BODY).body) == MOST_BODY
    with pytest.raises(WireError):
        one(head % (MOST_BODY + 1))


@pytest.mark.parametrize("size", [9000, 65536, 10 * MOST_HEAD])
def test_the_longest_head_is_read_and_one_byte_more_is_refused_however_it_comes(size: int):
    head = b"Content-Type: command/reply\nX: "
    head += b"x" * (MOST_HEAD - len(head))
    assert len(fed(chunked(head + b"\n\n", size))) == 1
    with pytest.raises(WireError, match=f"{MOST_HEAD} bytes of headers"):
        fed(chunked(head + b"x\n\n", size))
    with pytest.raises(WireError):
        fed(chunked(head * 3, size))


def test_empty_lines_between_messages_cost_nothing():
    framer = Framer()
    for _ in range(1000):
        assert list(framer.feed(b"\n" * 1000)) == []
        assert framer.held <= 1
    assert len(list(framer.feed(OK))) == 1


def copied(framer: Framer, stream: bytes, size: int) -> int:
    """Bytes that were allocated to read a stream in pieces, all pieces added up."""
    pieces = list(chunked(stream, size))
    total = 0
    tracemalloc.start()
    try:
        for piece in pieces:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            for _ in framer.feed(piece):
                pass
            total += tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    return total


LARGE = (
    b"Content-Type: command/reply\nReply-Text: " + b"x" * 20_000 + b"\n\n" + event(b"y" * 20_000)
)


class Joining(Framer):
    """The naive way: all that is held is copied whenever a piece comes."""

    __slots__ = ("all",)

    def __init__(self) -> None:
        super().__init__()
        self.all = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        self.all = self.all + data
        yield from ()


def test_a_stream_in_single_bytes_is_copied_a_few_times_and_not_once_a_byte():
    assert copied(Joining(), LARGE, 1) > 1000 * len(LARGE)
    # Beside the message itself each piece costs a generator.
    assert copied(Framer(), LARGE, 1) < 500 * len(LARGE)
    assert copied(Framer(), LARGE, 100) < 15 * len(LARGE)


@pytest.mark.parametrize("size", [1, 2, 50])
def test_a_body_in_tiny_pieces_is_held_in_little_more_than_its_length(size: int):
    framer = Framer()
    stream = b"Content-Type: api/response\nContent-Length: 900000\n\n" + b"xy" * 50_000
    pieces = list(chunked(stream, size))
    tracemalloc.start()
    try:
        for piece in pieces:
            list(framer.feed(piece))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert framer.held == len(stream)
    assert held < 3 * len(stream)


# Headers.


def test_a_value_is_decoded_and_what_is_no_text_is_replaced():
    message = one(event(b"A: x%20y\nB: %C3%A9%0A\nC: %FF\xe9\nD: 50%25%2\nE: \n\n"))
    values = {name: message.first(name) for name in (b"A", b"B", b"C", b"D", b"E", b"F")}
    assert values == {
        b"A": "x y",
        b"B": "é\n",
        b"C": "\ufffd\ufffd",
        b"D": "50%%2",
        b"E": "",
        b"F": None,
    }


def test_a_name_fits_whole_lines_only():
    message = one(event(b"X-Event-Name: 1\nUnique-ID-2: 2\nUnique-ID: 3\nA: Unique-ID: 4\n\n"))
    assert message.first(b"Unique-ID") == message.last(b"Unique-ID") == "3"
    assert message.event_name == ""


def test_the_first_and_the_last_of_two():
    message = one(event(b"A: 1\nB: 2\nA: 3\n\n"))
    assert (message.first(b"A"), message.last(b"A")) == ("1", "3")
    assert message.last(b"B") == "2"


@pytest.mark.parametrize("body", [b"Event-Name: DTMF", b"A: 1\nEvent-Name: DTMF", DTMF_BODY])
def test_an_events_name_wherever_it_stands(body: bytes):
    assert one(event(body)).event_name == "DTMF"


def test_the_body_of_an_event_holds_no_headers():
    """As a SIP MESSAGE of a stranger's has one; nothing of it is encoded."""
    inner = b"hello\nDTMF-Digit: 1\nEvent-Name: DTMF\n\n"
    message = one(event(b"From: x\nContent-Length: %d\n\n" % len(inner) + inner))
    assert message.last(b"DTMF-Digit") is None
    assert message.first(b"Event-Name") is None
    assert message.event_name == ""
    assert message.first(b"From") == "x"


def test_replies():
    assert one(OK).reply == "+OK"
    assert one(API).reply == "+OK"
    assert not one(OK).refused
    assert not one(API).refused
    assert one(b"Reply-Text: %2BOK%0A\nContent-Type: command/reply\n\n").reply == "+OK"
    assert one(b"Content-Type: command/reply\n\n").reply == ""
    refusals = [
        m for m in captures.messages("errors-and-odd-replies") if b"-ERR" in captures.raw(m)
    ]
    assert len(refusals) == 6
    for refusal in refusals:
        message = one(captures.raw(refusal))
        assert message.refused
        assert message.reply.startswith("-ERR")
        assert "\n" not in message.reply
    assert one(b"Content-Type: api/response\nContent-Length: 12\n\n-USAGE: <x>\n").refused
    assert one(b"Reply-Text: -ERR invalid\nContent-Type: command/reply\n\n").refused


def test_an_answer_to_connect_that_mentions_an_error_is_no_refusal():
    stream = captures.connect_reply().replace(b"Jo%20Bloggs", b"-ERR")
    assert not one(stream).refused


# Commands: the exact text on the wire.


def test_a_line():
    assert line("api uuid_break a all") == b"api uuid_break a all\n\n"
    assert line("filter Unique-ID é") == "filter Unique-ID é\n\n".encode()


def test_an_application():
    assert execute("playback", "/p/a b.wav", "play-3") == (
        b"sendmsg\ncall-command: execute\nexecute-app-name: playback\n"
        b"execute-app-arg: /p/a b.wav\nEvent-UUID: play-3\n\n"
    )
    assert execute("answer", "", "answer") == (
        b"sendmsg\ncall-command: execute\nexecute-app-name: answer\nEvent-UUID: answer\n\n"
    )


@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
def test_no_control_character_gets_into_a_command(code: int):
    with pytest.raises(WireError) as caught:
        line(f"auth ClueCon{chr(code)}api system x")
    assert repr(chr(code)) in str(caught.value)
    assert "'auth'" in str(caught.value)
    assert "ClueCon" not in str(caught.value), "no password in an error"


def test_text_that_cannot_be_encoded_is_replaced():
    assert line("a\udcff") == b"a?\n\n"
