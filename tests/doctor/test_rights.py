"""Who may do what, told by numbers; and what /proc says of this process."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ivr.doctor.process import Person, holder, listening, most_files, person_of, process
from ivr.doctor.rights import ENTER, READ, WRITE, hindrance, may

STRANGER = 64_321


@pytest.mark.parametrize(
    ("mode", "uid", "gids", "wanted", "yes"),
    [
        (0o700, "own", set(), READ | WRITE | ENTER, True),
        (0o070, "own", "own", READ, False),
        (0o070, STRANGER, "own", READ | WRITE | ENTER, True),
        (0o007, STRANGER, "own", READ, False),
        (0o007, STRANGER, set(), READ | WRITE | ENTER, True),
        (0o750, STRANGER, "own", WRITE, False),
        (0o000, 0, set(), READ | WRITE | ENTER, True),
    ],
)
def test_the_first_class_that_fits_decides(tmp_path, monkeypatch, mode, uid, gids, wanted, yes):
    status = os.stat_result((0o40000 | mode, 0, 0, 1, 5000, 6000, 0, 0, 0, 0))
    person = Person(5000 if uid == "own" else uid, frozenset({6000} if gids == "own" else gids))
    assert may(person, status, wanted) is yes


def test_a_folder_on_the_way(tmp_path):
    closed = tmp_path / "closed"
    inner = closed / "inner"
    inner.mkdir(parents=True)
    for folder in tmp_path.parents:
        if not os.stat(folder).st_mode & 0o001:
            break
    else:
        closed.chmod(0o700)
    person = Person(STRANGER, frozenset())
    assert "may not come through" in hindrance(person, inner, READ)
    assert hindrance(Person(os.getuid(), frozenset({os.getgid()})), inner, WRITE) == ""


def test_a_path_that_may_not_be_written():
    person = Person(STRANGER, frozenset())
    assert hindrance(person, Path("/"), READ | ENTER) == ""
    found = hindrance(person, Path("/"), WRITE)
    assert found.startswith(f"{STRANGER} may not write into / (mode ")


def test_this_process():
    own = process(os.getpid())
    assert own is not None
    assert (own.pid, own.person.uid) == (os.getpid(), os.getuid())
    assert os.getegid() in own.person.gids
    mask = os.umask(0o027)
    os.umask(mask)
    assert own.umask == mask
    assert process(1 << 30) is None
    assert (most_files(os.getpid()) or 0) > 10
    assert most_files(1 << 30) is None


def test_who_holds_a_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        assert listening(port) is None
        one.listen()
        found = listening(port, "127.0.0.1")
        assert found is not None
        assert found == listening(port)
        assert found.uid == os.getuid()
        held = holder(found)
        assert held is not None
        assert held.pid == os.getpid()
        assert listening(port, "127.0.0.2") is None
    assert listening(port) is None


def test_a_user_that_the_host_does_not_know():
    assert person_of(STRANGER) == Person(STRANGER, frozenset())
    assert person_of(STRANGER).name == str(STRANGER)
    assert person_of(0).name == "root"
