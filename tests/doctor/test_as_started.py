"""What the dry run says is what a start then does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from ivr.config.load import load
from ivr.core.entries import Connected, HungUp, RecordingIntended, RecordingStarted
from ivr.doctor.left import LeftCall, prospect
from ivr.doctor.patient import patient
from ivr.lab import CallScript, Destination
from ivr.lab.script import HangUp, WhenConnected
from ivr.storage.places import Places, prepare
from tests.doctor.test_left import OURS, journalled
from tests.engine.conftest import build, logged  # noqa: F401 # the fixtures
from tests.engine.house import House
from tests.storage.parts import call_id, wav

LONG = CallScript(steps=(WhenConnected(8000), HangUp()), destination=Destination())
UNSEEN, LOST, KNOWN, ALONE, NO_AUDIO = map(call_id, range(5))


def foreseen(house: House) -> dict[str, LeftCall]:
    seen = prospect(patient(house.site_file, ask=False), UTC)
    return {call.call: call for call in seen.calls}


def record(house: House, call: str) -> dict[str, Any]:
    path = house.spool / f"new/{call}.json"
    house.clock.run_until(path.exists)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def left(build: Callable[..., House]) -> House:  # noqa: F811 # the fixture
    """Calls of every kind that are over, and no engine yet."""
    house = build()
    places: Places = prepare(load(house.site_file).site.spool, 0)

    def begun(call: str) -> tuple[Any, ...]:
        path = places.recorded(call)
        return RecordingIntended(path), RecordingStarted(path), Connected("leg")

    lines = [
        journalled(UNSEEN, OURS, *begun(UNSEEN)),
        journalled(LOST, replace(OURS, switch="of another time"), *begun(LOST)),
        journalled(KNOWN, OURS, *begun(KNOWN), HungUp("caller", "NORMAL_CLEARING", 16)),
        journalled(NO_AUDIO, OURS, *begun(NO_AUDIO)),
    ]
    (places.journal / "0000000001.journal").write_bytes(b"".join(lines))
    for call in (UNSEEN, LOST, ALONE):
        Path(places.recorded(call)).write_bytes(wav(8000, said=0))
    Path(places.recorded(KNOWN)).write_bytes(wav(8000))
    Path(places.recorded(NO_AUDIO)).write_bytes(b"no recording" * 9)
    return house


def test_ends(left):
    seen = foreseen(left)
    left.start()
    for call in (UNSEEN, LOST):
        reason = record(left, call)["ended"]["reason"]
        assert reason
        assert seen[call].then == f"its record is written, its end is {reason}"
    assert seen[KNOWN].then == "its record is written: its end is known"
    assert record(left, KNOWN)["ended"]["by"] == "caller"
    assert seen[ALONE].then == "a record is written of what the recording alone tells"
    assert record(left, ALONE)["arrived_at"] == ""


def test_headers_and_files(left):
    seen = foreseen(left)
    left.start()
    for call in (UNSEEN, LOST, KNOWN, ALONE):
        recording = record(left, call)["recording"]
        (file,) = seen[call].files
        assert recording["state"] == "kept"
        assert recording["duration_ms"] == file.duration_ms == 1000
        assert recording["repaired"] is (file.state == "header")
    (file,) = seen[NO_AUDIO].files
    assert file.state == "unreadable"
    assert record(left, NO_AUDIO)["recording"]["state"] == "lost"
    assert (left.spool / f"aside/{NO_AUDIO}.wav").exists()


@pytest.mark.parametrize("paused", [False, True])
def test_a_call_that_goes_on(build, paused):  # noqa: F811 # the fixture
    house = build()
    house.start()
    call = house.place(LONG)
    house.until(call, "connected")
    house.clock.run(1000)
    if paused:
        from ivr.core.events import PauseAsked

        driver = house.engine.context.calls[call.uuid]
        driver.take(PauseAsked(house.clock.monotonic_ms(), "engineer"))
        house.clock.run(500)
    house.stop()
    house.clock.run(500)
    seen = foreseen(house)[call.uuid]
    assert [file.state for file in seen.files] == ["growing"]
    assert bool(seen.paused) is paused
    assert seen.then.startswith("masked at once" if paused else "followed to its end")
    house.switch.sent.clear()
    house.start()
    assert call.uuid in house.engine.context.calls
    path = house.spool / f"recording/{call.uuid}.wav"
    masks = [one for one in house.commands if f"uuid_record {call.uuid} mask {path}" in one]
    assert bool(masks) is paused
    assert house.over(call).record["ended"]["by"] == "caller"
