"""Killed at any moment of a destruction and started again: it is finished, once, and nothing else
is touched (R14, R22)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ivr.core.schedule import Period, Rule, Schedule
from ivr.retention.destroyer import Destroyer
from ivr.retention.index.destroying import Destroying
from tests.retention.intake.dying import Died, Mortal
from tests.retention.intake.records import call_id, deliver, record, sound
from tests.retention.intake.scene import Scene

DUE, TWO, ASIDE, YOUNG = map(call_id, range(1, 5))
GOING = {DUE, TWO, ASIDE}
SCHEDULE = Schedule("1", (Rule("six-months", Period(6)),))
LATER = date(2025, 5, 1)


def laid(folder: Path) -> Scene:
    scene = Scene(folder)
    long_ago = {"ended_at": "2024-05-01T12:00:00.000+01:00"}
    deliver(scene.spool, record(DUE, **long_ago))
    two = [sound(2), sound(3)]
    deliver(scene.spool, record(TWO, audio=two, **long_ago), two)
    deliver(scene.spool, record(ASIDE, state="lost", **long_ago))
    deliver(scene.spool, record(YOUNG, ended_at="2025-04-01T12:00:00.000+01:00"))
    assert scene.intake.take_in().taken == 4
    for name in (f"{ASIDE}.wav", f"{ASIDE}.wav.why"):
        scene.aside.mkdir(exist_ok=True)
        (scene.aside / name).write_bytes(b"a voice")
    return scene


def check_it_is_over(scene: Scene, moment: object) -> None:
    assert scene.destroying.pending() == [], moment
    assert scene.destroying.gone(GOING | {YOUNG}) == GOING, moment
    assert {name.partition("/")[2][:36] for name in scene.archived()} == {YOUNG}, moment
    assert scene.set_aside() == [], moment
    assert [scene.recordings.get(call) is None for call in sorted(GOING)] == [True] * 3, moment
    assert scene.recordings.get(YOUNG) is not None, moment
    told = {call: n for (action, call), n in scene.counted().items() if action == "destroy"}
    assert told == dict.fromkeys(GOING, 1), moment


def die_everywhere(tmp_path: Path) -> int:
    moment = 0
    while True:
        scene = laid(tmp_path / str(moment))
        mortal = Mortal(moment)
        mortal.database(scene.database)
        scene.start(mortal.disk())
        try:
            scene.destroyer.due(SCHEDULE, LATER)
            died = False
        except Died:
            died = True
        where, mortal.left = (moment, mortal.done[-2:]), 1 << 60
        scene.start()
        scene.destroyer.resume(LATER)
        scene.destroyer.due(SCHEDULE, LATER)
        check_it_is_over(scene, where)
        scene.close()
        if not died:
            return moment
        moment += 1


def test_killed_at_every_moment_it_is_finished_once(tmp_path: Path) -> None:
    assert die_everywhere(tmp_path) > 15


def _forget_what_was_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Destroyer, "_written", lambda *_: set())


def _nothing_is_pending(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Destroying, "pending", lambda _: [])


def _rows_before_files(patch: pytest.MonkeyPatch) -> None:
    ended = Destroyer._end

    def end(self, dying, today):
        found = self._recordings.several([each.call for each in dying])
        self._destroying.finish([each.call for each in dying], today)
        self._archive.remove([name for each in found for name in each.files])
        return ended(self, (), today)

    patch.setattr(Destroyer, "_end", end)


@pytest.mark.parametrize(
    "sabotage", [_forget_what_was_written, _nothing_is_pending, _rows_before_files]
)
def test_who_leaves_one_of_the_rules_out_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: Callable[..., None]
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        die_everywhere(tmp_path)
