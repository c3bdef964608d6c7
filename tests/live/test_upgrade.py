"""An engine is stopped under a dozen calls, and a new one started: no call is lost, none is
unrecorded, none has two records (R22).

Once with the socket that calls come in on handed over, as systemd does; once with two engines,
each with its own spool, of which the second takes what the first lets go.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live import crowd
from tests.live.acts import Stories
from tests.live.books import Off, wrong
from tests.live.house import Site, opened
from tests.live.talk import AGENT_HZ, CALLER_HZ, OTHER_HZ, Talk
from tests.live.wait import until
from tests.live.written import NUMBERS, Plan

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
STOP_S = 10
"""limits.stop of the site's file."""
AWAY_MS = 8_000
"""So long there may be no engine for those who talk."""


class Upgraded(NamedTuple):
    """The calls, which are over."""

    talks: dict[str, Talk]
    stopped_s: float
    late_s: float
    """How long a call waited for its announcement that came when the engine had just stopped."""
    wrong: list[str]
    logs: str


def handed_over_by_socket(folder: Path) -> Upgraded:
    with opened(folder, Plan(handed=True, dead_man="10s")) as site:
        site.engine.prepare()
        talks = crowd.begin(site)
        stopped_s = _stopped(site)
        came = time.monotonic()
        late = talks["late"] = Talk(site, NUMBERS["stays"], "late")
        until(lambda: bool(late.placed.a_leg), "a call comes and waits")
        site.engine.start()
        late.noted("PromptStarted")
        late_s = time.monotonic() - came
        until(lambda: site.log.count('"followed"') >= len(crowd.TALKING), "those who talk")
        talks["leaves"].noted("PromptStarted", 2)
        talks["leaves"].hang_up()
        return _lived_on(site, talks, stopped_s, late_s)


def handed_on_to_the_other(folder: Path) -> Upgraded:
    with opened(folder, Plan(engines=2)) as site:
        site.engine.prepare()
        talks = crowd.begin(site)
        stopped_s = _stopped(site)
        came = time.monotonic()
        late = talks["late"] = Talk(site, NUMBERS["stays"], "late")
        late.noted("PromptStarted")
        late_s = time.monotonic() - came
        # The first is away until some of what it had is over.
        talks["leaves"].noted("PromptStarted", 2)
        talks["leaves"].hang_up_unseen()
        there = site.engines[1].spool / "new" / f"{talks['leaves'].a_leg}.json"
        until(there.exists, "the other's record of it")
        site.engine.start()
        until(lambda: site.log.count('"followed"') >= len(crowd.TALKING), "those who talk")
        return _lived_on(site, talks, stopped_s, late_s)


def _stopped(site: Site) -> float:
    began = time.monotonic()
    site.engine.stop()
    return time.monotonic() - began


def _lived_on(site: Site, talks: dict[str, Talk], stopped_s: float, late_s: float) -> Upgraded:
    crowd.go_on(talks)
    for name in ("told", "returns", "late"):
        talks[name].connected()
    talks["late"].talks(700)
    crowd.end(talks)
    off = {"rings": Off(more_ms=AWAY_MS)}
    books = wrong(site, list(talks.values()), off)
    logs = "".join(engine.log for engine in site.engines)
    return Upgraded(talks, stopped_s, late_s, books, logs)


STORIES = (handed_over_by_socket, handed_on_to_the_other)


@pytest.fixture(scope="module", params=STORIES)
def upgraded(request: pytest.FixtureRequest, stories: Stories) -> Upgraded:
    told: Upgraded = stories.of(request.param)
    return told


def test_the_books_balance_after_an_upgrade(upgraded: Upgraded) -> None:
    assert upgraded.wrong == []
    assert len(upgraded.talks) == 13


def test_a_call_that_the_other_engine_ended_is_left_to_it(stories: Stories) -> None:
    upgraded = stories.of(handed_on_to_the_other)
    leaves = upgraded.talks["leaves"].a_leg
    (told,) = [
        json.loads(text)
        for text in upgraded.logs.splitlines()
        if leaves in text and "call handed on to another engine" in text
    ]
    assert told["engine"]


def test_it_stops_in_time_and_calls_go_on_at_once(upgraded: Upgraded) -> None:
    assert upgraded.stopped_s < STOP_S
    assert upgraded.late_s < STOP_S
    assert '"fault in the engine"' not in upgraded.logs


@pytest.mark.parametrize(
    ("name", "voices"),
    [
        ("talks", BOTH),
        ("also talks", BOTH),
        ("paused", BOTH),
        ("held", BOTH),
        ("rings", BOTH),
        ("staff", (OTHER_HZ, CALLER_HZ)),
        ("told", BOTH),
        ("returns", BOTH),
        ("late", BOTH),
    ],
)
def test_everybody_who_talks_is_recorded(
    upgraded: Upgraded, name: str, voices: tuple[int, int]
) -> None:
    talk = upgraded.talks[name]
    assert talk.recording["state"] == "kept"
    assert talk.record["ended"]["reason"] == ""
    sound = talk.sound()
    assert sound.voices(sound.ms - 300, sound.ms - 50) == voices


def test_pauses_outlive_the_engine(upgraded: Upgraded) -> None:
    for name, by in (("paused", "agent"), ("held", "hold"), ("at the line", "payment-line")):
        talk = upgraded.talks[name]
        (pause,) = talk.recording["pauses"]
        assert (pause["by"], pause["leaked_peak"]) == (by, 0)
        assert talk.sound().peak(pause["start_ms"], pause["end_ms"]) == 0
    line = upgraded.talks["at the line"]
    assert line.sound().peak(0, line.sound().ms) == 0


def test_who_heard_a_prompt_hears_it_again_or_what_comes_next(upgraded: Upgraded) -> None:
    for name in ("told", "returns", "opts out"):
        assert upgraded.talks[name].record["announcement"] in ("fully", "partly")
    for name in ("leaves", "tried"):
        assert upgraded.talks[name].recording["state"] == "none"
    assert upgraded.talks["told"].record["announcement"] == "fully"


def test_an_engine_of_the_same_spool_knows_who_was_opting_out(stories: Stories) -> None:
    talk = stories.of(handed_over_by_socket).talks["opts out"]
    assert talk.record["opt_out"]["confirmed"] is True
    assert talk.recording["state"] == "none"
