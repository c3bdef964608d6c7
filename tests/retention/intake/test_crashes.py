"""Killed at any moment and started again: nothing is lost, nothing is there twice (R22, R17).

And the other way round: an intake that does not sync, or does things in another order, fails here.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ivr.retention.archive.folder import FolderArchive
from ivr.retention.index.meta import Meta
from ivr.retention.intake import ledger, taking
from ivr.retention.intake.ledger import Ledger
from ivr.retention.model import Entry
from ivr.storage.atomic import Disk

from .dying import Died, Mortal
from .records import call_id, deliver, exempt, record, sound
from .scene import TODAY, Scene

KEPT, TWO, NONE, EXEMPT, MARKED, WRONG, BROKEN, AGAIN, OPTED, BETTER, GONE = map(call_id, range(11))
SOUNDS = {number: sound(number) for number in range(1, 9)}
KINDS = {
    "kept": [KEPT],
    "all": [KEPT, TWO, NONE, EXEMPT, MARKED, WRONG, BROKEN, AGAIN, OPTED, BETTER, GONE],
}


def before(scene: Scene) -> None:
    """What was taken in earlier."""
    deliver(scene.spool, record(AGAIN, audio=[SOUNDS[6]]), [SOUNDS[6]])
    deliver(scene.spool, record(OPTED, audio=[SOUNDS[7]]), [SOUNDS[7]])
    deliver(scene.spool, record(BETTER, state="lost", ended_at="2024-04-30T12:00:00.000+01:00"))
    deliver(scene.spool, record(GONE, state="none"))
    assert scene.intake.take_in().taken == 4
    scene.destroying.claim_at_once([GONE], "six-months", TODAY, 0)
    scene.destroyer.resume(TODAY)
    assert scene.destroying.gone([GONE]) == {GONE}


def lay(scene: Scene) -> None:
    """One of each kind."""
    deliver(scene.spool, record(KEPT, audio=[SOUNDS[1]]), [SOUNDS[1]])
    two = [SOUNDS[2], SOUNDS[3]]
    deliver(scene.spool, record(TWO, audio=two), two)
    deliver(scene.spool, record(NONE, state="none"))
    deliver(scene.spool, exempt(EXEMPT))
    deliver(scene.spool, record(MARKED, audio=[SOUNDS[4]], marks=["abuse"]), [SOUNDS[4]])
    deliver(scene.spool, record(WRONG, audio=[SOUNDS[1]]), [SOUNDS[5]])
    (scene.new / f"{BROKEN}.json").write_text('{"schema": 4')
    deliver(scene.spool, record(AGAIN, state="lost"))
    deliver(scene.spool, record(OPTED, state="destroyed"))
    deliver(scene.spool, record(BETTER, audio=[SOUNDS[8]]), [SOUNDS[8]])
    deliver(scene.spool, record(GONE, audio=[SOUNDS[1]]), [SOUNDS[1]])


def in_the_spool(scene: Scene) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in scene.new.iterdir()}


def settled(scene: Scene) -> dict[str, Any]:
    """Everything as it is to be in the end, whatever happened."""
    return {
        "spool": scene.waiting(),
        "archive": scene.archived(),
        "aside": scene.set_aside(),
        "rows": list(scene.recordings.several(KINDS["all"])),
        "holds": sorted(hold.call for hold in scene.holds.listing(held_only=False)),
        # What the trail says of its own torn end is not about any call.
        "audit": {told: n for told, n in scene.counted().items() if told[0] != "repaired"},
    }


def difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    """What is not as it should be, short."""
    lines = []
    for key in wanted:
        if found[key] != wanted[key]:
            one, other = found[key], wanted[key]
            if hasattr(one, "items"):
                one, other = set(one.items()), set(other.items())
            else:
                one, other = set(one), set(other)
            lines.append(f"{key}: too much {one - other}, missing {other - one}")
    return "\n".join(lines)


def check_nothing_lost(scene: Scene, laid: dict[str, bytes]) -> None:
    """At any moment: what is not in the spool any more is durable elsewhere."""
    there = set(in_the_spool(scene))
    elsewhere = set(scene.archived().values())
    elsewhere |= {(scene.aside / name).read_bytes() for name in scene.set_aside()}
    for name, data in laid.items():
        if name not in there and name[:36] not in (AGAIN, GONE):
            assert data in elsewhere, f"{name} is nowhere"


def die_everywhere(build: Callable[..., Scene], torn: bool = False, begin: int = 0) -> int:
    """Die at each moment from ``begin`` on, start again, and compare with who never died."""
    wanted: dict[str, Any] | None = None
    moments: list[str] = []
    moment = begin
    first = build()
    before(first)
    lay(first)
    first.close()
    while True:
        scene = build(first)
        laid = in_the_spool(scene)
        mortal = Mortal(1 << 60 if wanted is None else moment, torn=torn)
        mortal.database(scene.database)
        intake = scene.start(mortal.disk())
        try:
            intake.take_in()
            died = False
        except Died:
            died = True
        check_nothing_lost(scene, laid)
        reached, mortal.left = mortal.done[-3:], 1 << 60
        scene.start_again().take_in(now=True)
        scene.intake.take_in(now=True)
        found = settled(scene)
        if wanted is None:
            wanted, moments = found, mortal.done
            assert found["spool"] == []
            continue
        assert found == wanted, (moment, reached, difference(found, wanted))
        scene.close()
        shutil.rmtree(scene.folder)
        if not died:
            return moment
        moment += 1
        while torn and moment < len(moments) and not moments[moment].startswith("write"):
            moment += 1


def test_killed_at_every_moment_and_started_again(build: Callable[..., Scene]) -> None:
    assert die_everywhere(build) > 100


def test_killed_in_the_middle_of_every_write(build: Callable[..., Scene]) -> None:
    assert die_everywhere(build, torn=True) > 100


def test_in_the_end_each_has_one_place_and_one_entry(scene: Scene) -> None:
    before(scene)
    earlier = scene.counted()
    lay(scene)
    came_to = scene.intake.take_in(now=True)
    assert (came_to.taken, came_to.dropped, came_to.not_kept) == (7, 1, 1)
    assert came_to.aside == {"audio-wrong": 1, "no-record": 1}
    assert came_to.destroyed == 1
    assert scene.waiting() == []
    for number in (2, 3, 4, 6, 8):
        assert len(scene.bytes_of(SOUNDS[number])) == 1
    assert scene.bytes_of(SOUNDS[7]) == [], "who opted out"
    assert [path.parent.name for path in scene.bytes_of(SOUNDS[5])] == ["aside"]
    days = [name for name in scene.archived() if BETTER in name]
    assert days == [f"2024-05-01/{BETTER}.json", f"2024-05-01/{BETTER}.wav"]
    assert scene.counted() - earlier == {
        **{("take-in", each): 1 for each in (KEPT, TWO, NONE, EXEMPT, MARKED, OPTED, BETTER)},
        ("hold", MARKED): 1, ("destroy", OPTED): 1, ("dropped", AGAIN): 1,
        ("not-kept", GONE): 1, ("set-aside", WRONG): 1, ("set-aside", BROKEN): 1,
    }  # fmt: skip


class Volatile:
    """A disk that forgets, when the host dies, what was not synced: each file's bytes, and the
    names of each folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._paths: dict[int, str] = {}
        self._unsynced: dict[str, int] = {}
        """How long each file was when it was synced last."""
        self._undo: dict[str, list[Callable[[], None]]] = {}

    def disk(self, mortal: Mortal) -> Disk:
        real = Disk()

        def opened(path: str, flags: int, mode: int) -> int:
            new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
            fd = real.open(path, flags, mode)
            self._paths[fd] = path
            if new:
                self._later(path, lambda: os.path.lexists(path) and os.unlink(path))
            return fd

        def written(fd: int, data: bytes) -> int:
            self._unsynced.setdefault(self._paths[fd], os.fstat(fd).st_size)
            return real.write(fd, data)

        def synced(fd: int) -> None:
            path = self._paths[fd]
            real.fsync(fd)
            self._unsynced.pop(path, None)
            self._undo.pop(path, None)

        def renamed(source: str, target: str) -> None:
            held = Path(target).read_bytes() if os.path.lexists(target) else None
            real.rename(source, target)
            if source in self._unsynced:
                self._unsynced[target] = self._unsynced.pop(source)

            def undo() -> None:
                if os.path.lexists(target):
                    os.rename(target, source)
                if held is not None:
                    _write(target, held)

            self._later(target, undo)

        def unlinked(path: str) -> None:
            data = Path(path).read_bytes()
            real.unlink(path)
            self._later(path, lambda: _write(path, data))

        return mortal.disk(
            open=opened, write=written, fsync=synced, fdatasync=synced, rename=renamed,
            unlink=unlinked,
        )  # fmt: skip

    def _later(self, path: str, undo: Callable[[], Any]) -> None:
        self._undo.setdefault(os.path.dirname(path), []).append(undo)

    def lose_power(self, keeps: str) -> None:
        """Bytes and names that were not synced are gone, but for names in the folder ``keeps``:
        each folder may be on the disk or not."""
        for path, size in self._unsynced.items():
            if os.path.lexists(path):
                os.truncate(path, min(size, os.path.getsize(path)))
        for folder, undos in self._undo.items():
            if os.path.basename(folder) != keeps:
                for undo in reversed(undos):
                    undo()


def _write(path: str, data: bytes) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(data)


def cut_power_everywhere(build: Callable[..., Scene], keeps: str) -> int:
    """Like :func:`die_everywhere`, but the host dies: only what was synced is there."""
    wanted: dict[str, Any] | None = None
    moment = 0
    first = build()
    before(first)
    lay(first)
    first.close()
    while True:
        scene = build(first)
        laid = in_the_spool(scene)
        mortal = Mortal(1 << 60 if wanted is None else moment)
        volatile = Volatile(scene.folder)
        mortal.database(scene.database)
        intake = scene.start(volatile.disk(mortal))
        try:
            intake.take_in()
            died = False
        except Died:
            died = True
        reached, mortal.left = mortal.done[-3:], 1 << 60
        volatile.lose_power(keeps)
        check_nothing_lost(scene, laid)
        scene.start_again().take_in(now=True)
        scene.intake.take_in(now=True)
        found = settled(scene)
        if wanted is None:
            wanted = found
            continue
        assert found == wanted, (moment, reached, difference(found, wanted))
        scene.close()
        shutil.rmtree(scene.folder)
        if not died:
            return moment
        moment += 1


@pytest.mark.parametrize("keeps", ["", "new"], ids=["no folder", "the spool's folder"])
def test_the_power_goes_at_every_moment(build: Callable[..., Scene], keeps: str) -> None:
    assert cut_power_everywhere(build, keeps) > 100


# What these tests are worth.


def removes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spool is cleared before the trail is told."""
    write = Ledger.write

    def told_late(self: Ledger, entries: Any) -> None:
        pending.append((self, list(entries)))

    pending: list[tuple[Ledger, Any]] = []
    clear = taking.clear

    def cleared_early(*words: Any) -> None:
        clear(*words)
        for one, entries in pending:
            write(one, entries)
        pending.clear()

    monkeypatch.setattr(Ledger, "write", told_late)
    monkeypatch.setattr(taking, "clear", cleared_early)


def clears_before_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    put = FolderArchive.put

    def put_and_cleared(self: FolderArchive, items: Any) -> None:
        put(self, items)
        new = Path(self._folder).parent / "spool0/new"
        for item in items:
            name = new / item.name
            if name.exists():
                self._disk.unlink(str(name))

    monkeypatch.setattr(FolderArchive, "put", put_and_cleared)


def audio_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    clear = taking.clear
    monkeypatch.setattr(
        taking, "clear", lambda disk, new, records, audio: clear(disk, new, audio, records)
    )


def no_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "mend", lambda self: set())


def no_fsync_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderArchive, "_sync_file", lambda self, path: None)


def no_fsync_of_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FolderArchive, "_sync", lambda self, folder: None)


def aside_without_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    from ivr.retention.intake import aside

    monkeypatch.setattr(aside, "sync_folder", lambda disk, folder: None)


@pytest.mark.parametrize(
    ("sabotage", "begin"), [(removes_first, 130), (clears_before_the_index, 85), (no_note, 90)]
)
def test_another_order_is_found_out(
    build: Callable[..., Scene],
    sabotage: Callable[[pytest.MonkeyPatch], None],
    begin: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``begin`` is a little before the first moment at which it is."""
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        die_everywhere(build, begin=begin)


@pytest.mark.parametrize("sabotage", [no_fsync_of_files, no_fsync_of_folders, aside_without_fsync])
def test_a_sync_that_is_left_out_is_found_out(
    build: Callable[..., Scene],
    sabotage: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        cut_power_everywhere(build, "new")


def test_a_record_never_lies_in_the_spool_without_its_audio(scene: Scene) -> None:
    """Whoever looks at the spool meanwhile sees what the page of the spool promises."""
    lay(scene)
    mortal = Mortal()
    unlink = os.unlink

    def unlinked(path: str) -> None:
        unlink(path)
        for record_file in scene.new.glob("*.json"):
            try:
                parts = json.loads(record_file.read_text())["recording"]["parts"]
            except (ValueError, KeyError):
                continue
            assert all((scene.spool / part["path"]).exists() for part in parts)

    came_to = scene.start(mortal.disk(unlink=unlinked)).take_in()
    assert came_to.error is None
    assert scene.waiting() == []


@pytest.mark.parametrize("few", [0, 10_000], ids=["many entries since", "few"])
def test_what_was_owed_is_found_however_much_was_told_since(
    scene: Scene, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_FEW", few)
    lay(scene)
    mortal = Mortal()
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "write", lambda self, entries: mortal.die())
        with pytest.raises(Died):
            scene.intake.take_in()
    assert ("take-in", KEPT) not in scene.counted()
    scene.trail.append([Entry("listen", "jo", "granted", call=KEPT)] * 30)
    scene.start().take_in(now=True)
    scene.start().take_in(now=True)
    counted = scene.counted()
    assert {counted[("take-in", call)] for call in (KEPT, TWO, NONE, EXEMPT, MARKED)} == {1}
    assert counted[("hold", MARKED)] == 1


def test_an_index_that_was_made_again_has_no_note(scene: Scene) -> None:
    deliver(scene.spool, record(KEPT))
    scene.intake.take_in()
    Meta(scene.database).drop("taking")
    deliver(scene.spool, record(KEPT))
    assert scene.start().take_in(now=True).again == 1
    assert scene.counted() == {("take-in", KEPT): 1}
