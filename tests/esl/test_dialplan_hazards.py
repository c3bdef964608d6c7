"""A call without an engine: what the rendered dialplan does that a bare ``socket`` does not."""

from __future__ import annotations

import socket as plain
from collections.abc import Mapping
from xml.etree import ElementTree as ET

import pytest

from ivr.config.load import load
from ivr.config.render import render
from ivr.lab import CallScript, Destination
from ivr.lab import session as lab_session
from ivr.lab.leg import Leg
from ivr.lab.script import HangUp, Wait
from ivr.lab.session import Action
from ivr.lab.switch import dialplan_for
from tests.engine.house import House
from tests.engine.site import NUMBER

HOUR = 3_600_000
TALKS = CallScript(dialled=NUMBER, destination=Destination.talks(2000))
LONG = CallScript(dialled=NUMBER, destination=Destination.talks(40_000))
STAYS = CallScript(dialled=NUMBER, steps=(Wait(HOUR), HangUp()))


def closed_port() -> int:
    with plain.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Rendered:
    """The dialplan of a house as ``ivr dialplan render`` writes it."""

    def __init__(self, house: House) -> None:
        configuration = load(house.site_file)
        self.dead_man_ms = configuration.site.render.dead_man_s * 1000
        self._actions: dict[str, list[Action]] = {}
        for extension in ET.fromstring(render(configuration)).iter("extension"):
            condition = extension.findall("condition")[-1]
            self._actions[condition.get("expression", "")] = [
                Action(one.get("application", ""), one.get("data", ""))
                for one in condition.findall("action")
            ]

    def at(self, *engines: str) -> Mapping[str, tuple[Action, ...]]:
        """With its engines at these addresses."""
        socket = Action("socket", f"{'|'.join(engines)} async full")
        return {
            number: tuple(socket if one.app == "socket" else one for one in actions)
            for number, actions in self._actions.items()
        }


@pytest.fixture
def rendered(house: House, monkeypatch) -> Rendered:
    def sched_cancel(leg: Leg, arg: str) -> None:
        leg.switch.unschedule(arg or leg.uuid)

    monkeypatch.setitem(lab_session.APPLICATIONS, "sched_cancel", sched_cancel)
    return Rendered(house)


def outcome(house: House, script: CallScript):
    call = house.switch.place(script)
    house.clock.run_until(call.done.ready, 2 * HOUR)
    return call.done.get()


def silent(session) -> None:
    """An application that answers and then says nothing."""
    session.answer()


# docs/freeswitch.md 8: where nobody listens, the dialplan goes on with what comes next.


def test_8_a_call_to_a_socket_alone_ends_when_nobody_listens(house: House):
    house.switch.dialplan = dialplan_for(f"127.0.0.1:{closed_port()}")
    ended = outcome(house, STAYS)
    assert ended.connected_ms is None
    assert ended.duration_ms < 1000


def test_8_the_rendered_dialplan_connects_it_without_a_recording(house: House, rendered: Rendered):
    house.switch.dialplan = rendered.at(f"127.0.0.1:{closed_port()}")
    ended = outcome(house, TALKS)
    assert ended.connected_ms is not None
    assert "RECORD_START" not in ended.names()


def test_8_the_rendered_dialplan_tries_the_second_engine(house: House, rendered: Rendered):
    port = house.engine.calls.port
    house.switch.dialplan = rendered.at(f"127.0.0.1:{closed_port()}", f"127.0.0.1:{port}")
    assert house.call(TALKS).record["recording"]["state"] == "kept"


# docs/freeswitch.md 9: an engine that accepts and says nothing holds the call in silence.


def test_9_a_call_to_a_socket_alone_hangs_where_the_engine_says_nothing(house: House, stock_engine):
    house.switch.dialplan = dialplan_for(stock_engine(silent).address)
    ended = outcome(house, STAYS)
    assert ended.connected_ms is None
    assert ended.duration_ms >= HOUR, "until the caller gives up"


def test_9_the_rendered_dialplan_takes_the_call_away(
    house: House, rendered: Rendered, stock_engine
):
    house.switch.dialplan = rendered.at(stock_engine(silent).address)
    connected = outcome(house, TALKS).connected_ms
    assert connected is not None
    assert rendered.dead_man_ms <= connected < rendered.dead_man_ms + 1000


def test_9_a_stock_application_loses_a_good_call_to_the_dead_man(
    house: House, rendered: Rendered, stock_engine
):
    def app(session):
        session.answer()
        session.call_command("bridge", "sofia/lab/desk")

    house.switch.dialplan = rendered.at(stock_engine(app).address)
    bridges = [one for one in outcome(house, LONG).happenings if one.event == "CHANNEL_BRIDGE"]
    assert len([one for one in bridges if one.side == "caller"]) == 2, "torn away, rung again"


def test_9_ours_calls_the_dead_man_off(house: House, rendered: Rendered):
    house.switch.dialplan = rendered.at(f"127.0.0.1:{house.engine.calls.port}")
    one = house.call(LONG)
    assert one.outcome.names().count("CHANNEL_BRIDGE") == 1
    assert one.outcome.duration_ms > rendered.dead_man_ms + 10_000
    assert f"api sched_del {one.outcome.uuid}" in house.commands
