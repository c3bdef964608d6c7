"""Nothing of twenty cards is left on a real FreeSWITCH's host, whoever paused and how (R6, R7).

Everything is searched that engine and FreeSWITCH wrote or answered: the engine's log, spool and
metrics, its answers over HTTP, FreeSWITCH's log, its databases, the CDRs of every leg with all
variables, and all variables of all four legs in the middle of it. The customer's and the agent's
telephones are legs of the same FreeSWITCH here, which no host has. They are searched all the same;
but what they are sent is no leak, so their keys are crossed out (``digits_dialed_filter`` in
tests/live/freeswitch.py), and what the test's own connection is told of them stays in its memory.

That the search finds what is there is shown in tests/live/test_loud.py.
"""

from __future__ import annotations

import re
from collections import Counter

import gevent
import pytest

from tests.leaks.search import Found, digits_in, tones_in
from tests.live.acts import PATIENCE_S, Acts
from tests.live.house import Site
from tests.live.page import Page, ask
from tests.live.payers import Payment, lives_through, payers

pytestmark = pytest.mark.live

LEAST = 8
"""Digits in a row that are no accident: FreeSWITCH writes some thousand numbers made by chance."""
DIALED = re.compile(r"digits_dialed(?:>|: |\":\")([^<\n\"]*)")


def twenty_pay(site: Site) -> list[Payment]:
    page = Page(site, "payers", "recording:pause", "calls:read")
    calls = [gevent.spawn(lives_through, site, payer, page) for payer in payers()]
    return [call.get(timeout=PATIENCE_S) for call in calls]


@pytest.fixture(scope="module")
def paid(acts: Acts) -> list[Payment]:
    return acts.of(twenty_pay)


def left(site: Site, paid: list[Payment]) -> list[Found]:
    """Where anything of their cards is."""
    cards = [one.payer.card for one in paid]
    said = {
        f"{one.talk.a_leg}: {what}": text for one in paid for what, text in one.talk.said.items()
    }
    said["/metrics"] = ask(site, "GET", "/metrics").text
    found = digits_in(site.folder, *cards, least=LEAST)
    return [*found, *digits_in(said, *cards, least=LEAST)]


def test_twenty_paid_with_twenty_cards(paid: list[Payment]) -> None:
    assert len({one.payer.card for one in paid}) == len(paid) == 20
    pauses = [one.talk.recording["pauses"] for one in paid]
    assert [len(each) for each in pauses] == [1] * 20
    assert Counter(each[0]["by"] for each in pauses) == {
        "agent": 12,
        "page": 3,
        "payment-line": 5,
    }
    assert {each[0]["how"] for each in pauses} == {"masked"}
    assert {each[0]["keys_hidden"] for each in pauses} == {True}
    assert [each[0]["leaked_peak"] for each in pauses] == [0] * 20


def test_nothing_of_the_numbers_is_left(site: Site, paid: list[Payment]) -> None:
    for one in paid:  # there is something to search
        assert sum("uuid_dump" in what for what in one.talk.said) >= 8, one.payer
        a_leg = one.talk.a_leg
        assert list((site.folder / "fs" / "cdr").glob(f"*{a_leg}.cdr.xml")), one.payer
    assert left(site, paid) == []


def test_freeswitch_gathered_no_key_but_crosses(site: Site, paid: list[Payment]) -> None:
    """Of expiry and security code too, which are too short to be searched for."""
    texts = [path.read_text() for path in (site.folder / "fs" / "cdr").glob("*.xml")]
    texts += [text for one in paid for text in one.talk.said.values()]
    gathered = {keys for text in texts for keys in DIALED.findall(text)}
    assert any("digits_dialed_filter" in text for text in texts)
    assert any("XXXX" in keys for keys in gathered)
    # "none" is what CDRs say where there are none.
    assert {keys for keys in gathered if keys.strip("X")} <= {"none"}


def test_no_key_is_heard_in_what_is_kept(site: Site, paid: list[Payment]) -> None:
    aloud = [one for one in paid if one.payer.aloud]
    assert len({one.payer.pays for one in aloud}) == 7
    tones = [
        (one.payer, tone)
        for one in paid
        for part in one.talk.recording["parts"]
        for tone in tones_in(site.spool / part["path"])
    ]
    assert tones == []


def test_freeswitch_logged_no_key(site: Site) -> None:
    log = (site.folder / "fs" / "log" / "freeswitch.log").read_text()
    assert "DTMF" not in log


ACTS = (twenty_pay,)
