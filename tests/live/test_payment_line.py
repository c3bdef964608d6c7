"""Payment lines on a real FreeSWITCH: paused just while connected, keys get there (R6)."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.leaks.cards import keyed
from tests.live.acts import Acts
from tests.live.house import Site
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.test_pause import silent_between_voices
from tests.live.wait import until
from tests.live.written import NUMBERS

pytestmark = pytest.mark.live

KEYS = keyed("4929123412341234")


class Paid(NamedTuple):
    talk: Talk
    line: str
    """The payment line's telephone."""
    reached: str
    """The keys that reached it, as FreeSWITCH told the test, which asked."""


def keys_a_card(talk: Talk) -> Paid:
    """The caller keys a card at the payment line, until all of it has come."""
    line = talk.placed.far_leg
    talk.caller_keys(KEYS)
    until(
        lambda: len(talk.site.caller.keys[line]) >= len(KEYS), f"keys at the line of {talk.a_leg}"
    )
    talk.look()
    return Paid(talk, line, talk.site.caller.keys[line])


def calls_the_line(site: Site) -> Paid:
    talk = Talk(site, NUMBERS["pays"])
    talk.connected()
    talk.noted("PauseHeld")
    paid = keys_a_card(talk)
    talk.hang_up()
    return paid


def test_who_calls_a_payment_line_is_paused_from_the_first_moment_to_the_last(acts: Acts) -> None:
    talk, _line, reached = acts.of(calls_the_line)
    assert reached == KEYS
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"], pause["how"]) == ("payment-line", "", "masked")
    assert pause["leaked_peak"] == 0
    sound = talk.sound()
    assert sound.ms > 2000
    assert sound.peak(0, sound.ms) == 0
    assert talk.steps.index("pause-held masked") < talk.steps.index("connected 1500")


def sent_to_the_line_and_on_to_another_agent(site: Site) -> Paid:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.refers("1500")
    talk.connected(2)
    talk.noted("PauseHeld")
    paid = keys_a_card(talk)
    talk.transferred("agent-100-40")
    talk.connected(3)
    talk.noted("PauseEnded")
    talk.talks()
    talk.agent_keys("*9")
    talk.noted("Marked")
    talk.agent_keys("*7")
    talk.noted("PauseHeld", 2)
    talk.talks(600)
    talk.agent_keys("*8")
    talk.noted("PauseEnded", 2)
    talk.talks()
    talk.hang_up()
    return paid


def test_a_call_is_paused_while_it_is_with_the_line(acts: Acts) -> None:
    talk, _line, reached = acts.of(sent_to_the_line_and_on_to_another_agent)
    assert reached == KEYS
    at_line = talk.recording["pauses"][0]
    assert (at_line["by"], at_line["ended_by"]) == ("payment-line", "payment-line")
    assert [leg["number"] for leg in talk.record["legs"]] == [
        "agent-300-60",
        "1500",
        "agent-100-40",
    ]
    steps = talk.steps
    assert steps.index("connected 1500") < steps.index("pause-started payment-line")
    assert steps.index("connected agent-100-40") < steps.index("pause-ending payment-line")
    silent_between_voices(talk)


def test_the_next_agent_has_the_codes_too(acts: Acts) -> None:
    talk = acts.of(sent_to_the_line_and_on_to_another_agent).talk
    own = talk.recording["pauses"][1]
    assert (own["by"], own["ended_by"], own["how"]) == ("agent", "agent", "masked")
    assert [mark["by"] for mark in talk.record["marks"]] == ["agent"]
    silent_between_voices(talk, 1)


def paused_and_sent_to_the_line_and_back(site: Site) -> Paid:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks()
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    talk.refers("1500")
    talk.connected(2)
    paid = keys_a_card(talk)
    talk.transferred("agent-100-40")
    talk.connected(3)
    talk.talks()
    assert talk.count("PauseEnding") == 0
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks()
    talk.hang_up()
    return paid


def test_an_agents_pause_outlives_the_line_and_ends_by_the_agent(acts: Acts) -> None:
    talk, _line, reached = acts.of(paused_and_sent_to_the_line_and_back)
    assert reached == KEYS
    (pause,) = talk.recording["pauses"]
    assert (pause["by"], pause["ended_by"]) == ("agent", "agent")
    steps = talk.steps
    assert steps.index("connected agent-100-40") < steps.index("pause-ending agent")
    silent_between_voices(talk)
    assert talk.sound().voices(100, 500) == (CALLER_HZ, AGENT_HZ)


@pytest.mark.parametrize(
    "act",
    [
        calls_the_line,
        sent_to_the_line_and_on_to_another_agent,
        paused_and_sent_to_the_line_and_back,
    ],
)
def test_keys_for_the_line_stay_nowhere_in_freeswitch(acts: Acts, act: object) -> None:
    """While the call is with it: what FreeSWITCH gathers of keys is crossed out (14b)."""
    assert callable(act)
    talk = acts.of(act).talk
    dumps = "".join(talk.said.values())
    assert talk.a_leg in dumps
    assert "variable_digits_dialed_filter" in dumps
    for text in dumps.splitlines():
        if text.startswith("variable_digits_dialed:"):
            assert set(text.partition(": ")[2]) <= {"X"}, text
    assert KEYS[:6] not in dumps


ACTS = (
    calls_the_line,
    sent_to_the_line_and_on_to_another_agent,
    paused_and_sent_to_the_line_and_back,
)
