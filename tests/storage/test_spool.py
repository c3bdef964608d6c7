"""Calls that are over become records: durable before visible, in batches, come what may."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from gevent.event import Event

from ivr.core.entries import Finished, Stamped
from ivr.errors import DiskError, SetupError, SpoolError
from ivr.recording.audio import inspect
from ivr.storage.filing import Filed, Filing, file_batch
from ivr.storage.look import verify
from ivr.storage.places import Places
from ivr.storage.segments import read
from ivr.storage.spool import Spool, SpoolLimits, host_zone
from tests.storage.bench import LIMITS, MAKER, Bench
from tests.storage.parts import (
    CALL,
    EIO,
    ENOSPC,
    OTHER,
    Trace,
    call_id,
    settle,
    unconnected_call,
    wait,
    wav,
    whole_call,
)


def test_the_order_of_a_batch_is_durable_before_visible(bench: Bench) -> None:
    for call in (CALL, OTHER):
        bench.record_audio(call, wav())
    bench.finish(CALL, OTHER)
    told = [
        (name, path)
        for name, path in bench.trace.calls
        if name in ("fsync", "rename", "unlink", "fdatasync")
    ]
    assert told == [
        ("fsync", f"recording/{CALL}.wav"),
        ("fsync", f"tmp/{CALL}.json"),
        ("fsync", f"recording/{OTHER}.wav"),
        ("fsync", f"tmp/{OTHER}.json"),
        ("rename", f"new/{CALL}.wav"),
        ("rename", f"new/{OTHER}.wav"),
        ("fsync", "spool/new"),
        ("rename", f"new/{CALL}.json"),
        ("rename", f"new/{OTHER}.json"),
        ("fsync", "spool/new"),
    ]


def test_a_record_and_its_recording(bench: Bench) -> None:
    data = wav(4000)
    bench.record_audio(CALL, data)
    bench.journal.append(CALL, whole_call()[0].entry, whole_call()[0].stamp)
    bench.finish(CALL)
    assert bench.names("new") == [f"{CALL}.json", f"{CALL}.wav"]
    assert bench.names("recording") == bench.names("tmp") == bench.names("aside") == []
    record = bench.record(CALL)
    assert record["schema"] == 4
    assert record["call"] == CALL
    assert record["host"] == "host-1"
    sound = record["recording"]
    assert isinstance(sound, dict)
    assert sound["path"] == f"new/{CALL}.wav"
    assert sound["frames"] == 4000
    assert sound["duration_ms"] == 500
    assert sound["sha256"] == hashlib.sha256(data).hexdigest()
    assert sound["repaired"] is False
    assert [finding.verdict for finding in verify(bench.root)] == ["good"]
    [filed] = bench.filed
    assert filed.record is not None
    assert filed.record.recording.frames == 4000
    assert dict(read(bench.places.journal)) == {}, "the journal knows that it is finished"
    assert bench.journal.open_calls == 0


def test_the_callback_comes_only_after_the_folder_is_synced(bench: Bench) -> None:
    bench.record_audio(CALL, wav())
    bench.trace.failing["fsync:spool/new"] = EIO
    done = Event()
    bench.spool.finish(CALL, whole_call(), lambda _filed: done.set())
    bench.clock.turn(LIMITS.gather_ms)
    while not bench.refused:
        settle()
    assert not done.is_set()
    assert bench.names("new") == [f"{CALL}.wav"], "no record is seen before its audio is safe"
    assert bench.spool.waiting == 1
    assert isinstance(bench.spool.error, DiskError)
    bench.trace.failing.clear()
    bench.clock.turn(LIMITS.retry_ms)
    wait(done)
    assert bench.names("new") == [f"{CALL}.json", f"{CALL}.wav"]
    assert bench.spool.waiting == 0
    assert bench.spool.error is None


@pytest.mark.parametrize("number", [ENOSPC, EIO])
@pytest.mark.parametrize(
    "step", ["open:{}.json", "write:{}.json", "fsync:{}.json", "fsync:{}.wav", "rename:{}.wav",
             "rename:{}.json", "open:recording/{}.wav"]
)  # fmt: skip
def test_a_refusing_disk_stops_one_call_and_not_the_batch(
    bench: Bench, step: str, number: int
) -> None:
    for call in (CALL, OTHER):
        bench.record_audio(call, wav())
    bench.trace.failing[step.format(OTHER)] = number
    filed: list[str] = []
    both = Event()
    for call in (OTHER, CALL):
        bench.spool.finish(
            call, whole_call(), lambda one: (filed.append(one.call_id), filed[1:] and both.set())
        )
    bench.clock.turn(LIMITS.gather_ms)
    while not (filed and bench.refused):
        settle()
    assert filed == [CALL]
    [(refused, error)] = bench.refused
    assert refused == OTHER
    assert f"new/{OTHER}.json" in str(error)
    assert f"{OTHER}.json" not in bench.names("new")
    bench.trace.failing.clear()
    bench.clock.turn(LIMITS.retry_ms)
    wait(both)
    assert filed == [CALL, OTHER]
    assert {finding.verdict for finding in verify(bench.root)} == {"good"}


class Died(BaseException):
    """The host stopped here."""


@pytest.mark.parametrize("entries", [whole_call(), unconnected_call()])
def test_a_crash_at_any_call_of_the_disk_loses_nothing(
    tmp_path: Path, entries: tuple[Stamped, ...]
) -> None:
    """Cut off before each call of the system in turn; the next start finishes the call."""
    step = 0
    survived = False
    while not survived:
        root = tmp_path / str(step)
        places = Spool.prepare(root, LIMITS)
        connected = entries == whole_call()
        (places.recording / f"{CALL}.wav").write_bytes(wav(800 if connected else 0))
        trace = Trace()
        disk = trace.disk()
        left = [step]

        def dying(call: object, left: list[int] = left) -> object:
            def one(*args: object) -> object:
                if left[0] == 0:
                    raise Died
                left[0] -= 1
                assert callable(call)
                return call(*args)

            return one

        mortal = type(disk)(
            **{name: dying(getattr(disk, name)) for name in disk.__slots__ if name != "close"}
        )
        try:
            file_batch(mortal, places, MAKER, [Filing(CALL, entries)])
            survived = True
        except Died:
            pass
        if (places.new / f"{CALL}.json").exists():
            assert [f.verdict for f in verify(root, CALL)] == ["good"], step
        [filed] = file_batch(Trace().disk(), places, MAKER, [Filing(CALL, entries)])
        assert filed.error is None
        found = verify(root)
        assert {finding.verdict for finding in found} == {"good"}, (step, found)
        assert sorted(os.listdir(places.new)) == (
            [f"{CALL}.json", f"{CALL}.wav"] if connected else [f"{CALL}.json"]
        )
        assert os.listdir(places.recording) == []
        step += 1
    assert step > 8


def test_a_call_that_was_filed_before_a_crash_is_not_filed_again(bench: Bench) -> None:
    bench.record_audio(CALL, wav())
    bench.finish(CALL)
    before = (bench.root / f"new/{CALL}.json").read_bytes()
    bench.finish(CALL, entries=())
    assert (bench.root / f"new/{CALL}.json").read_bytes() == before
    assert bench.filed[1] == Filed(CALL, None, shown=True)


@pytest.mark.parametrize("said", [0, 12, 0xFFFFFF00])
def test_a_crashed_recording_is_repaired_before_it_is_hashed(bench: Bench, said: int) -> None:
    bench.record_audio(CALL, wav(800, said=said))
    bench.finish(CALL)
    path = bench.root / f"new/{CALL}.wav"
    assert path.read_bytes() == wav(800)
    assert not inspect(path).repaired
    assert [finding.verdict for finding in verify(bench.root)] == ["good"]
    [filed] = bench.filed
    assert filed.record is not None
    assert filed.record.recording.repaired


def test_a_recording_that_is_not_ours_to_write_is_repaired_in_a_copy(bench: Bench) -> None:
    path = bench.record_audio(CALL, wav(800, said=0))
    disk = bench.trace.disk()

    def refusing(path: str, flags: int, mode: int) -> int:
        if flags & os.O_RDWR and "/recording/" in path:
            raise PermissionError(13, "Permission denied", path)
        return disk.open(path, flags, mode)

    strict = type(disk)(**{**{n: getattr(disk, n) for n in disk.__slots__}, "open": refusing})
    [filed] = file_batch(strict, bench.places, MAKER, [Filing(CALL, whole_call())])
    assert filed.error is None
    assert not path.exists()
    assert (bench.root / f"new/{CALL}.wav").read_bytes() == wav(800)
    assert [finding.verdict for finding in verify(bench.root)] == ["good"]


def test_no_file_although_one_was_intended_is_lost(bench: Bench) -> None:
    bench.finish(CALL)
    sound = bench.record(CALL)["recording"]
    assert isinstance(sound, dict)
    assert (sound["state"], sound["reason"], sound["path"]) == ("lost", "missing", "")


@pytest.mark.parametrize("data", [wav(0), b"", b"RIFF"])
def test_a_recording_of_nothing_goes_and_the_record_says_why(bench: Bench, data: bytes) -> None:
    path = bench.record_audio(CALL, data)
    bench.finish(CALL, entries=unconnected_call())
    assert not path.exists()
    assert bench.names("new") == [f"{CALL}.json"]
    assert bench.names("aside") == []
    sound = bench.record(CALL)["recording"]
    assert isinstance(sound, dict)
    assert (sound["state"], sound["reason"]) == ("none", "not-connected")


@pytest.mark.parametrize(
    ("data", "reason"), [(wav(0), "empty"), (b"OggS" + bytes(100), "unreadable")]
)
def test_what_should_be_a_recording_and_is_none_is_set_aside(
    bench: Bench, data: bytes, reason: str
) -> None:
    bench.record_audio(CALL, data)
    bench.finish(CALL)
    assert bench.names("recording") == []
    assert (bench.root / f"aside/{CALL}.wav").read_bytes() == data
    assert (bench.root / f"aside/{CALL}.wav.why").read_text().startswith(f"{reason}: ")
    sound = bench.record(CALL)["recording"]
    assert isinstance(sound, dict)
    assert (sound["state"], sound["reason"]) == ("lost", reason)
    assert [finding.verdict for finding in verify(bench.root)] == ["good", "leftover"]


def test_a_link_or_a_pipe_in_place_of_the_recording_is_not_followed(bench: Bench) -> None:
    secret = bench.root.parent / "secret.wav"
    secret.write_bytes(wav())
    Path(bench.spool.recording_path(CALL)).symlink_to(secret)
    os.mkfifo(bench.spool.recording_path(OTHER))
    bench.finish(CALL, OTHER)
    for call in (CALL, OTHER):
        sound = bench.record(call)["recording"]
        assert isinstance(sound, dict)
        assert (sound["state"], sound["reason"]) == ("lost", "unreadable")
        assert not (bench.root / f"new/{call}.wav").exists()
    assert secret.read_bytes() == wav()
    assert bench.names("aside")[0] == f"{OTHER}.wav"


def test_more_calls_than_a_batch_are_all_finished(bench: Bench) -> None:
    calls = [call_id(n) for n in range(LIMITS.batch * 2 + 1)]
    for call in calls:
        bench.record_audio(call, wav(10))
    filed: list[str] = []
    for call in calls:
        bench.spool.finish(call, whole_call(), lambda one: filed.append(one.call_id))
    bench.clock.turn(LIMITS.gather_ms)
    while bench.spool.waiting:
        bench.clock.turn(LIMITS.gather_ms)
        settle()
    settle()
    assert filed == calls
    folders = [call for call in bench.trace.calls if call == ("fsync", "spool/new")]
    assert len(folders) == 6, "two syncs of the folder a batch"


@pytest.mark.parametrize(
    "call",
    [
        "",
        ".",
        "..",
        "../../etc/passwd",
        CALL.upper(),
        f"{CALL}\n",
        f"{CALL}/x",
        "\0" * 36,
        "x" * 36,
    ],
)
def test_hostile_ids_never_become_a_path(bench: Bench, call: str) -> None:
    places = Places(bench.root)
    for use in (places.recorded, places.audio, places.record, bench.spool.recording_path):
        with pytest.raises(SpoolError, match="is not the id of a call"):
            use(call)
    with pytest.raises(SpoolError):
        places.scratch(call, "json")
    with pytest.raises(SpoolError):
        bench.spool.finish(call, (), lambda _filed: None)
    assert bench.spool.waiting == 0


def test_orphans_are_recordings_that_nobody_knows(bench: Bench) -> None:
    for call in (CALL, OTHER):
        bench.record_audio(call, wav())
    (bench.places.recording / "notes.txt").write_text("x")
    assert bench.spool.orphans({OTHER}) == (CALL,)
    bench.finish(CALL, entries=())
    [filed] = bench.filed
    assert filed.record is not None
    assert (filed.record.recording.state, filed.record.ended.by) == ("kept", "unknown")
    assert bench.spool.orphans({OTHER}) == ()


def looked(bench: Bench) -> None:
    """Ask for the depth until the look that this begins has come back."""
    bench.spool.depth()
    while bench.spool._looking:
        settle()


def test_depth_counts_what_is_there_and_looks_again_now_and_then(bench: Bench) -> None:
    looked(bench)
    assert bench.spool.depth().records == 0
    assert bench.spool.depth().free_bytes > 0
    assert bench.spool.depth().oldest_age_ms == 0
    bench.finish(CALL, OTHER)
    assert bench.spool.depth().records == 2
    an_age = 1 << 40  # longer than any pause that a slow look asks for
    bench.clock.turn(an_age)
    os.utime(bench.root / f"new/{OTHER}.json", ns=(0, (bench.clock.wall_ms() - 4000) * 10**6))
    for name in bench.names("new"):
        if name != f"{OTHER}.json":
            os.utime(bench.root / "new" / name, ns=(0, bench.clock.wall_ms() * 10**6))
    looked(bench)
    assert bench.spool.depth().records == 2
    assert bench.spool.depth().oldest_age_ms == 4000
    for name in bench.names("new"):
        (bench.root / "new" / name).unlink()
    assert bench.spool.depth().records == 2, "not looked at on every question"
    bench.clock.turn(an_age)
    looked(bench)
    assert bench.spool.depth().records == 0


def test_joining_does_not_wait_for_the_gathering_time(bench: Bench) -> None:
    filed: list[Filed] = []
    bench.spool.finish(CALL, whole_call(), filed.append)
    assert bench.spool.join(30)
    settle()
    assert [one.call_id for one in filed] == [CALL]


def test_the_journals_finished_is_on_disk_only_after_the_record(bench: Bench) -> None:
    for each in whole_call():
        bench.journal.append(CALL, each.entry, each.stamp)
    assert bench.journal.flush()
    bench.trace.failing["rename"] = EIO
    bench.spool.finish(CALL, whole_call(), lambda _filed: None)
    bench.clock.turn(LIMITS.gather_ms)
    while not bench.refused:
        settle()
    assert bench.journal.flush()
    assert dict(read(bench.places.journal)) == {CALL: whole_call()}
    bench.trace.failing.clear()
    bench.clock.turn(LIMITS.retry_ms)
    assert bench.spool.join(30)
    assert bench.journal.flush()
    [call] = read(bench.places.journal).calls
    assert call.finished
    assert call.entries[-1].entry == Finished()


def test_prepare_makes_folders_that_freeswitch_and_the_consumer_can_use(tmp_path: Path) -> None:
    places = Spool.prepare(tmp_path / "a" / "b", LIMITS)
    for folder, mode in ((places.recording, 0o2770), (places.new, 0o2770), (places.journal, 0o700)):
        assert folder.stat().st_mode & 0o7777 == mode
    assert Spool.prepare(tmp_path / "a" / "b", LIMITS) == places, "a second start finds them good"
    assert [p for p in places.root.rglob("*") if p.is_file()] == []


def test_prepare_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        SetupError, match=r"file/spool: cannot be made: Not a directory\n  expected"
    ):
        Spool.prepare(tmp_path / "file" / "spool", LIMITS)
    root = tmp_path / "spool"
    root.mkdir()
    (root / "new").symlink_to(tmp_path)
    with pytest.raises(SetupError, match="new: is not a folder"):
        Spool.prepare(root, LIMITS)
    (root / "new").unlink()
    with pytest.raises(SetupError, match="MiB are free, expected at least"):
        Spool.prepare(root, SpoolLimits(least_free_bytes=1 << 62))


def test_prepare_refuses_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("ivr.storage.places.write_probe", refuse)
    with pytest.raises(SetupError, match=r"recording/.probe-\d+: no use: Permission denied"):
        Spool.prepare(tmp_path, LIMITS)


def test_the_hosts_zone_gives_an_offset() -> None:
    from datetime import datetime

    assert datetime.now(host_zone()).utcoffset() is not None


def test_orphans_are_looked_for_in_every_folder_that_can_be_read(bench: Bench) -> None:
    fallback = bench.root.parent / "fallback"
    places = Spool.prepare(bench.root, LIMITS, fallback)
    spool = Spool(bench.root, bench.journal, bench.clock, MAKER, LIMITS, fallback=fallback)
    assert spool.places == places
    there = Path(spool.recording_path(OTHER, 2, places.folders[1]))
    assert there == fallback / f"recording/{OTHER}.2.wav"
    there.write_bytes(wav())
    bench.record_audio(CALL, wav())
    assert spool.orphans(()) == (OTHER, CALL)
    for call, folder in ((CALL, places.folders[1]), (OTHER, places.folders[0])):
        folder.rename(folder.with_name("away"))
        assert spool.orphans(()) == (call,)
        folder.with_name("away").rename(folder)
    for folder in places.folders:
        folder.rename(folder.with_name("away"))
    with pytest.raises(FileNotFoundError):
        spool.orphans(())
    assert spool.close()
