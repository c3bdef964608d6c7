"""What cannot be taken in is set aside or left, and stops nothing (R22, R23)."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.errors import SetupError
from ivr.retention.intake import delivered
from ivr.retention.intake.alone import alone
from ivr.retention.intake.taking import IntakeLimits
from ivr.storage.atomic import REAL, Disk

from .records import CALL, call_id, deliver, record, sound
from .scene import Scene

GOOD = call_id(0xFFFF)


def take(scene: Scene, **wanted: int) -> None:
    """A good call beside it is taken in; this is what else comes of it."""
    deliver(scene.spool, record(GOOD))
    came_to = scene.intake.take_in(now=True)
    assert came_to.taken == 1
    assert scene.recordings.get(GOOD) is not None
    assert dict(came_to.aside) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1", '{"schema": 4}', "\x00" * 99, '{"exempt": true}', "[" * 100_000,
     json.dumps(record()).replace('"benefits"', "1"), json.dumps(record() | {"more": 1}),
     json.dumps(record(ended_at="0000-13-99T99:99:99.999+99:99")),
     json.dumps(record(ended_at="0001-01-01T00:00:00.000+23:00")),
     '{"schema": ' + "9" * 5000 + "}"],
    ids=str,
)  # fmt: skip
def test_what_is_no_record(scene: Scene, text: str) -> None:
    (scene.new / f"{CALL}.json").write_text(text)
    (scene.new / f"{CALL}.wav").write_bytes(sound())
    (scene.new / f"{CALL}.7.wav").write_bytes(sound(7))
    take(scene, **{"no-record": 1})
    names = [f"{CALL}.7.wav", f"{CALL}.json", f"{CALL}.wav"]
    assert scene.set_aside() == sorted([*names, *(f"{name}.why" for name in names)])
    assert (scene.aside / f"{CALL}.json").read_text() == text
    assert scene.why(f"{CALL}.json").startswith("no-record: ")
    assert scene.waiting() == []
    for name in scene.set_aside():
        assert stat.S_IMODE((scene.aside / name).stat().st_mode) == 0o600


def parts_of(**more: Any) -> dict[str, Any]:
    made = record()
    made["recording"]["parts"][0] |= more
    return made


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (parts_of(path=f"new/{GOOD}.wav"), "parts"),
        (parts_of(path=""), "parts"),
        (parts_of(sha256=""), "parts"),
        (record(audio=[sound(), sound(2)], numbers=(2, 1)), "parts"),
        (record(audio=[sound(), sound()], numbers=(1, 1)), "parts"),
        ({**record(), "recording": {**record()["recording"], "parts": []}}, "parts"),
        ({**record(), "recording": {**record()["recording"], "state": "lost"}}, "parts"),
        ({**record(), "recording": {**record()["recording"], "duration_ms": 1 << 60}}, "parts"),
        (parts_of(path="new/../../../etc/passwd"), "no-record"),
        (parts_of(sha256="0" * 64), "audio-wrong"),
    ],
)
def test_what_cannot_be_its_audio(scene: Scene, made: dict[str, Any], reason: str) -> None:
    (scene.new / f"{CALL}.json").write_text(json.dumps(made))
    (scene.new / f"{CALL}.wav").write_bytes(sound())
    take(scene, **{reason: 1})
    assert (scene.aside / f"{CALL}.wav").read_bytes() == sound()
    assert scene.waiting() == []
    assert not [name for name in scene.archived() if CALL in name]


def test_a_record_of_another_call(scene: Scene) -> None:
    (scene.new / f"{CALL}.json").write_text(json.dumps(record(call_id(3), state="none")))
    take(scene, **{"other-call": 1})


def test_one_wrong_part_sets_the_whole_call_aside(scene: Scene) -> None:
    audio = [sound(1), sound(2), sound(3)]
    deliver(scene.spool, record(audio=audio), [sound(1), sound(9), sound(3)])
    take(scene, **{"audio-wrong": 1})
    held = {(scene.aside / name).read_bytes() for name in scene.set_aside()}
    assert {sound(1), sound(9), sound(3)} <= held
    assert scene.waiting() == []
    assert not [name for name in scene.archived() if CALL in name]


def test_audio_that_is_missing(scene: Scene) -> None:
    deliver(scene.spool, record(audio=[sound(1), sound(2)]), [sound(1), sound(2)])
    (scene.new / f"{CALL}.2.wav").unlink()
    take(scene, **{"audio-missing": 1})
    assert (scene.aside / f"{CALL}.wav").read_bytes() == sound(1)


@pytest.mark.parametrize("end", [".json", ".wav"])
@pytest.mark.parametrize("what", ["link", "pipe", "broken link"])
def test_what_is_no_file_is_removed_and_never_followed(
    scene: Scene, tmp_path: Path, end: str, what: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(json.dumps(record()).encode() if end == ".json" else sound())
    deliver(scene.spool, record())
    path = scene.new / f"{CALL}{end}"
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(secret if what == "link" else tmp_path / "nowhere")
    take(scene, **{"no-file" if end == ".json" else "audio-no-file": 1})
    assert scene.waiting() == []
    assert secret.exists()
    assert (what.split()[-1] if what != "pipe" else "pipe") in scene.why(path.name)
    assert not (scene.aside / path.name).exists()


def test_a_folder_in_a_records_place_stays(scene: Scene, logged: list[dict[str, Any]]) -> None:
    (scene.new / f"{CALL}.json").mkdir()
    take(scene)
    assert scene.waiting() == [f"{CALL}.json"]
    assert scene.intake.backlog().left == 1
    scene.intake.take_in(now=True)
    assert len([each for each in logged if each["event"] == "record left in the spool"]) == 1


def test_a_folder_in_a_recordings_place(scene: Scene) -> None:
    deliver(scene.spool, record())
    (scene.new / f"{CALL}.wav").unlink()
    (scene.new / f"{CALL}.wav").mkdir()
    take(scene, **{"audio-no-file": 1})
    assert scene.waiting() == []


def test_a_record_of_a_newer_schema_is_left(scene: Scene, logged: list[dict[str, Any]]) -> None:
    path = scene.new / f"{CALL}.json"
    path.write_text(json.dumps(record() | {"schema": 5, "more": "fields"}))
    (scene.new / f"{CALL}.wav").write_bytes(sound())
    deliver(scene.spool, record(GOOD))
    came_to = scene.intake.take_in()
    assert (came_to.taken, dict(came_to.left)) == (1, {"newer": 1})
    assert scene.waiting() == [f"{CALL}.json", f"{CALL}.wav"]
    assert [each["reason"] for each in logged] == ["newer"]
    assert dict(scene.intake.take_in(now=True).left) == {}, "it is not read again each second"
    deliver(scene.spool, record())
    os.utime(path, (1, 1))
    assert scene.intake.take_in(now=True).taken == 1, "it has changed"


def test_a_record_that_is_too_long(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivered, "LONGEST", 20_000)
    (scene.new / f"{CALL}.json").write_bytes(b" " * 20_001)
    take(scene, **{"too-long": 1})
    assert (scene.aside / f"{CALL}.json").read_bytes() == b" " * 20_001


def test_names_that_are_not_the_engines_are_left(scene: Scene) -> None:
    names = ["x.json", f"{CALL}.json.tmp", f"{CALL.upper()}.json", ".hidden", f"{CALL}.1.wav", "é"]
    for name in names:
        (scene.new / name).write_bytes(b"{}")
    take(scene)
    assert scene.waiting() == sorted(names)
    assert scene.intake.backlog().strange == len(names)


def test_nothing_that_was_set_aside_is_overwritten(scene: Scene) -> None:
    for text in ("one", "two", "one"):
        (scene.new / f"{CALL}.json").write_text(text)
        scene.intake.take_in(now=True)
    held = {name: (scene.aside / name).read_text() for name in scene.set_aside()}
    texts = {name: text for name, text in held.items() if not name.endswith(".why")}
    assert texts == {f"{CALL}.json": "one", f"{CALL}.json.2": "two"}
    assert set(held) == {*texts, *(f"{name}.why" for name in texts)}


def refusing(name: str, end: str, number: int = errno.ENOSPC) -> Disk:
    """A disk that refuses one kind of call on paths that end so."""
    paths: dict[int, str] = {}

    def opened(path: str, flags: int, mode: int) -> int:
        if name == "open" and path.endswith(end):
            raise OSError(number, os.strerror(number), path)
        fd = os.open(path, flags, mode)
        paths[fd] = path
        return fd

    def call(first: Any, *rest: Any) -> Any:
        where = first if isinstance(first, str) else paths.get(first, "")
        if where.endswith(end):
            raise OSError(number, os.strerror(number), where)
        return getattr(REAL, name)(first, *rest)

    replaced = {"open": opened} | ({name: call} if name != "open" else {})
    return Disk(**replaced)


def test_no_room_in_the_archive(scene: Scene, logged: list[dict[str, Any]]) -> None:
    """All waits, and is told once; when there is room it goes on."""
    for number in range(9):
        deliver(scene.spool, record(call_id(number)))
    laid = scene.waiting()
    intake = scene.start(refusing("write", ""))
    for _ in range(3):
        came_to = intake.take_in(now=True)
        assert (came_to.taken, came_to.put_off) == (0, 9)
        assert "No space left" in str(came_to.error)
        assert scene.waiting() == laid
    told = [each["event"] for each in logged]
    assert told == ["taking in is refused: records stay in the spool"]
    assert scene.start().take_in().taken == 9
    assert len([name for name in scene.archived() if name.endswith("wav")]) == 9


def test_one_that_the_disk_does_not_take_stops_no_other(build: Callable[..., Scene]) -> None:
    scene = build(limits=IntakeLimits(batch=3, threads=1))
    for number in range(9):
        deliver(scene.spool, record(call_id(number)))
    intake = scene.start(refusing("rename", f"{call_id(0)}.wav", errno.EIO))
    found = [intake.take_in(now=True) for _ in range(2)]
    assert sum(each.taken for each in found) == 8
    assert scene.waiting() == [f"{call_id(0)}.json", f"{call_id(0)}.wav"]
    assert scene.start().take_in(now=True).taken == 1
    assert set(scene.counted().values()) == {1}


def test_no_room_to_set_aside(scene: Scene) -> None:
    (scene.new / f"{CALL}.json").write_text("damaged")
    deliver(scene.spool, record(GOOD))
    came_to = scene.start(refusing("open", f"{CALL}.json.why")).take_in()
    assert (came_to.taken, came_to.put_off) == (1, 1)
    assert scene.waiting() == [f"{CALL}.json"]
    assert scene.start().take_in(now=True).aside == {"no-record": 1}


def test_a_spool_that_nothing_can_be_removed_from(scene: Scene) -> None:
    """It is in the archive, once, and told of once, however often it is tried."""
    deliver(scene.spool, record(state="none"))
    deliver(scene.spool, record(GOOD))
    intake = scene.start(refusing("unlink", ".json", errno.EACCES))
    for _ in range(4):
        came_to = intake.take_in(now=True)
        assert "cannot be removed" in str(came_to.error)
    assert scene.counted() == {("take-in", CALL): 1, ("take-in", GOOD): 1}
    assert scene.start().take_in(now=True).again == 2
    assert scene.waiting() == []
    assert scene.counted() == {("take-in", CALL): 1, ("take-in", GOOD): 1}


def test_a_record_that_may_not_be_read_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(scene.spool, record())
    opened = delivered.opened

    def refused(path: Path) -> Any:
        if path.name == f"{CALL}.json":
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path)

    with monkeypatch.context() as patch:
        patch.setattr(delivered, "opened", refused)
        take(scene)
        assert len(scene.waiting()) == 2
    assert scene.intake.take_in(now=True).taken == 1


def test_a_fault_of_the_programs_own_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ivr.retention.intake import copying

    described = copying.recording_of

    def faulty(made: Any, *words: Any, **more: Any) -> Any:
        if made.call == CALL:
            raise ZeroDivisionError
        return described(made, *words, **more)

    monkeypatch.setattr(copying, "recording_of", faulty)
    deliver(scene.spool, record())
    take(scene)
    assert scene.waiting() == [f"{CALL}.json", f"{CALL}.wav"]


def test_texts_of_strangers_harm_no_database(scene: Scene) -> None:
    made = record(caller="\x00';--", team="a\x00\nb", route="\x1b[2J")
    deliver(scene.spool, made)
    take_one = scene.intake.take_in()
    assert (take_one.taken, take_one.error) == (1, None)
    row = scene.recordings.get(CALL)
    assert row is not None
    assert (row.team, row.route) == ("ab", "[2J")


def test_one_at_a_time(tmp_path: Path) -> None:
    other = pytest.raises(SetupError, match=f"process {os.getpid()} takes in")
    with alone(tmp_path), other, alone(tmp_path):
        pytest.fail("two at a time")
    with alone(tmp_path):
        assert (tmp_path / "intake.lock").exists()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4),
    max_leaves=12,
)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        found += [path for key, each in items for path in _paths(each, (*at, key))]
    return found


@st.composite
def _mangled(draw: st.DrawFn) -> bytes:
    """A record in which something else stands somewhere."""
    made = record(marks=["abuse"])
    path = draw(st.sampled_from(_paths(made)))
    place: Any = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = draw(_JSON)
    return json.dumps(made).encode()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.binary(max_size=200) | _mangled() | _JSON.map(lambda each: json.dumps(each).encode())
)
def test_whatever_a_record_holds(scene: Scene, data: bytes) -> None:
    """Nothing escapes, and the good one beside it is taken in, known, or known already."""
    (scene.new / f"{CALL}.json").write_bytes(data)
    (scene.new / f"{CALL}.wav").write_bytes(sound())
    deliver(scene.spool, record(GOOD))
    came_to = scene.intake.take_in(now=True)
    assert came_to.error is None
    assert came_to.taken + came_to.again >= 1
    assert scene.recordings.get(GOOD) is not None
    left = set(scene.waiting())
    assert not left or "newer" in came_to.left or left == {f"{CALL}.wav"}
    for path in scene.new.iterdir():
        path.unlink()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.text(
        st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]),
        min_size=1,
        max_size=60,
    ).filter(lambda name: name not in (".", "..") and len(name.encode()) < 250),
    end=st.sampled_from(["", ".json", ".wav", ".2.wav"]),
)
def test_whatever_a_name_is(scene: Scene, name: str, end: str) -> None:
    path = scene.new / f"{name}{end}"
    path.write_bytes(b"{}")
    deliver(scene.spool, record(GOOD))
    came_to = scene.intake.take_in(now=True)
    assert came_to.error is None
    assert came_to.taken + came_to.again == 1
    assert path.exists()
    path.unlink()
