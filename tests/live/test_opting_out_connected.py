"""Opting out in mid-call: the caller alone hears the reminder, and comes back or ends (R4).

Prompts, music and voices are tones of their own pitch: who hears which is listened for at both
telephones and in the recording.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.live.acts import Acts
from tests.live.hearing import Heard
from tests.live.house import Site
from tests.live.kinds import HEARD, LEFT_HZ, MUSIC_HZ, NUMBERS, STAYED_HZ
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.test_pause import silent_between_voices

pytestmark = pytest.mark.live

REMINDER_HZ, GOODBYE_HZ, SORRY_HZ = (
    HEARD[name][0] for name in ("reminder", "goodbye", "unavailable")
)
KEYS = "*#*"
BOTH = (CALLER_HZ, AGENT_HZ)


class OptedOut(NamedTuple):
    talk: Talk
    agent: Heard
    caller: Heard
    """What their telephones heard."""
    telephones: tuple[str, str]


def opts_out(site: Site, to: str) -> OptedOut:
    """Connected, and keys the sequence; the reminder plays."""
    talk = Talk(site, NUMBERS[to])
    talk.connected()
    telephones = (talk.placed.far_leg, talk.placed.caller_leg)
    agent, caller = (talk.listen(leg) for leg in telephones)
    talk.talks(900)
    talk.caller_keys(KEYS, 100)
    talk.noted("PromptStarted", 2)
    talk.talks(900)
    return OptedOut(talk, agent, caller, telephones)


def over(act: OptedOut) -> OptedOut:
    act.talk.recorded()
    for telephone in act.telephones:
        act.talk.is_gone(telephone)
    return act


def returns(site: Site) -> OptedOut:
    act = opts_out(site, "stays")
    act.talk.caller_keys("1")
    act.talk.noted("PauseEnded")
    act.talk.talks(900)
    act.talk.hang_up_unseen()
    return over(act)


def test_who_returns_is_recorded_again_and_nothing_of_what_was_between(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(returns).talk
    opt_out = talk.record["opt_out"]
    assert (opt_out["returned"], opt_out["confirmed"]) == (1, False)
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["leaked_peak"]) == ("opt-out", 0)
    assert talk.recording["state"] == "kept"
    sound = talk.sound()
    assert sound.voices(100, 500) == sound.voices(sound.ms - 500, sound.ms - 100) == BOTH
    assert [sound.heard_ms(side, REMINDER_HZ) for side in (0, 1)] == [0, 0]
    assert [sound.heard_ms(side, MUSIC_HZ) for side in (0, 1)] == [0, 0]


def test_from_the_first_key_until_the_return_the_recording_is_silent(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(returns).talk
    (pause,) = talk.recording["pauses"]
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(pause["start_ms"] - 300, pause["start_ms"] - 50) == BOTH
    assert sound.voices(pause["end_ms"] + 50, pause["end_ms"] + 400) == BOTH


def test_the_caller_alone_hears_the_reminder_and_the_agent_music(kinds_acts: Acts) -> None:
    _talk, agent, caller, _telephones = kinds_acts.of(returns)
    assert (caller.times(REMINDER_HZ), agent.tones(REMINDER_HZ)) == (1, [])
    assert (agent.times(MUSIC_HZ), caller.tones(MUSIC_HZ)) == (1, [])
    assert agent.tones(MUSIC_HZ)[0] < agent.tones(STAYED_HZ)[-1], "the caller is back"
    assert caller.tones(STAYED_HZ) == []
    assert agent.tones(CALLER_HZ)[-1] > agent.tones(MUSIC_HZ)[0], "they hear each other again"
    assert caller.tones(AGENT_HZ)[-1] > caller.tones(REMINDER_HZ)[0]


def ends_and_keeps(site: Site) -> OptedOut:
    return over(opts_out(site, "stays"))


def ends_and_destroys(site: Site) -> OptedOut:
    return over(opts_out(site, "destroys"))


@pytest.mark.parametrize("act", [ends_and_keeps, ends_and_destroys])
def test_who_does_not_return_is_rung_off_and_the_agent_is_told(
    kinds_acts: Acts, act: object
) -> None:
    assert callable(act)
    talk, agent, caller, _telephones = kinds_acts.of(act)
    assert talk.record["opt_out"]["confirmed"] is True
    assert talk.record["ended"]["reason"] == "opted-out"
    assert (caller.times(GOODBYE_HZ), agent.tones(GOODBYE_HZ)) == (1, [])
    assert agent.tones(LEFT_HZ), "that the caller is gone"
    assert caller.tones(LEFT_HZ) == []


def test_what_was_said_before_is_kept_where_the_team_says_so(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(ends_and_keeps).talk
    assert talk.recording["state"] == "kept"
    sound = talk.sound()
    assert sound.voices(100, 500) == BOTH
    (pause,) = talk.recording["pauses"]
    assert sound.peak(pause["start_ms"], sound.ms) == 0


def test_what_was_said_before_is_destroyed_where_the_team_says_so(
    kinds: Site, kinds_acts: Acts
) -> None:
    talk = kinds_acts.of(ends_and_destroys).talk
    recording = talk.recording
    assert (recording["state"], recording["reason"]) == ("destroyed", "opted-out")
    destroyed = recording["destroyed"]
    assert destroyed["parts"] == 1
    assert destroyed["bytes"] > 30_000, "there was something"
    assert list(kinds.spool.rglob(f"{talk.a_leg}*.wav")) == []


def agent_leaves_meanwhile(site: Site) -> OptedOut:
    act = opts_out(site, "stays")
    act.talk.api(f"uuid_kill {act.telephones[0]}")
    act.talk.talks(300)
    act.talk.caller_keys("1")
    return over(act)


def test_whose_agent_leaves_meanwhile_hears_the_reminder_and_then_that(kinds_acts: Acts) -> None:
    talk, _agent, caller, _telephones = kinds_acts.of(agent_leaves_meanwhile)
    assert caller.times(REMINDER_HZ) == caller.times(SORRY_HZ) == 1
    assert talk.record["opt_out"]["returned"] == 1
    assert talk.record["ended"]["reason"] == "agent-gone"
    assert talk.recording["state"] == "kept"


def caller_leaves_meanwhile(site: Site) -> OptedOut:
    act = opts_out(site, "stays")
    act.talk.hang_up_unseen()
    return over(act)


def test_where_the_caller_leaves_meanwhile_the_agent_waits_no_longer(kinds_acts: Acts) -> None:
    talk, agent, _caller, _telephones = kinds_acts.of(caller_leaves_meanwhile)
    assert agent.tones(MUSIC_HZ)
    assert talk.record["ended"]["by"] == "caller"
    assert talk.record["opt_out"]["confirmed"] is True


def keys_something_else(site: Site) -> OptedOut:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    telephones = (talk.placed.far_leg, talk.placed.caller_leg)
    agent, caller = (talk.listen(leg) for leg in telephones)
    talk.talks(900)
    talk.caller_keys("*#5", 100)
    talk.noted("PauseEnded")
    talk.talks(900)
    talk.hang_up_unseen()
    return over(OptedOut(talk, agent, caller, telephones))


def test_who_keys_something_else_talks_on(kinds_acts: Acts) -> None:
    talk, agent, caller, _telephones = kinds_acts.of(keys_something_else)
    assert talk.record["opt_out"]["started"] == 0
    assert (caller.tones(REMINDER_HZ), agent.tones(MUSIC_HZ)) == ([], [])
    silent_between_voices(talk)


KINDS = (
    returns,
    ends_and_keeps,
    ends_and_destroys,
    agent_leaves_meanwhile,
    caller_leaves_meanwhile,
    keys_something_else,
)
