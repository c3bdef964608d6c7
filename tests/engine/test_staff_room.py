"""Calls that staff make are recorded from the connection on, and FreeSWITCH may refuse to begin
(R10, R22; docs/freeswitch.md 62)."""

from __future__ import annotations

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.faults import START
from ivr.lab.script import HangUp, WhenConnected
from tests.engine.disks import FALLBACK
from tests.engine.house import House

REFUSED = "-ERR Cannot record session!\n"
CALLS = CallScript(
    dialled="907700900123",
    number="2001",
    context="default",
    steps=(WhenConnected(8000), HangUp()),
    destination=Destination(),
)


@pytest.fixture
def house(build) -> House:
    """Council tax, without a recording no call, calls out; there is a fallback."""
    one = build(more=FALLBACK)
    destinations = one.folder / "dialplan/destinations.yaml"
    destinations.write_text(f'{destinations.read_text()}outside:\n  dial: "sofia/lab/$number"\n')
    routes = one.folder / "dialplan/routes.yaml"
    staff = "- name: staff\n  direction: outbound\n  numbers: ['9*']\n  strip: '9'\n"
    routes.write_text(f"{routes.read_text()}{staff}  team: council-tax\n  destination: outside\n")
    one.start()
    return one


def test_the_other_folder_is_tried_before_the_call_is_ended(house):
    house.switch.faults.refuse(START, REFUSED)
    call = house.call(CALLS)
    assert call.record["ended"]["by"] == "caller"
    assert [one.name for one in call.parts] == [f"{call.outcome.uuid}.2.wav"]
    assert call.record["recording"]["duration_ms"] >= 7_900


def test_where_that_refuses_too_the_call_is_ended(house):
    house.switch.faults.refuse(START, REFUSED, times=2)
    call = house.call(CALLS)
    assert call.record["ended"]["reason"] == "not-recordable"
    assert call.outcome.duration_ms < 5_000, "and not talked on"
