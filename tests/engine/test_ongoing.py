"""What is seen of calls in progress, and how much is done for it (R6, R11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ivr.core.entries import Stamp, Stamped
from ivr.engine import ongoing
from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from tests.engine.house import House

TALKS = 60_000


def place(house: House, *agent: Any) -> LabCall:
    steps = (WhenConnected(300), *agent, Wait(TALKS), HangUp())
    call = house.place(CallScript(destination=Destination(steps=steps)))
    house.until(call, "connected")
    return call


def hang_up(house: House, call: LabCall) -> None:
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    house.over(call)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Stamped]:
    """Every entry of a journal that was read."""
    seen: list[Stamped] = []
    further = ongoing._further

    def noted(told: Any, journal: Sequence[Stamped]) -> Any:
        seen.extend(journal)
        return further(told, journal)

    monkeypatch.setattr(ongoing, "_further", noted)
    return seen


def test_of_a_journal_only_what_is_new_is_read(house: House, read: list[Stamped]) -> None:
    call = place(house, Wait(2000), Keys("*7"))
    found = house.engine.ongoing.find(call.uuid)
    assert found is not None
    assert (found.connected_at != "", found.paused_since) == (True, "")
    assert len(read) == len(house.engine.context.calls[call.uuid].entries)
    house.clock.run_until(lambda: house.metric("ivr_calls_paused") == 1)
    house.clock.run(1_000)
    for _again in range(3):
        (now,) = house.engine.ongoing.calls()
        assert (now.connected_at, now.paused_by) == (found.connected_at, "agent")
        house.metric("ivr_calls_paused")
    entries = house.engine.context.calls[call.uuid].entries
    assert read == list(entries), "each once"


def test_nothing_is_remembered_of_a_call_that_is_gone(house: House) -> None:
    first, second = place(house), place(house)
    assert len(list(house.engine.ongoing.calls())) == 2
    hang_up(house, first)
    house.metric("ivr_calls_paused")
    assert list(house.engine.ongoing._read) == [second.uuid]
    hang_up(house, second)
    for _each in range(5):  # though nobody looks at the metrics
        call = place(house)
        assert house.engine.ongoing.find(call.uuid)
        hang_up(house, call)
    assert len(house.engine.ongoing._read) <= 2


def test_a_call_that_comes_again_is_read_from_its_beginning(house: House) -> None:
    call = place(house)
    driver = house.engine.context.calls[call.uuid]
    before = house.engine.ongoing.find(call.uuid)
    driver._entries = [
        Stamped(Stamp(one.stamp.wall_ms + 60_000, one.stamp.mono_ms), one.entry)
        for one in driver.entries
    ]
    after = house.engine.ongoing.find(call.uuid)
    assert before is not None
    assert after is not None
    assert before.arrived_at < after.arrived_at
    assert before.connected_at < after.connected_at


def test_a_call_that_ended_before_its_turn_is_left_out(house: House) -> None:
    calls = [place(house) for _each in range(3)]
    turns = house.engine.ongoing.calls()
    found = [next(turns).call]
    hang_up(house, calls[1])
    new = place(house)
    found += [one.call for one in turns]
    assert found == [calls[0].uuid, calls[2].uuid]
    assert [one.call for one in house.engine.ongoing.calls()][-1] == new.uuid


def test_for_the_metrics_only_paused_calls_are_read_and_others_have_their_turn(
    house: House, read: list[Stamped], monkeypatch: pytest.MonkeyPatch
) -> None:
    place(house)
    paused = [place(house, Keys("*7")) for _each in range(2)]
    house.clock.run(1_000)
    rests: list[float] = []
    monkeypatch.setattr(ongoing, "_AT_ONCE", 1)
    monkeypatch.setattr(ongoing.gevent, "sleep", rests.append)
    read.clear()
    assert [late for _s, late in house.engine.ongoing.paused()] == [False, False]
    calls = house.engine.context.calls
    assert read == [one for call in paused for one in calls[call.uuid].entries]
    assert rests == [0, 0]


def test_calls_of_an_extension(house: House) -> None:
    call = place(house)
    (found,) = house.engine.ongoing.calls()
    assert [one.call for one in house.engine.ongoing.on_extension(found.extension)] == [call.uuid]
    for number in ("", found.caller, "nobody"):
        assert house.engine.ongoing.on_extension(number) == []
