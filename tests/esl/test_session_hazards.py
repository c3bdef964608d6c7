"""How greenswitch 0.0.19 waits, matches and accepts, against how the engine does."""

from __future__ import annotations

import gc
import socket as plain
from collections.abc import Iterator
from types import SimpleNamespace

import gevent
import greenswitch.esl
import pytest
from gevent import GreenletExit, socket
from gevent.queue import Empty
from greenswitch.esl import OutboundESLServer, OutboundSession

from ivr.core import events
from ivr.engine.server import CallServer
from ivr.esl import session
from ivr.esl.translate import Legs, event_of
from ivr.esl.wire import Framer, Message, execute
from ivr.esl.wording import SUBSCRIBED, opening
from tests.core.calls import prompt
from tests.esl import captures
from tests.esl.ends import Ours, Stock, Switch, pair, settle

PAUSE = "recorded-call-with-payment-pause"
CALL = "18c1b1f2-68dc-4528-9aea-47ffc353c8ef"
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"
ENDED = captures.events(PAUSE, "CHANNEL_EXECUTE_COMPLETE")


def completed(app: str, event_id: str) -> bytes:
    """The recorded end of an application, with the id that its command was given."""
    [found] = [one for one in ENDED if f"\nApplication: {app}\n".encode() in one][:1]
    [event] = Framer().feed(found)
    old = event.last(b"Application-UUID") or ""
    body = event.body.replace(old.encode(), event_id.encode())
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body


# docs/freeswitch.md 5: completions are matched by the application's name.


def test_5_greenswitch_takes_the_end_of_one_prompt_for_that_of_another(stock: Stock):
    first = stock.beside(lambda: stock.session.playback("first.wav"))
    second = stock.beside(lambda: stock.session.playback("second.wav"))
    stock.switch.say(OK, OK, completed("playback", "of-the-second"))
    assert first.ready(), "the first, which plays still"
    assert not second.ready()


def test_5_greenswitch_does_not_say_which_command_is_done(stock: Stock):
    stock.beside(lambda: stock.session.playback("first.wav"))
    assert b"Event-UUID" not in stock.switch.heard()


def test_5_a_handler_of_ones_own_starves_greenswitchs_playback(stock: Stock):
    seen: list[object] = []
    stock.session.register_handle("CHANNEL_EXECUTE_COMPLETE", seen.append)
    playing = stock.beside(lambda: stock.session.playback("first.wav"))
    stock.switch.say(OK, completed("playback", "x"))
    assert len(seen) == 1
    assert not playing.ready(), "it has ended and playback(block=True) waits for ever"


def test_6_ours_gives_each_command_an_id_and_matches_by_it():
    assert b"\nEvent-UUID: play-2\n\n" in execute("playback", "second.wav", "play-2")
    plays = {1: prompt("first"), 2: prompt("second")}
    [second] = Framer().feed(completed("playback", "play-2"))
    ended = event_of(second, 0, Legs(CALL, CALL, ""), "", plays)
    assert isinstance(ended, events.PromptEnded)
    assert (ended.play, ended.prompt.name) == (2, "second")
    [somebody] = Framer().feed(completed("playback", CALL))
    assert event_of(somebody, 0, Legs(CALL, CALL, ""), "", plays) is None, (
        "the dialplan's own playback is not ours"
    )


def test_5_ours_hands_every_event_to_its_one_owner_and_every_reply_to_its_sender(ours: Ours):
    told: list[tuple[str, str]] = []
    for name in ("a", "b"):
        ours.link.post(
            execute("playback", f"{name}.wav", name),
            lambda reply, name=name: told.append((name, reply.reply)),
        )
    ours.switch.say(OK, completed("playback", "b"), OK.replace(b"+OK", b"-ERR x"))
    assert told == [("a", "+OK"), ("b", "-ERR x")]
    assert [message.last(b"Application-UUID") for message in ours.messages] == ["b"]


# docs/freeswitch.md 5: the accept loop.


@pytest.fixture
def naps(monkeypatch) -> Iterator[list[float]]:
    """How long greenswitch sleeps; time stands still, so it sleeps on."""
    taken: list[float] = []
    never = gevent.event.Event()

    def sleep(seconds: float = 0) -> None:
        taken.append(seconds)
        never.wait()

    monkeypatch.setattr(greenswitch.esl.gevent, "sleep", sleep)
    return taken


class AnyPort(int):
    """Nought, which greenswitch takes for "no port was free"."""

    def __bool__(self) -> bool:
        return True


def test_5_greenswitchs_accept_loop_sleeps_while_a_call_waits(naps: list[float]):
    server = OutboundESLServer("127.0.0.1", [AnyPort()], application=lambda session: None)
    loop = gevent.spawn(server.listen)
    settle()
    caller = socket.create_connection(server.server.getsockname())
    settle()
    assert naps == [0.1]
    with pytest.raises(BlockingIOError):
        caller._sock.recv(1)
    gevent.kill(loop)
    caller.close()
    server.server.close()


@pytest.fixture
def server() -> Iterator[tuple[CallServer, list[plain.socket]]]:
    """The engine's listener, with room for 150, and the connections it handed over."""
    taken: list[plain.socket] = []
    one = CallServer(("127.0.0.1", 0), taken.append, lambda: len(taken) < 150)
    yield one, taken
    one.stop()
    for sock in taken:
        sock.close()


def test_5_ours_accepts_at_once(server, naps: list[float]):
    accepting, taken = server
    caller = socket.create_connection(("127.0.0.1", accepting.port))
    settle()
    assert len(taken) == 1
    assert naps == []
    caller.close()


def test_5_greenswitch_turns_the_101st_call_away():
    server = OutboundESLServer(application=lambda session: None)
    server.connection_count = 100
    near, far = pair()
    late = OutboundSession(("127.0.0.1", 0), near)
    turning = gevent.spawn(server._accept_call, late)
    switch = Switch(far)
    assert switch.heard() == b"connect\n\n"
    switch.say(captures.connect_reply())
    assert switch.heard() == b"exit\n\n"
    gevent.killall([turning, late._receive_events_greenlet, late._process_events_greenlet])
    near.close()
    far.close()


def test_5_ours_has_as_much_room_as_its_configuration_says(server):
    accepting, taken = server
    callers = [socket.create_connection(("127.0.0.1", accepting.port)) for _ in range(151)]
    settle()
    assert len(taken) == 150
    assert callers[150]._sock.recv(1) == b"", "closed at once, and the dialplan goes on"
    for caller in callers:
        caller.close()


# docs/freeswitch.md 5: two greenlets a call wake every second.


class EmptyQueue:
    """Notes how long it is waited for."""

    def __init__(self) -> None:
        self.naps: list[float | None] = []

    def get(self, timeout: float | None = None) -> None:
        self.naps.append(timeout)
        raise GreenletExit if len(self.naps) >= 100 else Empty


def test_5_greenswitch_wakes_for_a_call_in_which_nothing_happens(stock: Stock):
    stock.session._esl_event_queue = EmptyQueue()
    assert stock.beside(stock.session.process_events).dead
    assert stock.session._esl_event_queue.naps[:100] == [1] * 100


def greenlets() -> int:
    gc.collect()
    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())


def test_5_greenswitch_has_two_greenlets_a_call():
    before = greenlets()
    stock = Stock()
    assert greenlets() == before + 2
    stock.close()


class Watched:
    """gevent's loop, of which one may ask for watchers of sockets, and for no timer."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def io(self, fileno: int, what: int) -> object:
        self.asked.append(what)
        return gevent.get_hub().loop.io(fileno, what)


def test_5_ours_has_one_watcher_and_neither_greenlet_nor_timer(monkeypatch):
    loop = Watched()
    hub = SimpleNamespace(loop=loop)
    monkeypatch.setattr(session, "gevent", SimpleNamespace(get_hub=lambda: hub))
    before = greenlets()
    ours = Ours()
    ours.switch.say(*captures.events(PAUSE, "CHANNEL_BRIDGE"))
    assert len(ours.messages) == 1
    assert greenlets() == before
    assert loop.asked == [1], "for reading"
    ours.close()


# docs/freeswitch.md 10c: +OK of sendmsg means queued; listeners that lag behind are dropped.


def test_10c_the_ok_of_sendmsg_comes_before_anything_is_done(stock: Stock):
    playing = stock.beside(lambda: stock.session.call_command("playback", "/no/such.wav"))
    stock.switch.say(OK)
    assert playing.get(block=False).data == "+OK"


def test_10c_ours_goes_by_the_event_and_not_by_the_ok():
    [ok] = Framer().feed(OK)
    assert not ok.refused
    assert event_of(ok, 0, Legs(CALL, CALL, ""), "", {1: prompt("a")}) is None


def test_10c_ours_asks_for_few_events_of_one_call_by_its_checked_id():
    text, replies = opening(CALL)
    commands = text.decode().split("\n\n")[:-1]
    assert len(commands) == replies == 4
    assert commands[1:3] == [
        f"filter Unique-ID {CALL}",
        f"filter Bridge-B-Unique-ID {CALL}",
    ], "whole and no regular expression"
    assert len(SUBSCRIBED.split()) == 6


def test_10c_ours_reads_on_however_much_comes_at_once(ours: Ours):
    [event] = captures.events(PAUSE, "CHANNEL_BRIDGE")
    ours.switch.say(event * 2000)
    assert len(ours.messages) == 2000
    assert not ours.lost


def test_10c_replies_are_told_apart_from_events_in_between(ours: Ours):
    told: list[Message | None] = []
    [event] = captures.events(PAUSE, "CHANNEL_BRIDGE")
    api = b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n"
    ours.link.post(b"api a\n\nx\n\n", told.append, told.append)
    ours.switch.say(event, api, event, OK, event)
    assert [reply.kind for reply in told if reply] == ["api/response", "command/reply"]
    assert len(ours.messages) == 3
