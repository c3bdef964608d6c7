"""On a FreeSWITCH and an engine of their own: what must not disturb the other calls.

This FreeSWITCH logs at INFO, as it does unless it is told otherwise. So what the tests of
tests/live/test_nothing_left.py do not find is found here, where what keeps it out is taken away.
Then an engine is killed in mid-pause, and a mask is refused (R6, R7, R22).
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

import gevent
import pytest
from gevent.event import Event

from ivr.core.state import SWITCH_MS
from tests.leaks.cards import keyed
from tests.leaks.search import digits_in, tones_in
from tests.live.acts import PATIENCE_S
from tests.live.cards import card
from tests.live.house import Site
from tests.live.interrupted import KILLED, REFERRED, STAFF, Interrupted, Referred
from tests.live.page import ivr
from tests.live.talk import AGENT_HZ, CALLER_HZ, OTHER_HZ, Talk
from tests.live.test_nothing_left import LEAST
from tests.live.test_pause import silent_between_voices
from tests.live.wait import until
from tests.live.written import NUMBERS

pytestmark = pytest.mark.live

UNPROTECTED, SHOWN, REFUSED = (card(number) for number in range(100, 103))
UNTOLD, LATE = card(106), card(107)


class Loud(NamedTuple):
    """The calls, which are over."""

    unprotected: Talk
    shown: Talk
    refused: Talk
    killed: Talk
    staff: Talk
    late: Talk
    untold: Untold
    referred: Referred


class Untold(NamedTuple):
    """Of how many keys the engine had been told on the call's own socket by then."""

    talk: Talk
    before: int
    at_line: int
    after: int
    reached: str
    """The keys that reached the line."""


def pays_unprotected(site: Site) -> Talk:
    """Nobody pauses, and what the engine told FreeSWITCH of keys is unsaid."""
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.api(f"uuid_setvar {talk.a_leg} digits_dialed_filter")
    talk.caller_plays(keyed(UNPROTECTED))
    talk.caller_keys(keyed(UNPROTECTED))
    talk.talks(600)
    talk.hang_up()
    return talk


def pays_with_keys_shown(site: Site) -> Talk:
    """Paused by the agent; but somebody makes the keys of the A leg seen again."""
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks(600)
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    talk.api(f"uuid_setvar {talk.a_leg} sensitive_dtmf false")
    talk.caller_keys(keyed(SHOWN))
    talk.hang_up()
    return talk


def pays_where_the_mask_is_refused(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    assert site.between is not None
    site.between.refused.add(talk.a_leg)
    talk.connected()
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    talk.caller_plays(keyed(REFUSED))
    talk.caller_keys(keyed(REFUSED))
    talk.talks(600)
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks()
    talk.look()
    talk.hang_up()
    return talk


def pays_while_freeswitch_does_not_answer(site: Site) -> Talk:
    """It hears of the mask when the engine has given up waiting for it, and of all else then."""
    talk = Talk(site, NUMBERS["stays"])
    assert site.between is not None
    answers = site.between.late[talk.a_leg] = Event()
    talk.connected()
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseStarted")
    talk.caller_plays(keyed(LATE)[:16])
    talk.talks(SWITCH_MS + 600)  # then it gives the mask up
    assert talk.count("PauseHeld") == 0
    answers.set()
    talk.noted("PauseHeld")
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return talk


def pays_at_the_line(site: Site) -> Untold:
    talk = Talk(site, NUMBERS["stays"])
    between = site.between
    assert between is not None
    talk.connected()
    talk.caller_keys("12")
    until(lambda: between.keys(talk.a_leg) == 2, "the engine is told of keys")
    talk.refers("1500")
    talk.connected(2)
    talk.noted("PauseHeld")
    line, keys = talk.placed.far_leg, keyed(UNTOLD)
    talk.caller_keys(keys)
    heard = site.caller.keys
    until(lambda: len(heard[line]) >= len(keys), "the keys are at the line")
    talk.talks(300)
    at_line = between.keys(talk.a_leg)
    talk.transferred("agent-100-40")
    talk.connected(3)
    talk.noted("PauseEnded")
    talk.caller_keys("345")
    until(lambda: between.keys(talk.a_leg) >= at_line + 3, "the engine is told of keys again")
    talk.hang_up()
    return Untold(talk, 2, at_line, between.keys(talk.a_leg), heard[line])


@pytest.fixture(scope="module")
def calls(loud: Site) -> Loud:
    first = [
        gevent.spawn(act, loud)
        for act in (
            pays_unprotected,
            pays_with_keys_shown,
            pays_where_the_mask_is_refused,
            pays_while_freeswitch_does_not_answer,
        )
    ]
    at_line = gevent.spawn(pays_at_the_line, loud)
    both = Interrupted(loud)
    referred = both.live_through([*first, at_line])
    unprotected, shown, refused, late = (act.get(timeout=PATIENCE_S) for act in first)
    untold = at_line.get(timeout=PATIENCE_S)
    return Loud(unprotected, shown, refused, both.killed, both.staff, late, untold, referred)


def log_of(site: Site, *legs: str) -> str:
    """What FreeSWITCH logged of these legs."""
    log = (site.folder / "fs" / "log" / "freeswitch.log").read_text()
    return "\n".join(text for text in log.splitlines() if any(leg in text for leg in legs))


def _once(keys: str) -> str:
    """Without doubles: a tone that lost a packet on its way is heard as two."""
    return re.sub(r"(.)\1+", r"\1", keys)


# The search finds what is there.


def test_without_protection_the_card_is_in_log_cdr_and_audio(loud: Site, calls: Loud) -> None:
    talk = calls.unprotected
    assert digits_in(log_of(loud, talk.a_leg), UNPROTECTED, least=LEAST)
    cdr = loud.folder / "fs" / "cdr" / f"a_{talk.a_leg}.cdr.xml"
    assert digits_in(cdr, UNPROTECTED, least=LEAST)
    heard = tones_in(loud.spool / talk.recording["path"])
    keys = "".join(tone.key for tone in heard if tone.channel == 0)
    assert _once(keys) == _once(keyed(UNPROTECTED))


def test_keys_that_are_shown_in_a_pause_are_in_the_log(loud: Site, calls: Loud) -> None:
    assert digits_in(log_of(loud, calls.shown.a_leg), SHOWN, least=LEAST)


# A mask that FreeSWITCH refuses.


def test_a_refused_mask_stops_the_recording_and_it_goes_on_after_the_pause(
    loud: Site, calls: Loud
) -> None:
    talk = calls.refused
    recording = talk.recording
    first, second = recording["parts"]
    assert (first["offset_ms"], first["path"]) == (0, f"new/{talk.a_leg}.wav")
    for part in (first, second):
        data = (loud.spool / part["path"]).read_bytes()
        assert (part["size"], part["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert {pause["how"] for pause in recording["pauses"]} == {"stopped"}
    assert "pause-held stopped" in talk.steps
    asked, ended = talk.noted("PauseStarted"), talk.noted("PauseEnded")
    gap_ms = second["offset_ms"] - first["frames"] // 8
    assert gap_ms == pytest.approx(ended.mono_ms - asked.mono_ms, abs=300)
    assert recording["unrecorded_ms"] == pytest.approx(gap_ms, abs=300)
    assert talk.sound(1).voices(100, 500) == (CALLER_HZ, AGENT_HZ)
    sound = talk.sound(2)
    assert sound.voices(sound.ms - 400, sound.ms - 100) == (CALLER_HZ, AGENT_HZ)
    assert "its mask was refused" in loud.log


def test_nothing_is_left_of_a_card_in_the_gap(loud: Site, calls: Loud) -> None:
    talk = calls.refused
    assert digits_in(log_of(loud, talk.a_leg, talk.placed.b_leg), REFUSED, least=LEAST) == []
    assert digits_in(loud.spool, REFUSED, least=LEAST) == []
    assert digits_in(talk.said, REFUSED, least=LEAST) == []
    for part in talk.recording["parts"]:
        assert tones_in(loud.spool / part["path"]) == []


# A FreeSWITCH that does not answer.


def test_what_was_recorded_before_freeswitch_answered_is_made_silent(
    loud: Site, calls: Loud
) -> None:
    talk = calls.late
    first, second = talk.recording["parts"]
    pause = talk.recording["pauses"][0]
    assert (pause["how"], pause["verdict"]) == ("stopped", "repaired")
    assert pause["peak"] > 1000, "there was something to silence"
    assert pause["end_ms"] - pause["start_ms"] >= SWITCH_MS
    assert talk.sound(1).peak(pause["start_ms"], pause["end_ms"]) == 0
    for part in (first, second):
        assert tones_in(loud.spool / part["path"]) == []
    assert talk.sound(1).voices(100, 500) == (CALLER_HZ, AGENT_HZ)
    sound = talk.sound(2)
    assert sound.voices(sound.ms - 400, sound.ms - 100) == (CALLER_HZ, AGENT_HZ)


# An engine that dies in mid-pause.


@pytest.mark.parametrize("which", ["killed", "staff"])
def test_a_pause_outlives_its_engine_and_ends_by_the_agent(
    loud: Site, calls: Loud, which: str
) -> None:
    talk: Talk = getattr(calls, which)
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("agent", "agent", "masked")
    assert pause["leaked_peak"] == 0
    assert len(talk.recording["parts"]) == 1
    assert pause["end_ms"] - pause["start_ms"] > 3000
    assert talk.sound().peak(pause["start_ms"], pause["end_ms"]) == 0


def test_both_are_heard_before_and_after(calls: Loud) -> None:
    silent_between_voices(calls.killed)


@pytest.mark.parametrize(("which", "number"), [("killed", KILLED), ("staff", STAFF)])
def test_nothing_is_left_of_what_was_keyed_without_an_engine(
    loud: Site, calls: Loud, which: str, number: str
) -> None:
    talk: Talk = getattr(calls, which)
    legs = (talk.placed.a_leg, talk.placed.b_leg)
    assert re.search("DTMF", log_of(loud, calls.unprotected.a_leg)), "at this level keys are logged"
    assert digits_in(log_of(loud, *legs), number, least=LEAST) == []
    assert "RECV DTMF" not in log_of(loud, talk.placed.b_leg)
    assert digits_in(loud.spool, number, least=LEAST) == []
    assert digits_in(loud.log, number, least=LEAST) == []
    for leg in legs:
        (cdr,) = (loud.folder / "fs" / "cdr").glob(f"*{leg}.cdr.xml")
        assert digits_in(cdr, number, least=LEAST) == []
    assert digits_in(talk.said, number, least=LEAST) == []
    assert tones_in(loud.spool / talk.recording["path"]) == []


# A call that goes to a payment line while there is no engine.


def test_a_call_at_the_line_is_paused_by_the_engine_that_takes_it_up(calls: Loud) -> None:
    talk, found, reached = calls.referred
    assert reached == keyed(REFERRED)
    shown = found.body
    assert (shown["recording"], shown["paused_by"]) == ("paused", "payment-line")
    assert shown["extension"] == "", "a payment line is no agent"
    pause = talk.recording["pauses"][0]
    assert (pause["by"], pause["ended_by"]) == ("payment-line", "payment-line")
    assert (pause["how"], pause["leaked_peak"], pause["keys_hidden"]) == ("masked", 0, True)
    sound, begin_ms, end_ms = talk.sound(), pause["start_ms"], pause["end_ms"]
    assert sound.peak(begin_ms, end_ms) == 0
    # Nobody paused while there was no engine; what the line heard then is made silent afterwards.
    assert sound.heard_ms(1, OTHER_HZ) == 0
    assert sound.voices(begin_ms - 400, begin_ms - 100) == (CALLER_HZ, AGENT_HZ)
    assert sound.voices(end_ms, end_ms + 200) == (CALLER_HZ, AGENT_HZ)


def test_the_agent_it_comes_back_to_has_the_codes(calls: Loud) -> None:
    talk = calls.referred.talk
    own = talk.recording["pauses"][1]
    assert (own["by"], own["ended_by"], own["how"]) == ("agent", "agent", "masked")
    assert talk.record["legs"][-1]["number"] == "agent-100-40"
    silent_between_voices(talk, 1)


def test_nothing_is_left_of_the_card_that_it_paid_with(loud: Site, calls: Loud) -> None:
    talk = calls.referred.talk
    assert digits_in(loud.spool, REFERRED, least=LEAST) == []
    assert digits_in(loud.log, REFERRED, least=LEAST) == []
    assert digits_in(talk.said, REFERRED, least=LEAST) == []
    assert tones_in(loud.spool / talk.recording["path"]) == []


# What the engine is told of.


def test_the_engine_is_told_of_no_key_at_a_payment_line(calls: Loud) -> None:
    """Before and after it is told of those that are not hidden from it."""
    talk, before, at_line, after, reached = calls.untold
    assert reached == keyed(UNTOLD)
    assert (before, at_line, after) == (2, 2, 5)
    assert [pause["ended_by"] for pause in talk.recording["pauses"]] == ["payment-line"]


# All of it can be handed over.


def test_the_spool_is_whole(loud: Site, calls: Loud) -> None:
    looked = ivr(loud, "spool", "verify")
    assert looked.returncode == 0, looked.stdout + looked.stderr


def test_recordings_with_pauses_can_be_verified_by_hand(loud: Site, calls: Loud) -> None:
    for talk in (calls.refused, calls.late, calls.killed, calls.staff):
        looked = ivr(loud, "recording", "verify", talk.a_leg)
        assert looked.returncode == 0, looked.stdout + looked.stderr
