"""``ivr index rebuild``: an index that was lost, and whether anything may then be destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from ivr.errors import StoreError
from ivr.retention import store
from ivr.retention.guard import Stopped
from ivr.retention.intake.alone import alone
from tests.retained import ivr
from tests.retention.house import DPO, OFFICER, POLICY, House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(tmp_path)
    monkeypatch.setattr(store.open_store, "__defaults__", (lambda: house.now,))
    monkeypatch.setattr("ivr.logs.set_up", lambda *_: None)
    with capture_logs():
        yield house


@pytest.fixture
def calls(house: House) -> list[str]:
    """Two of which an open case and a hold keep one each, and one that nothing keeps."""
    calls = [house.call(number, ended=f"2026-05-0{number} 10:00") for number in (1, 2, 3)]
    house.office.keeping.open(OFFICER, "C-1", "complaint")
    house.office.keeping.add(OFFICER, "C-1", calls[:1])
    house.office.keeping.hold(DPO, calls[1], "abuse", "x")
    return calls


def rebuild(house: House) -> Result:
    return ivr("index", "rebuild", site=house.site)


def lose(house: House) -> None:
    """The index, with its journal."""
    house.store.close()
    for path in (house.folder / "var/retention").glob("index.sqlite*"):
        path.unlink()


def test_what_was_lost_is_back_and_what_was_held_is_held(house: House, calls: list[str]) -> None:
    lose(house)
    result = rebuild(house)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "3 recordings brought back",
        "1 case, 1 hold brought back; 0 recordings known to be destroyed",
    ]
    assert "ivr retention schedule" in result.stderr
    house.open()
    assert house.audit()[-1][:3] == ("index-rebuild", "retention", "done")
    # What destroys is not known until somebody has adopted it anew, nor is the clock.
    with pytest.raises(StoreError):
        house.sweep()
    house.office.overseeing.adopt(POLICY, house.store.configuration.schedule.version)
    house.store.guard.seen(house.now)
    house.turn(days=200)
    assert house.sweep().toll.recordings == 1
    assert [house.store.recordings.get(call) is not None for call in calls] == [True, True, False]


def test_once_more_changes_nothing(house: House, calls: list[str]) -> None:
    lose(house)
    rebuild(house)
    again = rebuild(house)
    assert again.exit_code == 0
    assert again.stdout.splitlines()[0] == "0 recordings brought back"
    assert "left as they are" in again.stdout


def test_an_index_that_was_used_before_it_was_rebuilt(house: House, calls: list[str]) -> None:
    """Its cases are not those of the trail: what the lost ones kept must not go."""
    lose(house)
    house.open()
    house.office.overseeing.adopt(POLICY, house.store.configuration.schedule.version)
    house.office.keeping.open(OFFICER, "C-2", "complaint")
    result = rebuild(house)
    assert result.exit_code == 7
    assert "missing: case C-1" in result.stdout
    assert "missing: hold-1" in result.stdout
    with pytest.raises(Stopped, match="index"):
        house.sweep()
    lose(house)
    assert rebuild(house).exit_code == 0


def test_a_damaged_trail_lets_nothing_be_destroyed(house: House, calls: list[str]) -> None:
    lose(house)
    [log] = (house.folder / "var/retention/audit").glob("*.log")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(line for line in lines if b"case-add" not in line))
    result = rebuild(house)
    assert result.exit_code == 6
    assert "dropped" in result.stdout
    house.open()
    with pytest.raises(Stopped, match="index"):
        house.sweep()


def test_a_record_that_cannot_be_read_is_named(house: House, calls: list[str]) -> None:
    lose(house)
    [record] = (house.folder / "var/retention/archive").rglob(f"{calls[2]}.json")
    record.chmod(0o600)
    record.write_bytes(b"{}")
    result = rebuild(house)
    assert result.exit_code == 6
    assert f"cannot be read: 2026-05-03/{calls[2]}.json" in result.stdout
    assert "2 recordings brought back" in result.stdout


def test_while_the_service_runs(house: House) -> None:
    with alone(house.store.site.state):
        result = rebuild(house)
    assert result.exit_code == 3
    assert "systemctl stop ivr-retention" in result.stderr
