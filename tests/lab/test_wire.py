from __future__ import annotations

import json

import pytest

from ivr.lab.event import Event
from ivr.lab.wire import ClientMessage, ClientReader, json_string, url_encode


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Jo Bloggs", b"Jo%20Bloggs"),
        ("Mon, 23 Nov", b"Mon,%2023%20Nov"),
        ("*", b"*"),
        ("#", b"%23"),
        ("a/b~c-d_e.f(g)!$'", b"a/b~c-d_e.f(g)!$'"),
        ('"x" <sip:1@h>;t=[1]', b"%22x%22%20%3Csip%3A1%40h%3E%3Bt%3D%5B1%5D"),
        ("a%0AEvent-Name: HACK", b"a%0AEvent-Name%3A%20HACK"),
        ("50%", b"50%25"),
        ("a%0a", b"a%250a"),
        ("\n", b"%0A"),
        ("é", b"%C3%A9"),
        ("\udce9", b"%E9"),
    ],
)
def test_values_are_encoded_as_freeswitch_does(value, written):
    assert url_encode(value) == written


def test_json_escapes_controls_and_leaves_bytes_alone():
    assert json_string('a"\\\n\x01/é') == b'"a\\"\\\\\\n\\u0001/\xc3\xa9"'
    assert json_string("\udce9") == b'"\xe9"'


def test_an_array_is_a_list_in_json_and_marked_in_plain():
    event = Event("X", [("Event-Name", "X"), ("variable_a", ("1", "2"))])
    assert b"variable_a: ARRAY%3A%3A1%7C%3A2\n" in event.plain()
    assert json.loads(event.json().split(b"\n\n", 1)[1])["variable_a"] == ["1", "2"]


def test_lengths_count_bytes():
    event = Event("X", [("Event-Name", "X"), ("N", "é")], body="ü")
    head, body = event.json().split(b"\n\n", 1)
    assert f"Content-Length: {len(body)}".encode() in head
    assert event.text().endswith(b"\nContent-Length: 2\n\n\xc3\xbc")


def feed(*pieces: bytes) -> list[ClientMessage]:
    reader = ClientReader()
    return [message for piece in pieces for message in reader.feed(piece)]


def test_a_command_comes_whole_however_it_is_cut():
    text = b"sendmsg\nCall-Command: execute\nexecute-app-arg: a: b\n\n"
    for cut in range(len(text)):
        [message] = feed(text[:cut], text[cut:])
        assert message.command == "sendmsg"
        assert message.header("call-command") == "execute"
        assert message.header("execute-app-arg") == "a: b"


def test_carriage_returns_and_stray_empty_lines_do_not_matter():
    assert [m.command for m in feed(b"\n\r\nconnect\r\n\r\n\nlinger\n\n")] == ["connect", "linger"]


def test_a_body_is_read_by_its_length():
    [one, two] = feed(b"sendmsg\ncontent-length: 5\n\nab\n\nc", b"exit\n\n")
    assert (one.body, two.command) == ("ab\n\nc", "exit")


def test_a_length_that_is_no_number_is_nought():
    assert [m.command for m in feed(b"a\ncontent-length: x\n\nb\n\n")] == ["a", "b"]
