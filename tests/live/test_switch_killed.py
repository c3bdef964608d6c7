"""FreeSWITCH is killed in mid-call and started again: what it wrote is recorded (R22).

Facts 20 and 70 of docs/freeswitch.md: every frame is in the files, and the lengths in their
headers are wrong.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.acts import Stories
from tests.live.books import wrong
from tests.live.house import opened
from tests.live.page import ivr
from tests.live.talk import AGENT_HZ, CALLER_HZ, OTHER_HZ, Talk
from tests.live.wait import until
from tests.live.written import NUMBERS, Plan

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
TALKING = {"talks": "stays", "paused": "stays", "held": "stays", "staff": "staff-907700900555"}


class Lost(NamedTuple):
    """The calls of the FreeSWITCH that was killed, and one of the next."""

    talks: dict[str, Talk]
    killed_ms: int
    """By the monotonic clock."""
    killed_wall_ms: float
    next: Talk
    wrong: list[str]
    verified: int
    log: str


def freeswitch_is_killed(folder: Path) -> Lost:
    with opened(folder, Plan()) as site:
        talks = {name: Talk(site, NUMBERS.get(to, to), name) for name, to in TALKING.items()}
        for talk in talks.values():
            talk.connected()
        talks["told"] = Talk(site, NUMBERS["stays"], "told")
        talks["paused"].talks(800)
        talks["paused"].agent_keys("*7")
        talks["held"].agent_holds()
        for name in ("paused", "held"):
            talks[name].noted("PauseHeld")
        talks["told"].noted("PromptStarted")
        talks["paused"].caller_plays("4929")
        talks["paused"].talks(1500)
        site.switch.kill()
        killed_ms, killed_wall_ms = int(time.monotonic() * 1000), time.time() * 1000
        site.switch.start()
        until(lambda: site.log.count("FreeSWITCH is there") == 2, "the engine finds the next one")
        site.reached()
        after = Talk(site, NUMBERS["stays"], "next")
        for talk in talks.values():
            talk.recorded()
        after.connected()
        after.talks(600)
        after.hang_up()
        books = wrong(site, [*talks.values(), after])
        verified = ivr(site, "spool", "verify").returncode
        return Lost(talks, killed_ms, killed_wall_ms, after, books, verified, site.log)


@pytest.fixture(scope="module")
def lost(stories: Stories) -> Lost:
    return stories.of(freeswitch_is_killed)


def test_the_books_balance_after_freeswitch_was_killed(lost: Lost) -> None:
    assert lost.wrong == []
    assert lost.verified == 0


@pytest.mark.parametrize("name", TALKING)
def test_what_it_wrote_is_recorded_whole(lost: Lost, name: str) -> None:
    talk = lost.talks[name]
    recording = talk.recording
    assert (recording["state"], recording["repaired"]) == ("kept", True)
    connected = talk.noted("Connected")
    assert recording["duration_ms"] == pytest.approx(lost.killed_ms - connected.mono_ms, abs=200)
    ended = talk.record["ended"]
    assert (ended["by"], ended["reason"]) == ("switch", "switch-lost")
    assert "FreeSWITCH is gone" in lost.log


@pytest.mark.parametrize(("name", "voices"), [("talks", BOTH), ("staff", (OTHER_HZ, CALLER_HZ))])
def test_both_are_heard_to_the_last_moment(lost: Lost, name: str, voices: tuple[int, int]) -> None:
    sound = lost.talks[name].sound()
    assert sound.voices(100, 500) == sound.voices(sound.ms - 400, sound.ms) == voices


@pytest.mark.parametrize(("name", "by"), [("paused", "agent"), ("held", "hold")])
def test_a_pause_that_it_died_in_is_silent_to_the_end(lost: Lost, name: str, by: str) -> None:
    talk = lost.talks[name]
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["leaked_peak"]) == (by, "", 0)
    sound = talk.sound()
    assert sound.ms - pause["start_ms"] > 1200
    assert sound.peak(pause["start_ms"], sound.ms) == 0
    assert sound.voices(100, pause["start_ms"]) == BOTH


def test_who_heard_a_prompt_has_a_record(lost: Lost) -> None:
    record = lost.talks["told"].record
    assert record["recording"]["state"] == "none"
    assert record["announcement"] in ("no", "partly")
    assert record["ended"]["reason"] == "switch-lost"


def test_calls_of_the_next_freeswitch_are_recorded(lost: Lost) -> None:
    assert lost.next.recording["state"] == "kept"
    assert lost.next.sound().voices(100, 500) == BOTH
    assert lost.next.record["ended"]["by"] == "caller"


STORIES = (freeswitch_is_killed,)
