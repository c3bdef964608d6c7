"""Two who destroy at once, a disk without room, files that others take away (R14)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ivr.errors import StoreError
from ivr.retention.destroyer import one_at_a_time
from ivr.retention.remains import Asides
from ivr.storage.atomic import Disk
from tests.retention.house import House


def test_a_sweep_does_not_finish_what_the_service_is_at(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)
    archive, today = house.store.archive, house.store.today()
    one, other = house.store.destroyer(), house.store.destroyer()
    begun, go_on = threading.Event(), threading.Event()
    remove = archive.remove
    entered: list[str] = []

    def slowly(names: Sequence[object]) -> None:
        entered.append(threading.current_thread().name)
        begun.set()
        assert go_on.wait(60)
        remove(names)  # type: ignore[arg-type]  # as it came

    archive.remove = slowly  # type: ignore[method-assign]
    first = threading.Thread(target=lambda: one.opted_out([call], today))
    first.start()
    assert begun.wait(60)
    second = threading.Thread(target=lambda: other.resume(today))
    second.start()
    second.join(0.3)
    assert len(entered) == 1
    go_on.set()
    first.join()
    second.join()
    assert [entry[3] for entry in house.audit("destroy")] == [call]


def test_only_one_destroys(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def destroy() -> None:
        with one_at_a_time(tmp_path):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=destroy) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_an_index_that_cannot_be_written_anew_stops_no_destruction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    call = house.call(1)
    house.turn(days=300)

    def full(*_: object, **__: object) -> bool:
        raise StoreError("database or disk is full")

    monkeypatch.setattr(house.store.database, "forget", full)
    assert house.sweep().toll.recordings == 1
    assert house.store.recordings.state_of(call) == "destroyed"


def test_a_file_that_went_by_itself_keeps_no_other(tmp_path: Path) -> None:
    call = "0" * 8 + "-0000-4000-8000-" + "0" * 12
    for name in (f"{call}.wav", f"{call}.2.wav", f"{call}.wav.why"):
        (tmp_path / name).write_bytes(b"a voice")

    class Faster(Disk):
        def unlink(self, path: str) -> None:
            super().unlink(path)
            if path.endswith((f"{call}.wav", f"{call}.2.wav")):
                raise FileNotFoundError(path)

    Asides([tmp_path], Faster()).remove([call])
    assert list(tmp_path.iterdir()) == []


def test_whoever_was_killed_before_the_index_was_said_to_belong_begins_again(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    (house.store.site.state / "index.id").unlink()
    house.store.close()
    house.open()
    call = house.call(1)
    house.turn(days=300)
    assert house.sweep().toll.recordings == 1
    assert house.store.recordings.state_of(call) == "destroyed"
