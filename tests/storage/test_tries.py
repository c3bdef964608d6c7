"""What the disk refuses is tried again, and what comes of the tries (R22)."""

from __future__ import annotations

from pathlib import Path

import gevent

from ivr.storage.filing import Filed
from ivr.storage.spool import Spool
from tests.storage.bench import LIMITS, MAKER, Bench
from tests.storage.parts import (
    CALL,
    EIO,
    ENOSPC,
    call_id,
    settle,
    unconnected_call,
    wav,
    whole_call,
)


def test_what_was_set_aside_by_a_try_that_failed_is_told_in_the_end(
    bench: Bench, tmp_path: Path
) -> None:
    fallback = tmp_path / "fallback"
    places = Spool.prepare(bench.root, LIMITS, fallback)
    spool = Spool(
        bench.root, bench.journal, bench.clock, MAKER, LIMITS, bench.trace.disk(),
        lambda call, error: bench.refused.append((call, error)), fallback,
    )  # fmt: skip
    bench.record_audio(CALL, wav(800))
    Path(places.recorded(CALL, 1, places.folders[1])).write_bytes(wav(700))
    bench.trace.failing[f"rename:new/{CALL}.json"] = EIO
    filed: list[Filed] = []
    spool.finish(CALL, whole_call(), filed.append)
    bench.clock.turn(LIMITS.gather_ms)
    while not bench.refused:
        settle()
    assert bench.names("aside") == [f"{CALL}.wav", f"{CALL}.wav.why"]
    bench.trace.failing.clear()
    bench.clock.turn(LIMITS.retry_ms)
    assert spool.close()
    settle()
    [one] = filed
    assert [line.partition(":")[0] for line in one.aside] == [f"{CALL}.wav"]
    assert one.record is not None
    assert one.record.recording.detail.startswith(f"set aside: {CALL}.wav: part 1 lies in two")


def test_calls_that_are_refused_are_in_nobodys_way(bench: Bench) -> None:
    """However many they are: the others do not wait for their next try, and they for their time."""
    many = [call_id(number) for number in range(3 * LIMITS.batch)]
    bench.trace.failing["open:.json"] = ENOSPC
    for call in many:
        bench.spool.finish(call, unconnected_call(), bench.filed.append)
    bench.clock.turn(LIMITS.gather_ms)
    while len(bench.refused) < len(many):
        bench.clock.turn(0)
        gevent.sleep(0.001)
    bench.trace.failing.clear()
    bench.finish(CALL)
    assert [one.call_id for one in bench.filed] == [CALL]
    assert len(bench.refused) == len(many)
    bench.clock.turn(LIMITS.retry_ms)
    while bench.spool.waiting:
        bench.clock.turn(0)
        gevent.sleep(0.001)
    settle()
    assert sorted(one.call_id for one in bench.filed) == sorted([CALL, *many])
