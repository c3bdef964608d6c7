"""The inbound connection: lost and back, refused, quiet (R21, R22)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

from ivr.clock import RealClock
from ivr.engine.control import (
    ANSWER_MS,
    FIRST_WAIT_MS,
    LONGEST_WAIT_MS,
    SLICE,
    STEADY_MS,
    Control,
)
from ivr.engine.recovery import Recovery
from ivr.lab import CallScript, Destination, api, script
from ivr.metrics import Metrics
from tests.engine.house import House


def tries(logged) -> list[dict]:
    return [one for one in logged if one["event"] == "FreeSWITCH is not there"]


def test_it_is_there_from_the_start(house, logged):
    assert house.metric("ivr_freeswitch_connected") == 1
    assert house.metric("ivr_freeswitch_connects_total") == 1
    assert house.engine.control.connected
    assert tries(logged) == []


def test_lost_and_back(house, logged):
    house.clock.run(STEADY_MS)
    house.inbound()[0].drop()
    house.clock.settle()
    assert house.metric("ivr_freeswitch_connects_total") == 2
    gone = [one for one in logged if one["event"] == "FreeSWITCH is gone"]
    assert gone[0]["reason"] == "FreeSWITCH closed the connection"
    assert house.call(script.LISTENS).record["recording"]["state"] == "kept"


def test_away_it_is_tried_again_with_back_off_and_calls_are_taken_meanwhile(house, logged):
    port = house.esl_port
    house.clock.run(STEADY_MS)
    house.switch._server.stop()
    house.inbound()[0].drop()
    house.clock.settle()
    assert house.metric("ivr_freeswitch_connected") == 0
    assert house.call(script.LISTENS).record["recording"]["state"] == "kept"
    house.clock.run(300_000)
    waits = [one["again_in_s"] * 1000 for one in tries(logged)]
    for number, wait in enumerate(waits):
        most = min(FIRST_WAIT_MS * 2**number, LONGEST_WAIT_MS)
        assert most / 2 - 100 <= wait <= most + 100
    assert 14 <= len(waits) <= 30, "once in 30 s at last"
    assert tries(logged)[0]["address"] == f"127.0.0.1:{port}"
    assert "refused" in tries(logged)[0]["error"]
    house.switch.listen(("127.0.0.1", port))
    house.clock.run(LONGEST_WAIT_MS)
    assert house.metric("ivr_freeswitch_connected") == 1


def test_a_wrong_password_is_named_not_shown_and_tried_again(build, logged):
    house = build(password="not this one")
    house.start()
    house.clock.run(60_000)
    assert house.metric("ivr_freeswitch_connected") == 0
    seen = tries(logged)
    assert 5 <= len(seen) <= 12, "with back-off, though FreeSWITCH closes the connection"
    assert seen[0]["error"] == (
        "the password was refused (freeswitch.password in the site file):"
        " FreeSWITCH answered -ERR invalid"
    )
    assert "not this one" not in str(logged)
    house.switch.password = "not this one"
    house.clock.run(LONGEST_WAIT_MS)
    assert house.metric("ivr_freeswitch_connected") == 1


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"", "FreeSWITCH closed the connection"),
        (b"Content-Type: auth/request\n\n", "FreeSWITCH closed the connection"),
        (
            b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
            "FreeSWITCH's access list refuses this host (event_socket.conf.xml)",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "FreeSWITCH closed the connection"),
        (
            b"Content-Type: auth/request\nContent-Length: 99999999999\n\n",
            "FreeSWITCH announced a body of '99999999999' bytes",
        ),
    ],
)
def test_whoever_answers_at_freeswitchs_port(tmp_path, logged, greeting, error):
    """Something else, or a FreeSWITCH that refuses: said in one line, and tried again."""

    def answer(connection: socket.socket, _address: object) -> None:
        connection.sendall(greeting)

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    house = House(tmp_path)
    house.switch._server.stop()
    house.site_file.write_text(
        house.site_file.read_text().replace(
            f"port: {house.esl_port}", f"port: {server.server_port}"
        )
    )
    house.start()
    house.clock.run(3_000)
    server.stop()
    seen = tries(logged)
    assert 2 <= len(seen) <= 5
    assert seen[0]["error"].startswith(error)
    assert "ClueCon" not in str(logged)
    assert "\n" not in seen[0]["error"]
    house.close()


@pytest.mark.parametrize("greeting", [b"", b"Content-Type: auth/request\n\n"])
def test_a_freeswitch_that_says_nothing_is_given_up_on(tmp_path, logged, greeting):
    held: list[socket.socket] = []

    def answer(connection: socket.socket, _address: object) -> None:
        held.append(connection)
        connection.sendall(greeting)
        connection.recv(4096)
        connection.recv(4096)

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    house = House(tmp_path)
    house.site_file.write_text(
        house.site_file.read_text().replace(
            f"port: {house.esl_port}", f"port: {server.server_port}"
        )
    )
    house.start()
    house.clock.run(5_000)
    assert tries(logged)[0]["error"] == "no answer within 5 s"
    house.clock.run(5_700)
    assert len(held) == 2
    house.close()
    server.stop()


def test_a_freeswitch_without_a_heart_is_left_and_found_again(house, logged):
    house.clock.run(300_000)
    assert house.metric("ivr_freeswitch_connects_total") == 1, "while it beats"
    house.inbound()[0].offer = lambda event: None  # hangs, though the connection stands
    house.clock.run(66_000)
    assert house.metric("ivr_freeswitch_connects_total") == 2
    assert "no heartbeat for 65 s" in [one.get("reason") for one in logged]


# Answers that do not come, and faults.


ASKED = "3deba8b7-291b-4a57-8511-68a5e1a242a9"


@contextmanager
def silent_about_calls(house) -> Iterator[None]:
    """A FreeSWITCH that beats its heart and does not answer what it is asked about calls."""
    asked = api.COMMANDS["uuid_exists"]
    released = Event()

    def never(exchange: api.Exchange, arg: str) -> str:
        released.wait()
        return "true"

    api.COMMANDS["uuid_exists"] = never
    try:
        yield
    finally:
        api.COMMANDS["uuid_exists"] = asked
        released.set()


@pytest.fixture
def unanswered(house) -> Iterator[House]:
    """A house whose engine has a call to ask after, and waits for the answer."""
    house.stop()
    (house.spool / "recording" / f"{ASKED}.wav").write_bytes(b"")
    with silent_about_calls(house):
        house.start()
        assert house.metric("ivr_freeswitch_connected") == 1
        yield house


def test_a_freeswitch_that_does_not_say_which_calls_it_has_is_given_up_on(unanswered, logged):
    unanswered.clock.run(ANSWER_MS)
    assert tries(logged)[-1]["error"] == f"no answer to uuid_exists within {ANSWER_MS // 1000} s"
    assert unanswered.metric("ivr_freeswitch_connected") == 0
    assert not unanswered.engine.control.connected
    assert list((unanswered.spool / "new").iterdir()) == [], "nothing is taken meanwhile"
    unanswered.clock.run(LONGEST_WAIT_MS)
    assert unanswered.metric("ivr_freeswitch_connects_total") >= 2


def test_the_wait_for_an_answer_ends_with_the_link(unanswered, logged):
    unanswered.inbound()[0].drop()
    unanswered.clock.settle()
    assert tries(logged)[-1]["error"] == "FreeSWITCH closed the connection"


def test_the_wait_for_an_answer_ends_when_the_engine_stops(unanswered):
    unanswered.engine.control.stop()
    unanswered.clock.settle()
    assert unanswered.engine._control_loop.dead


def test_the_wait_for_the_password_to_be_checked_ends_when_the_engine_stops(build):
    heard: list[bytes] = []

    def deaf(connection: socket.socket, *_: object) -> None:
        connection.sendall(b"Content-Type: auth/request\n\n")
        while data := connection.recv(4096):
            heard.append(data)

    house = build()
    house.switch._serve = deaf
    house.start()
    assert b"auth" in b"".join(heard)
    house.engine.control.stop()
    house.clock.settle()
    assert house.engine._control_loop.dead


def test_a_fault_of_the_engine_ends_the_connection_and_not_the_loop(house, logged, monkeypatch):
    house.stop()
    for number in range(3):
        (house.spool / "recording" / f"{ASKED[:-1]}{number}.wav").write_bytes(b"")
    close, closed = Recovery._close, []

    def fail_at_first(self: Recovery, left: Any) -> None:
        closed.append(left.record_id)
        if len(closed) == 1:
            raise AttributeError("'str' object has no attribute 'get'")
        close(self, left)

    monkeypatch.setattr(Recovery, "_close", fail_at_first)
    house.start()
    assert house.metric("ivr_freeswitch_connected") == 0
    assert house.metric("ivr_faults_total") == 1
    told = next(one for one in logged if one["event"] == "fault in the engine")
    assert told["exc_info"]
    assert "AttributeError" in tries(logged)[-1]["error"]
    house.clock.run(FIRST_WAIT_MS)
    assert house.metric("ivr_freeswitch_connected") == 1
    assert len(set(closed)) == 3, "the others get their records all the same"
    assert len(closed) == 3, "and the one that fails is not tried for ever"


@pytest.mark.parametrize("answer", ["-ERR command not found\n", "", "\xff\n", "[[1]]"])
def test_an_answer_that_says_neither_leaves_the_call_alone(house, monkeypatch, answer):
    """It may be recorded still: only a clear no lets its recording be taken."""
    call = house.place(CallScript(destination=Destination.talks(1000)))
    house.until(call, "connected")
    house.stop()
    monkeypatch.setitem(api.COMMANDS, "uuid_exists", lambda *_: answer)
    house.start()
    assert house.metric("ivr_calls", phase="unlinked") == 1
    house.over(call).assert_heard(1000)


def test_a_connection_that_is_lost_again_and_again_is_not_made_at_once_each_time(house, logged):
    serve = house.switch._serve

    def serve_and_drop(*words):
        listener = serve(*words)
        house.clock.after(10, listener.drop)
        return listener

    house.switch._serve = serve_and_drop
    house.inbound()[0].drop()
    house.clock.run(60_000)
    assert 5 <= house.metric("ivr_freeswitch_connects_total") <= 12
    assert tries(logged)[-1]["error"].startswith("the connection was lost soon: ")


# Many calls.


class Counting:
    """A FreeSWITCH that has every other call, and notes how many it is asked after at once."""

    def __init__(self) -> None:
        self.most = self.asked = 0
        self.switches = 0
        """How often it was asked which FreeSWITCH it is."""
        self.filters: set[str] = set()
        self.server = StreamServer(("127.0.0.1", 0), self._serve)
        self.server.start()

    def _serve(self, connection: socket.socket, _address: object) -> None:
        connection.sendall(b"Content-Type: auth/request\n\n")
        held = b""
        while data := connection.recv(1 << 20):
            *commands, held = (held + data).split(b"\n\n")
            asked = sum(command.startswith(b"api uuid_exists") for command in commands)
            self.switches += b"api global_getvar core_uuid" in commands
            self.most, self.asked = max(self.most, asked), self.asked + asked
            connection.sendall(b"".join(map(self._answer, commands)))

    def _answer(self, command: bytes) -> bytes:
        if not command.startswith(b"api uuid_exists"):
            if command.startswith(b"filter Unique-ID"):
                self.filters.add(command.split()[-1].decode())
            return b"Content-Type: command/reply\nReply-Text: +OK\n\n"
        body = b"true" if has(command.decode()) else b"false"
        return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)


def has(call_id: str) -> bool:
    return int(call_id[-4:]) % 2 == 1


def test_ten_thousand_calls_left_and_two_thousand_followed(logged):
    """A list of all channels would be 12 MB by now; the calls are asked after in slices."""
    freeswitch = Counting()
    calls = [f"3deba8b7-291b-4a57-8511-68a5{number:08}" for number in range(12_000)]
    left, followed = calls[:10_000], calls[10_000:]
    found: dict[str, bool] = {}
    gone: set[str] = set()
    control = Control(
        freeswitch.server.address,
        lambda: "ClueCon",
        Metrics(),
        RealClock(),
        hear=lambda call_id, message: None,
        left=lambda: left,
        found=found.__setitem__,
        gone=gone.add,
        back=lambda call_id: None,
        feature=lambda leg, feature: None,
        hold=lambda leg, held: None,
        agents=bool,
        exempt=lambda _leg, _message: None,
        consult_over=lambda _leg: None,
    )
    for call_id in followed:
        control.follow(call_id)
    watching = Event()
    control._watch = lambda: (watching.set(), control._lost.wait())
    loop = gevent.spawn(control.run)
    gevent.wait([watching, loop], count=1)
    assert found == {call_id: has(call_id) for call_id in left}
    assert gone == {call_id for call_id in followed if not has(call_id)}
    assert freeswitch.filters == set(followed)
    assert freeswitch.asked == len(calls)
    assert freeswitch.switches == 1, "and is the same for all of them"
    assert freeswitch.most <= SLICE
    control.stop()
    loop.join()
    freeswitch.server.stop()
