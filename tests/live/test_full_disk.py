"""The disk fills under running recordings, and is freed again; a folder is removed (R22).

The spool and its fallback lie on small file systems of their own. FreeSWITCH says nothing of a
full disk (docs/freeswitch.md 63): what is asserted here the engine saw for itself.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.acts import Stories
from tests.live.books import Off, wrong
from tests.live.disk import Disk, mounted
from tests.live.hearing import Heard
from tests.live.house import Site, opened
from tests.live.page import ask
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.wait import until
from tests.live.written import NUMBERS, Plan

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
FIRST = {"talks": "stays", "paused": "stays", "strict": "strict"}
ELSEWHERE_MS = 2_000
"""Within so long a recording that no longer grows goes on elsewhere (R22), as the requirement has
it: from the last of it in the one file to the first in the other."""


SLACK_MS = 500
"""For a host with other things to do."""


def now_ms() -> int:
    return int(time.monotonic() * 1000)


class Filled(NamedTuple):
    """The calls, which are over, and when what was done; by the monotonic clock."""

    talks: dict[str, Talk]
    spool_full_ms: int
    both_full_ms: int
    freed_ms: int
    removed_ms: int
    agents: dict[str, Heard]
    metrics: str
    """While nothing took a recording."""
    wrong: list[str]
    log: str


def a_disk_fills_and_is_freed(folder: Path) -> Filled:
    with mounted(folder / "one") as one, mounted(folder / "other") as other:
        plan = Plan(spool=one.path / "spool", fallback=other.path / "spare", least_free="8MB")
        with opened(folder, plan) as site:
            filled = _fill_and_free(site, one, other)
        # The disk is taken down before the tests look.
        site.engine.spool = folder / "spool"
        shutil.copytree(one.path / "spool" / "new", site.spool / "new")
        return filled


def _fill_and_free(site: Site, one: Disk, other: Disk) -> Filled:
    talks = {name: Talk(site, NUMBERS[to], name) for name, to in FIRST.items()}
    for talk in talks.values():
        talk.connected()
    agents = {name: talk.listen(talk.placed.far_leg) for name, talk in talks.items()}
    talks["paused"].talks(900)
    talks["paused"].agent_keys("*7")
    talks["paused"].noted("PauseHeld")
    one.fill()
    spool_full_ms = now_ms()
    for talk in talks.values():
        talk.noted("RecordingStarted", 2)
    talks["paused"].talks(800)
    talks["paused"].agent_keys("*8")
    talks["paused"].noted("PauseEnded")
    # New calls go to the fallback from the beginning.
    talks["new"] = Talk(site, NUMBERS["stays"], "new")
    talks["new"].connected()
    talks["new"].talks(600)
    other.fill()
    both_full_ms = now_ms()
    talks["strict"].ends()
    until(lambda: site.log.count('"folder"') >= 2, "both folders are seen to be full")
    # New calls are treated before they are connected, each as its team decided.
    talks["refused"] = Talk(site, NUMBERS["strict"], "refused")
    talks["unrecorded"] = Talk(site, NUMBERS["stays"], "unrecorded")
    talks["refused"].ends()
    talks["unrecorded"].reached()
    metrics = ask(site, "GET", "/metrics").text
    talks["unrecorded"].talks(500)
    other.free()
    one.free()
    freed_ms = now_ms()
    return _recorded_again(
        site, Filled(talks, spool_full_ms, both_full_ms, freed_ms, 0, agents, metrics, [], "")
    )


def _recorded_again(site: Site, filled: Filled) -> Filled:
    talks = filled.talks
    talks["unrecorded"].noted("RecordingStarted")
    # The others' files may grow on as they are (docs/freeswitch.md 63), or go on elsewhere.
    talks["paused"].talks(2000)
    talks["paused"].agent_keys("*7")
    talks["paused"].noted("PauseHeld", 3)  # and once when the second part began
    talks["paused"].talks()
    talks["paused"].agent_keys("*8")
    talks["paused"].noted("PauseEnded", 2)
    talks["again"] = Talk(site, NUMBERS["strict"], "again")
    talks["again"].connected()
    talks["again"].talks(500)
    for name in ("strict", "refused"):
        talks[name].recorded()
    for name in ("talks", "paused", "new", "unrecorded", "again"):
        talks[name].hang_up()
    talks["removed"] = removed = Talk(site, NUMBERS["stays"], "removed")
    removed.connected()
    removed.talks(900)
    shutil.rmtree(site.spool / "recording")
    removed_ms = now_ms()
    removed.noted("RecordingStarted", 2)
    removed.talks(900)
    removed.hang_up()
    gap_ms = filled.freed_ms - filled.both_full_ms + ELSEWHERE_MS
    off = {name: Off(lacks_ms=gap_ms + ELSEWHERE_MS) for name in talks}
    return filled._replace(
        removed_ms=removed_ms, wrong=wrong(site, list(talks.values()), off), log=site.log
    )


@pytest.fixture(scope="module")
def filled(stories: Stories) -> Filled:
    return stories.of(a_disk_fills_and_is_freed)


def moved_ms(talk: Talk, since_ms: int) -> int:
    """How long after that moment the second part was begun."""
    return talk.noted("RecordingStarted", 2).mono_ms - since_ms


def test_the_books_balance_after_a_full_disk(filled: Filled) -> None:
    assert filled.wrong == []


@pytest.mark.parametrize("name", FIRST)
def test_a_recording_goes_on_in_the_fallback(filled: Filled, name: str) -> None:
    talk = filled.talks[name]
    assert moved_ms(talk, filled.spool_full_ms) <= ELSEWHERE_MS + SLACK_MS
    first, second = talk.recording["parts"][:2]
    assert first["path"] == f"new/{talk.a_leg}.wav"
    assert second["path"] == f"new/{talk.a_leg}.2.wav"
    assert "/spare/recording/" in talk.noted("RecordingStarted", 2).data["path"]
    assert "recording-stalled" in talk.steps


def test_nothing_is_lost_but_what_the_disk_did_not_take(filled: Filled) -> None:
    talk = filled.talks["talks"]
    first, second = talk.recording["parts"][:2]
    gap_ms = second["offset_ms"] - first["frames"] // 8
    assert 0 <= gap_ms <= ELSEWHERE_MS + SLACK_MS
    before, after = talk.sound(1), talk.sound(2)
    assert before.voices(100, 600) == before.voices(before.ms - 300, before.ms) == BOTH
    assert after.voices(0, 400) == BOTH
    last = talk.sound(len(talk.recording["parts"]))
    assert last.voices(last.ms - 500, last.ms - 100) == BOTH


def test_a_pause_goes_on_in_the_fallback(filled: Filled) -> None:
    talk = filled.talks["paused"]
    second = talk.sound(2)
    one, other, _later = talk.recording["pauses"]
    assert (one["part"], other["part"], one["by"], one["ended_by"]) == (1, 2, "agent", "agent")
    offset_ms = talk.recording["parts"][1]["offset_ms"]
    assert second.peak(0, other["end_ms"] - offset_ms) == 0
    assert other["leaked_peak"] == 0
    end_ms = other["end_ms"] - offset_ms
    assert second.voices(end_ms + 50, end_ms + 400) == BOTH


def test_a_pause_after_a_hole_in_the_recording_lies_where_it_should(filled: Filled) -> None:
    """The second part stood still while both disks were full, and grew on."""
    talk = filled.talks["paused"]
    later = talk.recording["pauses"][-1]
    sound = talk.sound(later["part"])
    offset_ms = talk.recording["parts"][later["part"] - 1]["offset_ms"]
    begin_ms, end_ms = later["start_ms"] - offset_ms, later["end_ms"] - offset_ms
    assert later["leaked_peak"] == 0
    assert 1300 < end_ms - begin_ms < 4000
    assert sound.peak(begin_ms, end_ms) == 0
    assert sound.voices(begin_ms - 400, begin_ms - 50) == BOTH
    assert sound.voices(end_ms + 50, end_ms + 400) == BOTH


def test_a_new_call_is_recorded_in_the_fallback_from_the_beginning(filled: Filled) -> None:
    talk = filled.talks["new"]
    assert "/spare/recording/" in talk.noted("RecordingStarted").data["path"]
    assert talk.sound().voices(100, 500) == BOTH


def test_where_nothing_takes_a_recording_the_agent_is_told_and_the_call_goes_on(
    filled: Filled,
) -> None:
    assert len(filled.agents["talks"].tones(200)) >= 2
    talk = filled.talks["talks"]
    assert "recording-stalled no room" in talk.steps
    assert talk.record["ended"]["by"] == "caller"


def test_where_nothing_takes_a_recording_a_strict_team_ends_the_call(filled: Filled) -> None:
    talk = filled.talks["strict"]
    assert len(filled.agents["strict"].tones(200)) >= 2
    ended = talk.record["ended"]
    assert (ended["by"], ended["reason"]) == ("engine", "not-recordable")


def test_new_calls_are_treated_before_they_are_connected(filled: Filled) -> None:
    refused, unrecorded = filled.talks["refused"], filled.talks["unrecorded"]
    assert refused.record["legs"] == []
    assert refused.record["ended"]["reason"] == "not-recordable"
    assert [prompt["role"] for prompt in refused.record["prompts"]] == ["announcement", "apology"]
    steps = unrecorded.steps
    failed = next(at for at, step in enumerate(steps) if step.startswith("recording-failed"))
    assert failed < steps.index("dialled stays")


def test_when_space_comes_back_calls_are_recorded_by_themselves(filled: Filled) -> None:
    talk = filled.talks["unrecorded"]
    assert talk.noted("RecordingStarted").mono_ms - filled.freed_ms < ELSEWHERE_MS + SLACK_MS
    sound = talk.sound()
    assert sound.voices(sound.ms - 500, sound.ms - 100) == BOTH
    again = filled.talks["again"]
    assert again.recording["state"] == "kept"
    assert len(again.recording["parts"]) == 1


def test_a_recording_whose_folder_is_removed_goes_on_in_another(filled: Filled) -> None:
    talk = filled.talks["removed"]
    assert moved_ms(talk, filled.removed_ms) <= ELSEWHERE_MS + SLACK_MS
    assert "part 1 is missing" in talk.recording["detail"]
    sound = talk.sound()
    assert sound.voices(sound.ms - 500, sound.ms - 100) == BOTH


def test_an_alarm_is_raised(filled: Filled) -> None:
    usable = [
        line.rpartition(" ")[2]
        for line in filled.metrics.splitlines()
        if line.startswith("ivr_recording_folder_usable{")
    ]
    assert [float(value) for value in usable] == [0, 0]
    assert "room for recordings again" in filled.log


STORIES = (a_disk_fills_and_is_freed,)
