"""Taking is by call, and may happen twice: the table of ``docs/spool.md``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.errors import DiskError
from ivr.retention.index.recordings import OPTED_OUT
from ivr.retention.intake.judging import Known, Verdict, judge
from tests.retention.archive.parts import age_keys

from .records import CALL, deliver, record, sound
from .scene import TODAY, Scene

DAY = "2024-05-01"
OTHER_DAY = "2024-04-30T12:00:00.000+01:00"


def take(scene: Scene) -> tuple[int, int, int, int, dict[str, int]]:
    found = scene.intake.take_in(now=True)
    assert found.error is None
    return found.taken, found.again, found.dropped, found.not_kept, dict(found.aside)


def test_the_same_once_more_changes_nothing(scene: Scene) -> None:
    deliver(scene.spool, record())
    take(scene)
    before = scene.archived(), scene.audit()
    deliver(scene.spool, record())
    assert take(scene) == (0, 1, 0, 0, {})
    assert (scene.archived(), scene.audit()) == before
    assert scene.waiting() == []


@pytest.mark.parametrize("state", ["lost", "none"])
def test_a_later_one_without_recording_is_dropped(scene: Scene, state: str) -> None:
    deliver(scene.spool, record())
    take(scene)
    before = scene.archived()
    deliver(scene.spool, record(state=state))
    assert take(scene) == (0, 0, 1, 0, {})
    assert scene.archived() == before
    assert scene.waiting() == []
    assert [each.detail for each in scene.trail.read() if each.action == "dropped"] == [
        f"{state}, and kept is there"
    ]


@pytest.mark.parametrize("state", ["lost", "none"])
def test_a_later_one_with_the_recording_takes_its_place(scene: Scene, state: str) -> None:
    """Of two engines the one whose spool has it may be the later."""
    deliver(scene.spool, record(state=state, ended_at=OTHER_DAY, marks=["abuse"]))
    take(scene)
    deliver(scene.spool, record(marks=["abuse"]))
    assert take(scene) == (1, 0, 0, 0, {})
    assert set(scene.archived()) == {f"{DAY}/{CALL}.json", f"{DAY}/{CALL}.wav"}
    row = scene.recordings.get(CALL)
    assert row is not None
    assert row.state == "kept"
    assert len(scene.holds.of(CALL)) == 1
    assert scene.counted()[("hold", CALL)] == 1


def test_the_same_recording_with_another_record_is_dropped(scene: Scene) -> None:
    deliver(scene.spool, record())
    take(scene)
    deliver(scene.spool, record(taken_up=1))
    assert take(scene) == (0, 0, 1, 0, {})


def test_another_recording_of_a_call_is_not_thrown_away(scene: Scene) -> None:
    deliver(scene.spool, record())
    take(scene)
    deliver(scene.spool, record(audio=[sound(9)]), [sound(9)])
    assert take(scene) == (0, 0, 0, 0, {"another": 1})
    assert (scene.aside / f"{CALL}.wav").read_bytes() == sound(9)
    assert scene.archived()[f"{DAY}/{CALL}.wav"] == sound()
    assert scene.waiting() == []


def test_a_sealed_one_is_known_again(build: Callable[..., Scene]) -> None:
    """Nothing on the host can read it."""
    scene = build(recipients=age_keys()[0])
    deliver(scene.spool, record())
    take(scene)
    deliver(scene.spool, record())
    assert take(scene) == (0, 1, 0, 0, {})
    deliver(scene.spool, record(state="lost"))
    assert take(scene) == (0, 0, 1, 0, {})
    deliver(scene.spool, record(audio=[sound(1), sound(2)]), [sound(1), sound(2)])
    assert take(scene) == (0, 0, 0, 0, {"another": 1})


@pytest.mark.parametrize("before", ["kept", "lost", "none"])
def test_who_opted_out_in_mid_call_has_nothing_left(scene: Scene, before: str) -> None:
    deliver(scene.spool, record(state=before, marks=["abuse"], caller="07700900999"))
    take(scene)
    deliver(scene.spool, record(state="destroyed", caller=""))
    assert take(scene) == (1, 0, 0, 0, {})
    assert scene.destroyed == [CALL]
    assert list(scene.archived()) == [f"{DAY}/{CALL}.json"]
    row = scene.recordings.get(CALL)
    assert row is not None
    assert (row.state, row.parts) == ("destroyed", ())
    assert scene.holds.of(CALL) == ()
    assert [action for action, _call in scene.audit()][-2:] == ["destroy", "take-in"]


def test_what_was_set_aside_of_such_a_call_goes_too(build: Callable[..., Scene]) -> None:
    scene = build(spools=2)
    deliver(scene.spool, record(), [sound(5)])
    assert take(scene)[4] == {"audio-wrong": 1}
    elsewhere = scene.spools[1] / f"aside/{CALL}.wav"
    elsewhere.write_bytes(sound(6))
    deliver(scene.spool, record(state="destroyed"))
    assert take(scene)[0] == 1
    assert scene.set_aside() == []
    assert not elsewhere.exists()


def test_nothing_that_comes_later_of_such_a_call_is_kept(scene: Scene) -> None:
    deliver(scene.spool, record(state="destroyed"))
    take(scene)
    deliver(scene.spool, record())
    assert take(scene) == (0, 0, 0, 1, {})
    assert scene.waiting() == []
    assert list(scene.archived()) == [f"{DAY}/{CALL}.json"]
    (scene.new / f"{CALL}.json").write_text("damaged")
    (scene.new / f"{CALL}.wav").write_bytes(sound())
    assert take(scene) == (0, 0, 0, 1, {})
    assert (scene.set_aside(), scene.waiting()) == ([], [])


def test_of_two_destroyed_ones_the_first_is_kept(scene: Scene) -> None:
    deliver(scene.spool, record(state="destroyed"))
    take(scene)
    before = scene.archived()
    deliver(scene.spool, record(state="destroyed", taken_up=1))
    assert take(scene) == (0, 0, 1, 0, {})
    assert scene.archived() == before
    assert scene.destroyed == []


def test_what_was_destroyed_is_not_kept_again(scene: Scene) -> None:
    deliver(scene.spool, record())
    take(scene)
    scene.destroying.claim_at_once([CALL], "six-months", TODAY, scene.trail.head().seq)
    deliver(scene.spool, record())
    assert scene.intake.take_in(now=True).put_off == 1, "it is being destroyed"
    assert len(scene.waiting()) == 2
    scene.destroyer.resume(TODAY)
    assert take(scene) == (0, 0, 0, 1, {})
    assert (scene.archived(), scene.waiting()) == ({}, [])
    [entry] = [each for each in scene.trail.read() if each.action == "not-kept"]
    assert (entry.call, entry.rule) == (CALL, "six-months")


def test_what_cannot_be_destroyed_waits_and_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .records import call_id

    deliver(scene.spool, record())
    take(scene)

    def refuse(calls: object, today: object) -> None:
        raise DiskError("the disk refuses")

    with monkeypatch.context() as patch:
        patch.setattr(scene.destroyer, "opted_out", refuse)
        deliver(scene.spool, record(state="destroyed"))
        deliver(scene.spool, record(call_id(5)))
        came_to = scene.intake.take_in(now=True)
        assert (came_to.taken, came_to.put_off, str(came_to.error)) == (1, 1, "the disk refuses")
    assert scene.waiting() == [f"{CALL}.json"]
    assert take(scene) == (1, 0, 0, 0, {})


def test_where_the_archive_lost_what_the_index_knows_nothing_is_removed(scene: Scene) -> None:
    deliver(scene.spool, record())
    take(scene)
    Path(scene.folder / f"archive/{DAY}/{CALL}.json").unlink()
    deliver(scene.spool, record())
    came_to = scene.intake.take_in(now=True)
    assert came_to.put_off == 1
    assert "is not in the archive" in str(came_to.error)
    assert len(scene.waiting()) == 2


def test_the_table() -> None:
    """State of the record, what is known, what becomes of it."""
    from dataclasses import replace

    from ivr.retention.model import Recording

    row = Recording(
        CALL, TODAY, 0, "", "", "", "", "kept", "", 0, "r", "0" * 64, "wav", sealed=False
    )  # fmt: skip
    have = {state: Known(replace(row, state=state)) for state in ("kept", "lost", "none")}
    have["destroyed"] = Known(replace(row, state="destroyed"))
    have["gone"] = Known(destroyed="six-months")
    have["opted-out"] = Known(destroyed=OPTED_OUT)
    have["dying"] = Known(row, dying=True)
    have["nothing"] = Known()
    keep, again, gone, wait = Verdict.KEEP, Verdict.KNOWN, Verdict.GONE, Verdict.WAIT
    better, destroy = Verdict.REPLACE, Verdict.DESTROY
    states = ("kept", "lost", "none", "destroyed")
    for name, row_of in {
        "nothing": (keep, keep, keep, keep),
        "kept": (again, again, again, destroy),
        "lost": (better, again, again, destroy),
        "none": (better, again, again, destroy),
        "destroyed": (gone, gone, gone, again),
        "gone": (gone, gone, gone, gone),
        "opted-out": (gone, gone, gone, keep),
        "dying": (wait, wait, wait, wait),
    }.items():
        assert tuple(judge(state, have[name]) for state in states) == row_of, name
