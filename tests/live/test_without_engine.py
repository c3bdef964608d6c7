"""No engine, one that hangs, and one that closes the socket (R22; docs/freeswitch.md 8 to 10b).

What FreeSWITCH does with calls by itself, as the team's configuration says.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.acts import Stories
from tests.live.books import wrong
from tests.live.house import opened
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.wait import until
from tests.live.written import NUMBERS, Plan

pytestmark = pytest.mark.live


class Alone(NamedTuple):
    """Calls whose engine was killed in the announcement, and no other came before they ended."""

    connected: Talk
    told: Talk
    agent_heard: int
    """How many times the caller's voice began at the telephone that FreeSWITCH rang."""
    new: Talk
    """It came when nobody listened on the port."""
    ended: str
    """What ended the call that was told: FreeSWITCH's cause."""
    lasted_s: float
    wrong: list[str]


def nobody_takes_over(folder: Path) -> Alone:
    with opened(folder, Plan()) as site:
        connected, told = (Talk(site, NUMBERS[name], name) for name in ("stays", "strict"))
        for talk in (connected, told):
            talk.noted("PromptStarted")
        site.engine.kill()
        killed_at = time.monotonic()
        new = Talk(site, NUMBERS["stays"], "new")
        for talk in (new, connected):
            talk.reached()
        heard = connected.listen(connected.placed.far_leg)
        connected.talks(800)
        told.ends()
        lasted_s = time.monotonic() - killed_at
        for talk in (connected, new):
            talk.hang_up_unseen()
            talk.ends()
        site.engine.start()
        for talk in (connected, told):
            talk.recorded()
        books = wrong(site, [connected, told], unseen=[new])
        cdr = (site.folder / "fs" / "cdr" / f"a_{told.a_leg}.cdr.xml").read_text()
        return Alone(
            connected, told, len(heard.tones(CALLER_HZ)), new, _cause(cdr), lasted_s, books
        )


def _cause(cdr: str) -> str:
    return cdr.partition("<hangup_cause>")[2].partition("<")[0]


@pytest.fixture(scope="module")
def alone(stories: Stories) -> Alone:
    return stories.of(nobody_takes_over)


def test_the_books_balance_without_an_engine(alone: Alone) -> None:
    assert alone.wrong == []


def test_a_call_is_connected_where_the_team_says_so(alone: Alone) -> None:
    assert alone.agent_heard == 1
    record = alone.connected.record
    assert (record["recording"]["state"], record["recording"]["parts"]) == ("none", [])
    assert record["ended"]["reason"] == "ended-unseen"
    assert "recording-started" not in alone.connected.steps


def test_a_call_is_told_and_ended_where_the_team_says_so(alone: Alone) -> None:
    assert alone.ended == "NORMAL_CLEARING"
    assert 8 < alone.lasted_s < 16, "the announcement to its end, and the message"
    assert alone.told.placed.b_leg == ""
    assert alone.told.placed.events.count("PLAYBACK_START") == 2
    assert alone.told.record["recording"]["state"] == "none"


class Hung(NamedTuple):
    """Calls of an engine that hangs, and is killed for it by the watchdog."""

    talks: Talk
    told: Talk
    new: Talk
    strict: Talk
    waited_s: float
    """How long the new call was silent before the dead man came."""
    stood: bool
    """The new call went on when the engine that hung was killed."""
    closed: Talk
    """Its socket was closed before ``connect``."""
    closed_s: float
    wrong: list[str]


def an_engine_hangs(folder: Path) -> Hung:
    with opened(folder, Plan(between=True)) as site:
        site.engine.prepare()
        talks = Talk(site, NUMBERS["stays"], "talks")
        talks.connected()
        told = Talk(site, NUMBERS["stays"], "told")
        told.noted("PromptStarted")
        site.engine.signal(signal.SIGSTOP)
        began = time.monotonic()
        new, strict = (Talk(site, NUMBERS[name], f"new {name}") for name in ("stays", "strict"))
        new.reached()
        waited_s = time.monotonic() - began
        strict.ends()
        # The announcement is over; by now the watchdog would have come.
        site.engine.kill()
        began = time.monotonic()
        closed = Talk(site, NUMBERS["stays"], "closed")
        closed.reached()
        closed_s = time.monotonic() - began
        site.engine.start()
        until(lambda: "call taken up" in site.log, "the call is taken up")
        for talk in (told, new, closed):
            talk.reached()
        new.talks(300)
        stood = not new.placed.over.is_set()
        for talk in (new, closed):
            talk.hang_up_unseen()
            talk.ends()
        for talk in (told, talks):
            talk.hang_up()
        books = wrong(site, [talks, told], unseen=[new, strict, closed])
        return Hung(talks, told, new, strict, waited_s, stood, closed, closed_s, books)


@pytest.fixture(scope="module")
def hung(stories: Stories) -> Hung:
    return stories.of(an_engine_hangs)


def test_the_books_balance_when_an_engine_hung(hung: Hung) -> None:
    assert hung.wrong == []


def test_the_dead_man_takes_waiting_calls_to_the_fallback(hung: Hung) -> None:
    assert 2 < hung.waited_s < 6, "the dead man comes after three seconds, and a second at most"
    assert hung.stood
    assert hung.strict.placed.b_leg == ""
    assert hung.strict.placed.events.count("PLAYBACK_START") == 1


def test_no_call_is_left_in_silence_whose_socket_closes_before_connect(hung: Hung) -> None:
    assert hung.closed_s < 3


def test_people_talk_on_and_are_recorded_while_the_engine_hangs(hung: Hung) -> None:
    sound = hung.talks.sound()
    assert sound.voices(sound.ms - 500, sound.ms - 100) == (CALLER_HZ, AGENT_HZ)
    assert sound.longest_gap_ms(0, CALLER_HZ) < 200
    assert "taken-up followed" in hung.talks.steps


STORIES = (nobody_takes_over, an_engine_hangs)
