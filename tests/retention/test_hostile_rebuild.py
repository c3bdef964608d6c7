"""An index is rebuilt after whoever took in was killed in the middle of it (R11, R13, R22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.retention.intake.books import Books
from ivr.retention.restoring import bring_back
from tests.retention.house import House
from tests.retention.intake.records import call_id, deliver, record


class Killed(BaseException):
    """As by SIGKILL."""


def killed(*_: object) -> None:
    raise Killed


def test_what_was_not_entered_yet_is_left_to_the_intake_with_its_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    call = call_id(1)
    deliver(house.spool, record(call, marks=["abuse"], ended_at="2026-05-30T12:00:00.000+01:00"))
    with monkeypatch.context() as patched:
        patched.setattr(Books, "enter", killed)
        with pytest.raises(Killed):
            house.take_in()
    assert house.store.archive.days()
    assert bring_back(house.store).rebuilt.recordings == 0
    assert house.take_in().taken == 1
    assert [hold.kind for hold in house.store.holds.of(call)] == ["abuse"]
    assert [entry[3] for entry in house.audit("take-in")] == [call]
    house.turn(days=300)
    assert house.sweep().toll.recordings == 0


def test_a_later_record_in_the_spool_does_not_hide_the_one_that_is_kept(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)
    deliver(house.spool, record(call, "lost"))
    house.store.close()
    for path in house.store.site.state.glob("index.sqlite*"):
        path.unlink()
    house.open()
    assert bring_back(house.store).rebuilt.recordings == 1
    assert house.take_in().taken == 0
    kept = house.store.recordings.get(call)
    assert kept is not None
    assert kept.state == "kept"
