"""Hold, and transfers of every kind: one call, one recording, one record (R5, R6, R22).

The telephones hold with a re-INVITE and send calls on with a REFER, as real ones do
(docs/freeswitch.md 23a to 23c, 54 to 57).
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.leaks.cards import keyed
from tests.leaks.search import tones_in
from tests.live.acts import Acts
from tests.live.cards import card
from tests.live.house import Site
from tests.live.page import Answer, Page
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.test_pause import silent_between_voices
from tests.live.written import NUMBERS

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
CARD = card(210)


def numbers(talk: Talk) -> list[str]:
    """With whom the caller was joined, in order."""
    return [leg["number"] for leg in talk.record["legs"]]


def whole(talk: Talk) -> None:
    """One record of one recording, as long as people heard each other, and ended by the caller."""
    assert len(list((talk.site.spool / "new").glob(f"{talk.a_leg}*"))) == 2
    assert talk.recording["state"] == "kept"
    joined_ms = talk.record["durations"]["joined_ms"]
    assert talk.recording["duration_ms"] == pytest.approx(joined_ms, abs=300)
    assert talk.record["ended"]["by"] == "caller"


# Hold.


def agent_holds_and_is_back(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.agent_holds()
    talk.noted("PauseHeld")
    talk.plays(talk.placed.caller_leg, keyed(CARD)[:8])
    talk.talks(1600)
    talk.agent_is_back()
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return talk


def test_what_a_caller_says_on_hold_is_not_recorded(acts: Acts) -> None:
    talk = acts.of(agent_holds_and_is_back)
    whole(talk)
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("hold", "hold", "masked")
    assert pause["end_ms"] - pause["start_ms"] > 1600
    silent_between_voices(talk)
    assert tones_in(talk.site.spool / talk.recording["path"]) == []


def agent_holds_where_hold_is_recorded(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["kept"])
    talk.connected()
    talk.talks(600)
    talk.agent_holds()
    talk.talks(1600)
    talk.agent_is_back()
    talk.talks(900)
    talk.hang_up()
    return talk


def test_what_a_caller_says_on_hold_is_recorded_where_the_team_says_so(acts: Acts) -> None:
    talk = acts.of(agent_holds_where_hold_is_recorded)
    whole(talk)
    assert talk.recording["pauses"] == []
    sound = talk.sound()
    assert sound.longest_gap_ms(0, CALLER_HZ) < 200, "the caller is heard all the time"
    assert sound.ms > 2800


def caller_holds(site: Site) -> Talk:
    """While the recorded leg's own telephone holds, its recording stands still (56)."""
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.holds(talk.placed.caller_leg)
    talk.talks(2600)
    talk.is_back(talk.placed.caller_leg)
    talk.talks(600)
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    talk.talks(1200)
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return talk


def test_a_callers_own_hold_takes_no_time_and_begins_no_further_part(acts: Acts) -> None:
    """It is no stalled recording, and pauses after it lie where they should in the file."""
    talk = acts.of(caller_holds)
    whole(talk)
    assert "recording-stalled" not in talk.steps
    assert len(talk.recording["parts"]) == 1
    assert talk.record["durations"]["connected_ms"] - talk.recording["duration_ms"] > 2000
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["leaked_peak"]) == ("agent", 0)
    silent_between_voices(talk)


# Transfers.


def agent_sends_the_call_on(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks(700)
    talk.refers("agent-100-40")
    talk.connected(2)
    talk.talks(900)
    talk.hang_up()
    return talk


def agent_hands_the_call_over(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks(700)
    talk.handed_over_to("agent-100-40")
    talk.connected(2)
    talk.talks(900)
    talk.hang_up()
    return talk


@pytest.mark.parametrize("act", [agent_sends_the_call_on, agent_hands_the_call_over])
def test_a_transferred_call_stays_one_recording(acts: Acts, act: object) -> None:
    assert callable(act)
    talk = acts.of(act)
    whole(talk)
    assert numbers(talk) == ["agent-300-60", "agent-100-40"]
    assert len(talk.recording["parts"]) == 1
    sound = talk.sound()
    assert sound.voices(100, 500) == sound.voices(sound.ms - 500, sound.ms - 100) == BOTH


class Paused(NamedTuple):
    talk: Talk
    then: Answer
    """What a page saw when the next agent had the call."""


def transferred_while_paused(site: Site) -> Paused:
    page = Page(site, "transfers", "calls:read")
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    talk.refers("agent-100-40")
    talk.connected(2)
    talk.caller_plays(keyed(CARD)[:8])
    talk.talks(1200)
    then = page.get(f"/v1/calls/{talk.a_leg}")
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return Paused(talk, then)


def test_a_pause_goes_with_the_call_and_the_next_agent_ends_it(acts: Acts) -> None:
    talk, then = acts.of(transferred_while_paused)
    whole(talk)
    assert (then.body["recording"], then.body["extension"]) == ("paused", "agent-100-40")
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["leaked_peak"]) == ("agent", "agent", 0)
    assert numbers(talk) == ["agent-300-60", "agent-100-40"]
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(pause["end_ms"] + 50, pause["end_ms"] + 500) == BOTH


def transferred_out_of_hold(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.agent_holds()
    talk.noted("PauseHeld")
    talk.talks(800)
    talk.refers("agent-100-40")
    talk.connected(2)
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return talk


def test_a_transfer_out_of_hold_ends_the_pause_that_the_hold_was(acts: Acts) -> None:
    talk = acts.of(transferred_out_of_hold)
    whole(talk)
    assert numbers(talk) == ["agent-300-60", "agent-100-40"]
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["leaked_peak"]) == ("hold", 0)
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(sound.ms - 600, sound.ms - 100) == BOTH


def picked_up_while_paused(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    telephone = talk.picked_up_by("311")
    talk.connected(2)
    talk.talks(700)
    talk.keys(telephone, "*8", 120)
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return talk


def test_who_picks_a_paused_call_up_ends_the_pause(acts: Acts) -> None:
    talk = acts.of(picked_up_while_paused)
    whole(talk)
    assert numbers(talk) == ["agent-300-60", "311"]
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["leaked_peak"]) == ("agent", "agent", 0)
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(pause["end_ms"] + 50, pause["end_ms"] + 500) == BOTH


ACTS = (
    agent_holds_and_is_back,
    agent_holds_where_hold_is_recorded,
    caller_holds,
    agent_sends_the_call_on,
    agent_hands_the_call_over,
    transferred_while_paused,
    transferred_out_of_hold,
    picked_up_while_paused,
)
