"""An index out of a backup beside an archive and an audit trail that went on (R13, R14)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.retention.guard import Stopped
from ivr.retention.model import Entry
from ivr.retention.restoring import bring_back
from tests.retention.house import DPO, House


def put_back(house: House, what: Callable[[], object]) -> None:
    """Do something after the index was backed up, and have the backup be the index again."""
    state = house.store.site.state
    house.store.close()
    shutil.copy(state / "index.sqlite", house.folder / "backup.sqlite")
    house.open()
    what()
    house.store.close()
    for path in state.glob("index.sqlite*"):
        path.unlink()
    shutil.copy(house.folder / "backup.sqlite", state / "index.sqlite")
    house.open()


def test_what_cases_and_holds_name_since_the_backup_is_kept(tmp_path: Path) -> None:
    house = House(tmp_path)
    named, held, free = house.call(1), house.call(2), house.call(3)

    def since() -> None:
        house.office.keeping.open(DPO, "C-1", "complaint")
        house.office.keeping.add(DPO, "C-1", (named,))
        house.office.keeping.hold(DPO, held, "complaint", "a letter")

    put_back(house, since)
    house.turn(days=300)
    # Somebody uses it before it is looked at: that must not hide what it lacks.
    house.office.overseeing.standing()
    house.store.trail.append([Entry("stats", "dpo", "granted")])
    with pytest.raises(Stopped, match="has not seen the audit trail from entry"):
        house.store.sweep().would(house.store.configuration.schedule)
    assert house.sweep().toll.recordings == 1
    state = house.store.recordings.state_of
    assert [state(call) for call in (named, held, free)] == ["here", "here", "destroyed"]
    case = house.store.cases.get("C-1")
    assert case is not None
    assert case.calls == (named,)
    assert [hold.ref for hold in house.store.holds.of(held)] == ["hold-1"]
    assert house.store.catching_up().behind() == 0


def test_what_was_closed_and_released_since_is_so(tmp_path: Path) -> None:
    house = House(tmp_path)
    call, other = house.call(1), house.call(2)
    keeping = house.office.keeping
    keeping.open(DPO, "C-1", "complaint")
    keeping.add(DPO, "C-1", (call, other))
    hold = keeping.hold(DPO, call, "complaint", "a letter")

    def since() -> None:
        house.office.keeping.remove(DPO, "C-1", (other,))
        house.office.keeping.close(DPO, "C-1")
        house.office.keeping.release(DPO, hold.ref, "over")

    put_back(house, since)
    house.store.catching_up().run(house.store.today())
    case = house.store.cases.get("C-1")
    assert case is not None
    assert (case.closed, case.calls) == (house.store.today(), (call,))
    assert [each.released for each in house.store.holds.of(call)] == [house.store.today()]


def test_recordings_taken_in_since_stop_destruction_until_they_are_back(tmp_path: Path) -> None:
    house = House(tmp_path)
    old = house.call(1)
    put_back(house, lambda: house.call(2, caller="01277999888"))
    house.turn(days=300)
    for _ in range(2):
        with pytest.raises(Stopped, match="1 recordings that were taken in since") as stopped:
            house.sweep()
        assert stopped.value.reason == "index"
    assert house.store.recordings.state_of(old) == "here"
    assert bring_back(house.store).good
    assert house.sweep().toll.recordings == 2
    assert house.files_with("01277999888") == []


def test_what_was_destroyed_since_is_not_destroyed_twice(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)

    def since() -> None:
        house.turn(days=300)
        assert house.sweep().toll.recordings == 1

    put_back(house, since)
    house.store.guard.seen(house.now)
    house.sweep(clock_is_right=True)
    assert house.store.recordings.state_of(call) == "destroyed"
    assert [entry[3] for entry in house.audit("destroy")] == [call]


def test_an_entry_whose_transaction_a_crash_undid_is_made_good(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)

    class Killed(BaseException):
        pass

    house.office.keeping.open(DPO, "C-1", "complaint")

    def add() -> None:
        with house.store.database.writing():
            house.office.keeping.add(DPO, "C-1", (call,))
            raise Killed

    with pytest.raises(Killed):
        add()
    house.store.close()
    house.open()
    assert house.store.catching_up().behind()
    house.turn(days=300)
    assert house.sweep().toll.recordings == 0
    assert house.store.recordings.state_of(call) == "here"


def test_an_index_that_saw_all_is_left_alone(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call(1)
    assert house.store.catching_up().behind() == 0
    house.store.catching_up().check()
