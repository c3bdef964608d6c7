"""Calls that somebody takes from elsewhere: to a payment line, to a colleague (R6).

FreeSWITCH then names the other leg first, and the A leg is told of nothing (docs/freeswitch.md 50).
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.live.acts import Acts
from tests.live.house import Site
from tests.live.page import Answer, Page, ivr
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.test_pause import silent_between_voices
from tests.live.test_payment_line import KEYS, Paid, keys_a_card
from tests.live.written import NUMBERS

pytestmark = pytest.mark.live


class AtTheLine(NamedTuple):
    paid: Paid
    before: Answer
    """What the page was shown of the call at the line."""
    resume: Answer
    by_engineer: tuple[int, str]
    """Of ``ivr resume``: the exit code and what was said."""
    after: Answer
    entries: int
    """Of the journal, in which the refusals left nothing."""
    entries_before: int
    extension: str
    """Of the second agent, as the page was shown it."""


def taken_to_the_line_and_then_to_an_agent(site: Site) -> AtTheLine:
    page = Page(site, "joins", "recording:pause", "calls:read")
    talk = Talk(site, NUMBERS["stays"])
    call = f"/v1/calls/{talk.a_leg}"
    talk.connected()
    talk.talks()
    talk.taken_to("1500")
    talk.connected(2)
    talk.noted("PauseHeld")
    before, entries_before = page.get(call), len(site.journal.of(talk.a_leg))
    resume = page.post(f"{call}/recording/resume")
    engineer = ivr(site, "resume", talk.a_leg)
    after, entries = page.get(call), len(site.journal.of(talk.a_leg))
    paid = keys_a_card(talk)
    talk.taken_to("agent-100-40")
    talk.connected(3)
    talk.noted("PauseEnded")
    extension = page.get(call).body["extension"]
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseHeld", 2)
    talk.talks(600)
    talk.agent_keys("*8")
    talk.noted("PauseEnded", 2)
    talk.talks()
    talk.hang_up()
    said = (engineer.returncode, engineer.stderr)
    return AtTheLine(paid, before, resume, said, after, entries, entries_before, extension)


def test_who_is_taken_to_the_line_is_paused_while_with_it(acts: Acts) -> None:
    talk, _line, reached = acts.of(taken_to_the_line_and_then_to_an_agent).paid
    assert reached == KEYS
    at_line = talk.recording["pauses"][0]
    assert (at_line["by"], at_line["ended_by"]) == ("payment-line", "payment-line")
    assert at_line["keys_hidden"] is True
    assert [leg["number"] for leg in talk.record["legs"]] == [
        "agent-300-60",
        "1500",
        "agent-100-40",
    ]
    silent_between_voices(talk)


def test_nobody_ends_a_pause_at_the_line(acts: Acts) -> None:
    act = acts.of(taken_to_the_line_and_then_to_an_agent)
    assert (act.before.body["pause"], act.before.body["paused_by"]) == ("on", "payment-line")
    assert act.resume.status == 409
    assert "payment line" in act.resume.body["detail"]
    code, said = act.by_engineer
    assert code != 0
    assert "payment line" in said
    assert act.after.body == act.before.body
    assert act.entries == act.entries_before


def test_an_agent_to_whom_a_call_is_taken_is_known_and_has_the_codes(acts: Acts) -> None:
    act = acts.of(taken_to_the_line_and_then_to_an_agent)
    assert act.extension == "agent-100-40"
    own = act.paid.talk.recording["pauses"][1]
    assert (own["by"], own["ended_by"], own["how"]) == ("agent", "agent", "masked")
    silent_between_voices(act.paid.talk, 1)


class PickedUp(NamedTuple):
    talk: Talk
    shown: Answer
    paused: Answer


def colleague_picks_it_up(site: Site) -> PickedUp:
    page = Page(site, "pick-up", "recording:pause", "calls:read")
    talk = Talk(site, NUMBERS["stays"])
    call = f"/v1/calls/{talk.a_leg}"
    talk.connected()
    talk.talks(600)
    telephone = talk.picked_up_by("310")
    talk.connected(2)
    shown = page.get(call)
    talk.talks()
    talk.keys(telephone, "*7", 120)
    talk.noted("PauseHeld")
    paused = page.get(call)
    talk.caller_plays(KEYS[:4])
    talk.talks(600)
    talk.keys(telephone, "*8", 120)
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return PickedUp(talk, shown, paused)


def test_a_colleague_who_picks_a_call_up_is_known_and_has_the_codes(acts: Acts) -> None:
    talk, shown, paused = acts.of(colleague_picks_it_up)
    assert (shown.body["extension"], shown.body["recording"]) == ("310", "recording")
    assert (paused.body["extension"], paused.body["recording"]) == ("310", "paused")
    assert [leg["number"] for leg in talk.record["legs"]] == ["agent-300-60", "310"]
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("agent", "agent", "masked")
    silent_between_voices(talk)


def handed_over_to_the_line(site: Site) -> Paid:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks(600)
    talk.handed_over_to("1500")
    talk.connected(2)
    talk.noted("PauseHeld")
    paid = keys_a_card(talk)
    talk.talks(600)
    talk.hang_up()
    return paid


def test_who_is_handed_over_to_the_line_is_paused(acts: Acts) -> None:
    talk, _line, reached = acts.of(handed_over_to_the_line)
    assert reached == KEYS
    assert [leg["number"] for leg in talk.record["legs"]] == ["agent-300-60", "1500"]
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("payment-line", "", "masked")
    sound = talk.sound()
    assert sound.voices(100, 400) == (CALLER_HZ, AGENT_HZ)
    assert sound.ms - pause["start_ms"] > 2000
    assert sound.peak(pause["start_ms"], sound.ms) == 0


ACTS = (
    taken_to_the_line_and_then_to_an_agent,
    colleague_picks_it_up,
    handed_over_to_the_line,
)
