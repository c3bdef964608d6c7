"""Entries are there, in order, when append returns; the trail is read from either end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from ivr.errors import DiskError, StoreError, UsageError
from ivr.retention.audit.files import lines_backwards, log_files
from ivr.retention.audit.line import NOTHING, Head, head_of, seal
from ivr.retention.audit.read import Wanted
from ivr.retention.audit.stores import MemoryHead, MemoryParticulars
from ivr.retention.audit.trail import Trail, TrailLimits
from ivr.retention.audit.verify import verify
from ivr.retention.model import Entry
from ivr.storage.atomic import REAL


@dataclass
class Fixed:
    now: int = 1_774_746_000_250

    def wall_ms(self) -> int:
        return self.now


def entry(number: int, **more: Any) -> Entry:
    return replace(Entry("listen", "ann", "granted", call=f"call-{number}"), **more)


def trail_in(folder: Path, **more: Any) -> Trail:
    defaults: dict[str, Any] = {"limits": TrailLimits(entries=4)}
    stores = (MemoryParticulars(), MemoryHead(None))
    return Trail(folder, *stores, Fixed(), **(defaults | more))


def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    assert trail.head() == NOTHING
    strange = 'a "quote"\n\u2028\x00\ud800 ü'
    numbers = trail.append([entry(1, case="C-1", rule="complaint", detail=strange)])
    assert numbers == [1]
    (found,) = trail.read()
    assert (found.seq, found.call, found.case, found.rule) == (1, "call-1", "C-1", "complaint")
    assert (found.who, found.action, found.outcome) == ("ann", "listen", "granted")
    assert (found.detail, found.sealed) == (strange, "")
    assert found.at == "2026-03-29T01:00:00.250Z"
    assert trail.head() == Head(1, found.hash) == head_of(str(trail.head()))
    (file,) = log_files(tmp_path)
    text = file.path.read_bytes()
    assert text.isascii()
    assert text.count(b"\n") == 1


def test_files_follow_each_other_and_the_chain_runs_on(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    for number in range(1, 12):
        trail.append([entry(number)])
    names = [file.path.name for file in log_files(tmp_path)]
    assert names == ["000000000001.log", "000000000005.log", "000000000009.log"]
    again = trail_in(tmp_path)
    assert again.append([entry(12), entry(13)]) == [12, 13]
    assert [each.seq for each in again.read(6)] == list(range(6, 14))
    assert [each.call for each in again.last(5)] == [f"call-{n}" for n in range(9, 14)]
    assert again.last(0) == []


def test_a_file_that_has_grown_is_followed_by_another(tmp_path: Path) -> None:
    trail = trail_in(tmp_path, limits=TrailLimits(size=300))
    for number in range(6):
        trail.append([entry(number)])
    sizes = [file.path.stat().st_size for file in log_files(tmp_path)]
    assert len(sizes) == 3
    assert all(size >= 300 for size in sizes[:-1])


def test_what_is_wanted(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    trail.append([entry(n, case=f"C-{n % 2}", who=f'p"{n % 3}') for n in range(9)])
    trail.append([Entry("destroy", "retention", "done", call="call-3", detail='"call":"call-4"')])
    calls = [(each.seq, each.action) for each in trail.read(wanted=Wanted(call="call-3"))]
    assert calls == [(4, "listen"), (10, "destroy")]
    assert [each.seq for each in trail.read(wanted=Wanted(call="call-4"))] == [5]
    assert [each.seq for each in trail.last(2, Wanted(case="C-0"))] == [7, 9]
    assert [each.seq for each in trail.read(wanted=Wanted(who='p"1'))] == [2, 5, 8]
    assert len(trail.last(99, Wanted(actions=frozenset({"destroy", "listen"})))) == 10
    assert [each.seq for each in trail.last(99, Wanted(actions=frozenset({"destroy"})))] == [10]
    assert len(trail.last(99, Wanted(since="2026-03-29", until="2026-03-29"))) == 10
    assert trail.last(99, Wanted(since="2026-03-30")) == []
    assert trail.last(99, Wanted(until="2026-03-28")) == []


def test_particulars_are_kept_apart_under_a_salt(tmp_path: Path) -> None:
    store = MemoryParticulars()
    trail = Trail(tmp_path, store, MemoryHead())
    told = {"number": "01277312500", "reason": "asked for by the customer"}
    trail.append([entry(1), entry(2, particulars=told)])
    assert list(store.kept) == [2]
    call, number, particular = store.kept[2]
    assert (call, number) == ("call-2", "01277312500")
    assert len(particular.salt) == 64
    (one, two) = trail.read()
    assert (one.sealed, two.sealed) == ("", seal(particular.salt, particular.text))
    assert b"01277" not in log_files(tmp_path)[0].path.read_bytes()


def test_without_its_particulars_no_entry_is_written(tmp_path: Path) -> None:
    class Refusing(MemoryParticulars):
        def put(self, seq: int, call: str, number: str, salt: str, text: str) -> None:
            raise StoreError("the index is away")

    trail = Trail(tmp_path, Refusing(), MemoryHead())
    with pytest.raises(StoreError):
        trail.append([entry(1), entry(2, particulars={"reason": "x"})])
    assert log_files(tmp_path) == []
    assert trail.append([entry(3)]) == [1]


def test_what_is_too_long_is_refused(tmp_path: Path) -> None:
    trail = trail_in(tmp_path)
    with pytest.raises(UsageError, match="too long"):
        trail.append([entry(1, detail="x" * (1 << 20))])
    assert trail.append([entry(2)]) == [1]


def test_the_head_is_remembered_and_its_refusal_stops_nothing(tmp_path: Path) -> None:
    @dataclass
    class Moody(MemoryHead):
        away: bool = field(default=False)

        def set(self, head: Head) -> None:
            if self.away:
                raise StoreError("the index is away")
            self.head = head

    heads = Moody(None)
    trail = Trail(tmp_path, MemoryParticulars(), heads)
    trail.append([entry(1)])
    assert heads.head == trail.head()
    heads.away = True
    assert trail.append([entry(2)]) == [2]
    assert heads.head is not None
    assert (heads.head.seq, trail.head().seq) == (1, 2)


@pytest.mark.parametrize("call", ["open", "write", "fdatasync", "fsync"])
def test_a_disk_that_refuses_once(tmp_path: Path, call: str) -> None:
    """What was refused is cut off, so that nothing stands in the trail that was not done."""
    refusing: list[int] = []

    def refused(*args: object) -> object:
        if refusing:
            refusing.pop()
            raise OSError(5, "Input/output error")
        return getattr(REAL, call)(*args)

    faulty: dict[str, Any] = {call: refused}
    trail = trail_in(tmp_path, disk=replace(REAL, **faulty))
    if call != "fsync":
        trail.append([entry(1)])
    refusing.append(1)
    with pytest.raises(DiskError):
        trail.append([entry(2)])
    assert trail.append([entry(3)]) == [trail.head().seq]
    assert [each.call for each in trail.read()][-1] == "call-3"
    assert "call-2" not in [each.call for each in trail.read()]


def test_a_disk_that_goes_on_refusing(tmp_path: Path) -> None:
    """As long as what was refused cannot be cut off, nothing is appended."""
    refusing: set[str] = set()

    def refuse(name: str) -> object:
        def one(*args: object) -> object:
            if name in refusing:
                raise OSError(5, "Input/output error")
            return getattr(REAL, name)(*args)

        return one

    faulty: dict[str, Any] = {name: refuse(name) for name in ("fdatasync", "ftruncate")}
    disk = replace(REAL, **faulty)
    trail = trail_in(tmp_path, disk=disk)
    trail.append([entry(1)])
    refusing |= {"fdatasync", "ftruncate"}
    with pytest.raises(DiskError):
        trail.append([entry(2)])
    refusing.discard("fdatasync")
    with pytest.raises(DiskError, match="cut back"):
        trail.append([entry(3)])
    refusing.clear()
    assert trail.append([entry(4)]) == [2]
    assert [each.call for each in trail.read()] == ["call-1", "call-4"]


def _append_many(folder: Path, who: str, times: int, barrier: Barrier) -> None:
    trail = Trail(folder, MemoryParticulars(), MemoryHead(None), limits=TrailLimits(entries=50))
    barrier.wait()
    for number in range(times):
        trail.append([Entry("listen", who, "granted", call=f"{number}")])


def test_processes_share_one_chain(tmp_path: Path) -> None:
    context = get_context("spawn")
    barrier = context.Barrier(3)
    processes = [
        context.Process(target=_append_many, args=(tmp_path, who, 60, barrier))
        for who in ("ann", "bob")
    ]
    for process in processes:
        process.start()
    _append_many(tmp_path, "here", 60, barrier)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    entries = list(trail_in(tmp_path).read())
    assert [each.seq for each in entries] == list(range(1, 181))
    for who in ("ann", "bob", "here"):
        assert [each.call for each in entries if each.who == who] == [str(n) for n in range(60)]
    assert verify(tmp_path).good


def test_threads_share_one_trail(tmp_path: Path) -> None:
    trail = trail_in(tmp_path, limits=TrailLimits(entries=30))

    def many(who: str) -> list[int]:
        entries = [Entry("listen", who, "granted", call=f"{number}") for number in range(40)]
        return [seq for each in entries for seq in trail.append([each])]

    with ThreadPoolExecutor(3) as pool:
        numbers = [number for found in pool.map(many, "abc") for number in found]
    assert sorted(numbers) == list(range(1, 121))
    entries = list(trail.read())
    assert [each.seq for each in entries] == list(range(1, 121))
    assert [each.call for each in entries if each.who == "b"] == [str(n) for n in range(40)]


def test_lines_backwards_are_those_onwards(tmp_path: Path) -> None:
    for pieces in ([b""], [b"one"], [b"a" * 70_000, b"", b"b" * 200_000, b"c"], [b"x"] * 90_000):
        path = tmp_path / "lines"
        path.write_bytes(b"\n".join(pieces) + b"\n" + b"torn")
        found = list(lines_backwards(path))
        assert [line for _begin, line in reversed(found)] == pieces
        data = path.read_bytes()
        assert all(data[begin : begin + len(line)] == line for begin, line in found)
    path.write_bytes(b"torn")
    assert list(lines_backwards(path)) == []
