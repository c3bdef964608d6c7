"""The host dies, and with it what nobody had synced (R22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.storage import filing
from tests.crash import story
from tests.crash.killing import Death
from tests.crash.losing import LOSSES, Loss, Unsynced
from tests.crash.place import Place
from tests.crash.telling import TIDY_MS, deaths, told

pytestmark = pytest.mark.usefixtures("mortals")

CHUNKS = 3
LEFT = ".proofs is left over"
"""What was found of pauses may come back, of a call whose record is there: it holds no word."""


def after(folder: Path, death: Death, loss: Loss) -> list[str]:
    """Have the host die at a step of the engine; what is wrong when it has started again."""
    place = Place(folder)
    unsynced = Unsynced(place.spool, folder / "trash")
    place.forgotten = True
    try:
        place.start(death, unsynced.disk())
        place.clock.settle()
        story.tell(place)
        place.clock._run_to(place.clock.monotonic_ms() + TIDY_MS, lambda: place.life.dead)
        assert place.life.dead, f"{death}: never came to it"
        place.kill_switch()
        promised = durable(place, unsynced)
        unsynced.lose(loss)
        forget(place, unsynced, loss)
        place.shown.clear()
        place.clock.run(5_000)
        place.start_switch()
        place.start()
        place.clock.run(15_000)
        wrong = [each for each in place.books() if not each.endswith(LEFT)]
        wrong += [f"{name}: was shown, and is gone" for name in promised if not there(place, name)]
        return wrong
    finally:
        place.close()


def durable(place: Place, unsynced: Unsynced) -> list[str]:
    """The records that a consumer may have seen, and may count on."""
    new = place.spool / "new"
    return [] if unsynced.unsure(new) else [path.name for path in new.glob("*.json")]


def there(place: Place, name: str) -> bool:
    """Whether a record is in the spool."""
    return (place.spool / "new" / name).exists()


def forget(place: Place, unsynced: Unsynced, loss: Loss) -> None:
    """What FreeSWITCH wrote is lost as well, where nobody has synced it: half of it, say."""
    if loss == "names":
        return
    for one in place.switch.written:
        for folder in ("recording", "new"):
            path = place.spool / folder / one.name
            if not path.exists() or one.copy is None:
                continue
            found = path.stat()
            if unsynced.synced.get(found.st_ino) != found.st_size:
                half = 44 + (found.st_size - 44) // 8 * 4
                with path.open("r+b") as file:
                    file.truncate(half)
                with one.copy.open("r+b") as file:
                    file.truncate(half)


@pytest.fixture
def dying(tmp_path: Path) -> list[Death]:
    """Deaths from when the first record is made."""
    every = deaths(told(tmp_path, story.tell).steps)
    first = next(n for n, death in enumerate(every) if "open tmp/" in str(death))
    return [
        death
        for death in every[first:]
        if "journal/" in str(death)
        or "tmp/" in str(death)
        or "new" in str(death)
        or "recording/" in str(death)
    ]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_host_dies(tmp_path: Path, dying: list[Death], chunk: int) -> None:
    """A record that was shown has its audio, whole; nothing is filed twice or left behind."""
    unbalanced = {}
    for number, death in enumerate(dying[chunk::CHUNKS]):
        loss = LOSSES[(number + chunk) % len(LOSSES)]
        if wrong := after(tmp_path, death, loss):
            unbalanced[f"{death}, {loss} lost"] = wrong
    assert unbalanced == {}


def test_audio_that_is_shown_before_it_is_synced(
    tmp_path: Path, dying: list[Death], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that does so is found out."""

    def only_the_record(batch: filing._Batch, call: filing._Open) -> None:
        for fd in call.fds:
            batch.disk.fsync(fd)

    monkeypatch.setattr(filing._Batch, "_sync", only_the_record)
    last = [death for death in dying if "unlink tmp/" in str(death)][-1]
    every = deaths(told(tmp_path, story.tell).steps)
    same = next(death for death in every if death.step.name == last.step.name)
    assert "its hash is not the record's" in "\n".join(after(tmp_path, same, "data"))
