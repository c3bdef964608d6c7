"""Folders, rights and what lies in the spool: each thing broken in turn."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.core.entries import Finished
from ivr.doctor import on_spool
from ivr.doctor.patient import Patient
from ivr.doctor.process import Person, Process
from ivr.storage import places
from ivr.storage.lines import line_of
from tests.storage.parts import ARRIVED, CALL, OTHER, stamped

STRANGER = 64_321
NOBODY = Person(STRANGER, frozenset())


@pytest.fixture
def spool(well: Patient) -> Path:
    """The spool's folder, as the engine makes it."""
    assert well.site is not None
    return places.prepare(well.site.spool, 0).root


def with_fallback(well: Patient) -> Patient:
    assert well.site is not None
    folder = well.site.spool.parent / "fallback"
    places.prepare(well.site.spool, 0, folder)
    return replace(well, site=replace(well.site, fallback=folder))


def journal_of(spool: Path, *calls: str, more: bytes = b"") -> None:
    lines = [line_of(call, 0, one.entry, one.stamp) for call in calls for one in stamped(ARRIVED)]
    (spool / "journal/0000000001.journal").write_bytes(b"".join(lines) + more)


def test_the_folders_are_those_that_the_engine_makes():
    assert set(on_spool.FOLDERS) == set(places._FOLDERS)
    assert {name for name, mode in places._FOLDERS.items() if mode & 0o020} == set(on_spool.SHARED)
    assert set(on_spool.IN_FALLBACK) == set(places._IN_FALLBACK)


# The spool.


def test_a_spool_that_is_well(well, spool):
    before = {path: os.stat(path).st_mtime_ns for path in (spool, *spool.rglob("*"))}
    found = on_spool.spool(well)
    assert found.verdict == "ok"
    assert "MiB free" in found.found
    assert "not tried" not in found.found
    assert {path: os.stat(path).st_mtime_ns for path in (spool, *spool.rglob("*"))} == before


def test_no_spool_yet(well):
    found = on_spool.spool(well)
    assert found.verdict == "warning"
    assert "is not there" in found.found


def test_a_spool_that_others_own(well, spool, monkeypatch):
    monkeypatch.setattr(Patient, "user", property(lambda self: NOBODY))
    found = on_spool.spool(well)
    assert found.verdict == "wrong"
    assert f"{STRANGER} may not" in str(found)


def test_a_folder_whose_group_may_not_write(well, spool):
    (spool / "recording").chmod(0o2750)
    found = on_spool.spool(well)
    assert found.verdict == "wrong"
    assert "its group may not write into" in found.found
    assert "mode 2750" in found.found


def test_something_that_is_no_folder(well, spool):
    (spool / "tmp").rmdir()
    (spool / "tmp").symlink_to(spool / "new")
    assert on_spool.spool(well).found == f"{spool}/tmp is not a folder"


def test_a_folder_on_another_file_system(well, spool, monkeypatch):
    real = os.lstat

    def lstat(path: Path) -> os.stat_result:
        found = real(path)
        if str(path).endswith("/new"):
            return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))
        return found

    monkeypatch.setattr(on_spool.os, "lstat", lstat)
    assert "lies on another file system" in on_spool.spool(well).found


def test_too_little_room(well, spool):
    limits = replace(well.site.limits, least_free_bytes=1 << 60)
    found = on_spool.spool(replace(well, site=replace(well.site, limits=limits)))
    assert found.verdict == "wrong"
    assert "MiB are free, expected at least" in found.found


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EIO])
def test_a_folder_that_takes_no_file(well, spool, monkeypatch, number):
    def refuse(path: object, flags: int, mode: int = 0) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(on_spool.os, "open", refuse)
    found = on_spool.spool(well)
    assert found.verdict == "wrong"
    assert os.strerror(number) in found.found


def test_a_file_system_that_is_mounted_read_only(well, spool, monkeypatch):
    """Seen by whoever may not try to write, too."""
    real = os.statvfs

    class ReadOnly:
        f_flag = os.ST_RDONLY
        f_bavail, f_frsize = real(spool).f_bavail, real(spool).f_frsize

    monkeypatch.setattr(os, "statvfs", lambda _path: ReadOnly)
    monkeypatch.setattr(Patient, "user", None)
    found = on_spool.spool(well)
    assert (found.verdict, found.found) == ("wrong", "its file system is mounted read-only")


def test_a_file_system_on_which_it_cannot_be_tried(well, spool, monkeypatch):
    def refuse(path: object, flags: int, mode: int = 0) -> int:
        raise OSError(errno.EOPNOTSUPP, "no", str(path))

    monkeypatch.setattr(on_spool.os, "open", refuse)
    found = on_spool.spool(well)
    assert found.verdict == "ok"
    assert found.found.endswith("writing was not tried")


# The fallback.


def test_no_fallback(well, spool):
    assert on_spool.fallback(well).verdict == "ok"


def test_a_fallback_that_is_not_the_folder_that_it_was(well, spool):
    patient = with_fallback(well)
    shutil.rmtree(patient.site.fallback)
    patient.site.fallback.mkdir()
    found = on_spool.fallback(patient)
    assert found.verdict == "wrong"
    assert found.do.startswith("mount its disk")
    (spool / "fallback.id").unlink()
    assert on_spool.fallback(patient).verdict == "warning", "on the same disk"


def test_a_fallback_that_is_configured_no_more(well, spool):
    before = with_fallback(well)
    found = on_spool.fallback(replace(before, site=replace(before.site, fallback=None)))
    assert found.verdict == "wrong"
    assert str(before.site.fallback) in found.found
    (spool / "fallback.id").unlink()
    left = replace(before, site=replace(before.site, fallback=None))
    assert on_spool.fallback(left).verdict == "ok"


def test_a_fallback_on_the_same_disk(well, spool):
    found = on_spool.fallback(with_fallback(well))
    assert found.verdict == "warning"
    assert "is on the same file system" in found.found


def test_a_fallback_on_another_disk(well, spool, monkeypatch):
    patient = with_fallback(well)
    real = os.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        found = real(path, **how)
        if Path(path) == patient.site.fallback:
            return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))
        return found

    monkeypatch.setattr(on_spool.os, "stat", stat)
    assert on_spool.fallback(patient).verdict == "ok"


def test_a_fallback_that_is_wrong(well, spool):
    patient = with_fallback(well)
    (patient.site.fallback / "recording").chmod(0o2750)
    assert on_spool.fallback(patient).verdict == "wrong"


# FreeSWITCH's side.


def test_recordings_that_can_be_written_and_read(well, spool):
    found = on_spool.recordings(well)
    assert found.verdict == "ok"
    assert f"process {os.getpid()}" in found.found


def test_recordings_that_freeswitch_cannot_write(well, spool):
    switch = replace(well.switch, person=NOBODY)
    found = on_spool.recordings(replace(well, switch=switch))
    assert found.verdict == "wrong"
    assert found.found.startswith("FreeSWITCH: ")


def read_by_another(
    well: Patient, monkeypatch: pytest.MonkeyPatch, umask: int, gids: set[int]
) -> str:
    """What is said where the engine is another user than FreeSWITCH."""
    monkeypatch.setattr(Patient, "user", property(lambda self: Person(STRANGER, frozenset(gids))))
    own = well.switch
    assert own is not None
    switch = Process(own.pid, own.name, own.person, umask)
    found = on_spool.recordings(replace(well, switch=switch))
    return f"{found.verdict}: {found.found}"


def test_the_umask_and_the_group_decide_whether_the_engine_can_read(well, spool, monkeypatch):
    group = os.stat(spool / "recording").st_gid
    assert read_by_another(well, monkeypatch, 0o007, {group}).startswith("ok")
    copied = read_by_another(well, monkeypatch, 0o027, {group})
    assert copied.startswith("warning: FreeSWITCH's umask is 0027")
    assert "umask is 0077" in read_by_another(well, monkeypatch, 0o077, {group})
    assert read_by_another(well, monkeypatch, 0o077, {group}).startswith("wrong")
    outside = read_by_another(well, monkeypatch, 0o007, {group + 1})
    assert outside.startswith("wrong")
    assert "it has not the group of" in outside
    assert read_by_another(well, monkeypatch, 0o002, {group + 1}).startswith("ok")


def test_where_there_is_no_folder_for_recordings_yet_nothing_is_said_of_it(well, spool):
    (spool / "recording").rmdir()
    found = on_spool.recordings(well)
    assert found.verdict == "unchecked"
    assert found.found.startswith(f"{spool}/recording is not there")


def test_a_freeswitch_that_cannot_be_seen(well, spool):
    assert on_spool.recordings(replace(well, switch=None)).verdict == "unchecked"
    assert on_spool.prompts(replace(well, switch=None)).verdict == "unchecked"
    away = replace(well, said=replace(well.said, local=False))
    assert on_spool.recordings(away).verdict == "unchecked"
    assert on_spool.prompts(away).verdict == "unchecked"


def test_prompts(well):
    assert on_spool.prompts(well).verdict == "ok"
    switch = replace(well.switch, person=NOBODY)
    found = on_spool.prompts(replace(well, switch=switch))
    assert found.verdict == "wrong"
    assert f"{STRANGER} may not" in str(found)


# What lies there.


def test_a_journal(well, spool):
    assert on_spool.journal(well).found == "it can be read: 0 of 0 calls are open"
    end = line_of(OTHER, 1, Finished(), stamped(ARRIVED)[0].stamp)
    journal_of(spool, CALL, OTHER, more=end)
    assert on_spool.journal(well).found == "it can be read: 1 of 2 calls are open"


def test_a_torn_end_is_nothing_to_worry_about(well, spool):
    journal_of(spool, CALL, more=b'{"c":"')
    assert on_spool.journal(well).verdict == "ok"


def test_lines_that_cannot_be_read(well, spool):
    journal_of(spool, CALL, more=b"nonsense\n")
    found = on_spool.journal(well)
    assert found.verdict == "warning"
    assert found.found == "0000000001.journal, line 2: its checksum does not fit"
    journal_of(spool, CALL, more=b"nonsense\n" * 9)
    found = on_spool.journal(well)
    assert found.found == "9 of its lines cannot be read"
    assert found.more[-1] == "and 4 more"


def test_a_journal_in_the_fallback_too(well, spool):
    patient = with_fallback(well)
    journal_of(spool, CALL)
    (spool / "journal/0000000001.journal").rename(
        patient.site.fallback / "journal/0000000002.journal"
    )
    assert on_spool.journal(patient).found == "it can be read: 1 of 1 calls are open"


def test_a_journal_before_the_first_start_with_a_fallback(well, spool):
    patient = with_fallback(well)
    (patient.site.fallback / "journal").rmdir()
    journal_of(spool, CALL)
    assert on_spool.journal(patient).verdict == "ok"


def test_a_journal_that_is_no_folder(well, spool):
    (spool / "journal").rmdir()
    assert on_spool.journal(well).verdict == "ok"
    (spool / "journal").write_text("")
    assert on_spool.journal(well).verdict == "wrong"


def test_a_journal_that_may_not_be_read(well, spool, monkeypatch):
    def refuse(folder: Path, spare: Path | None) -> None:
        from ivr.storage.atomic import disk_error

        error = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise disk_error("list", folder, error) from error

    monkeypatch.setattr(on_spool, "read", refuse)
    found = on_spool.journal(well)
    assert found.verdict == "unchecked"
    assert "as root" in found.do


def test_what_was_set_aside(well, spool):
    assert on_spool.aside(well).verdict == "ok"
    (spool / "aside/x.wav").write_text("")
    (spool / "aside/x.wav.why").write_text("unreadable: no WAV file\nmore\n")
    found = on_spool.aside(well)
    assert found.verdict == "warning"
    assert found.more == ("x.wav: unreadable: no WAV file",)
    for number in range(9):
        (spool / f"aside/{number}.why").write_text("x")
    assert on_spool.aside(well).more[-1] == "and 5 more"


def test_an_aside_that_may_not_be_looked_at(well, spool, monkeypatch):
    def refuse(folder: Path) -> list[str]:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(on_spool.os, "listdir", refuse)
    assert on_spool.aside(well).verdict == "unchecked"


def test_records_that_wait(well, spool):
    assert on_spool.waiting(well).found == "no records wait"
    record = spool / "new/x.json"
    record.write_text("{}")
    at = record.stat().st_mtime_ns // 1_000_000
    soon = on_spool.waiting(replace(well, wall_ms=at + 90_000))
    assert (soon.verdict, soon.found) == ("ok", "1 records wait, the oldest since 90 s")
    late = on_spool.waiting(replace(well, wall_ms=at + 3 * 3_600_000))
    assert (late.verdict, late.found) == ("warning", "1 records wait, the oldest since 3 h")
