"""Ring groups, and callers who wait in FreeSWITCH's own queue (R9)."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.live.acts import Acts
from tests.live.hearing import Heard
from tests.live.house import Site
from tests.live.kinds import HEARD, NUMBERS, QUEUE_HZ
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.test_opting_out_connected import GOODBYE_HZ, KEYS, REMINDER_HZ
from tests.live.wait import until

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
SAID_HZ = HEARD["queue-announcement"][0]


def answered_by(talk: Talk) -> str:
    return str(talk.record["legs"][0]["number"])


def called(site: Site, to: str) -> Talk:
    talk = Talk(site, NUMBERS[to])
    talk.connected()
    talk.talks(700)
    talk.hang_up()
    return talk


def all_ring_together(site: Site) -> Talk:
    return called(site, "together")


def one_after_the_other(site: Site) -> Talk:
    return called(site, "ordered")


def by_turns(site: Site) -> tuple[Talk, Talk]:
    return called(site, "turns"), called(site, "turns")


def test_of_telephones_that_ring_together_the_first_that_answers_has_it(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(all_ring_together)
    assert answered_by(talk) == "agent-400-61"
    assert talk.sound().voices(0, 400) == BOTH


def test_of_telephones_in_order_the_first_that_can_has_it(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(one_after_the_other)
    assert answered_by(talk) == "agent-400-62"
    assert talk.sound().voices(0, 400) == BOTH


def test_by_turns_each_call_begins_with_another_telephone(kinds_acts: Acts) -> None:
    talks = kinds_acts.of(by_turns)
    assert {answered_by(talk) for talk in talks} == {"agent-400-65", "agent-400-66"}


class Queued(NamedTuple):
    """Three who come to a queue that one telephone answers."""

    first: Talk
    second: Talk
    """Opts out while waiting, and comes back."""
    third: Talk
    fourth: Talk
    """Opts out while waiting, and ends the call."""
    heard: dict[str, Heard]
    """What their telephones heard."""


def in_the_queue(site: Site) -> Queued:
    first = Talk(site, NUMBERS["queue"], "first")
    first.connected()
    waiting = {}
    for name in ("second", "third", "fourth"):
        talk = waiting[name] = Talk(site, NUMBERS["queue"], name)
        talk.noted("Dialled")
        talk.talks(300)
    second, third, fourth = waiting.values()
    heard = {name: talk.listen(talk.placed.caller_leg) for name, talk in waiting.items()}
    second.talks(5500)
    for talk in (second, fourth):
        talk.caller_keys(KEYS, 100)
        talk.noted("PromptStarted", 2)
    second.talks(500)
    second.caller_keys("1")
    second.talks(1500)
    first.hang_up()
    second.connected()
    second.talks(700)
    assert not third.count("Connected")
    second.hang_up()
    third.connected()
    third.talks(700)
    third.hang_up()
    fourth.recorded()
    for talk in waiting.values():
        talk.is_gone(talk.placed.caller_leg)
    return Queued(first, second, third, fourth, heard)


def test_who_waits_hears_music_and_what_is_said_there_and_then_an_agent(kinds_acts: Acts) -> None:
    act = kinds_acts.of(in_the_queue)
    heard = act.heard["third"]
    assert heard.tones(QUEUE_HZ)
    assert heard.tones(SAID_HZ)
    assert heard.tones(AGENT_HZ)[0] > heard.tones(SAID_HZ)[0]


def test_what_is_heard_while_waiting_is_not_recorded(kinds_acts: Acts) -> None:
    act = kinds_acts.of(in_the_queue)
    for talk in (act.first, act.second, act.third):
        assert answered_by(talk) == "agent-400-63"
        sound = talk.sound()
        assert sound.voices(sound.ms - 500, sound.ms - 100) == BOTH
        for hz in (QUEUE_HZ, SAID_HZ, REMINDER_HZ):
            assert sound.heard_ms(0, hz) == sound.heard_ms(1, hz) == 0


def test_who_opts_out_while_waiting_and_returns_keeps_the_place(kinds_acts: Acts) -> None:
    act = kinds_acts.of(in_the_queue)
    assert act.heard["second"].times(REMINDER_HZ) == 1
    assert act.second.record["opt_out"]["returned"] == 1
    assert act.second.noted("Connected").wall_ms < act.third.noted("Connected").wall_ms


def test_who_opts_out_while_waiting_may_end_the_call(kinds_acts: Acts) -> None:
    act = kinds_acts.of(in_the_queue)
    assert act.heard["fourth"].times(GOODBYE_HZ) == 1
    record = act.fourth.record
    assert (record["ended"]["reason"], record["recording"]["state"]) == ("opted-out", "none")
    assert record["legs"] == []


class Overflowed(NamedTuple):
    talk: Talk
    waited_ms: int


def nobody_comes(site: Site) -> Overflowed:
    talk = Talk(site, NUMBERS["short"])
    talk.connected()
    talk.talks(700)
    talk.hang_up()
    return Overflowed(talk, talk.noted("Connected").mono_ms - talk.noted("Dialled").mono_ms)


def test_whom_nobody_takes_in_time_is_connected_elsewhere(kinds_acts: Acts) -> None:
    talk, waited_ms = kinds_acts.of(nobody_comes)
    assert 9_500 < waited_ms < 14_000
    assert answered_by(talk) == "agent-300-60"
    assert talk.sound().voices(0, 400) == BOTH


def leaves_the_queue(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["short"])
    talk.noted("Dialled")
    talk.talks(1000)
    talk.hang_up()
    listed = "callcenter_config queue list members nobody-there"
    until(lambda: talk.a_leg not in talk.api(listed), "the queue forgets the caller")
    return talk


def test_who_rings_off_while_waiting_is_in_no_queue_any_more(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(leaves_the_queue)
    assert talk.record["ended"]["by"] == "caller"
    assert talk.record["legs"] == []


KINDS = (
    in_the_queue,
    nobody_comes,
    leaves_the_queue,
    all_ring_together,
    one_after_the_other,
    by_turns,
)
