"""Calls that staff make: who is called is told first where a route says so, and calls for help are
connected at once (R10)."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.live.acts import Acts
from tests.live.confidant import found
from tests.live.hearing import Heard
from tests.live.house import Site
from tests.live.kinds import HEARD, HELP, INSIDE, MUSIC_HZ, STAYED_HZ, TOLD, UNTOLD
from tests.live.talk import AGENT_HZ, CALLER_HZ, OTHER_HZ, Talk
from tests.live.test_opting_out_connected import GOODBYE_HZ, KEYS, REMINDER_HZ
from tests.live.wait import until

pytestmark = pytest.mark.live

ANNOUNCEMENT_HZ = HEARD["announcement"][0]
RECORDED = (OTHER_HZ, CALLER_HZ)
"""The called person on the left, and the member of staff, who is a caller here, on the right."""


class Called(NamedTuple):
    talk: Talk
    called: Heard
    """What the called person's telephone heard."""
    telephones: tuple[str, str]
    staffs_call: str = ""
    """How far the call was of the one who called, while the other one heard the announcement."""


def calls(site: Site, number: str) -> Called:
    """A member of staff calls, and who is called answers and hears the announcement."""
    talk = Talk(site, f"{TOLD}{number}", desk=True)
    talk.noted("PromptStarted")
    telephones = (talk.placed.far_leg, talk.placed.caller_leg)
    called = talk.listen(telephones[0])
    state = talk.api(f"eval uuid:{talk.placed.caller_leg} ${{Answer-State}}")
    return Called(talk, called, telephones, state)


def over(act: Called) -> Called:
    act.talk.recorded()
    for telephone in act.telephones:
        act.talk.is_gone(telephone)
    return act


def told(site: Site) -> Called:
    act = calls(site, "06110900811")
    act.talk.connected()
    act.talk.talks(900)
    act.talk.hang_up()
    return over(act)


def test_who_is_called_hears_the_announcement_before_the_two_are_connected(
    kinds_acts: Acts,
) -> None:
    act = kinds_acts.of(told)
    assert act.called.times(ANNOUNCEMENT_HZ) == 1
    assert act.called.tones(CALLER_HZ)[0] > act.called.tones(ANNOUNCEMENT_HZ)[0] + 1000
    assert act.staffs_call == "ringing", "until then the telephone rings"


def test_it_is_recorded_from_the_connection_on(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(told).talk
    assert talk.record["direction"] == "outbound"
    assert [prompt["complete"] for prompt in talk.record["prompts"]] == [True]
    sound = talk.sound()
    assert sound.voices(0, 400) == sound.voices(sound.ms - 500, sound.ms - 100) == RECORDED
    assert sound.heard_ms(0, ANNOUNCEMENT_HZ) == sound.heard_ms(1, ANNOUNCEMENT_HZ) == 0
    durations = talk.record["durations"]
    assert durations["joined_ms"] - talk.recording["duration_ms"] < 300


def told_and_returns(site: Site) -> Called:
    act = calls(site, "06110900812")
    act.talk.keys(act.telephones[0], KEYS, 100)
    act.talk.noted("PromptStarted", 2)
    act.talk.talks(500)
    act.talk.keys(act.telephones[0], "1")
    act.talk.connected()
    act.talk.talks(900)
    act.talk.hang_up()
    return over(act)


def test_who_is_called_opts_out_and_returns(kinds_acts: Acts) -> None:
    act = kinds_acts.of(told_and_returns)
    assert act.called.times(REMINDER_HZ) == 1
    assert act.talk.record["opt_out"]["returned"] == 1
    assert act.talk.sound().voices(0, 400) == RECORDED


def told_and_ends(site: Site) -> Called:
    act = calls(site, "06110900813")
    act.talk.keys(act.telephones[0], KEYS, 100)
    return over(act)


def test_who_is_called_opts_out_and_the_call_ends(kinds_acts: Acts) -> None:
    act = kinds_acts.of(told_and_ends)
    assert act.called.times(GOODBYE_HZ) == 1
    assert act.called.tones(CALLER_HZ) == []
    record = act.talk.record
    assert record["opt_out"]["confirmed"] is True
    assert (record["ended"]["reason"], record["legs"]) == ("opted-out", [])
    assert (record["recording"]["state"], record["recording"]["reason"]) == ("none", "opted-out")


def told_and_rings_off(site: Site) -> Called:
    act = calls(site, "06110900814")
    act.talk.talks(500)
    act.talk.api(f"uuid_kill {act.telephones[0]}")
    return over(act)


def test_who_rings_off_in_the_announcement_is_not_recorded(kinds_acts: Acts) -> None:
    act = kinds_acts.of(told_and_rings_off)
    assert act.talk.record["legs"] == []
    assert act.talk.recording["state"] == "none"


def opts_out_connected(site: Site, prefix: str, number: str) -> tuple[Called, Heard]:
    """Connected, and then the called person keys the sequence and comes back."""
    if prefix == TOLD:
        act = calls(site, number)
        act.talk.connected()
    else:
        talk = Talk(site, f"{prefix}{number}", desk=True)
        talk.connected()
        telephones = (talk.placed.far_leg, talk.placed.caller_leg)
        act = Called(talk, talk.listen(telephones[0]), telephones)
    staff = act.talk.listen(act.telephones[1])
    act.talk.talks(900)
    act.talk.keys(act.telephones[0], KEYS, 100)
    act.talk.noted("PromptStarted", 2 if prefix == TOLD else 1)
    act.talk.talks(700)
    act.talk.keys(act.telephones[0], "1")
    act.talk.noted("PauseEnded")
    act.talk.talks(900)
    act.talk.hang_up()
    return over(act), staff


def told_and_opts_out_later(site: Site) -> tuple[Called, Heard]:
    return opts_out_connected(site, TOLD, "06110900815")


def untold_and_opts_out(site: Site) -> tuple[Called, Heard]:
    return opts_out_connected(site, UNTOLD, "06110900816")


@pytest.mark.parametrize("act", [told_and_opts_out_later, untold_and_opts_out])
def test_who_is_called_opts_out_in_mid_call(kinds_acts: Acts, act: object) -> None:
    assert callable(act)
    (talk, called, *_), staff = kinds_acts.of(act)
    assert (called.times(REMINDER_HZ), staff.tones(REMINDER_HZ)) == (1, [])
    assert (staff.times(MUSIC_HZ), called.tones(MUSIC_HZ)) == (1, [])
    assert (bool(staff.tones(STAYED_HZ)), called.tones(STAYED_HZ)) == (True, [])
    assert talk.record["opt_out"]["returned"] == 1
    (pause,) = talk.recording["pauses"]
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], pause["end_ms"]) == 0
    assert sound.voices(0, 400) == sound.voices(sound.ms - 500, sound.ms - 100) == RECORDED


def colleagues(site: Site) -> Talk:
    talk = Talk(site, INSIDE, desk=True)
    talk.connected()
    talk.talks(900)
    talk.hang_up()
    return talk


def test_colleagues_are_recorded_where_a_route_says_so(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(colleagues)
    assert talk.record["direction"] == "internal"
    sound = talk.sound()
    assert sound.voices(0, 400) == (AGENT_HZ, CALLER_HZ)


class Help(NamedTuple):
    talks: tuple[Talk, ...]
    connected_ms: tuple[int, ...]


def for_help(site: Site) -> Help:
    """Dialled as it is, and with what is dialled before other numbers."""
    talks, took = [], []
    for number in (HELP, UNTOLD + HELP):
        talk = Talk(site, number, desk=True)
        talk.reached()
        took.append(connected_after_ms(talk))
        talk.talks(300)
        talk.hang_up_unseen()
        talk.ends()
        talks.append(talk)
    return Help(tuple(talks), tuple(took))


def connected_after_ms(talk: Talk) -> int:
    """By FreeSWITCH's clock: from its having the call until the two heard each other."""
    leg = talk.a_leg
    asked = [f"eval uuid:{leg} ${{{name}}}" for name in _TIMES]
    until(lambda: talk.api(asked[1]) not in ("", "0"), f"{leg} was joined")
    created, joined = (int(talk.api(one)) for one in asked)
    return (joined - created) // 1000


_TIMES = ("Caller-Channel-Created-Time", "Caller-Channel-Bridged-Time")


def test_calls_for_help_are_connected_at_once_and_nothing_is_kept(
    kinds: Site, kinds_acts: Acts
) -> None:
    talks, connected_ms = kinds_acts.of(for_help)
    assert max(connected_ms) < 500
    numbers = [talk.placed.number for talk in talks]
    assert found(kinds, *numbers, *(talk.a_leg for talk in talks)) == []


KINDS = (
    told,
    told_and_returns,
    told_and_ends,
    told_and_rings_off,
    told_and_opts_out_later,
    untold_and_opts_out,
    colleagues,
    for_help,
)
