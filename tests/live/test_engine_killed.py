"""An engine is killed in every phase of a call, and the next one goes on (R22).

Twice on one FreeSWITCH, with a new engine on the same spool and port each time: first while people
talk, are paused, on hold, and while a telephone rings; then while others hear a prompt.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import gevent
import pytest

from tests.leaks.cards import keyed
from tests.leaks.search import digits_in, tones_in
from tests.live import crowd
from tests.live.acts import Stories
from tests.live.books import Off, wrong
from tests.live.cards import card
from tests.live.house import Site, opened
from tests.live.page import Answer, Page
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.test_nothing_left import LEAST
from tests.live.wait import until
from tests.live.written import NUMBERS, Plan

pytestmark = pytest.mark.live

CARD = card(200)
NOBODY_MS = 6_000
"""So long there may be no engine: one starts in a second or two."""
BOTH = (CALLER_HZ, AGENT_HZ)
FIRST = {"talks": "stays", "paused": "stays", "held": "stays", "ends": "stays", "rings": "slow"}


class Killed(NamedTuple):
    """The calls, which are over, and what was seen of them."""

    talks: dict[str, Talk]
    shown: Answer
    """What a page saw of the paused call when the next engine had it."""
    wrong: list[str]
    log: str
    left: list[object]
    """Of the card, in spool and log."""


def killed_while_they_talk_and_while_they_listen(folder: Path) -> Killed:
    with opened(folder, Plan()) as site:
        page = Page(site, "page", "calls:read")
        talks = {name: Talk(site, NUMBERS[to], name) for name, to in FIRST.items()}
        site.engine.prepare()
        _people_talk(site, talks)
        site.engine.kill()
        paying = gevent.spawn(_pays, talks["paused"])
        talks["ends"].talks(500)
        talks["ends"].hang_up_unseen()
        talks["rings"].reached()
        site.engine.start()
        until(lambda: site.log.count("call taken up") == 4, "four calls are taken up")
        shown = page.get(f"/v1/calls/{talks['paused'].a_leg}")
        paying.get()
        talks["paused"].talks(300)
        talks["paused"].agent_keys("*8")
        talks["held"].agent_is_back()
        for name in ("paused", "held"):
            talks[name].noted("PauseEnded")
        site.engine.prepare()
        talks["tried"] = Talk(site, NUMBERS["slow-busy"], "tried")
        talks["tried"].noted("Dialled")
        crowd.opt_out(site, talks, "opts out", "returns")
        talks["told"] = Talk(site, NUMBERS["stays"], "told")
        talks["told"].noted("PromptStarted")
        site.engine.kill()
        site.engine.start()
        _go_on(talks)
        left: list[object] = [
            *digits_in(site.spool, CARD, least=LEAST),
            *digits_in(site.log, CARD, least=LEAST),
        ]
        off = {"rings": Off(more_ms=NOBODY_MS)}
        return Killed(talks, shown, wrong(site, list(talks.values()), off), site.log, left)


def _people_talk(site: Site, talks: dict[str, Talk]) -> None:
    for name in ("talks", "paused", "held", "ends"):
        talks[name].connected()
    talks["rings"].noted("Dialled")
    talks["talks"].talks(800)
    talks["paused"].agent_keys("*7")
    talks["held"].agent_holds()
    for name in ("paused", "held"):
        talks[name].noted("PauseHeld")


def _pays(talk: Talk) -> None:
    """For about four seconds, with and without an engine."""
    talk.plays(talk.placed.caller_leg, keyed(CARD))
    talk.keys(talk.placed.caller_leg, keyed(CARD))


def _go_on(talks: dict[str, Talk]) -> None:
    talks["returns"].noted("PromptStarted", 3)
    talks["returns"].talks(300)
    talks["returns"].caller_keys("1")
    for name in ("told", "returns"):
        talks[name].connected()
    talks["told"].talks()
    for name in ("opts out", "tried"):
        talks[name].recorded()
    for name in ("talks", "paused", "held", "rings", "told", "returns"):
        talks[name].hang_up()
    talks["ends"].recorded()


@pytest.fixture(scope="module")
def killed(stories: Stories) -> Killed:
    return stories.of(killed_while_they_talk_and_while_they_listen)


def heard(talk: Talk) -> list[str]:
    """The roles of the prompts that were played, in order."""
    return [prompt["role"] for prompt in talk.record["prompts"]]


def test_the_books_balance(killed: Killed) -> None:
    assert killed.wrong == []
    assert len(killed.talks) == 9


@pytest.mark.parametrize("name", ["talks", "rings"])
def test_people_who_talk_are_recorded_through_two_deaths(killed: Killed, name: str) -> None:
    talk = killed.talks[name]
    assert talk.recording["state"] == "kept"
    assert len(talk.recording["parts"]) == 1
    assert talk.steps.count("taken-up followed") == 2
    assert talk.record["ended"]["by"] == "caller"
    sound = talk.sound()
    assert sound.voices(100, 600) == sound.voices(sound.ms - 700, sound.ms - 100) == BOTH
    assert max(sound.longest_gap_ms(0, CALLER_HZ), sound.longest_gap_ms(1, AGENT_HZ)) < 200


def test_a_telephone_that_rings_is_answered_without_an_engine(killed: Killed) -> None:
    talk = killed.talks["rings"]
    steps = talk.steps
    assert steps.index("recording-started") < steps.index("taken-up followed")
    assert [leg["number"] for leg in talk.record["legs"]] == ["agent-4000-60"]


def test_a_paused_call_is_masked_at_once_and_until_the_agent_resumes(killed: Killed) -> None:
    talk = killed.talks["paused"]
    assert (killed.shown.body["recording"], killed.shown.body["paused_by"]) == ("paused", "agent")
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("agent", "agent", "masked")
    assert (pause["leaked_peak"], pause["keys_hidden"]) == (0, True)
    assert pause["end_ms"] - pause["start_ms"] > 3500
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(pause["start_ms"] - 400, pause["start_ms"] - 50) == BOTH
    assert sound.voices(pause["end_ms"] + 50, pause["end_ms"] + 500) == BOTH
    assert killed.left == []
    assert tones_in(talk.site.spool / talk.recording["path"]) == []


def test_a_call_on_hold_stays_masked_until_the_agent_is_back(killed: Killed) -> None:
    talk = killed.talks["held"]
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["leaked_peak"]) == ("hold", "hold", 0)
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(pause["end_ms"] + 50, pause["end_ms"] + 500) == BOTH


def test_a_call_that_ended_meanwhile_is_recorded(killed: Killed) -> None:
    talk = killed.talks["ends"]
    ended = talk.record["ended"]
    assert (ended["by"], ended["reason"]) == ("unknown", "ended-unseen")
    assert talk.recording["state"] == "kept"
    sound = talk.sound()
    assert sound.voices(sound.ms - 500, sound.ms - 100) == BOTH


def test_who_heard_the_announcement_hears_it_again(killed: Killed) -> None:
    talk = killed.talks["told"]
    assert heard(talk) == ["announcement", "announcement"]
    assert [prompt["complete"] for prompt in talk.record["prompts"]] == [False, True]
    assert "taken-up handed-back" in talk.steps
    assert talk.recording["state"] == "kept"
    assert talk.sound().voices(100, 600) == BOTH


def test_who_heard_the_reminder_hears_it_again(killed: Killed) -> None:
    told, returned = killed.talks["opts out"], killed.talks["returns"]
    assert heard(told) == ["announcement", "reminder", "reminder", "goodbye"]
    assert told.record["opt_out"]["confirmed"] is True
    assert (told.recording["state"], told.recording["reason"]) == ("none", "opted-out")
    assert heard(returned) == ["announcement", "reminder", "reminder"]
    assert returned.record["opt_out"]["returned"] == 1
    assert returned.recording["state"] == "kept"


def test_whose_agent_is_busy_meanwhile_hears_an_apology(killed: Killed) -> None:
    talk = killed.talks["tried"]
    assert heard(talk) == ["announcement", "apology"]
    assert talk.record["ended"]["reason"] == "unavailable"
    assert talk.recording["state"] == "none"


STORIES = (killed_while_they_talk_and_while_they_listen,)
