"""A recording hears nobody of whom it is not known who it is, and loses next to nothing by that
(R5, R8)."""

from __future__ import annotations

import pytest

from tests.live.acts import Acts
from tests.live.house import Site
from tests.live.kinds import NUMBERS
from tests.live.talk import AGENT_HZ, CALLER_HZ, Sound, Talk

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)
AT_ONCE_MS = 60
"""RTP of both telephones begins within two packets of twenty milliseconds."""
LEAST_HEARD_MS = 300
"""By the machine with the least time, so soon a recording hears again after a transfer."""


def talked_to_two(site: Site, how: str) -> Talk:
    talk = Talk(site, NUMBERS["stays"])
    talk.connected()
    talk.talks(800)
    if how == "refers":
        talk.refers("agent-100-40")
    elif how == "hands over":
        talk.handed_over_to("agent-100-40")
    else:
        talk.picked_up_by("312", desk=True)
    talk.connected(2)
    talk.talks(900)
    talk.hang_up()
    return talk


def is_sent_on(site: Site) -> Talk:
    return talked_to_two(site, "refers")


def is_handed_over(site: Site) -> Talk:
    return talked_to_two(site, "hands over")


def is_picked_up(site: Site) -> Talk:
    return talked_to_two(site, "is picked up")


def lost_ms(sound: Sound) -> int:
    """For how long all is silent between two agents."""
    return sum(sound.silences_ms())


TRANSFERS = (is_sent_on, is_handed_over, is_picked_up)


@pytest.mark.parametrize("act", TRANSFERS)
def test_nothing_is_lost_at_the_beginning_of_a_call(kinds_acts: Acts, act: object) -> None:
    assert callable(act)
    sound = kinds_acts.of(act).sound()
    assert sound.begins_ms(0, CALLER_HZ) <= AT_ONCE_MS
    assert sound.begins_ms(1, AGENT_HZ) <= AT_ONCE_MS


@pytest.mark.parametrize("act", TRANSFERS)
def test_after_a_transfer_the_recording_hears_again_at_once(kinds_acts: Acts, act: object) -> None:
    assert callable(act)
    talk = kinds_acts.of(act)
    sound = talk.sound()
    assert sound.voices(sound.ms - 500, sound.ms - 100) == BOTH
    assert talk.recording["pauses"] == []
    assert lost_ms(sound) < LEAST_HEARD_MS


KINDS = TRANSFERS
