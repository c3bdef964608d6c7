"""What it takes that nothing is lost: each measurement does its work, on a small scale."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from ivr.storage.places import prepare
from ivr.storage.segments import read

from . import growth, journal, journalled, repair, start
from .held import Held
from .left import SWITCH, leave


def test_an_engine_that_starts_masks_follows_and_records() -> None:
    found = start.start(calls=4, held=2, paused=1)
    assert found.ready > 0
    assert found.masked > 0
    assert found.followed > 0
    assert found.ready < found.recorded
    assert found.waits.count > 0


def test_what_was_left_is_open_and_its_audio_is_broken(tmp_path: Path) -> None:
    places = leave(tmp_path / "spool", calls=12, held=2, on_hold=1, seconds=1)
    left = read(places.journal)
    assert [call.finished for call in left.calls] == [False] * 12
    assert not left.bad
    kinds = [[type(each.entry).__name__ for each in call.entries] for call in left.calls]
    held, goes_on, ended, was_paused = kinds[0], kinds[1], kinds[2], kinds[10]
    assert held[-1] == "PauseHeld"
    assert goes_on[-1] == ended[-1] == "Connected"
    assert was_paused[-1] == "PauseEnded"
    with wave.open(places.recorded(left.calls[2].call_id)) as sound:
        assert sound.getnframes() == 0


def test_the_calls_that_are_held_are_known_and_grow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = leave(tmp_path / "spool", calls=3, held=2, on_hold=1, seconds=1)
    ids = [journalled.call_id(number) for number in range(3)]
    switch = Held(ids[:2], ids[:1], places)
    assert [switch.api(f"uuid_exists {call}") for call in ids] == ["true", "true", "false"]
    assert switch.api("global_getvar core_uuid") == SWITCH
    assert switch.api(f"uuid_getvar {ids[0]} bridge_uuid") == journalled.agent_of(ids[0])
    assert switch.api(f"uuid_getvar {ids[0]} nothing") == "_undef_"
    assert switch.api(f"uuid_getvar {ids[0]} ivr_paused") == "agent@1"
    assert switch.api(f"uuid_getvar {ids[1]} ivr_paused") == "_undef_"

    grown = Path(places.recorded(ids[1]))
    before = grown.stat().st_size
    switch._grow()
    assert grown.stat().st_size > before

    for leg in (ids[1], journalled.agent_of(ids[0]), ids[0]):
        switch.listened(leg)
    switch.api(f"uuid_record {ids[0]} mask {places.recorded(ids[0])}")
    said = [next(iter(json.loads(line))) for line in capsys.readouterr().out.splitlines()]
    assert said == ["followed", "masked"]


@pytest.mark.parametrize(("pauses", "entries"), [(0, 11), (2, 19)])
def test_a_call_is_journalled_whole_either_way(tmp_path: Path, pauses: int, entries: int) -> None:
    for way in ("engine", "plain"):
        folder = tmp_path / way
        folder.mkdir()
        found = journal.journal(way, 1, pauses, folder, apart_ms=1, tidying_s=0.1)
        assert found["ms"] > 0
        assert found["syncs"] > 0
    plain = (tmp_path / "plain/journal").read_bytes().splitlines()
    assert len(plain) == entries
    steps = [entry for _, some in journal._steps(journalled.call_id(0), pauses) for entry in some]
    assert [json.loads(line)["k"] for line in plain] == [type(each).__name__ for each in steps]


def test_a_header_is_repaired_and_the_file_hashed(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    repair.make(path, 100_000)
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 0
    found = repair.repair(path)
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == (100_000 - 44) // 4
    assert found["seconds"] > 0
    fat = b"x" * (200 << 20)  # the memory of who measures is not that of what is measured
    hole = repair.measure(1, 100_000, hole=True)
    assert 0 < hole.peak_mib < len(fat) >> 20
    with pytest.raises(SystemExit, match="wrong"):
        repair.repair(path)


def test_recordings_that_grow_are_watched_and_those_that_do_not_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    prepare(folder, 0)
    with growth._growing(folder, 3):
        found = growth.watch(folder, 5, 2.0, watched=True)
    sizes = [each.stat().st_size for each in (folder / "recording").iterdir()]
    assert len(sizes) == 3
    assert min(sizes) > 44 + 32_000
    assert found["stalled"] >= 2  # those of which there is no file
    assert found["longest_ms"] > 0
    assert growth.watch(folder, 3, 0.01, watched=False)["stalled"] == 0
