"""The driver against the stock application: every call is played to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .contender import CONTENDERS, Place, Running
from .load import Load, Outcome, Spread
from .measure import Driver, free_ports
from .procfs import cpu_ms, rss_mib
from .recordings import Recordings
from .sound import stereo_wav
from .templates import AT, load_events

CALLS = 5


@pytest.fixture
def driver() -> Iterator[Driver]:
    (port,) = free_ports(1)
    driver = Driver(port)
    yield driver
    driver.stop()


def place(driver: Driver, port: int) -> Outcome:
    load = Load(port, 50.0, CALLS, prompt_ms=50, ring_ms=20, talk_ms=100, audio_ms=100)
    return driver.run(load, lambda _: None)


@pytest.mark.parametrize(
    ("name", "masked", "events"),
    [("stock", CALLS, 18), ("stock-no-pause", 0, 18), ("stock-filter", CALLS, 14)],
)
def test_every_call_is_played_to_its_end(
    driver: Driver, tmp_path: Path, name: str, masked: int, events: int
) -> None:
    port, inbound, http = free_ports(3)
    running = Running(CONTENDERS[name], Place(tmp_path, port, inbound, http))
    try:
        outcome = place(driver, port)
        assert cpu_ms(running.pid) > 0
        assert rss_mib(running.pid) > 1
    finally:
        running.stop()
    assert outcome.reasons == {}
    assert (outcome.started, outcome.completed, outcome.failed) == (CALLS, CALLS, 0)
    assert outcome.masked == masked
    assert outcome.events_sent == CALLS * events
    assert outcome.first_byte.count == outcome.next_command.count == CALLS
    recordings = list((tmp_path / "recordings").glob("*.wav"))
    assert len(recordings) == CALLS
    assert {path.read_bytes() for path in recordings} == {stereo_wav(100)}


def test_calls_that_nobody_takes_are_failures(driver: Driver) -> None:
    (port,) = free_ports(1)
    outcome = place(driver, port)
    assert (outcome.completed, outcome.failed) == (0, CALLS)
    assert list(outcome.reasons) == [f"connect failed: {os.strerror(111)}"]


def test_events_are_as_long_as_freeswitch_makes_them() -> None:
    values = [b"x" * 8] * len(AT)
    values[AT["vars"]] = b""
    for name, event in load_events().items():
        for as_json in (False, True):
            head, _, body = event.frame(values, as_json).partition(b"\n\n")
            assert head.startswith(b"Content-Length: %d\n" % len(body))
            assert b"{{" not in body, name
            if as_json:
                assert json.loads(body.decode())["Event-Name"] == event.name
            else:
                assert body.startswith(b"Event-Name: %b\n" % event.name.encode())
                assert 6000 < len(body) < 13_000, name


def test_percentiles_are_by_nearest_rank() -> None:
    assert Spread.of([float(n) for n in range(1, 101)]) == Spread(100, 50.0, 90.0, 99.0, 100.0)
    assert Spread.of([]) == Spread(0, 0.0, 0.0, 0.0, 0.0)


def test_help_says_what_it_is_and_how_to_start_it() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    ).stdout
    assert "--quick" in shown
    assert "one scenario, one contender" in shown


def test_a_recording_grows_until_it_ends(tmp_path: Path) -> None:
    due: list[Callable[[], None]] = []
    recordings = Recordings(lambda _seconds, call: due.append(call))
    recordings.audio = stereo_wav(100)
    paths = [tmp_path / f"recording/{number}.wav" for number in range(30)]
    for path in paths:
        recordings.begin(str(path))
    before = [path.stat().st_size for path in paths]
    for _ in range(25):
        assert len(due) == 1
        due.pop()()
    assert all(path.stat().st_size > size for path, size in zip(paths, before, strict=True))
    paths[0].unlink()  # taken away, as by an engine that files it
    for path in paths:
        recordings.end(str(path))
    assert {path.read_bytes() for path in paths[1:]} == {recordings.audio}
    while due:
        due.pop()()
    assert {path.read_bytes() for path in paths[1:]} == {recordings.audio}
