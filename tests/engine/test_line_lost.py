"""The engine's own line is lost while calls keep theirs: only it tells of holds (R5, R22)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import HangUp, WhenConnected

LONG = CallScript(steps=(WhenConnected(60_000), HangUp()), destination=Destination())


@pytest.fixture
def driver(house):
    call = house.place(LONG)
    house.until(call, "connected")
    house.clock.run(2000)
    return house.engine.context.calls[call.uuid]


def hold(house, leg: str, *, held: bool = True) -> None:
    house.switch.api("uuid_hold", leg if held else f"off {leg}")
    house.clock.run(1000)


def lose(house) -> None:
    house.switch.password = "other, for now"
    for listener in house.inbound():
        listener.drop()
    house.clock.run(1000)


def come_back(house) -> None:
    house.switch.password = "ClueCon"
    house.clock.run_until(lambda: house.engine.control.connected)
    house.clock.run(1000)


def test_an_agent_who_came_back_meanwhile_is_recorded_again(house, driver):
    """The pause of a hold ends with the hold: no code of the agent's ends it."""
    agent = driver.state.other_leg
    hold(house, agent)
    assert driver.state.pause == "on"
    lose(house)
    hold(house, agent, held=False)
    assert driver.state.pause == "on", "nobody has told"
    come_back(house)
    assert driver.state.pause == "off"


def test_a_caller_who_was_put_on_hold_meanwhile_is_not_recorded(house, driver):
    lose(house)
    hold(house, driver.state.other_leg)
    come_back(house)
    assert (driver.state.pause, driver.state.paused_by) == ("on", "hold")


def test_a_customer_who_came_back_meanwhile_is_watched_again(house, driver):
    hold(house, driver.call_id)
    assert not driver.grows
    lose(house)
    hold(house, driver.call_id, held=False)
    come_back(house)
    assert driver.grows
    assert driver.state.part == 1


def test_two_calls_that_are_followed_and_joined_both_hear_of_it(house):
    calls = [house.place(LONG), house.place(LONG)]
    for call in calls:
        house.until(call, "connected")
        house.listener(call).drop()
    house.clock.run(1000)
    one, other = (house.engine.context.calls[call.uuid] for call in calls)
    house.switch.api("uuid_bridge", f"{one.call_id} {other.call_id}")
    house.clock.run(1000)
    assert (one.state.other_leg, other.state.other_leg) == (other.call_id, one.call_id)
    assert (one.legs.agent, other.legs.agent) == ("", "")
