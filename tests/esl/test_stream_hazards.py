"""Bytes that FreeSWITCH sends and that break greenswitch 0.0.19, or the way one would read them.

Each pair shows the same bytes twice: how they go wrong, and that the engine reads them.
"""

from __future__ import annotations

import json

import greenswitch.esl
import pytest
from gevent import GreenletExit
from greenswitch.esl import ESLEvent, OutboundSessionHasGoneAway

from ivr.core import events
from ivr.esl.translate import Legs, event_of, offer
from ivr.esl.wire import Framer, Message, WireError, decode, execute, line
from ivr.lab.wire import url_encode
from tests.esl import captures
from tests.esl.ends import Ours, Stock, settle
from tests.esl.reference import read

PAUSE = "recorded-call-with-payment-pause"
EVIL = "a%0AEvent-Name: HACK"
"""What a stranger put into a SIP header, as in docs/freeswitch.md 4."""
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"


def messages(stream: bytes) -> list[Message]:
    return list(Framer().feed(stream))


def answered(evil: str = EVIL) -> bytes:
    """A recorded CHANNEL_ANSWER into which a stranger's header was put, as FreeSWITCH does."""
    [event] = captures.events(PAUSE, "CHANNEL_ANSWER")
    [plain] = read(event).messages
    lines = plain.body.rstrip(b"\n").split(b"\n")
    lines.insert(-10, b"variable_sip_h_X-Evil: " + url_encode(evil))
    body = b"\n".join(lines) + b"\n\n"
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body


# docs/freeswitch.md 1: `connect` is answered without a Content-Length, values encoded.


def test_1_a_reader_that_wants_a_length_gets_nothing_of_the_answer_to_connect():
    head, _, _ = captures.connect_reply().partition(b"\n\n")
    assert 4000 < len(head) < 8000
    headers = dict(line.split(b": ", 1) for line in head.split(b"\n"))
    with pytest.raises(KeyError):
        int(headers[b"Content-Length"])
    assert headers[b"Caller-Caller-ID-Name"] == b"Jo%20Bloggs"


def test_1_ours_reads_the_call_off_the_answer_to_connect():
    [reply] = messages(captures.connect_reply())
    offered = offer(reply)
    assert offered.call_id == "18c1b1f2-68dc-4528-9aea-47ffc353c8ef"
    assert (offered.caller, offered.caller_name) == ("07700900123", "Jo Bloggs")
    assert offered.number == "01427676676"
    assert reply.reply == "+OK"


# docs/freeswitch.md 3: JSON events with lists, raw line feeds and Latin-1.

JSON = b'{"Event-Name":"CHANNEL_ANSWER","Caller-Caller-ID-Name":"Zo\xeb\nB","DP_MATCH":["1","1"]}'
JSON_EVENT = b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(JSON) + JSON


def test_3_a_latin_1_name_in_a_json_event_ends_greenswitchs_reader(stock: Stock):
    with pytest.raises(UnicodeDecodeError):
        json.loads(JSON)
    stock.switch.say(JSON_EVENT, OK)
    assert not stock.reads
    assert stock.session.connected, "and it does not know"


def test_3_any_json_event_ends_greenswitchs_reader(stock: Stock):
    body = b'{"Event-Name":"CHANNEL_ANSWER"}'
    stock.switch.say(b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(body) + body)
    assert not stock.reads


def test_3_ours_asks_for_plain_events_and_reads_on_past_a_json_one(ours: Ours):
    told: list[Message | None] = []
    ours.link.post(line("noevents"), told.append)
    ours.switch.say(JSON_EVENT, OK, answered("Zo\xeb"))
    json_event, plain_event = ours.messages
    assert event_of(json_event, 0, Legs("", "", ""), "", {}) is None
    assert plain_event.event_name == "CHANNEL_ANSWER"
    assert told[0] is not None
    assert not ours.lost


def test_3_ours_reads_a_latin_1_name_of_a_plain_event_and_json_with_raw_line_feeds():
    [event] = messages(answered("Zo\udceb"))
    assert event.first(b"variable_sip_h_X-Evil") == "Zo\ufffd"
    assert json.loads(decode(JSON), strict=False)["Caller-Caller-ID-Name"] == "Zo\ufffd\nB"


# docs/freeswitch.md 4: a stranger's %0A is passed on as it came.


def test_4_a_strangers_header_overwrites_the_event_name_in_greenswitch(stock: Stock):
    stock.switch.say(answered())
    [event] = stock.events
    assert event.headers["Event-Name"] == "HACK"


def test_4_a_stranger_forges_the_end_of_a_call_in_greenswitch(stock: Stock):
    stock.session.register_handle("CHANNEL_HANGUP", lambda event: None)
    stock.session._outbound_connected = True
    stock.switch.say(answered("a%0AEvent-Name: CHANNEL_HANGUP"))
    assert not stock.session._outbound_connected


def test_4_ours_keeps_the_strangers_header_as_data(ours: Ours):
    ours.switch.say(answered())
    [event] = ours.messages
    assert event.event_name == "CHANNEL_ANSWER"
    assert event.first(b"Event-Name") == event.last(b"Event-Name") == "CHANNEL_ANSWER"
    assert event.last(b"variable_sip_h_X-Evil") == "a\nEvent-Name: HACK"


def test_4_a_command_made_of_a_strangers_value_is_two_in_greenswitch(stock: Stock):
    name = ESLEvent("Caller-Caller-ID-Name: Jo\nX: 1").headers["Caller-Caller-ID-Name"]
    assert name == "Jo"
    evil = "Jo\n\napi system reboot"
    stock.beside(lambda: stock.session.call_command("set", f"caller={evil}"))
    assert stock.switch.heard().split(b"\n\n")[1] == b"api system reboot"


@pytest.mark.parametrize("evil", ["\n", "\r", "\0", "\n\napi system reboot", "\x0b", "\x7f"])
def test_4_ours_makes_no_command_of_a_value_with_a_control_character(evil: str):
    for make in (
        lambda: line(f"api uuid_setvar x {evil}"),
        lambda: execute("set", f"caller={evil}", "id"),
        lambda: execute(f"set{evil}", "", "id"),
        lambda: execute("set", "", f"id{evil}"),
    ):
        with pytest.raises(WireError, match="control character"):
            make()


# docs/freeswitch.md 5: other faults, each seen.


def test_5_a_message_without_content_type_ends_greenswitchs_reader(stock: Stock):
    stock.switch.say(b"Event-Name: STRAY\n\n")
    assert not stock.reads
    assert stock.session.connected, "and it does not know"
    stuck = stock.beside(lambda: stock.session.send("api status"))
    stock.switch.say(OK)
    assert not stuck.ready(), "its send() waits for ever"


def test_5_ours_passes_over_a_message_without_content_type(ours: Ours):
    told: list[Message | None] = []
    ours.link.post(line("noevents"), told.append)
    ours.switch.say(b"Event-Name: STRAY\n\n", OK)
    assert [message.kind for message in ours.messages] == [""]
    assert ours.link.connected
    assert told[0] is not None
    assert told[0].reply == "+OK"


class Spinning(GreenletExit):
    """Ends a greenlet that would never end itself."""


def test_5_an_end_within_a_body_makes_greenswitch_spin(stock: Stock, monkeypatch):
    turns = []

    def count(*_args: object) -> None:
        turns.append(1)
        if len(turns) == 10_000:
            raise Spinning

    monkeypatch.setattr(greenswitch.esl.logging, "warn", count)
    stock.switch.end.sendall(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent")
    stock.switch.hang_up()
    assert len(turns) == 10_000, "it never yields: the whole process stands"


def test_5_an_end_within_a_body_is_a_lost_link_in_ours(ours: Ours):
    ours.switch.end.sendall(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent")
    ours.switch.hang_up()
    assert ours.lost == ["FreeSWITCH closed the connection"]
    assert not ours.link.connected


def test_5_an_end_without_notice_leaves_greenswitchs_send_waiting_for_ever(stock: Stock):
    waiting = stock.beside(lambda: stock.session.send("api status"))
    assert stock.switch.heard() == b"api status\n\n"
    stock.switch.hang_up()
    assert not stock.reads
    assert not waiting.ready()


def test_5_an_end_without_notice_answers_every_outstanding_command_in_ours(ours: Ours):
    told: list[Message | None] = []
    ours.link.post(line("api status") + line("api version"), told.append, told.append)
    ours.switch.heard()
    ours.switch.hang_up()
    assert told == [None, None]
    assert len(ours.lost) == 1


BIG = "set " + "x" * 3_000_000
"""More than fits between two sockets at once."""


def test_5_greenswitch_drops_what_does_not_fit_into_the_socket():
    stock = Stock(send_buffer=4096)
    stock.beside(lambda: stock.session.send(BIG))
    stock.beside(lambda: stock.session.send("api status"))
    heard = stock.switch.heard()
    assert len(heard) < len(BIG)
    assert heard.count(b"\n\n") <= 1, "the next command is joined to the torn one"
    stock.close()


def test_5_ours_sends_all_of_it_in_order():
    ours = Ours(send_buffer=4096)
    ours.link.post(line(BIG), None)
    ours.link.post(line("api status"), None)
    assert ours.switch.heard() == BIG.encode() + b"\n\napi status\n\n"
    ours.close()


# docs/freeswitch.md 7: with linger, a notice at the hangup and a second one at the end.


def after_hangup() -> bytes:
    """From the notice of lingering on: RECORD_STOP and CHANNEL_HANGUP_COMPLETE are in there."""
    stream = captures.stream(PAUSE)
    return stream[stream.index(b"Content-Type: text/disconnect-notice") :]


def test_7_a_wait_for_record_stop_fails_in_greenswitch_though_it_comes(stock: Stock):
    stopped = greenswitch.esl.gevent.event.AsyncResult()
    path = f"{captures.messages(PAUSE)[0].head('Unique-ID')}.wav"
    stock.session.register_expected_event("RECORD_STOP", "record_path", path, stopped)
    stock.switch.say(after_hangup())
    assert "RECORD_STOP" in [event.headers.get("Event-Name") for event in stock.events]
    with pytest.raises(OutboundSessionHasGoneAway):
        stopped.get(block=False)


def test_7_ours_hears_the_rest_of_the_call_between_the_two_notices(ours: Ours):
    call_id = captures.messages(PAUSE)[0].head("Unique-ID")
    ours.switch.say(after_hangup())
    ours.switch.hang_up()
    notices = [m.head("Content-Disposition") for m in ours.messages if "notice" in m.kind]
    assert notices == ["linger", "disconnect"]
    assert call_id is not None
    legs = Legs(call_id, call_id, "")
    heard = [event_of(m, 7, legs, f"/var/spool/rec/{call_id}.wav", {}) for m in ours.messages]
    stopped, hung_up = [one for one in heard if one is not None][-2:]
    assert isinstance(stopped, events.RecordingStopped)
    assert isinstance(hung_up, events.HungUp)
    assert hung_up.cause == "NORMAL_CLEARING"
    assert ours.lost == ["FreeSWITCH closed the connection"], "the end is the end, not the notice"


def test_7_a_command_that_fails_while_lingering_is_answered_in_its_turn(ours: Ours):
    told: list[Message | None] = []
    ours.link.post(execute("playback", "a.wav", "play-1"), told.append)
    ours.switch.say(after_hangup(), b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n")
    settle()
    assert [reply.refused for reply in told if reply is not None] == [True]
