"""The rendered dialplan on the lab switch: how calls reach the engine, and what becomes of them
where they do not (R20, R22; docs/freeswitch.md 8, 9, 10b)."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from gevent import socket

from ivr.config.addresses import Address
from ivr.config.load import load
from ivr.config.render import render
from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, HangUp, Keys, WhenConnected
from ivr.lab.session import APPLICATIONS, Action
from tests.engine.site import NUMBER, OWN_KEYS

LONG = CallScript(steps=(WhenConnected(12_000), HangUp()), destination=Destination())


def rendered(house, *ports: int) -> dict[str, tuple[Action, ...]]:
    """What `ivr dialplan render` writes for engines at these ports, for the lab switch."""
    configuration = load(house.site_file)
    engines = tuple(Address("127.0.0.1", port) for port in ports)
    text = render(replace(configuration, site=replace(configuration.site, engines=engines)))
    found = {}
    for extension in ET.fromstring(text).iter("extension"):
        condition = list(extension.iter("condition"))[-1]
        actions = [
            Action(one.get("application", ""), one.get("data", ""))
            for one in condition.iter("action")
        ]
        found[condition.get("expression", "")] = tuple(actions)
    return found


@pytest.fixture(autouse=True)
def lab_knows_sched_cancel(monkeypatch):
    """The lab switch has the command and not yet the application."""
    if "sched_cancel" not in APPLICATIONS:
        monkeypatch.setitem(
            APPLICATIONS, "sched_cancel", lambda leg, _arg: leg.switch.unschedule(leg.uuid)
        )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def use(house):
    """Has the switch send calls to these ports; an engine that runs is at the last by default."""

    def to(*ports: int) -> None:
        house.switch.dialplan = rendered(house, *(ports or (house.engine.calls.port,)))

    return to


def test_a_call_reaches_the_engine_and_the_dead_man_is_called_off(house, use):
    """It would take the call away after ten seconds."""
    use()
    call = house.call(LONG)
    call.assert_heard(12_000)
    assert f"api sched_del {call.outcome.uuid}" in house.commands


def test_an_opt_out_ends_there_and_does_not_go_on_in_the_dialplan(house, use):
    use()
    call = house.call(CallScript(steps=(DuringPrompt(300), Keys("*#*"))))
    house.clock.run(30_000)
    assert call.outcome.connected_ms is None
    assert call.record["opt_out"]["confirmed"]


def test_the_second_engine_is_asked_where_the_first_refuses(house, use):
    use(free_port(), house.engine.calls.port)
    house.call(LONG).assert_heard(12_000)


def test_without_an_engine_the_team_that_connects_is_connected(house, use):
    use(free_port())
    house.stop()
    call = house.place(LONG)
    house.clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is not None
    assert call.done.get().duration_ms >= 12_000, "the dead man does not take it away"
    assert call.leg.get("ivr_unrecorded") == "true"
    assert list((house.spool / "new").iterdir()) == []


def test_an_engine_that_is_full_is_as_good_as_none(build):
    house = build(more="limits:\n  connections: 1\n")
    house.start()
    house.switch.dialplan = rendered(house, house.engine.calls.port)
    first, second = house.place(LONG), house.place(LONG)
    house.over(first).assert_heard(12_000)
    house.clock.run_until(second.done.ready)
    assert second.done.get().connected_ms is not None
    assert second.leg.get("ivr_unrecorded") == "true"


def test_an_engine_that_accepts_and_says_nothing(house, use):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        use(deaf.getsockname()[1])
        call = house.place(LONG)
        house.clock.run_until(call.done.ready)
    outcome = call.done.get()
    assert 10_000 <= outcome.connected_ms <= 11_000


@pytest.mark.parametrize("number", [NUMBER, OWN_KEYS])
def test_an_engine_that_dies_in_the_announcement(house, use, number):
    """FreeSWITCH plays the prompt to its end and does what the team decided."""
    use()
    call = house.place(CallScript(dialled=number, destination=Destination.talks(1000)))
    house.until(call, "announcing")
    house.stop()
    house.clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is not None
    house.start()
    told = house.over(call)
    assert told.record["recording"]["state"] == "lost"
    assert told.record["connected_at"] == "", "not by us"


def test_numbers_of_the_fallback_are_closed_to_callers(house, use):
    use()
    expressions = list(house.switch.dialplan)
    assert [one for one in expressions if re.fullmatch(one, "ivr-fallback-main-line")]
    text = render(load(house.site_file))
    assert text.count("${ivr_route}") == 2
