"""The engine is killed while a call is of a special kind: what FreeSWITCH does then by itself keeps
the exempt extension, and whoever opts out, from being recorded (R4, R8, R10, R22)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.acts import Stories
from tests.live.confidant import (
    EDGE_MS,
    ITS_NUMBERS,
    caller_alone_ms,
    found,
    heard_in_files,
    is_with_exempt,
)
from tests.live.hearing import Heard
from tests.live.house import Site, opened
from tests.live.kinds import EXEMPT, EXEMPT_HZ, HEARD, HELP, MUSIC_HZ, NUMBERS, TOLD
from tests.live.talk import AGENT_HZ, CALLER_HZ, OTHER_HZ, Talk
from tests.live.test_called_people import connected_after_ms
from tests.live.test_opting_out_connected import KEYS, REMINDER_HZ
from tests.live.wait import until
from tests.live.written import Plan

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
CAME = ("sent on to it", "handed over to it", "picked up by it")


class Killed(NamedTuple):
    site: Site
    talks: dict[str, Talk]
    heard: dict[str, Heard]
    help_ms: int
    """How long a call for help took without an engine."""
    left: list[str]
    """Where the exempt extension's numbers are."""
    exempt: dict[str, int]
    """In which files its telephone is heard."""


def killed_in_every_kind(folder: Path) -> Killed:
    with opened(folder, Plan(kinds=True, ring="2s", dead_man="5s")) as site:
        return _live(site)


def _live(site: Site) -> Killed:
    to = {**dict.fromkeys((*CAME, "sent on", "opts out"), NUMBERS["stays"])}
    talks = {name: Talk(site, number, name) for name, number in to.items()}
    for talk in talks.values():
        talk.connected()
    opts_out, told = talks["opts out"], Talk(site, f"{TOLD}06110900821", "told", desk=True)
    talks["told"] = told
    telephones = {
        "opts out": opts_out.placed.caller_leg,
        "its agent": opts_out.placed.far_leg,
    }
    heard = {name: opts_out.listen(leg) for name, leg in telephones.items()}
    opts_out.talks(900)
    opts_out.caller_keys(KEYS, 100)
    told.noted("PromptStarted")
    opts_out.noted("PromptStarted", 2)
    heard["told"] = told.listen(told.placed.far_leg)
    agents = {name: talk.placed.b_leg for name, talk in talks.items()}
    site.engine.kill()
    help_ms = _without_an_engine(site, talks, agents, heard)
    site.engine.start()
    site.engine.started()
    for name in CAME:
        talks[name].recorded()
        talks[name].hang_up_unseen()
    sent_on = talks["sent on"]
    sent_on.connected(2)
    sent_on.talks(900)
    for name in ("sent on", "opts out", "told"):
        talks[name].hang_up()
        talks[name].is_gone(talks[name].placed.caller_leg)
    opts_out.is_gone(telephones["its agent"])
    told.is_gone(told.placed.far_leg)
    left, exempt = found(site, *ITS_NUMBERS), heard_in_files(site, EXEMPT_HZ)
    return Killed(site, talks, heard, help_ms, left, exempt)


def _without_an_engine(
    site: Site, talks: dict[str, Talk], agents: dict[str, str], heard: dict[str, Heard]
) -> int:
    """What people do meanwhile."""
    talks["sent on to it"].refers(EXEMPT)
    talks["handed over to it"].handed_over_to(EXEMPT, desk=True)
    talks["picked up by it"].picked_up_by(EXEMPT, "exempt-voice", desk=True)
    talks["sent on"].refers("agent-100-40")
    for_help = Talk(site, HELP, desk=True)
    for_help.reached()
    help_ms = connected_after_ms(for_help)
    for_help.hang_up_unseen()
    for name in CAME:
        is_with_exempt(talks[name], agents[name])
        if name != "picked up by it":
            heard[name] = talks[name].listen(talks[name].placed.far_leg)
    until(lambda: talks["sent on"].placed.b_leg != agents["sent on"], "it is sent on")
    opts_out, told = talks["opts out"], talks["told"]

    def joined(talk: Talk) -> bool:
        return len(talk.api(f"uuid_getvar {talk.a_leg} bridge_to").strip()) == 36

    until(lambda: joined(opts_out), "the two are joined again")
    until(lambda: joined(told), "the two are connected")
    opts_out.talks(1200)
    return help_ms


@pytest.fixture(scope="module")
def killed(stories: Stories) -> Killed:
    return stories.of(killed_in_every_kind)


@pytest.mark.parametrize("name", CAME)
def test_what_comes_to_the_exempt_extension_is_not_recorded(killed: Killed, name: str) -> None:
    talk = killed.talks[name]
    assert talk.record["ended"]["reason"] == "exempt"
    assert [leg["number"] for leg in talk.record["legs"]] == ["agent-300-60"]
    sound = talk.sound()
    assert sound.voices(0, 400) == BOTH
    assert caller_alone_ms(sound) <= EDGE_MS
    if name in killed.heard:
        assert killed.heard[name].tones(CALLER_HZ), "they heard each other"


def test_nothing_of_the_exempt_extension_is_anywhere(killed: Killed) -> None:
    assert (killed.left, killed.exempt) == ([], {})


def test_who_was_sent_on_is_recorded_again_once_an_engine_has_seen_to_whom(killed: Killed) -> None:
    talk = killed.talks["sent on"]
    sound = talk.sound()
    assert [leg["number"] for leg in talk.record["legs"]] == ["agent-300-60", "agent-100-40"]
    assert sound.voices(0, 400) == sound.voices(sound.ms - 500, sound.ms - 100) == BOTH
    assert max(sound.silences_ms()) > 500, "nobody had seen who it was"


def test_who_opts_out_is_joined_again_and_not_recorded_to_the_end(killed: Killed) -> None:
    talk, caller, agent = (
        killed.talks["opts out"],
        killed.heard["opts out"],
        killed.heard["its agent"],
    )
    assert caller.times(REMINDER_HZ) == 1
    assert caller.tones(AGENT_HZ)[-1] > caller.tones(REMINDER_HZ)[0], "joined again"
    assert agent.tones(CALLER_HZ)[-1] > agent.tones(MUSIC_HZ)[0]
    (pause,) = talk.recording["pauses"]
    sound = talk.sound()
    assert sound.voices(pause["start_ms"] - 400, pause["start_ms"] - 50) == BOTH
    assert sound.ms - pause["start_ms"] > 1000
    assert sound.peak(pause["start_ms"], sound.ms) == 0


def test_who_was_being_told_is_connected_and_not_recorded(killed: Killed) -> None:
    talk, called = killed.talks["told"], killed.heard["told"]
    assert called.times(HEARD["announcement"][0]) == 1
    assert called.tones(CALLER_HZ)
    assert talk.recording["detail"] == "who was called was not told"
    assert heard_nowhere(killed, talk)


def heard_nowhere(killed: Killed, talk: Talk) -> bool:
    return not list(killed.site.spool.rglob(f"{talk.a_leg}*.wav")) and not heard_in_files(
        killed.site, OTHER_HZ
    )


def test_a_call_for_help_needs_no_engine(killed: Killed) -> None:
    assert killed.help_ms < 500


STORIES = (killed_in_every_kind,)
