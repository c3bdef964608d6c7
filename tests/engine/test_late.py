"""Calls that the dead man took to the fallback before an engine answered (R22; docs/freeswitch.md
9, 64, 69): what is left of their connections ends nothing, and nobody who talks is spoken to."""

from __future__ import annotations

import pytest
from gevent import socket

from ivr.core import events
from ivr.lab import CallScript, Destination
from ivr.lab.script import HangUp, WhenConnected
from tests.engine.site import NUMBER

LONG = CallScript(steps=(WhenConnected(20_000), HangUp()), destination=Destination())
CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"


@pytest.fixture
def waiting():
    """A socket that listens, as systemd's does while the engine hangs or there is none."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one


def test_a_call_that_waited_too_long_for_an_engine_talks_on(build, waiting):
    house = build()
    house.switch.dialplan = house.dialplan(waiting.getsockname()[1])
    call = house.place(LONG)
    house.clock.run(15_000)
    assert call.leg.get("ivr_unrecorded") == "true"
    house.start(listening=waiting.dup())
    house.clock.run_until(call.done.ready)
    outcome = call.done.get()
    assert outcome.ended_by == "caller"
    assert outcome.duration_ms >= 30_000
    assert not [one for one in house.commands if "hangup" in one or "setvar" in one]
    assert house.metric("ivr_calls_turned_away_total") == 1


def test_an_answer_that_is_read_after_the_dead_man_was_due(build):
    """As by an engine that hung meanwhile: the call is not announced to people who talk."""
    house = build(more='limits:\n  command: "20s"\n')
    house.start()
    with socket.create_connection(("127.0.0.1", house.engine.calls.port)) as switch:
        assert switch.recv(100) == b"connect\n\n"
        house.clock.run(10_000)
        switch.sendall(
            f"Content-Type: command/reply\nUnique-ID: {CALL}\n"
            f"Caller-Destination-Number: {NUMBER}\nvariable_ivr_called: {NUMBER}\n\n".encode()
        )
        house.clock.settle()
        assert switch.recv(100) == b""
    assert CALL not in house.engine.context.calls


def test_what_is_answered_after_a_call_was_let_go_changes_nothing(house):
    """It was asked by one who does not drive the call any more, and another may."""
    call = house.place(LONG)
    house.until(call, "connected")
    driver = house.engine.context.calls[call.uuid]
    driver.let_go()
    house.clock.settle()
    sent, told = len(house.commands), len(driver.entries)
    driver.take(events.WasPaused(house.clock.monotonic_ms(), "agent", 0))
    house.clock.run(10_000)
    assert len(driver.entries) == told
    assert not [one for one in house.commands[sent:] if "uuid_record" in one]
