"""A crash at any moment is told apart from tampering, and repaired (R17, R22)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.retention.audit.line import Head
from ivr.retention.audit.stores import MemoryHead, MemoryParticulars
from ivr.retention.audit.trail import Trail
from ivr.retention.audit.verify import verify
from ivr.retention.model import Entry
from ivr.storage.atomic import Disk
from tests.retention.audit.scene import HASTY, LIMITS, Fixed, Scene, found

WAYS = ("before", "half", "zeros", "holes", "after")
"""What a write leaves when the host dies: nothing, its first half, zeros and its second half,
a hole in its middle, or all of it."""


class Died(BaseException):
    """The host stopped here."""


def dying(left: int, way: str) -> Disk:
    """A disk that dies at its call number ``left``; a write there leaves something."""
    remaining = [left]

    def mortal(name: str) -> Any:
        real = getattr(HASTY, name)

        def call(*args: Any) -> Any:
            if name == "close":
                return real(*args)
            if remaining[0] == 0:
                if way == "after" or (name == "write" and way != "before"):
                    real(*_left_of(way, args) if name == "write" else args)
                remaining[0] = -1
            if remaining[0] < 0:
                raise Died
            remaining[0] -= 1
            return real(*args)

        return call

    names = ("open", "write", "ftruncate", "fdatasync", "fsync", "fchmod", "close")
    faulty: dict[str, Any] = {name: mortal(name) for name in names}
    return replace(HASTY, **faulty)


def _left_of(way: str, args: Any) -> tuple[int, bytes]:
    fd, data = args
    third, half = len(data) // 3, len(data) // 2
    return fd, {
        "half": data[:half],
        "zeros": bytes(half) + data[half:],
        "holes": data[:third] + bytes(third) + data[2 * third :],
        "after": data,
    }[way]


class Host:
    """What stays when a process dies: the folder, and the index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heads = MemoryHead(None)
        self.particulars = MemoryParticulars()
        self.done: list[str] = []
        """The calls of entries whose append returned."""

    def trail(self, disk: Disk = HASTY) -> Trail:
        return Trail(self.folder, self.particulars, self.heads, Fixed(), limits=LIMITS, disk=disk)

    def append(self, trail: Trail, *calls: str) -> None:
        secret = {"reason": "r"}
        trail.append(
            [Entry("listen", "ann", "granted", each, particulars=secret) for each in calls]
        )
        self.done += calls

    def check(self) -> None:
        """All is there that was promised, once and in order, and nothing looks like tampering."""
        entries = [entry for entry in self.trail().read() if entry.call]
        calls = [entry.call for entry in entries]
        assert len(set(calls)) == len(calls)
        assert [call for call in calls if call in self.done] == self.done
        report = verify(
            self.folder, head=self.heads.get(), particulars=self.particulars, limits=LIMITS
        )
        assert (found(report), report.gone) == ([], 0)


@pytest.mark.parametrize("way", WAYS)
def test_the_host_dies_at_any_call_of_the_disk(tmp_path: Path, way: str) -> None:
    survived, at = False, 0
    while not survived:
        host = Host(tmp_path / str(at))
        trail = host.trail(dying(at, way))
        try:
            host.append(trail, "1")
            host.append(trail, "2", "3", "4", "5", "6")
            host.append(trail, "7", "8", "9")
            host.append(trail, "10")
            survived = True
        except Died:
            pass
        host.check()
        again = host.trail()
        host.append(again, "11", "12", "13")
        host.append(again, "14")
        host.check()
        repaired = [entry for entry in again.read() if entry.action == "repaired"]
        torn = list(host.folder.glob("*.torn-*"))
        assert len(repaired) == len(torn)
        at += 1
    assert at > 12


@pytest.mark.parametrize("way", WAYS)
def test_the_host_dies_while_a_torn_end_is_repaired(tmp_path: Path, way: str) -> None:
    survived, at = False, 0
    while not survived:
        host = Host(tmp_path / str(at))
        host.append(host.trail(), "1", "2")
        (path,) = host.folder.glob("*.log")
        whole = path.read_bytes()
        path.write_bytes(whole + b'3 00ff {"act')
        trail = host.trail(dying(at, way))
        try:
            host.append(trail, "3", "4")
            survived = True
        except Died:
            pass
        host.append(host.trail(), "5")
        host.check()
        told = [entry.detail for entry in host.trail().read() if entry.action == "repaired"]
        assert told[0].startswith(
            "12 bytes of an unfinished write moved to 000000000001.log.torn-3"
        )
        assert (host.folder / "000000000001.log.torn-3").read_bytes() == b'3 00ff {"act'
        at += 1
    assert at > 8


def test_an_end_cut_anywhere_is_a_crash_or_tampering_by_what_is_known(tmp_path: Path) -> None:
    scene = Scene(tmp_path, entries=20, every=100)
    path = scene.path(17)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    known = scene.trail().last(2)[0]
    scene.heads.head = Head(known.seq, known.hash)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        left = whole[:cut].count(b"\n")
        report = scene.verify()
        torn = cut - sum(map(len, lines[:left]))
        assert report.entries == 16 + left
        if 16 + left >= known.seq:
            assert found(report) == []
            assert (report.torn.size if report.torn else 0) == torn
        else:
            assert found(report) == [("17", left, 17 + left, "truncated")]
            assert report.torn is None


def test_a_torn_end_is_no_fault_and_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with scene.path(17).open("ab") as file:
        file.write(b"19 00")
    report = scene.verify()
    assert report.good
    assert report.torn is not None
    assert (report.torn.place.file, report.torn.place.line) == ("000000000017.log", 3)
    assert (report.torn.size, report.entries) == (5, 18)


@pytest.mark.parametrize("remembered", [True, False])
def test_zeros_are_told_as_a_crash_where_all_that_is_known_is_there(
    tmp_path: Path, remembered: bool
) -> None:
    """Pages that the disk never got read as zeros; nothing vouches for the entries in them."""
    scene = Scene(tmp_path, every=100)
    known = scene.heads.get()
    scene.trail().append([Entry("listen", "ann", "granted", f"late-{n}") for n in range(3)])
    scene.heads.head = known if remembered else None
    one, two, late, *later = scene.lines(17)
    scene.put(17, [one, two, bytes(len(late)), *later])
    report = scene.verify(remembered=remembered)
    assert report.good is remembered
    if remembered:
        assert report.torn is not None
        assert report.torn.size == len(late) + sum(map(len, later))
        assert (report.head, report.entries) == (known, 18)


def test_what_the_index_knows_is_never_cut_off(tmp_path: Path) -> None:
    """An entry that was changed stays where it is, for a person to see, and the trail goes on."""
    scene = Scene(tmp_path, every=100)
    one, two = scene.lines(17)
    changed = [one.replace(b"ann", b"bob"), two]
    scene.put(17, changed)
    trail = scene.trail()
    assert trail.append([Entry("listen", "ann", "granted", "call-19")]) == [19]
    assert scene.lines(17)[:2] == changed
    assert list(scene.folder.glob("*.torn-*")) == []
    assert found(scene.verify()) == [("17", 1, 17, "changed")]


def test_an_end_that_is_torn_again_before_it_was_told_of(tmp_path: Path) -> None:
    """What was moved away first is not written over, and both are told of."""
    scene = Scene(tmp_path)
    path = scene.path(17)
    first = scene.folder / f"{path.name}.torn-19"
    first.write_bytes(b"first")
    with path.open("ab") as file:
        file.write(b"second!")
    scene.trail().append([Entry("listen", "ann", "granted", "call-19")])
    told = [entry for entry in scene.trail().read() if entry.action == "repaired"]
    assert [entry.detail.split(",")[0] for entry in told] == [
        f"5 bytes of an unfinished write moved to {path.name}.torn-19",
        f"7 bytes of an unfinished write moved to {path.name}.torn-19-2",
    ]
    assert first.read_bytes() == b"first"
    assert (scene.folder / f"{path.name}.torn-19-2").read_bytes() == b"second!"
    assert scene.verify().good


def test_what_is_taken_away_while_the_trail_is_open_is_told(tmp_path: Path) -> None:
    """Also where the index knows less than this process does."""
    host = Host(tmp_path)
    trail = host.trail()
    host.append(trail, "1")
    known = host.heads.head
    host.append(trail, "2")
    host.heads.head = known
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    trail.append([Entry("listen", "ann", "granted", "3")])
    assert [entry.action for entry in trail.read()] == ["listen", "missing", "listen"]


@pytest.mark.parametrize("residue", [b"", b"\0\0\n"])
def test_another_last_entry_than_is_known_is_told(tmp_path: Path, residue: bytes) -> None:
    scene = Scene(tmp_path, every=100)
    known = scene.heads.get()
    scene.put(17, [scene.lines(17)[0], scene.lines(17)[1].replace(b"ann", b"bob")])
    scene.recompute(18)
    scene.heads.head = known
    with scene.path(17).open("ab") as file:
        file.write(residue)
    trail = scene.trail()
    assert trail.append([Entry("listen", "ann", "granted", "call")]) == [20]
    assert [entry.action for entry in trail.last(2)] == ["missing", "listen"]
    assert list(scene.folder.glob("*.torn-*")) == []


def test_zeros_before_later_files_are_no_crash(tmp_path: Path) -> None:
    scene = Scene(tmp_path, every=100)
    known = scene.trail().last(12)[0]
    scene.heads.head = Head(known.seq, known.hash)
    one, two, three, four = scene.lines(5)
    scene.put(5, [one, two, three, bytes(len(four))[:-1] + b"\n"])
    assert known.seq == 7
    assert found(scene.verify()) == [("5", 4, 8, "changed")]
