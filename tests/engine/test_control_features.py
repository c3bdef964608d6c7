"""The engine's own line: feature codes that come over it, and commands that go (R6, R11)."""

from __future__ import annotations

from collections.abc import Iterator

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer

from ivr.clock import RealClock
from ivr.engine.control import Control
from ivr.esl.wire import Message, line
from ivr.metrics import Metrics

CALL = "18c1b1f2-68dc-4528-9aea-47ffc353c8ef"
AGENT = "7f2a186c-1f1e-4c56-9a2e-5d1f6f3a0b11"
OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"


def told(*lines: str) -> bytes:
    """An event of these headers."""
    body = "\n".join(lines).encode() + b"\n\n"
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body) + body


def keyed(leg: str, feature: str) -> bytes:
    """What an agent's feature code brings (docs/freeswitch.md 14c)."""
    return told("Event-Name: CHANNEL_APPLICATION", f"Unique-ID: {leg}", f"Ivr-Feature: {feature}")


class Switch:
    """A FreeSWITCH that says OK to all, and whatever else it is told to say."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.knocked = Event()
        self.server = StreamServer(("127.0.0.1", 0), self._serve)
        self.server.start()
        self._connection: socket.socket | None = None

    def _serve(self, connection: socket.socket, _address: object) -> None:
        self._connection = connection
        connection.sendall(b"Content-Type: auth/request\n\n")
        held = b""
        while data := connection.recv(4096):
            if data == b"\n":
                self.knocked.set()
                continue
            *commands, held = (held + data).split(b"\n\n")
            self.commands += [command.decode() for command in commands]
            connection.sendall(OK * len(commands))

    def say(self, *events: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(b"".join(events))


class Line:
    """The engine's line to such a switch, and what came over it."""

    def __init__(self, switch: Switch) -> None:
        self.features: list[tuple[str, str]] = []
        self.heard: list[tuple[str, str]] = []
        self.came = Event()
        self.agents = False
        self.control = Control(
            switch.server.address,
            lambda: "ClueCon",
            Metrics(),
            RealClock(),
            hear=self._hear,
            left=lambda: (),
            found=lambda call_id, there: None,
            gone=lambda call_id: None,
            back=lambda call_id: None,
            feature=self._keyed,
            hold=lambda leg, held: None,
            agents=lambda: self.agents,
            exempt=lambda leg, _message: self.features.append((leg, "exempt")),
            consult_over=lambda _leg: None,
        )

    def _hear(self, call_id: str, message: Message) -> None:
        self.heard.append((call_id, message.event_name))
        self.came.set()

    def _keyed(self, leg: str, feature: str) -> None:
        self.features.append((leg, feature))
        self.came.set()


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch()
    yield switch
    switch.server.stop()


@pytest.fixture(params=[False])
def standing(switch: Switch, request: pytest.FixtureRequest) -> Iterator[Line]:
    """A line that stands; the parameter is whether there is an agent in a call."""
    made = Line(switch)
    made.agents = request.param
    watching = Event()
    made.control._watch = lambda: (watching.set(), made.control._lost.wait())  # type: ignore[method-assign] # to know when
    loop = gevent.spawn(made.control.run)
    gevent.wait([watching, loop], count=1)
    assert made.control.connected
    yield made
    made.control.stop()
    loop.join()


def test_a_feature_code_comes_with_the_leg_it_was_keyed_at(switch: Switch, standing: Line):
    switch.say(keyed(AGENT, "pause"))
    standing.came.wait()
    assert standing.features == [(AGENT, "pause")]
    assert standing.heard == [], "and is no event of a call"


@pytest.mark.parametrize("standing", [True], indirect=True)
def test_while_there_are_agents_freeswitch_is_made_to_look_for_their_codes(
    switch: Switch, standing: Line
):
    switch.knocked.wait()
    switch.knocked.clear()
    switch.knocked.wait()
    assert "" not in switch.commands, "an empty line is no command"


def test_while_there_are_none_it_is_left_in_peace(switch: Switch, standing: Line):
    switch.say(keyed(AGENT, "pause"))
    standing.came.wait()
    assert not switch.knocked.is_set()


def test_codes_and_holds_are_heard_of_every_leg_and_keys_of_those_that_are_followed(
    switch: Switch, standing: Line
):
    """What is subscribed to is told of the legs and of the names that are filtered for."""
    [subscribed] = [one for one in switch.commands if one.startswith("event plain ")]
    names = {"CHANNEL_APPLICATION", "CHANNEL_HOLD", "CHANNEL_UNHOLD", "HEARTBEAT"}
    assert names | {"DTMF"} < set(subscribed.split())
    filters = {one for one in switch.commands if one.startswith("filter ")}
    assert filters == {f"filter Event-Name {name}" for name in names}
    answered = Event()
    standing.control.follow(CALL)
    standing.control.post(line("api one"), lambda _reply: answered.set())
    answered.wait()
    new = {one for one in switch.commands if one.startswith("filter ")} - filters
    assert new == {f"filter Unique-ID {CALL}", f"filter Bridge-B-Unique-ID {CALL}"}


def test_codes_come_in_their_order_among_the_events_of_calls(switch: Switch, standing: Line):
    standing.control.follow(CALL)
    switch.say(
        keyed(AGENT, "pause"),
        keyed(AGENT, "resume"),
        told("Event-Name: CHANNEL_BRIDGE", f"Unique-ID: {CALL}"),
    )
    while not standing.heard:
        standing.came.clear()
        standing.came.wait()
    assert standing.features == [(AGENT, "pause"), (AGENT, "resume")]
    assert standing.heard == [(CALL, "CHANNEL_BRIDGE")]


def test_other_applications_of_a_leg_are_no_codes(switch: Switch, standing: Line):
    other = told("Event-Name: CHANNEL_APPLICATION", f"Unique-ID: {AGENT}", "Application: hold")
    switch.say(other, keyed(AGENT, "abuse"))
    standing.came.wait()
    assert (standing.features, standing.heard) == ([(AGENT, "abuse")], [])


def test_a_code_of_a_call_that_is_followed_is_a_code_only(switch: Switch, standing: Line):
    standing.control.follow(CALL)
    switch.say(keyed(CALL, "resume"))
    standing.came.wait()
    assert (standing.features, standing.heard) == ([(CALL, "resume")], [])


def test_commands_go_over_it_and_each_has_its_answer(switch: Switch, standing: Line):
    answers: list[Message | None] = []
    come = Event()

    def last(reply: Message | None) -> None:
        answers.append(reply)
        come.set()

    standing.control.post(line("api one") + line("api two"), answers.append, last)
    come.wait()
    assert switch.commands[-2:] == ["api one", "api two"]
    assert [reply.reply for reply in answers if reply is not None] == ["+OK", "+OK"]


def test_without_a_line_each_command_is_answered_with_nothing(switch: Switch):
    answers: list[Message | None] = []
    never = Line(switch)
    never.control.post(line("api one") + line("api two"), answers.append, None, answers.append)
    assert answers == [None, None]
    assert switch.commands == []
