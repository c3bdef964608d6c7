"""``ivr retention sweep``: what it destroys, and what stops it (R14)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from ivr.retention import store
from ivr.retention.service.running import rehearsal
from tests.retained import ivr
from tests.retention.house import House, at, schedule_with


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(tmp_path)
    monkeypatch.setattr(store.open_store, "__defaults__", (lambda: house.now,))
    monkeypatch.setattr("ivr.logs.set_up", lambda *_: None)
    with capture_logs():
        yield house


def sweep(house: House, *words: str) -> Result:
    return ivr("retention", "sweep", *words, site=house.site)


def due(house: House) -> tuple[str, str]:
    """One that is due, and one that is not; what each is called."""
    calls = house.call(1, ended="2026-05-01 10:00"), house.call(2, ended="2026-05-31 10:00")
    house.turn(days=180)
    return calls


def test_what_is_due_goes(house: House) -> None:
    gone, stays = due(house)
    result = sweep(house)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("destroyed 1 recording (")
    assert house.store.recordings.get(gone) is None
    assert house.store.recordings.get(stays) is not None
    assert sweep(house).stdout.startswith("destroyed 0 recordings (0 bytes), and 0 files")


def test_a_rehearsal_changes_nothing(house: House) -> None:
    gone, _stays = due(house)
    data = house.folder / "var"
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    audit = house.audit()
    result = sweep(house, "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "1 recording by rule recordings, due on 2026-11-01",
        "would destroy 1 recording today, 2026-11-27",
    ]
    assert house.store.recordings.get(gone) is not None
    assert house.audit() == audit
    after = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    journal = {path for path in before if path.name.startswith("index.sqlite")}
    assert {k: v for k, v in after.items() if k not in journal} == {
        k: v for k, v in before.items() if k not in journal
    }


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_clock_that_jumped_stops_it_until_somebody_has_looked(
    house: House, words: tuple[str, ...]
) -> None:
    due(house)
    house.now = at("2027-03-01 12:00")
    stopped = sweep(house, *words)
    assert stopped.exit_code == 7
    assert "--clock-is-right" in stopped.stderr
    assert house.store.recordings.count() == 2
    assert sweep(house, "--clock-is-right").stdout.startswith("destroyed 2 recordings")


def test_a_changed_schedule_waits(house: House) -> None:
    house.call(1, ended="2026-05-01 10:00")
    schedule_with(house, recordings="1 day")
    result = sweep(house)
    assert result.exit_code == 0
    assert result.stdout.startswith("destroyed 0 ")
    assert "1 recording more would go" in result.stderr
    assert "ivr retention schedule" in result.stderr


def test_a_rehearsal_tells_what_waits_for_a_changed_schedule(house: House) -> None:
    house.call(1, ended="2026-05-01 10:00")
    assert sweep(house, "--dry-run").stderr == ""
    schedule_with(house, recordings="1 day")
    result = sweep(house, "--dry-run")
    assert result.stdout.startswith("would destroy 0 recordings")
    assert "1 recording more would go" in result.stderr
    house.open()
    assert list(rehearsal(house.store))[-1].endswith("(ivr retention schedule): 1 recordings")


def test_both_words_at_once(house: House) -> None:
    assert sweep(house, "--dry-run", "--clock-is-right").exit_code == 2


def test_before_the_service_was_ever_there(tmp_path: Path) -> None:
    house = House(tmp_path / "one")
    house.store.close()
    (tmp_path / "one" / "var" / "retention").rename(tmp_path / "gone")
    result = sweep(house)
    assert result.exit_code == 3
    assert "ivr retention run" in result.stderr


def test_mistakes_in_the_settings(house: House) -> None:
    house.schedule_file.write_text("version: 1\n")
    assert sweep(house).exit_code == 1
