"""Agents who key: every code comes to a mask, and later to an unmask, or is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from .contender import CONTENDERS, Place, Running
from .load import Load, Outcome
from .measure import Driver, free_ports
from .templates import AT, load_events

STAY, PAUSES = 3, 4


def keyed(folder: Path, contender: str) -> Outcome:
    port, inbound, http = free_ports(3)
    driver = Driver(inbound)
    try:
        running = Running(CONTENDERS[contender], Place(folder, port, inbound, http))
        try:
            load = Load(
                port,
                5.0,
                50,
                prompt_ms=50,
                ring_ms=20,
                talk_ms=50,
                audio_ms=100,
                stay=STAY,
                keys=PAUSES,
                paused_ms=50,
            )
            return driver.run(load, lambda _: None)
        finally:
            running.stop()
    finally:
        driver.stop()


@pytest.mark.parametrize("contender", ["stock-codes", "engine"])
def test_every_code_is_obeyed_and_then_all_hang_up(tmp_path: Path, contender: str) -> None:
    outcome = keyed(tmp_path, contender)
    assert outcome.reasons == {}
    assert outcome.masked_after.count == outcome.mask_reacted.count == PAUSES
    assert outcome.unmasked_after.count == PAUSES
    assert 0 < outcome.mask_reacted.p50 < outcome.masked_after.p50
    assert 1 <= outcome.masked <= STAY
    assert STAY <= outcome.completed == outcome.started < 50


def test_a_code_is_keyed_at_the_agents_leg() -> None:
    values = [b"-"] * len(AT)
    values[AT["uuid"]], values[AT["other"]] = b"customers", b"agents"
    values[AT["feature"]], values[AT["vars"]] = b"pause", b""
    frame = load_events()["CHANNEL_APPLICATION"].frame(values, as_json=False)
    assert b"\nUnique-ID: agents\n" in frame
    assert frame.count(b"\nIvr-Feature: pause\n") == 1
    assert b"\nApplication" not in frame
