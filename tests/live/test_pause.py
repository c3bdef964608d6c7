"""Pausing on a real FreeSWITCH: by the agent's telephone, a payment page, an engineer (R6, R7)."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

import pytest

from tests.live.acts import Acts
from tests.live.hearing import Heard
from tests.live.house import Site
from tests.live.page import Answer, Page, ask, ivr
from tests.live.talk import AGENT_HZ, CALLER_HZ, OTHER_HZ, Sound, Talk
from tests.live.wait import until
from tests.live.written import NUMBERS

pytestmark = pytest.mark.live

VOICES = (CALLER_HZ, AGENT_HZ)


def silent_between_voices(talk: Talk, pause: int = 0, voices: tuple[int, int] = VOICES) -> None:
    """All is silent from the pause's guard to its guard, and both are heard before and after."""
    told = talk.recording["pauses"][pause]
    sound = talk.sound(told["part"])
    offset_ms = talk.recording["parts"][told["part"] - 1]["offset_ms"]
    begin_ms, end_ms = told["start_ms"] - offset_ms, told["end_ms"] - offset_ms
    asked = talk.noted("PauseStarted", pause + 1)
    ended = talk.noted("PauseEnded", pause + 1)
    assert end_ms - begin_ms >= ended.mono_ms - asked.mono_ms + 2 * told["guard_ms"]
    assert sound.peak(begin_ms, end_ms) == 0
    # There is more of it: what is silent is not the file's end, nor its beginning.
    assert sound.voices(begin_ms - 500, begin_ms - 100) == voices
    assert sound.voices(end_ms, end_ms + 200) == voices
    assert told["verdict"] in ("verified", "repaired")
    assert told["leaked_peak"] == 0


class Tones(NamedTuple):
    """What was heard of a tone of 500 and one of 400 Hz, and when."""

    high: list[int]
    low: list[int]


# The agent's telephone.


class ByTelephone(NamedTuple):
    talk: Talk
    agent: Tones
    caller: Tones


def agent_pauses_marks_and_resumes(site: Site) -> ByTelephone:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    agent, caller = (talk.listen(leg) for leg in (talk.placed.far_leg, talk.placed.caller_leg))
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    talk.talks()
    talk.agent_keys("*9")
    talk.noted("Marked")
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    heard = [Tones(who.tones(500), who.tones(400)) for who in (agent, caller)]
    return ByTelephone(talk, *heard)


def test_the_agent_pauses_marks_and_resumes_by_telephone(acts: Acts) -> None:
    talk = acts.of(agent_pauses_marks_and_resumes).talk
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("agent", "agent", "masked")
    assert pause["keys_hidden"] is True
    assert talk.record["marks"][0]["mark"] == "abuse"
    assert [step for step in talk.steps if "pause" in step or "mark" in step] == [
        "pause-started agent",
        "pause-held masked",
        "marked abuse by agent",
        "pause-ending agent",
        "pause-ended",
    ]
    silent_between_voices(talk)


def test_the_agent_hears_that_it_is_paused_and_resumed_and_the_caller_does_not(acts: Acts) -> None:
    _talk, agent, caller = acts.of(agent_pauses_marks_and_resumes)
    assert len(agent.high) == len(agent.low) == 2
    assert agent.high[0] < agent.low[0], "down: paused"
    assert agent.low[1] < agent.high[1], "up: resumed"
    assert caller == Tones([], [])


KEY_MS = 120
"""So long an agent's key is pressed; the telephone sends nothing that is said meanwhile."""


class MarkedTalk(NamedTuple):
    """A call that the agent marks while both talk."""

    talk: Talk
    agent: Heard
    caller: Heard


def agent_marks_while_both_talk(site: Site) -> MarkedTalk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    agent, caller = (talk.listen(leg) for leg in (talk.placed.far_leg, talk.placed.caller_leg))
    talk.talks()
    talk.agent_keys("*9", KEY_MS)
    talk.noted("Marked")
    talk.talks()
    talk.hang_up()
    return MarkedTalk(talk, agent, caller)


def test_a_tone_for_the_agent_takes_nothing_from_what_is_said(acts: Acts) -> None:
    """The tone has 300 ms, and would take them and more if it were played in the voice's place."""
    talk, agent, caller = acts.of(agent_marks_while_both_talk)
    assert (len(agent.tones(600)), caller.tones(600)) == (1, [])
    heard_by_caller, heard_by_agent = Sound(caller.path), Sound(agent.path)
    assert heard_by_caller.longest_gap_ms(0, AGENT_HZ) < 2 * KEY_MS
    assert talk.sound().longest_gap_ms(1, AGENT_HZ) < 2 * KEY_MS
    assert heard_by_agent.longest_gap_ms(0, CALLER_HZ) < KEY_MS


# A payment page.


class OverHttp(NamedTuple):
    talk: Talk
    answers: dict[str, Answer]
    paused_at_ms: float
    """When the page had the answer to its first request."""


def page_pauses(site: Site) -> OverHttp:
    page = Page(site, "page", "recording:pause", "calls:read")
    talk = Talk(site, NUMBERS["desk"])
    call = f"/v1/calls/{talk.a_leg}"
    talk.noted("PromptStarted")
    said = {
        "too soon": page.post(f"{call}/recording/pause"),
        "no such call": page.post("/v1/calls/00000000-0000-4000-8000-000000000000/recording/pause"),
        "no such extension": page.post("/v1/extensions/agent-999-1/recording/pause"),
        "no token": ask(site, "POST", f"{call}/recording/pause"),
        "no scope": page.post(f"{call}/marks/abuse"),
    }
    talk.connected()
    talk.talks()
    said["pause"] = page.post(f"{call}/recording/pause")
    paused_at_ms = time.time() * 1000
    said["again"] = page.post(f"{call}/recording/pause")
    said["shown"] = page.get(call)
    talk.talks(600)
    said["resume"] = page.post("/v1/extensions/agent-302-60/recording/resume")
    said["resume again"] = page.post(f"{call}/recording/resume")
    talk.talks()
    talk.hang_up()
    until(lambda: page.get(call).status == 404, "the engine knows the call no more")
    said["over"] = page.post(f"{call}/recording/pause")
    return OverHttp(talk, said, paused_at_ms)


def test_a_page_pauses_and_resumes_over_http(acts: Acts) -> None:
    talk, answers, paused_at_ms = acts.of(page_pauses)
    told = {what: answer.status for what, answer in answers.items()}
    assert told == {
        "too soon": 409,
        "no such call": 404,
        "no such extension": 404,
        "no token": 401,
        "no scope": 403,
        "pause": 200,
        "again": 200,
        "shown": 200,
        "resume": 200,
        "resume again": 200,
        "over": 404,
    }
    assert answers["pause"].body["recording"] == "paused"
    assert answers["again"].body == answers["shown"].body == answers["pause"].body
    assert answers["resume"].body["recording"] == "recording"
    assert talk.noted("PauseHeld").wall_ms <= paused_at_ms
    assert talk.count("PauseStarted") == talk.count("PauseEnding") == 1
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"]) == ("page", "page")
    silent_between_voices(talk)


def two_talk_on_one_extension(site: Site) -> tuple[Talk, Talk, Answer]:
    page = Page(site, "page-2", "recording:pause")
    both = Talk(site, NUMBERS["two"]), Talk(site, NUMBERS["two"])
    for talk in both:
        talk.connected()
    answer = page.post("/v1/extensions/agent-303-60/recording/pause")
    for talk in both:
        talk.talks(400)
        talk.hang_up()
    return (*both, answer)


def test_two_calls_on_one_extension_are_named_and_none_is_paused(acts: Acts) -> None:
    one, other, answer = acts.of(two_talk_on_one_extension)
    assert answer.status == 409
    assert set(answer.body["calls"]) == {one.a_leg, other.a_leg}
    assert [talk.count("PauseStarted") for talk in (one, other)] == [0, 0]


# An engineer.


class AtATerminal(NamedTuple):
    talk: Talk
    paused: str
    resumed: str
    nobody: int


def engineer_pauses(site: Site) -> AtATerminal:
    talk = Talk(site, NUMBERS["own"])
    talk.connected()
    talk.talks()
    paused = ivr(site, "pause", "agent-301-60")
    paused_at_ms = time.time() * 1000
    assert talk.noted("PauseHeld").wall_ms <= paused_at_ms
    nobody = ivr(site, "pause", "agent-999-1")
    resumed = ivr(site, "resume", talk.a_leg)
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    assert (paused.returncode, resumed.returncode) == (0, 0), paused.stderr + resumed.stderr
    return AtATerminal(talk, paused.stdout, resumed.stdout, nobody.returncode)


def test_an_engineer_pauses_by_extension_and_resumes_by_id(acts: Acts) -> None:
    talk, paused, resumed, nobody = acts.of(engineer_pauses)
    assert "paused" in paused
    assert "paused" not in resumed
    assert nobody == 2
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"]) == ("engineer", "engineer")
    silent_between_voices(talk)


# A member of staff calls a customer.


class StaffCall(NamedTuple):
    talk: Talk
    dump: str
    """FreeSWITCH's variables of the customer's leg while paused."""


def staff_call_and_pause(site: Site) -> StaffCall:
    talk = Talk(site, "staff-907700900555")
    talk.connected()
    talk.talks()
    staff, customer = talk.placed.caller_leg, talk.placed.far_leg
    talk.keys(staff, "*7", 120)
    talk.noted("PauseHeld")
    talk.keys(customer, "4929")
    talk.keys(staff, "1234")
    dump = talk.api(f"uuid_dump {talk.placed.b_leg}")
    talk.keys(staff, "*8", 120)
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return StaffCall(talk, dump)


def test_of_a_call_that_staff_make_the_customer_is_kept_out(site: Site, acts: Acts) -> None:
    talk, dump = acts.of(staff_call_and_pause)
    assert talk.record["direction"] == "outbound"
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("agent", "agent", "masked")
    assert pause["keys_hidden"] is True
    assert "variable_sensitive_dtmf: true" in dump
    # FreeSWITCH told nobody of the keys of either: both legs are sensitive.
    assert site.caller.keys[talk.placed.b_leg] == ""
    assert set(site.caller.keys[talk.placed.a_leg]) <= set("*78")
    silent_between_voices(talk, voices=(OTHER_HZ, CALLER_HZ))


def test_it_is_recorded_from_the_connection(acts: Acts) -> None:
    talk = acts.of(staff_call_and_pause).talk
    durations = talk.record["durations"]
    assert durations["joined_ms"] - talk.recording["duration_ms"] < 300
    assert talk.sound().voices(0, 400) == (OTHER_HZ, CALLER_HZ)


# Too long.


class TooLong(NamedTuple):
    talk: Talk
    agent: Tones


def agent_forgets_to_resume(site: Site) -> TooLong:
    talk = Talk(site, NUMBERS["hurried"])
    talk.connected()
    agent = talk.listen(talk.placed.far_leg)
    talk.talks(500)
    talk.agent_keys("*7")
    talk.noted("PauseOverdue", 2)
    talk.talks(900)
    talk.hang_up()
    return TooLong(talk, Tones(agent.tones(500), agent.tones(400)))


def test_a_pause_that_is_forgotten_is_told_of_and_stays_to_the_end(site: Site, acts: Acts) -> None:
    talk, agent = acts.of(agent_forgets_to_resume)
    (pause,) = talk.recording["pauses"]
    assert pause["overdue"] == talk.count("PauseOverdue") >= 2
    assert pause["ended_by"] == ""
    sound = talk.sound()
    assert sound.peak(pause["start_ms"], sound.ms) == 0
    assert len(agent.low) == 1, "it was told once that it is paused"
    assert len(agent.high) >= 1 + 2 * 3, "and three tones each time that it still is"
    warned = [json.loads(text) for text in site.log.splitlines() if talk.a_leg in text]
    assert [one["event"] for one in warned].count("paused for too long") == pause["overdue"]
    metrics = ask(site, "GET", "/metrics").text
    (count,) = [one for one in metrics.splitlines() if one.startswith("ivr_pauses_overdue_total")]
    assert float(count.split()[1]) >= 2


ACTS = (
    agent_pauses_marks_and_resumes,
    agent_marks_while_both_talk,
    page_pauses,
    two_talk_on_one_extension,
    engineer_pauses,
    staff_call_and_pause,
    agent_forgets_to_resume,
)
