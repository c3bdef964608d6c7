"""With the exempt extension nothing is recorded, whoever joins it with whom (R8).

Its telephone has a pitch of its own, which is looked for in every file. What FreeSWITCH does for
this by itself is in docs/freeswitch.md 79 and following.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.live.acts import Acts
from tests.live.confidant import (
    EDGE_MS,
    ITS_NUMBERS,
    caller_alone_ms,
    exempt_calls,
    exempt_records,
    found,
    heard_in_files,
    is_with_exempt,
)
from tests.live.hearing import Heard
from tests.live.house import Site
from tests.live.kinds import (
    EXEMPT,
    EXEMPT_FROM_OUTSIDE,
    EXEMPT_HZ,
    HEARD,
    INSIDE,
    NUMBERS,
    TOLD,
    UNTOLD,
)
from tests.live.talk import AGENT_HZ, CALLER_HZ, Talk
from tests.live.wait import until

pytestmark = pytest.mark.live

BOTH = (CALLER_HZ, AGENT_HZ)


# Calls that are exempt from their beginning.


class Direct(NamedTuple):
    talk: Talk
    heard: Heard
    """What the exempt telephone heard."""


def dialled(site: Site, number: str, *, desk: bool) -> Direct:
    talk = Talk(site, number, desk=desk)
    talk.reached()
    telephone = talk.placed.far_leg
    heard = talk.listen(telephone)
    talk.talks(700)
    talk.hang_up_unseen()
    talk.is_gone(telephone)
    return Direct(talk, heard)


def dialled_from_outside(site: Site) -> Direct:
    return dialled(site, EXEMPT_FROM_OUTSIDE, desk=False)


def dialled_by_staff(site: Site) -> Direct:
    return dialled(site, EXEMPT, desk=True)


def dialled_as_a_number_from_outside(site: Site) -> Direct:
    return dialled(site, UNTOLD + EXEMPT_FROM_OUTSIDE, desk=True)


DIALLED = (dialled_from_outside, dialled_by_staff)


@pytest.mark.parametrize("act", DIALLED)
def test_of_a_call_to_it_nothing_is_kept(kinds: Site, kinds_acts: Acts, act: object) -> None:
    assert callable(act)
    talk, heard = kinds_acts.of(act)
    assert heard.tones(CALLER_HZ), "the call went well"
    assert found(kinds, talk.placed.number, talk.a_leg) == []


class Calls(NamedTuple):
    numbers: tuple[str, ...]
    heard: dict[str, Heard]
    """What the exempt telephone heard, by what it dialled."""


DIALS = {
    f"{UNTOLD}07700900801": 1200,
    f"{TOLD}07700900802": 1200,
    INSIDE: AGENT_HZ,
    NUMBERS["stays"]: AGENT_HZ,
}


def exempt_telephone_calls(site: Site) -> Calls:
    return Calls(tuple(DIALS), {number: _exempt_calls(site, number) for number in DIALS})


def _exempt_calls(site: Site, number: str) -> Heard:
    """What its telephone hears of whom it calls."""
    leg = exempt_calls(site, number)
    path = site.folder / f"exempt-{number}.wav"
    site.caller.api(f"uuid_setvar_multi {leg} RECORD_STEREO=true;RECORD_MIN_SEC=0")
    assert site.caller.api(f"uuid_record {leg} start {path}").startswith("+OK")
    until(lambda: path.exists() and path.stat().st_size > 20_000, f"{number} is heard")
    site.caller.api(f"uuid_record {leg} stop {path}")
    site.caller.api(f"uuid_kill {leg}")
    return Heard(path)


def test_of_a_call_that_its_telephone_makes_nothing_is_kept(kinds: Site, kinds_acts: Acts) -> None:
    numbers, heard = kinds_acts.of(exempt_telephone_calls)
    for number, hz in DIALS.items():
        assert heard[number].tones(hz), f"{number} answered"
        assert heard[number].tones(HEARD["announcement"][0]) == []
    assert found(kinds, *(number[1:] for number in numbers if len(number) > 11)) == []


# Recorded calls that come to it.


class Came(NamedTuple):
    talk: Talk
    heard: Heard
    """What the exempt telephone heard."""


def begun(site: Site, to: str = "stays") -> Talk:
    talk = Talk(site, NUMBERS[to])
    talk.connected()
    talk.talks(900)
    return talk


def goes_on(talk: Talk, agent: str) -> Came:
    """With the exempt extension, and nobody records it."""
    is_with_exempt(talk, agent)
    heard = talk.listen(talk.placed.far_leg)
    telephone = talk.placed.far_leg
    talk.talks(900)
    talk.hang_up()
    talk.is_gone(telephone)
    return Came(talk, heard)


def sent_on_to_it(site: Site) -> Came:
    talk = begun(site)
    agent = talk.placed.b_leg
    talk.refers(EXEMPT)
    return goes_on(talk, agent)


def handed_over_to_it(site: Site) -> Came:
    talk = begun(site)
    agent = talk.placed.b_leg
    talk.handed_over_to(EXEMPT, desk=True)
    return goes_on(talk, agent)


def picked_up_by_it(site: Site) -> Came:
    talk = begun(site)
    telephone = talk.picked_up_by(EXEMPT, "exempt-voice", desk=True)
    heard = talk.listen(telephone)
    talk.talks(900)
    talk.hang_up()
    talk.is_gone(telephone)
    return Came(talk, heard)


CAME = (sent_on_to_it, handed_over_to_it, picked_up_by_it)


@pytest.mark.parametrize("act", CAME)
def test_the_record_ends_where_it_comes_in(kinds: Site, kinds_acts: Acts, act: object) -> None:
    assert callable(act)
    talk, heard = kinds_acts.of(act)
    assert heard.tones(CALLER_HZ), "caller and exempt extension heard each other"
    ended = talk.record["ended"]
    assert (ended["by"], ended["reason"]) == ("engine", "exempt")
    assert [leg["number"] for leg in talk.record["legs"]] == ["agent-300-60"]
    sound = talk.sound()
    assert sound.voices(0, 500) == BOTH
    assert caller_alone_ms(sound) <= EDGE_MS
    assert sound.heard_ms(1, EXEMPT_HZ) == sound.heard_ms(0, EXEMPT_HZ) == 0


def picked_up_by_it_while_it_rings(site: Site) -> Came:
    talk = Talk(site, NUMBERS["slow"])
    talk.noted("Dialled")
    talk.talks(500)
    telephone = talk.picked_up_by(EXEMPT, "exempt-voice", desk=True)
    heard = talk.listen(telephone)
    is_with_exempt(talk)
    talk.talks(900)
    talk.hang_up()
    talk.is_gone(telephone)
    return Came(talk, heard)


def test_of_a_ringing_call_that_it_picks_up_nothing_is_recorded(kinds_acts: Acts) -> None:
    talk, heard = kinds_acts.of(picked_up_by_it_while_it_rings)
    assert heard.tones(CALLER_HZ)
    assert talk.record["ended"]["reason"] == "exempt"
    assert talk.record["legs"] == []
    assert talk.recording["state"] == "none" or talk.sound().peak(0, talk.sound().ms) == 0


def forwarded_to_it(site: Site) -> Talk:
    talk = Talk(site, NUMBERS["forwards"])
    talk.recorded()
    talk.ends()
    return talk


def test_a_telephone_does_not_forward_to_it_by_itself(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(forwarded_to_it)
    assert talk.record["legs"] == []
    assert talk.record["ended"]["reason"] == "unavailable"
    assert talk.recording["state"] == "none"


def in_a_meeting_with_it(site: Site) -> Talk:
    talk = begun(site)
    talk.refers("meeting-1")
    telephone = exempt_calls(site, "meeting-1")
    talk.talks(1500)
    talk.hang_up()
    site.caller.api(f"uuid_kill {telephone}")
    return talk


def test_a_meeting_is_not_recorded(kinds_acts: Acts) -> None:
    talk = kinds_acts.of(in_a_meeting_with_it)
    sound = talk.sound()
    assert caller_alone_ms(sound) <= EDGE_MS
    assert sound.ms < talk.record["durations"]["total_ms"]


class Back(NamedTuple):
    talk: Talk
    again: str
    """The id of the second record."""
    caller: Heard


def sent_on_to_it_and_back(site: Site) -> Back:
    talk = begun(site)
    agent = talk.placed.b_leg
    talk.refers(EXEMPT)
    is_with_exempt(talk, agent)
    talk.recorded()
    exempt = talk.placed.b_leg
    caller = talk.listen(talk.placed.caller_leg)
    talk.talks(600)
    talk.refers(NUMBERS["stays"])
    until(lambda: bool(site.journal.of_channel(talk.a_leg)), lambda: f"{talk} comes back")
    (again,) = site.journal.of_channel(talk.a_leg)
    until(lambda: site.journal.count(again, "Connected") == 1, f"{again} is connected")
    until(lambda: talk.placed.b_leg != exempt, f"{talk.a_leg} is with an agent")
    talk.talks(900)
    talk.hang_up_unseen()
    until(site.record(again).exists, f"a record of {again}")
    return Back(talk, again, caller)


def test_who_comes_back_from_it_is_told_again_and_recorded_anew(
    kinds: Site, kinds_acts: Acts
) -> None:
    talk, again, caller = kinds_acts.of(sent_on_to_it_and_back)
    assert talk.record["ended"]["reason"] == "exempt"
    assert caller.times(HEARD["announcement"][0]) == 1
    record = kinds.read(again)
    assert record["caller"] == talk.record["caller"]
    assert [prompt["role"] for prompt in record["prompts"]] == ["announcement"]
    assert [leg["number"] for leg in record["legs"]] == ["agent-300-60"]
    assert (record["recording"]["state"], record["ended"]["by"]) == ("kept", "caller")


# Of all of them.

KINDS = (
    *DIALLED,
    dialled_as_a_number_from_outside,
    exempt_telephone_calls,
    *CAME,
    picked_up_by_it_while_it_rings,
    forwarded_to_it,
    in_a_meeting_with_it,
    sent_on_to_it_and_back,
)


def test_nobody_hears_its_telephone_in_any_file(kinds: Site, kinds_acts: Acts) -> None:
    for act in KINDS:
        kinds_acts.of(act)
    assert heard_in_files(kinds, EXEMPT_HZ) == {}
    assert heard_in_files(kinds, CALLER_HZ) != {}


def test_its_numbers_are_nowhere(kinds: Site, kinds_acts: Acts) -> None:
    for act in KINDS:
        kinds_acts.of(act)
    assert found(kinds, *ITS_NUMBERS) == []


def test_each_exempt_call_has_a_record_that_says_nothing(kinds: Site, kinds_acts: Acts) -> None:
    for act in KINDS:
        kinds_acts.of(act)
    records = exempt_records(kinds.spool)
    # To it: one from outside, two by staff, of which one comes in from outside here, and one to
    # consult it. From it: what it dialled, two pick-ups and the meeting.
    assert len(records) == 5 + len(DIALS) + 3
    keys = {key for record in records for key in record}
    assert keys == {"schema", "call", "exempt", "day", "host", "engine"}
