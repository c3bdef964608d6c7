"""The choice of a language, and a team that is closed (R1, R9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.policy import Menu
from ivr.core.state import Phase
from ivr.core.taking_up import in_language
from tests.core.calls import POLICY, WELSH, Call, prompt

SPOKEN = replace(WELSH, overflow=())
CHOOSING = replace(POLICY, menu=Menu(prompt("languages"), {"2": SPOKEN}, 5000))
CLOSED = replace(POLICY, closed=prompt("closed"))


def choosing() -> Call:
    return Call(CHOOSING).arrive().quiet()


def test_before_anything_else_the_languages_are_named() -> None:
    assert Call(CHOOSING).arrive().look() == ["TakeOver", "Answer", "play languages"]


def test_a_key_chooses_and_the_announcement_is_in_that_language() -> None:
    call = choosing().keys("2")
    assert call.look() == ["SpeakIn", "StopPrompts", "play announcement"]
    assert call.entries() == []
    call = choosing().keys("2")
    assert call.entries()[0] == entries.LanguageChosen("cy-GB")
    assert call.state.playing is SPOKEN.announcement
    assert do.SpeakIn(SPOKEN) in call.did


def test_after_the_prompt_a_key_is_waited_for() -> None:
    call = choosing().prompt_ends()
    assert call.state.phase is Phase.CHOOSING
    timer = next(c for c in call.did if isinstance(c, do.StartTimer))
    assert timer.ms == 5000
    assert call.keys("2").look() == ["SpeakIn", "play announcement"]


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "playing"])
def test_without_a_choice_it_is_the_team_s_own(heard: bool) -> None:
    call = choosing()
    call = call.prompt_ends() if heard else call
    assert call.quiet().time_out().look()[-1] == "play announcement"
    assert call.state.playing is POLICY.announcement


def test_other_keys_choose_nothing() -> None:
    call = choosing().keys("5*#1")
    assert (call.look(), call.state.phase) == ([], Phase.CHOOSING)


def test_a_prompt_that_is_missing_stops_nobody() -> None:
    call = choosing().prompt_ends(missing=True).time_out()
    assert call.look()[-1] == "play announcement"


def test_the_end_of_the_languages_prompt_comes_late_and_means_nothing() -> None:
    call = choosing()
    play, playing = call.state.play, call.state.playing
    assert playing is not None
    call.keys("2").quiet().hear(events.PromptEnded(0, play, playing, 4000))
    assert (call.look(), call.state.phase) == ([], Phase.ANNOUNCING)


def test_a_next_engine_goes_on_in_the_language_that_was_chosen() -> None:
    told = [entries.Stamped(entries.Stamp(0, 0), one) for one in choosing().keys("2").entries()]
    policy = in_language(told, CHOOSING)
    assert (policy.language, policy.menu) == ("cy-GB", None)
    assert policy.announcement is SPOKEN.announcement


def test_or_asks_again_where_none_was_chosen_or_it_is_offered_no_more() -> None:
    assert in_language([], CHOOSING) is CHOOSING
    told = [entries.Stamped(entries.Stamp(0, 0), entries.LanguageChosen("fr-FR"))]
    assert in_language(told, CHOOSING) is CHOOSING
    assert in_language(told, POLICY) is POLICY


# Closed.


def test_a_team_that_is_closed_says_so_and_the_call_ends() -> None:
    call = Call(CLOSED).arrive()
    assert call.look()[-1] == "play closed"
    assert call.prompt_ends().look() == ["hang up NORMAL_CLEARING"]
    assert call.state.reason == "closed"


def test_nothing_is_recorded_of_it() -> None:
    call = Call(CLOSED).arrive().prompt_ends()
    assert not any(isinstance(c, do.StartRecording) for c in call.did)


def test_the_choice_comes_first_and_it_is_closed_in_that_language() -> None:
    shut = replace(SPOKEN, closed=prompt("closed", 5000))
    policy = replace(CLOSED, menu=Menu(prompt("languages"), {"2": shut}, 5000))
    call = Call(policy).arrive().keys("2")
    assert call.state.playing is shut.closed
