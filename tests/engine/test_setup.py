"""One engine a spool, and enough open files for its calls (R22)."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from pathlib import Path

import pytest

from ivr.config.settings import Address
from ivr.engine import setup
from ivr.engine.setup import PidFile, many_files
from ivr.errors import SetupError


def test_the_spools_engine_is_known_while_it_runs(tmp_path):
    with PidFile(tmp_path):
        assert PidFile.read(tmp_path) == os.getpid()
        with pytest.raises(SetupError, match=f"process {os.getpid()} is an engine on the spool"):
            PidFile(tmp_path)
        assert PidFile.read(tmp_path) == os.getpid(), "the refused one changed nothing"
    with pytest.raises(SetupError, match="no engine is running on the spool"):
        PidFile.read(tmp_path)
    with PidFile(tmp_path):
        assert PidFile.read(tmp_path) == os.getpid()


def test_a_command_that_asks_at_this_moment_keeps_no_engine_from_starting(tmp_path, monkeypatch):
    asking = os.open(tmp_path / "engine.pid", os.O_RDWR | os.O_CREAT)
    fcntl.flock(asking, fcntl.LOCK_SH)
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            os.close(asking)

    monkeypatch.setattr(setup.time, "sleep", sleep)
    with PidFile(tmp_path):
        assert len(waited) == 3
        with pytest.raises(SetupError, match="is an engine on the spool"):
            PidFile(tmp_path)
    assert 0.15 <= sum(waited[3:]) <= 0.25, "another engine is not waited for"


def test_a_fallback_has_one_engine_too(tmp_path):
    """Two engines with one fallback would take each other's recordings for their own."""
    one, other, shared = (tmp_path / name for name in ("one", "other", "shared"))
    for folder in (one, other, shared):
        folder.mkdir()
    with PidFile(one, shared):
        with pytest.raises(SetupError, match=f"process {os.getpid()} is an engine on the fallback"):
            PidFile(other, shared)
        with PidFile(other):
            pass  # what the refused one had claimed is free
    with PidFile(other, shared):
        assert PidFile.read(other) == os.getpid()


def test_an_engine_starts_on_a_disk_that_is_full(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with PidFile(tmp_path) as claim:
        claim.tell(Address.of("127.0.0.1:9184"))
        with pytest.raises(SetupError, match="does not say which process"):
            PidFile.read(tmp_path)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ENOSPC])
def test_an_engine_starts_though_its_fallback_is_no_use(tmp_path, monkeypatch, number):
    """A spare disk that is broken costs no call its engine."""
    spool, fallback = tmp_path / "spool", tmp_path / "fallback"
    spool.mkdir()
    fallback.mkdir()
    real = os.open

    def refused(path, *rest, **more):
        if str(path).startswith(str(fallback)):
            raise OSError(number, os.strerror(number))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refused)
    with PidFile(spool, fallback) as claim:
        assert PidFile.read(spool) == os.getpid()
        assert PidFile.secret_of(spool) == claim.secret


def test_a_fallback_that_fills_or_fails_later_keeps_no_engine_from_its_start_and_end(
    tmp_path, monkeypatch
):
    spool, fallback = tmp_path / "spool", tmp_path / "fallback"
    spool.mkdir()
    fallback.mkdir()
    spare: list[int] = []
    pwrite, ftruncate = os.pwrite, os.ftruncate

    def failing(real, number):
        def call(fd, *rest):
            if os.readlink(f"/proc/self/fd/{fd}").startswith(str(fallback)):
                spare.append(number)
                raise OSError(number, os.strerror(number))
            return real(fd, *rest)

        return call

    monkeypatch.setattr(os, "pwrite", failing(pwrite, errno.ENOSPC))
    with PidFile(spool, fallback) as claim:
        assert PidFile.secret_of(spool) == claim.secret, "the spool's own is as it should be"
        monkeypatch.setattr(os, "ftruncate", failing(ftruncate, errno.EIO))
    assert spare == [errno.ENOSPC, errno.EIO]
    with pytest.raises(SetupError, match="no engine is running"):
        PidFile.read(spool)


def test_a_fallback_that_may_not_be_written_to_is_a_mistake_of_the_set_up(tmp_path, monkeypatch):
    real = os.open

    def refused(path, *rest, **more):
        if str(path).startswith(str(tmp_path / "fallback")):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(SetupError, match="cannot write"):
        PidFile(tmp_path, tmp_path / "fallback")
    with PidFile(tmp_path):
        pass  # what the refused one had claimed is free


@pytest.mark.parametrize("text", ["", "0\n", "-1\n", "1\n", "\xff", "12 34"])
def test_no_process_is_signalled_that_the_file_does_not_name(tmp_path, text):
    """0 and -1 would be every process of a group, or of the host."""
    with PidFile(tmp_path):
        (tmp_path / "engine.pid").write_bytes(text.encode("latin-1"))
        with pytest.raises(SetupError, match="does not say which process the engine is"):
            PidFile.read(tmp_path)


def test_a_spool_that_is_not_there(tmp_path):
    with pytest.raises(SetupError, match=r"cannot write .*engine\.pid: No such file or directory"):
        PidFile(tmp_path / "none")
    with pytest.raises(SetupError, match="no engine is running"):
        PidFile.read(tmp_path / "none")


@pytest.fixture
def limit(monkeypatch):
    """Stands in for the process's limit of open files."""
    held = [1024, 4096]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: tuple(held))
    monkeypatch.setattr(
        resource, "setrlimit", lambda _which, both: held.__setitem__(slice(2), both)
    )
    return held


def test_the_limit_of_open_files_is_raised_as_far_as_calls_need_it(limit, logged):
    many_files(100)
    assert limit == [1024, 4096], "there was room"
    many_files(3000)
    assert limit == [3000 + setup._SPARE, 4096]
    assert logged == []


def test_where_the_host_allows_no_more_it_is_said(limit, logged):
    many_files(6000)
    assert limit == [4096, 4096]
    assert logged[0]["possible"] == 4096 - setup._SPARE
    assert logged[0]["configured"] == 6000


def test_without_a_hard_limit(limit, logged):
    limit[1] = resource.RLIM_INFINITY
    many_files(6000)
    assert limit[0] == 6000 + setup._SPARE
    assert logged == []


def test_a_spool_that_may_not_be_read_does_not_mean_that_no_engine_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_words: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(SetupError, match="is not known: Permission denied; run this as root or as"):
        PidFile.read(tmp_path)
