"""A connection: replies in order, slow readers, ends, and owners that fail."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import gevent
import pytest
from greenswitch.esl import ESLProtocol, NotConnectedError

from ivr.esl.session import MOST_UNSENT
from ivr.esl.wire import MOST_HEAD, Message, line
from tests.esl.ends import Ours, settle

OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
ERR = b"Content-Type: command/reply\nReply-Text: -ERR no\n\n"
API = b"Content-Type: api/response\nContent-Length: 2\n\nhi"
EVENT = b"Content-Length: 17\nContent-Type: text/event-plain\n\nEvent-Name: DTMF\n"


class Failure(Exception):
    """A mistake of the engine's own."""


def fails(*_args: object) -> None:
    raise Failure("a mistake")


# Replies.


def test_replies_go_to_their_senders_in_order_with_events_in_between(ours: Ours):
    told: list[tuple[int, str]] = []

    def teller(number: int) -> Callable[[Message | None], None]:
        return lambda reply: told.append((number, reply.reply if reply else "lost"))

    ours.link.post(line("a") + line("api b") + line("c"), teller(1), teller(2), None)
    ours.link.post(line("d"), teller(4))
    assert ours.switch.heard() == b"a\n\napi b\n\nc\n\nd\n\n"
    ours.switch.say(EVENT + OK + EVENT + API, OK, EVENT + ERR)
    assert told == [(1, "+OK"), (2, "hi"), (4, "-ERR no")]
    assert [message.event_name for message in ours.messages] == ["DTMF"] * 3


def test_a_reply_that_nobody_waits_for_is_passed_over(ours: Ours):
    ours.switch.say(OK + API)
    told: list[Message | None] = []
    ours.link.post(line("a"), told.append)
    ours.switch.say(ERR)
    assert [reply.reply for reply in told if reply] == ["-ERR no"]
    assert ours.messages == []


def test_a_reply_without_a_type_is_one_too(ours: Ours):
    told: list[Message | None] = []
    ours.link.post(line("a") + line("b"), told.append, told.append)
    ours.switch.say(b"Reply-Text: -ERR odd\n\n" + OK)
    assert [reply.reply for reply in told if reply] == ["-ERR odd", "+OK"]


def test_a_greenlet_waits_for_its_reply(ours: Ours):
    asking = gevent.spawn(lambda: ours.link.send("api status"))
    assert ours.switch.heard() == b"api status\n\n"
    assert not asking.ready()
    ours.switch.say(API)
    assert asking.get(block=False).body == b"hi"


def test_a_greenlet_is_told_of_a_loss_without_the_password(ours: Ours):
    def ask() -> str:
        with pytest.raises(NotConnectedError) as caught:
            ours.link.send("auth secret")
        return str(caught.value)

    asking = gevent.spawn(ask)
    settle()
    ours.switch.hang_up()
    assert asking.get(block=False) == "the connection was lost before the answer to 'auth'"
    assert "auth" in ask(), "nor does it wait when the link is lost already"


def test_it_is_a_greenswitch_protocol_by_its_interface(ours: Ours):
    assert isinstance(ours.link, ESLProtocol)
    assert ours.link.connected is True
    ours.link.stop()
    assert ours.link.connected is False


# A switch that does not read.


def test_what_does_not_fit_waits_and_is_sent_in_order():
    ours = Ours(send_buffer=4096)
    wanted = b""
    for number in range(3000):
        text = line(f"{number} " + "x" * 500)
        ours.link.post(text, None)
        wanted += text
    assert ours.switch.heard() == wanted
    ours.link.post(line("last"), None)
    assert ours.switch.heard() == b"last\n\n"
    assert not ours.lost
    ours.close()


@pytest.mark.parametrize("size", [1_000_000, 9_000_000])
def test_a_switch_that_never_reads_loses_the_link_and_memory_stays_bounded(size: int):
    ours = Ours(send_buffer=4096)
    told: list[Message | None] = []
    posts = 0
    while not ours.lost:
        ours.link.post(line("x" * size), told.append)
        posts += 1
        assert posts * size < MOST_UNSENT + 9_100_000
    assert ours.lost[0].startswith("FreeSWITCH has not read ")
    assert told == [None] * posts
    ours.link.post(line("more"), told.append)
    assert told == [None] * (posts + 1)
    assert len(ours.lost) == 1
    ours.close()


def test_a_peer_that_breaks_while_bytes_wait_is_a_lost_link():
    ours = Ours(send_buffer=4096)
    told: list[Message | None] = []
    ours.link.post(line("x" * 1_000_000), told.append)
    reset(ours)
    assert told == [None]
    assert len(ours.lost) == 1
    ours.close()


def reset(ours: Ours) -> None:
    """Break the connection as a host does that has forgotten it."""
    ours.switch.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ours.switch.hang_up()


# Ends.


def flood(ours: Ours) -> None:
    for _ in range(MOST_HEAD // 65_536 + 1):
        ours.switch.say(b"x" * 65_536)
        settle()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda ours: ours.switch.hang_up(), "FreeSWITCH closed the connection"),
        (reset, "receiving failed: Connection reset by peer"),
        (
            lambda ours: ours.switch.say(b"Content-Length: 10737418240\n\n"),
            "FreeSWITCH announced a body of '10737418240' bytes, expected a number up to 4194304;"
            " the connection is dropped",
        ),
        (
            lambda ours: ours.switch.say(b"x" * (MOST_HEAD + 1)),
            "FreeSWITCH sent more than 4194304 bytes of headers without an end;"
            " the connection is dropped",
        ),
    ],
)
def test_a_lost_link_is_told_once_to_all(ours: Ours, end: Callable[[Ours], None], reason: str):
    told: list[Message | None] = []
    ours.link.post(line("a") + line("b") + line("c"), told.append, None, told.append)
    ours.switch.heard()
    end(ours)
    settle()
    assert told == [None, None]
    assert ours.lost == [reason]
    assert not ours.link.connected
    ours.link.post(line("late"), told.append)
    assert told == [None, None, None]
    ours.link.stop()
    assert len(ours.lost) == 1


def test_what_came_before_the_end_is_heard_first(ours: Ours):
    order: list[str] = []
    ours.on_message = lambda message: order.append(message.event_name)
    ours.on_lost = order.append
    ours.switch.end.sendall(EVENT * 2)
    ours.switch.hang_up()
    assert order == ["DTMF", "DTMF", "FreeSWITCH closed the connection"]


def test_stop_tells_the_replies_and_not_the_owner(ours: Ours):
    told: list[Message | None] = []
    ours.link.post(line("a"), told.append)
    ours.link.stop()
    ours.link.stop()
    assert told == [None]
    assert ours.lost == []
    assert ours.switch.heard() == b"a\n\n", "what was sent has gone out"


def test_an_owner_that_stops_in_the_middle_hears_no_more(ours: Ours):
    def stop(message: Message) -> None:
        ours.messages.append(message)
        ours.link.stop()

    ours.on_message = stop
    ours.switch.say(EVENT * 5)
    assert len(ours.messages) == 1
    assert ours.lost == []


def test_an_owner_that_asks_again_when_told_of_the_loss_is_answered(ours: Ours):
    told: list[str] = []
    ours.on_lost = lambda reason: None

    def again(reply: Message | None) -> None:
        told.append("first")
        ours.link.post(line("b"), lambda reply: told.append("second"))

    ours.link.post(line("a"), again)
    ours.switch.hang_up()
    assert told == ["first", "second"]


# Owners that fail: gevent would stop the watcher, and the call would hang in silence.


def test_gevent_itself_stops_listening_after_a_failure():
    near, far = socket.socketpair()
    near.setblocking(False)
    watcher = gevent.get_hub().loop.io(near.fileno(), 1)
    watcher.start(fails)
    far.send(b"x")
    settle()
    assert not watcher.active
    watcher.close()
    near.close()
    far.close()


def test_an_owner_that_fails_at_an_event_loses_the_link_and_is_told(ours: Ours, logged):
    told: list[Message | None] = []
    ours.on_message = fails
    ours.link.post(line("a"), told.append)
    ours.switch.say(EVENT * 2 + OK)
    assert ours.lost == ["the engine failed at a message: Failure('a mistake')"]
    assert told == [None], "the reply after the failure is not taken for another's"
    assert [one["event"] for one in logged] == ["a message could not be handled"]
    assert logged[0]["exc_info"]


def test_a_sender_that_fails_at_its_reply_loses_the_link(ours: Ours, logged):
    told: list[Message | None] = []
    ours.link.post(line("a") + line("b"), fails, told.append)
    ours.switch.say(OK + OK)
    assert len(ours.lost) == 1
    assert told == [None]
    assert len(logged) == 1


def test_a_sender_that_fails_at_the_loss_keeps_it_from_nobody(ours: Ours, logged):
    told: list[Message | None] = []
    ours.link.post(line("a") + line("b"), fails, told.append)
    ours.switch.heard()
    ours.switch.hang_up()
    assert told == [None]
    assert ours.lost == ["FreeSWITCH closed the connection"]
    assert len(logged) == 1


def test_an_owner_that_fails_at_the_loss_is_logged(ours: Ours, logged):
    ours.on_lost = fails
    ours.switch.hang_up()
    assert not ours.link.connected
    assert [one["event"] for one in logged] == ["the owner failed at the loss of its link"]


def test_other_links_go_on_after_a_failure(ours: Ours):
    other = Ours()
    ours.on_message = fails
    ours.switch.say(EVENT)
    other.switch.say(EVENT)
    assert len(ours.lost) == 1
    assert len(other.messages) == 1
    assert other.link.connected
    other.close()
