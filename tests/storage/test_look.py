"""Reading a spool: list, show, verify, and the schema that records keep to."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ivr.core.entries import Connected, HungUp, OptOutConfirmed, OptOutStarted, RecordingFailed
from ivr.core.fold import fold
from ivr.core.record import SCHEMA, CallRecord, ExemptRecord
from ivr.errors import SpoolError, UsageError
from ivr.storage.atomic import REAL
from ivr.storage.filing import Filing, Maker, file_batch, record_bytes
from ivr.storage.look import find, ls, show, shown, verify
from ivr.storage.places import Places, prepare
from ivr.storage.record_schema import RecordModel, parse_record, record_schema
from tests.docs.pages import ROOT
from tests.storage.parts import (
    ARRIVED,
    CALL,
    OTHER,
    call_id,
    stamped,
    unconnected_call,
    wav,
    whole_call,
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A spool with a recorded call, CALL, and one that was not connected, OTHER."""
    places = prepare(tmp_path, 0)
    Path(places.recorded(CALL)).write_bytes(wav(800))
    filings = [Filing(OTHER, unconnected_call()), Filing(CALL, whole_call())]
    results = file_batch(REAL, places, Maker("h", "0.1.0", UTC), filings)
    assert [filed.error for filed in results] == [None, None]
    return places


RECORDS = [
    fold(CALL, "h", "1", ()),
    fold(CALL, "h", "1", whole_call()),
    fold(CALL, "h", "1", unconnected_call()),
    fold(CALL, "h", "1", stamped(ARRIVED, OptOutStarted(), OptOutConfirmed("timeout"))),
    fold(CALL, "h", "1", stamped(RecordingFailed("/x", "disk \ud800\0"), Connected("b"))),
    fold(CALL, "h", "1", stamped(HungUp("caller", "é\r\n", 16))),
]


@pytest.mark.parametrize("record", RECORDS)
def test_what_the_engine_writes_is_what_the_schema_says(record: CallRecord) -> None:
    data = record_bytes(record)
    jsonschema.validate(json.loads(data), record_schema())
    model = parse_record(data, "x")
    assert json.loads(model.model_dump_json(by_alias=True)) == json.loads(data)
    assert data.endswith(b"}\n")
    assert data.count(b"\n") == 1


def test_the_schema_has_the_fields_of_the_record_and_no_more() -> None:
    def names(schema: dict[str, Any]) -> set[str]:
        assert schema["additionalProperties"] is False
        assert set(schema["required"]) == set(schema["properties"])
        return set(schema["properties"])

    schema = record_schema()
    kinds = {each["$ref"].rpartition("/")[2] for each in schema["anyOf"]}
    assert kinds == {"RecordModel", "ExemptModel"}
    parts = schema["$defs"]
    assert names(parts["RecordModel"]) == set(CallRecord._fields)
    assert names(parts["ExemptModel"]) == set(ExemptRecord._fields)
    for part in parts.values():
        names(part)
    assert {parts[kind]["properties"]["schema"]["const"] for kind in kinds} == {SCHEMA}


def test_the_page_about_the_spool_explains_every_field_of_the_record() -> None:
    page = (ROOT / "docs" / "spool.md").read_text(encoding="utf-8")
    table = page.partition("| field | meaning |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    named = [name for row in rows for name in re.findall("`(.+?)`", row)]
    assert sorted(named) == sorted(CallRecord._fields)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 5}, "schema: "),
        ({"team": 5}, "team: "),
        ({"extra": 1}, "extra: "),
        ({"call": "../x"}, "call: "),
        ({"arrived_at": "yesterday"}, "arrived_at: "),
    ],
)
def test_a_record_that_is_none_is_refused_by_field(change: dict[str, Any], says: str) -> None:
    data = {**json.loads(record_bytes(RECORDS[1])), **change}
    with pytest.raises(SpoolError, match=f"not a record of schema 4\n  {says}"):
        parse_record(json.dumps(data).encode(), "x")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, record_schema())


def test_ls_gives_a_row_a_record(places: Places) -> None:
    (places.new / "notes.txt").write_text("x")
    Path(places.record(call_id(9))).write_bytes(b"{")
    broken, none, kept = ls(places.root)
    assert (kept.call, kept.team, kept.route) == (CALL, "benefits", "main")
    assert (kept.recording, kept.recording_ms) == ("kept", 100)
    assert kept.ended == "caller: NORMAL_CLEARING"
    assert kept.size == sum(path.stat().st_size for path in places.new.glob(f"{CALL}.*"))
    assert (none.call, none.recording, none.fault) == (OTHER, "none (not-connected)", "")
    assert broken.call == call_id(9)
    assert "not a record" in broken.fault


def test_ls_of_what_is_no_spool_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="new: cannot be read: No such file"):
        ls(tmp_path)


def test_show(places: Places) -> None:
    record = show(places.root, CALL)
    assert isinstance(record, RecordModel)
    assert record.recording.frames == 800
    with pytest.raises(SpoolError, match="'ivr spool ls' lists the calls"):
        show(places.root, call_id(1))
    with pytest.raises(SpoolError, match="is not the id of a call"):
        show(places.root, "../secret")


def test_a_record_is_shown_as_it_lies_there(places: Places) -> None:
    text = shown(places.root, CALL)
    there = Path(places.record(CALL)).read_text()
    assert list(json.loads(text).items()) == list(json.loads(there).items())
    assert '\n  "schema": 4,\n' in text
    odd = {**json.loads(there), "caller_name": "\x9b31m\u202e"}
    Path(places.record(CALL)).write_text(json.dumps(odd, ensure_ascii=False))
    assert json.loads(shown(places.root, CALL)) == odd
    assert shown(places.root, CALL).isascii()
    Path(places.record(CALL)).write_text("{}")
    with pytest.raises(SpoolError, match="not a record of schema 4"):
        shown(places.root, CALL)


def test_a_call_is_found_by_the_beginning_of_its_id(places: Places) -> None:
    assert find(places.root, CALL[:4]) == find(places.root, CALL[:13]) == CALL
    assert find(places.root, CALL) == CALL
    assert find(places.root, call_id(1)) == call_id(1), "a whole id is not looked for"


@pytest.mark.parametrize("begins", ["8f1", "", "8F14", "../s", "8f14e45g", f"{CALL}0", "8f14\n"])
def test_what_can_be_no_ids_beginning_is_refused(places: Places, begins: str) -> None:
    with pytest.raises(UsageError, match="expected a lower-case UUID or at least its first 4"):
        find(places.root, begins)


def test_a_beginning_that_no_call_has(places: Places) -> None:
    with pytest.raises(SpoolError, match="no record of a call whose id begins with 8f15"):
        find(places.root, "8f15")


def test_a_beginning_that_several_calls_have(places: Places) -> None:
    for number in range(12):
        Path(places.record(call_id(0xABCD0000 + number))).touch()
    with pytest.raises(UsageError) as refused:
        find(places.root, "abcd")
    lines = str(refused.value).splitlines()
    assert lines[0] == "12 calls have an id that begins with abcd, expected one:"
    assert lines[1:3] == [f"  {call_id(0xABCD0000)}", f"  {call_id(0xABCD0001)}"]
    assert lines[-1] == "  and 2 more"


def put_link(path: Path) -> None:
    """To a record and its audio that are right in all else."""
    elsewhere = path.parent.parent / path.name
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


NO_FILES = [
    (put_link, "is a link, which is never followed, expected a file"),
    (put_folder, "is a folder, expected a file"),
    (put_pipe, "is a device, pipe or socket, expected a file"),
]


@pytest.mark.parametrize(("put", "says"), NO_FILES)
def test_a_record_that_is_no_file_is_not_opened(
    places: Places, put: Callable[[Path], None], says: str
) -> None:
    put(Path(places.record(CALL)))
    assert {row.call: row.fault for row in ls(places.root)} == {
        CALL: f"its record {says}",
        OTHER: "",
    }
    for look in (show, shown):
        with pytest.raises(SpoolError, match=f"{CALL}.json: {says}$"):
            look(places.root, CALL)
    found = {finding.name: finding for finding in verify(places.root)}
    assert found[CALL].verdict == "bad"
    assert found[CALL].detail.endswith(says)


@pytest.mark.parametrize(("put", "says"), NO_FILES)
def test_audio_that_is_no_file_is_not_opened(
    places: Places, put: Callable[[Path], None], says: str
) -> None:
    put(Path(places.audio(CALL)))
    bad = [finding for finding in verify(places.root) if finding.verdict == "bad"]
    assert [(one.name, one.detail) for one in bad] == [(CALL, f"{places.audio(CALL)}: {says}")]


def test_a_link_that_is_put_there_at_the_last_moment_is_not_followed(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_link(Path(places.record(CALL)))
    monkeypatch.setattr(os, "lstat", os.stat)
    with pytest.raises(SpoolError, match="Too many levels of symbolic links"):
        show(places.root, CALL)


def test_a_folder_of_the_spool_that_is_a_link_is_not_followed(places: Places) -> None:
    places.new.rename(places.root / "elsewhere")
    places.new.symlink_to(places.root / "elsewhere")
    with pytest.raises(SpoolError, match="new: cannot be read: Not a directory"):
        ls(places.root)


def test_verify_of_a_good_spool(places: Places) -> None:
    found = {finding.name: (finding.verdict, finding.detail) for finding in verify(places.root)}
    assert found.keys() == {CALL, OTHER}
    assert found[CALL][0] == found[OTHER][0] == "good"
    assert found[OTHER][1] == "no recording: not-connected"
    assert [finding.verdict for finding in verify(places.root, CALL)] == ["good"]
    with pytest.raises(SpoolError):
        verify(places.root, call_id(1))


def damage(places: Places, change: str) -> None:
    audio, record = Path(places.audio(CALL)), Path(places.record(CALL))
    data = json.loads(record.read_bytes())
    match change:
        case "byte":
            audio.write_bytes(audio.read_bytes()[:-1] + b"\x7f")
        case "short":
            audio.write_bytes(audio.read_bytes()[:-400])
        case "gone":
            audio.unlink()
        case "no wav":
            audio.write_bytes(b"x" * 100)
        case "other call":
            record.write_text(json.dumps({**data, "call": OTHER}))
        case "path":
            data["recording"]["path"] = f"new/{OTHER}.wav"
            record.write_text(json.dumps(data))
        case "not json":
            record.write_bytes(b"\xff{")
        case "denies its audio":
            record.write_bytes(record_bytes(fold(CALL, "h", "1", ())))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("byte", "SHA-256: "),
        ("short", "frames: 700, expected 800"),
        ("gone", "No such file"),
        ("no wav", "not a WAV file"),
        ("other call", f"of another call, {OTHER}"),
        ("path", "the record names"),
        ("not json", "not a record"),
        ("denies its audio", "the record says none, but"),
    ],
)
def test_verify_finds_damage_and_goes_on(places: Places, change: str, says: str) -> None:
    damage(places, change)
    bad = [finding for finding in verify(places.root) if finding.verdict == "bad"]
    assert [finding.name for finding in bad] == [CALL]
    assert says in bad[0].detail
    assert len(verify(places.root)) == 2
    assert [finding.verdict for finding in verify(places.root, CALL)] == ["bad"]


def test_verify_names_what_lies_about(places: Places) -> None:
    for name in (f"new/{call_id(1)}.wav", "new/x.json", f"tmp/{CALL}.json", "aside/a.wav"):
        (places.root / name).write_bytes(b"x")
    for name in ("b.wav", "c.wav"):
        (places.aside / name).write_bytes(b"x")
    (places.aside / "b.wav.why").write_text("unreadable: \x1bnoise\n")
    (places.aside / "c.wav.why").symlink_to("/etc/hostname")
    (places.new / "new").mkdir()
    (places.new / "li\nk").symlink_to("/")
    left = {f.name: f.detail for f in verify(places.root) if f.verdict == "leftover"}
    assert left == {
        f"new/{call_id(1)}.wav": "a recording without its record: being filed, or taken in part",
        "new/x.json": "not of the engine: its name is not <call>.json or <call>.wav",
        "new/new": "a folder: the engine puts none here",
        r"new/li\nk": "a link, which is never followed: the engine puts none here",
        f"tmp/{CALL}.json": "being written, or cut off by a crash",
        "aside/a.wav": "set aside: no reason given",
        "aside/b.wav": r"set aside: unreadable: \x1bnoise",
        "aside/c.wav": "set aside: its .why is a link, which is never followed, expected a file",
    }
