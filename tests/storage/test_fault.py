"""A fault of the program in filing one call costs that call its record for now, no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from ivr.core.fold import fold
from ivr.storage import filing, spool
from ivr.storage.atomic import Disk
from ivr.storage.fault import describe
from ivr.storage.filing import Filing, file_batch
from ivr.storage.look import verify
from ivr.storage.segments import read
from tests.storage.bench import LIMITS, MAKER, Bench
from tests.storage.parts import (
    CALL,
    EIO,
    OTHER,
    call_id,
    settle,
    unconnected_call,
    wait,
    wav,
    whole_call,
)


def faulty(disk: Disk, name: str, end: str) -> Disk:
    """A disk of which one call raises what no disk does, for paths that end so."""
    real: Callable[..., object] = getattr(disk, name)
    paths: dict[int, str] = {}

    def opened(path: str, flags: int, mode: int) -> int:
        fd = disk.open(path, flags, mode)
        paths[fd] = path
        return fd

    def broken(first: object, *rest: object) -> object:
        path = rest[0] if name == "rename" else paths.get(first, first)  # type: ignore[call-overload] # any words
        if str(path).endswith(end):
            raise ValueError(f"a fault about 07700900123, at {name}")
        return opened(first, *rest) if name == "open" else real(first, *rest)  # type: ignore[arg-type] # any words

    return replace(disk, **{"open": opened, name: broken})


def at_fault_in_fold(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def broken(which: str, *rest: object) -> object:
        if which == call:
            raise ValueError("a fault about 07700900123")
        return fold(which, *rest)  # type: ignore[arg-type] # any words

    monkeypatch.setattr(filing, "fold", broken)


def journalled(bench: Bench, *calls: str) -> None:
    for call in calls:
        bench.record_audio(call, wav())
        for each in whole_call():
            bench.journal.append(call, each.entry, each.stamp)


def test_a_fault_is_told_in_one_line_without_numbers() -> None:
    def inner(number: str) -> None:
        raise ValueError(f"no such number:\n{number}\x1b[2J \udc80 in 12 steps")

    with pytest.raises(ValueError, match="no such") as caught:
        inner("07700900123")
    told = describe(caught.value)
    assert told.startswith(r"ValueError: no such number:\n***********\x1b[2J \udc80 in 12 steps (")
    assert told.isascii()
    assert "test_fault.py:" in told
    assert "inner, test_fault.py" in told
    assert describe(KeyError()) == "KeyError:  (nowhere known)"


@pytest.mark.parametrize("order", [(CALL, OTHER), (OTHER, CALL)])
def test_a_fault_in_one_call_costs_no_other(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    order: tuple[str, ...],
) -> None:
    journalled(bench, CALL, OTHER)
    at_fault_in_fold(monkeypatch, CALL)
    bench.finish(*order)
    at_fault, good = sorted(bench.filed, key=lambda one: one.call_id != CALL)
    assert at_fault.call_id == CALL
    assert at_fault.record is None
    assert at_fault.fault.startswith("ValueError: a fault about *********** (test_fault.py:")
    assert good.record is not None
    assert not good.fault
    assert bench.names("new") == [f"{OTHER}.json", f"{OTHER}.wav"]
    assert bench.spool.waiting == 0
    assert bench.spool.error is None, "it is no fault of the disk's"
    assert bench.refused == []
    bench.record_audio(call_id(7), wav())
    bench.finish(call_id(7))
    assert f"{call_id(7)}.json" in bench.names("new"), "the spool goes on"


STEPS = ["open:tmp/{}.json", "write:tmp/{}.json", "fsync:recording/{}.wav", "fsync:tmp/{}.json",
         "rename:new/{}.wav", "rename:new/{}.json"]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_whatever_the_step_its_audio_is_safe_and_the_next_start_files_it(
    bench: Bench,
    step: str,
) -> None:
    journalled(bench, CALL, OTHER)
    name, _colon, end = step.format(CALL).partition(":")
    whole = bench.spool._disk
    bench.spool._disk = faulty(whole, name, end)
    bench.finish(CALL, OTHER)
    assert [(one.call_id, bool(one.fault), one.error) for one in bench.filed] == [
        (CALL, True, None),
        (OTHER, False, None),
    ]
    audio = [path for path in bench.root.rglob(f"{CALL}.wav") if path.parent.name != "tmp"]
    assert [path.read_bytes() for path in audio] == [wav()]
    assert f"{CALL}.json" not in bench.names("new")
    assert verify(bench.root, OTHER)[0].verdict == "good"
    left = {call.call_id: call.finished for call in read(bench.places.journal).calls}
    assert left == {CALL: False, OTHER: True}
    assert bench.names("aside") == [f"{CALL}.json.why"]
    why = (bench.places.aside / f"{CALL}.json.why").read_text()
    assert why.startswith(f"ValueError: a fault about ***********, at {name} (")
    assert "the next start tries again" in why
    told = next(one for one in verify(bench.root) if one.name.startswith("aside/"))
    assert told.verdict == "leftover"
    assert told.detail.startswith("a call without a record, set aside: ValueError: a fault")
    [filed] = file_batch(whole, bench.places, MAKER, [Filing(CALL, whole_call())])
    assert filed.record is not None
    assert {one.verdict for one in verify(bench.root)} == {"good"}, "and nothing is set aside"


def test_a_fault_in_clearing_away_leaves_a_record(bench: Bench) -> None:
    bench.record_audio(CALL, b"")
    whole = bench.spool._disk
    bench.spool._disk = faulty(whole, "unlink", f"{CALL}.wav")
    bench.finish(CALL, entries=unconnected_call())
    [filed] = bench.filed
    assert filed.fault.startswith("ValueError")
    assert filed.record is not None
    assert bench.names("new") == [f"{CALL}.json"]
    file_batch(whole, bench.places, MAKER, [Filing(CALL, unconnected_call())])
    assert bench.names("recording") == []
    assert [one.verdict for one in verify(bench.root)] == ["good"]


def test_filed_already_it_is_no_more_set_aside(bench: Bench) -> None:
    bench.record_audio(CALL, wav())
    bench.finish(CALL)
    bench.places.set_aside(CALL).write_text("x")
    bench.finish(CALL, entries=())
    assert bench.filed[1].record is None
    assert bench.names("aside") == []


def test_a_fault_of_no_one_call_sets_those_aside_that_are_not_shown(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journalled(bench, CALL, OTHER)
    bench.trace.failing[f"fsync:{OTHER}.wav"] = EIO

    def broken(*_args: object) -> None:
        raise ValueError("of the whole batch")

    monkeypatch.setattr(filing, "sync_folder", broken)
    good, bad = file_batch(
        bench.trace.disk(),
        bench.places,
        MAKER,
        [Filing(CALL, whole_call()), Filing(OTHER, whole_call())],
    )
    assert "of the whole batch" in good.fault
    assert not bad.fault, "the disk's refusal is tried again by itself"
    assert bad.error is not None
    monkeypatch.undo()
    bench.trace.failing.clear()
    bench.finish(CALL, OTHER)
    assert {one.verdict for one in verify(bench.root)} == {"good"}
    assert bench.names("aside") == []


def test_a_job_that_dies_costs_its_calls_and_not_the_spool(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dies(*_args: object) -> None:
        raise RuntimeError("in the thread")

    journalled(bench, CALL, OTHER)
    monkeypatch.setattr(spool, "file_batch", dies)
    bench.finish(CALL, OTHER)
    assert ["RuntimeError" in one.fault for one in bench.filed] == [True, True]
    assert bench.spool.waiting == 0
    assert bench.spool.join(1)
    assert len(tuple(read(bench.places.journal))) == 2
    monkeypatch.undo()
    bench.finish(CALL, OTHER)
    assert {one.verdict for one in verify(bench.root)} == {"good"}


def test_where_not_even_the_reason_can_be_written_the_fault_says_so(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journalled(bench, CALL, OTHER)
    at_fault_in_fold(monkeypatch, CALL)
    bench.trace.failing["open:.why"] = EIO
    bench.finish(CALL, OTHER)
    assert "cannot write: Input/output error" in bench.filed[0].fault
    assert bench.filed[1].record is not None


def test_a_descriptor_that_cannot_be_closed_costs_nothing(bench: Bench) -> None:
    """What had to be on disk was synced before."""
    journalled(bench, CALL, OTHER)
    bench.trace.failing[f"close:recording/{CALL}.wav"] = EIO
    bench.finish(CALL, OTHER)
    assert [(one.fault, one.error) for one in bench.filed] == [("", None)] * 2
    assert {one.verdict for one in verify(bench.root)} == {"good"}


def test_a_link_where_the_engine_writes_is_not_followed(bench: Bench) -> None:
    """Put there by another member of the spool's group (R19): the call waits, others do not."""
    victim = bench.root.parent / "victim"
    victim.write_bytes(b"precious")
    link = bench.root / f"tmp/{CALL}.json"
    link.symlink_to(victim)
    bench.record_audio(CALL, b"OggS" + bytes(100))  # no recording: it is to be set aside
    bench.record_audio(OTHER, wav())
    filed: list[str] = []
    first = Event()
    for call in (CALL, OTHER):
        bench.spool.finish(call, whole_call(), lambda one: (filed.append(one.call_id), first.set()))
    bench.clock.turn(LIMITS.gather_ms)
    wait(first)
    settle()
    assert filed == [OTHER]
    assert victim.read_bytes() == b"precious"
    [(refused, error)] = bench.refused
    assert refused == CALL
    assert "Too many levels of symbolic links" in str(error)
    link.unlink()
    bench.clock.turn(LIMITS.retry_ms)
    assert bench.spool.join(30)
    settle()
    assert filed == [OTHER, CALL]
    assert victim.read_bytes() == b"precious"


def test_a_link_where_a_file_is_to_be_set_aside_is_not_followed(bench: Bench) -> None:
    """The record says what it was; the file waits where it is."""
    victim = bench.root.parent / "victim"
    victim.write_bytes(b"precious")
    link = bench.root / f"aside/{CALL}.wav.why"
    link.symlink_to(victim)
    audio = bench.record_audio(CALL, b"OggS" + bytes(100))
    bench.finish(CALL)
    assert bench.refused == []
    assert bench.record(CALL)["recording"]["reason"] == "unreadable"  # type: ignore[index]
    assert "Too many levels of symbolic links" in str(bench.filed[0].error)
    assert audio.exists()
    link.unlink()
    bench.clock.turn(LIMITS.retry_ms)
    while audio.exists():
        gevent.sleep(0.001)
    assert bench.names("aside") == [f"{CALL}.wav", f"{CALL}.wav.why"]
    assert victim.read_bytes() == b"precious"
    assert len(bench.filed) == 1
