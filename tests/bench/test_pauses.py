"""The driver against calls in memory: it asks each in turn, and notices what fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from ivr.api.calls import Why
from tests.api.fake import ONE, OTHER, Api

from .load import Spread
from .pauses import LIMIT_MS, Measured, Target, in_memory, measure, under_engine


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    one = Api(tmp_path)
    with structlog.testing.capture_logs():
        yield one
    one.close()


def test_every_call_is_paused_and_resumed_in_turn(api: Api) -> None:
    target = Target(api.server.port, api.all, [ONE.call, OTHER.call], ["", OTHER.extension])
    by_id, by_extension = measure(target, rate=100.0, seconds=0.06).values()
    assert by_id.failed == by_extension.failed == {}
    assert by_id.answered.count == by_extension.answered.count == 3
    asked = [(what, call) for what, call, _ in api.calls.asked]
    assert sorted(asked[:2]) == [("pause", ONE.call), ("pause", OTHER.call)]
    assert sorted(asked) == sorted(
        [("pause", ONE.call), ("pause", OTHER.call)] * 2
        + [("resume", ONE.call), ("resume", OTHER.call)]
    )


def test_what_fails_is_counted(api: Api) -> None:
    api.calls.why = Why.AWAY
    target = Target(api.server.port, api.all, [ONE.call], [ONE.extension])
    found = measure(target, rate=100.0, seconds=0.04)
    assert [each.failed for each in found.values()] == [{"503": 2}, {"503": 2}]
    assert not any(each.well for each in found.values())
    nobody = measure(Target(1, "", ["x"], ["x"]), rate=100.0, seconds=0.01)
    assert nobody["calls"].failed == {"ConnectionRefusedError": 1}


@pytest.mark.parametrize(("p99", "well"), [(0.0, False), (LIMIT_MS, True), (LIMIT_MS + 1, False)])
def test_the_limit(p99: float, well: bool) -> None:
    spread = Spread(1, p99, p99, p99, p99)
    assert Measured(spread, spread, {}).well is well


def test_an_interface_in_another_process() -> None:
    with in_memory(3, 0.0) as target:
        found = measure(target, rate=100.0, seconds=0.04)
    assert [each.failed for each in found.values()] == [{}, {}]
    assert [each.answered.count for each in found.values()] == [2, 2]


def test_an_engine_with_calls() -> None:
    with under_engine(2, 10.0) as target:
        assert len(target.calls) == 2
        assert len(set(target.extensions)) == 2
        found = measure(target, rate=100.0, seconds=0.08)
    assert [each.failed for each in found.values()] == [{}, {}]
    assert [each.answered.count for each in found.values()] == [4, 4]
