"""What the spool has of calls that the exempt extension took part in (R8)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from gevent.event import Event

from ivr.core.entries import (
    Connected,
    Exempted,
    Finished,
    HungUp,
    Parted,
    PauseHeld,
    PauseStarted,
    TakenUp,
)
from ivr.errors import SpoolError
from ivr.storage.atomic import REAL
from ivr.storage.filing import Filed, Filing, Maker, file_batch
from ivr.storage.heard import hear
from ivr.storage.look import SpoolRow, find, ls, show, show_either, shown, verify
from ivr.storage.places import Places, prepare
from ivr.storage.record_schema import ExemptModel, parse_either, parse_record, record_schema
from ivr.storage.spool import Spool
from tests.recording.wavs import is_silent, is_speech, talk
from tests.storage.bench import LIMITS, MAKER, Bench
from tests.storage.parts import ARRIVED, CALL, ENOSPC, OTHER, settle, wait, wav
from tests.storage.paused import BEGIN, at, file, put

ID = "a5a3c1de-5f0e-5a3b-9d58-0c1f2e3d4c5b"
"""Of version 5, as the engine makes them of FreeSWITCH's event."""
ALL = {
    "schema": 4, "call": ID, "exempt": True, "day": "2024-05-01", "host": "host-1",
    "engine": "0.1.0",
}  # fmt: skip


def exempt(bench: Bench, *calls: str) -> None:
    done, left = Event(), list(calls)

    def filed(one: Filed) -> None:
        assert (one.error, one.fault, one.record) == (None, "", None)
        left.remove(one.call_id)
        if not left:
            done.set()

    for call in calls:
        bench.spool.exempt(call, filed)
    bench.clock.turn(LIMITS.gather_ms)
    wait(done)


def test_that_it_took_place_and_nothing_else(bench: Bench) -> None:
    exempt(bench, ID)
    assert bench.names("new") == [f"{ID}.json"]
    path = bench.root / f"new/{ID}.json"
    assert list(json.loads(path.read_bytes()).items()) == list(ALL.items())
    assert path.read_bytes().count(b"\n") == 1
    assert path.stat().st_mode & 0o777 == 0o640
    jsonschema.validate(json.loads(path.read_bytes()), record_schema())
    assert bench.names("tmp") == bench.names("recording") == bench.names("aside") == []


def test_it_is_in_no_journal(bench: Bench) -> None:
    exempt(bench, ID)
    assert bench.journal.flush()
    assert all(ID.encode() not in path.read_bytes() for path in bench.places.journal.iterdir())
    assert (bench.journal.open_calls, bench.spool.waiting) == (0, 0)


def test_it_is_durable_before_it_is_seen(bench: Bench) -> None:
    exempt(bench, ID)
    told = [one for one in bench.trace.calls if one[0] in ("fsync", "rename")]
    assert told == [
        ("fsync", f"tmp/{ID}.json"), ("rename", f"new/{ID}.json"), ("fsync", "spool/new"),
    ]  # fmt: skip


def test_the_same_one_twice_is_one_record(bench: Bench) -> None:
    """Both engines hear of it."""
    exempt(bench, ID)
    before = (bench.root / f"new/{ID}.json").stat()
    exempt(bench, ID)
    assert bench.names("new") == [f"{ID}.json"]
    assert (bench.root / f"new/{ID}.json").stat() == before
    assert bench.names("tmp") == []


def test_the_day_is_the_hosts(bench: Bench) -> None:
    zone = ZoneInfo("Pacific/Honolulu")
    where = (bench.root, bench.journal, bench.clock)
    spool = Spool(*where, Maker("h", "1", zone), LIMITS)
    done = Event()
    spool.exempt(ID, lambda _filed: done.set())
    bench.clock.turn(LIMITS.gather_ms)
    wait(done)
    assert bench.record(ID)["day"] == "2024-04-30"
    spool.close()


def test_what_the_disk_refuses_is_tried_again(bench: Bench) -> None:
    bench.trace.failing[f"write:{ID}.json"] = ENOSPC
    bench.spool.exempt(ID)
    bench.clock.turn(LIMITS.gather_ms)
    while not bench.refused:
        settle()
    assert (bench.names("new"), bench.spool.waiting) == ([], 1)
    bench.trace.failing.clear()
    assert bench.spool.join(5)
    assert bench.names("new") == [f"{ID}.json"]


def test_one_batch_has_both_kinds(bench: Bench) -> None:
    bench.record_audio(CALL, wav())
    bench.spool.exempt(ID)
    bench.finish(CALL)
    assert bench.names("new") == sorted((f"{CALL}.json", f"{CALL}.wav", f"{ID}.json"))
    assert bench.spool.depth().records == 2


@pytest.mark.parametrize("name", ["", "../x", "7001", ID.upper()])
def test_what_is_no_id_is_refused(bench: Bench, name: str) -> None:
    with pytest.raises(SpoolError, match="is not the id of a call"):
        bench.spool.exempt(name)


def test_it_is_shown_like_any(bench: Bench) -> None:
    exempt(bench, ID)
    size = (bench.root / f"new/{ID}.json").stat().st_size
    assert ls(bench.root) == (
        SpoolRow(ID, "2024-05-01", "", "", "exempt", "none (exempt)", 0, size, ""),
    )
    assert find(bench.root, ID[:6]) == ID
    assert json.loads(shown(bench.root, ID)) == ALL
    record = show_either(bench.root, ID)
    assert isinstance(record, ExemptModel)
    assert record.day == "2024-05-01"
    [finding] = verify(bench.root)
    assert (finding.verdict, finding.detail) == ("good", "an exempt call: nothing is kept of it")
    assert hear(ID, lambda: bench.root).pauses == ()
    assert hear(str(bench.root / f"new/{ID}.json"), Path).recorded
    with pytest.raises(SpoolError, match="the record of an exempt call"):
        show(bench.root, ID)


@pytest.mark.parametrize("folder", ["new", "recording", "aside"])
def test_audio_of_one_is_bad(bench: Bench, folder: str) -> None:
    exempt(bench, ID)
    (bench.root / folder / f"{ID}.wav").write_bytes(wav())
    assert verify(bench.root, ID)[0].verdict == "bad"


@pytest.mark.parametrize(
    "change",
    [
        {"number": "1999"}, {"caller": ""}, {"arrived_at": ""}, {"exempt": False}, {"schema": 3},
        {"day": "2024-05-01T09:30:00.000+00:00"}, {"durations": {}},
    ],
)  # fmt: skip
def test_more_than_that_is_no_record(change: dict[str, object]) -> None:
    data = json.dumps({**ALL, **change}).encode()
    with pytest.raises(SpoolError, match="not a record of schema 4"):
        parse_either(data, "x")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(data), record_schema())


def test_who_wants_a_call_is_told() -> None:
    with pytest.raises(SpoolError, match="x: the record of an exempt call, of which nothing else"):
        parse_record(json.dumps(ALL).encode(), "x")


# A recorded call that it comes into.

MET = at(
    *BEGIN, (6_000, Parted()), (6_100, PauseStarted("exempt", back_ms=100)),
    (6_110, PauseHeld("masked")), (6_120, Exempted()),
)  # fmt: skip
"""5 s of audio; what comes after may have been written while it was being stopped."""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0)


@pytest.mark.parametrize("longer_ms", [0, 40, 5_000, 60_000])
def test_what_was_written_of_it_is_silent(places: Places, longer_ms: int) -> None:
    put(places, talk(5_000 + longer_ms))
    filed = file(places, MET)
    assert filed.record is not None
    assert filed.record.recording.state == "kept"
    path = Path(places.audio(CALL))
    assert is_speech(path, 0, 4_700)
    assert is_silent(path, 4_750, 5_000 + longer_ms)
    assert [finding.verdict for finding in verify(places.root)] == ["good"]


def test_its_pause_may_be_lost(places: Places) -> None:
    put(places, talk(20_000))
    lost = tuple(each for each in MET if not isinstance(each.entry, PauseStarted | PauseHeld))
    file(places, lost)
    path = Path(places.audio(CALL))
    assert is_speech(path, 0, 4_700)
    assert is_silent(path, 4_750, 20_000)


def test_after_a_crash_the_record_is_the_same(tmp_path: Path) -> None:
    records = []
    more = (
        (6_200, Finished()), (60_000, TakenUp("followed")), (61_000, Connected("e", "1999")),
        (99_000, HungUp("unknown", "", 0, "ended-unseen")),
    )  # fmt: skip
    for number, entries in enumerate((MET, (*MET, *at(*more)))):
        places = prepare(tmp_path / str(number), 0)
        put(places, talk(5_040))
        file(places, entries)
        records.append(Path(places.record(CALL)).read_bytes())
    assert records[0] == records[1]
    record = json.loads(records[0])
    assert record["ended"] == {"by": "engine", "cause": "", "q850": 0, "reason": "exempt"}
    assert b"1999" not in records[0]


def test_a_call_that_came_back_is_one_of_its_own(places: Places) -> None:
    """All of it lies under its own id, and nothing leads to its channel's, under which the record
    of what was before it lies: how long it was away is nobody's business."""
    put(places, talk(5_000))
    file(places, MET)
    Path(places.recorded(OTHER)).write_bytes(talk(1_000))
    back = (
        (70_000, replace(ARRIVED, channel=CALL)), (71_000, Connected("c", "305")),
        (72_000, HungUp("caller", "NORMAL_CLEARING", 16)),
    )  # fmt: skip
    [filed] = file_batch(REAL, places, MAKER, [Filing(OTHER, at(*back))])
    assert filed.record is not None
    assert (filed.record.call, filed.record.recording.state) == (OTHER, "kept")
    assert CALL.encode() not in Path(places.record(OTHER)).read_bytes()
    assert OTHER.encode() not in Path(places.record(CALL)).read_bytes()
    assert [finding.verdict for finding in verify(places.root)] == ["good", "good"]
