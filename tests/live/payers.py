"""Twenty who pay by card while they are recorded, each in another way (R6, R7).

Each keys a card number, its expiry and its security code, and half of them with the tones of
their keys in what is said, as old telephones do it: FreeSWITCH takes keys out of the audio, so
without those nothing could be heard there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import gevent

from tests.leaks.cards import keyed
from tests.live.cards import card
from tests.live.house import Site
from tests.live.page import Page
from tests.live.talk import Talk
from tests.live.wait import until
from tests.live.written import NUMBERS


@dataclass(frozen=True)
class Payer:
    """What a call is about."""

    number: int
    pays: Callable[[Payment], None]
    to: str
    aloud: bool = False
    """With the tones of the keys."""

    @property
    def card(self) -> str:
        return card(self.number)

    @property
    def keys(self) -> str:
        return keyed(self.card)


def payers() -> tuple[Payer, ...]:
    """All twenty."""
    return tuple(_payers())


def _payers() -> Iterator[Payer]:
    ways = (
        (by_telephone, NUMBERS["stays"], 4),
        (by_page, NUMBERS["stays"], 3),
        (at_the_line, NUMBERS["pays"], 3),
        (sent_to_the_line, NUMBERS["stays"], 2),
        (called_by_staff, "staff-907700900123", 3),
        (around_the_edges, NUMBERS["stays"], 3),
        (told_to_the_agent, NUMBERS["stays"], 2),
    )
    number = 0
    for pays, to, many in ways:
        for _ in range(many):
            yield Payer(number, pays, to, aloud=number % 2 == 0)
            number += 1


@dataclass(frozen=True)
class Payment:
    """A call in which somebody pays."""

    talk: Talk
    payer: Payer
    page: Page

    def keyed(self, telephone: str = "") -> None:
        """Key all of it, and in the middle of it have everybody asked what they know."""
        talk, keys = self.talk, self.payer.keys
        telephone = telephone or talk.placed.caller_leg
        if self.payer.aloud:
            talk.plays(telephone, keys)
        talk.keys(telephone, keys[:12])
        self.look()
        talk.keys(telephone, keys[12:])
        if self.payer.aloud:
            talk.talks(len(keys) * 10 + 200)  # tones come every 150 ms, keys every 140
        self.look()

    def look(self) -> None:
        """Ask FreeSWITCH and the engine for all that they have and show."""
        self.talk.look()
        for path in ("/v1/calls", f"/v1/calls/{self.talk.a_leg}", "/metrics"):
            answer = self.page.get(path)
            assert answer.status == 200, answer.text
            self.talk.said[f"GET {path} {len(self.talk.said)}"] = answer.text


def lives_through(site: Site, payer: Payer, page: Page) -> Payment:
    """The call, from beginning to end; what was said of it meanwhile is in the talk's ``said``."""
    talk = Talk(site, payer.to)
    talk.connected()
    payment = Payment(talk, payer, page)
    payer.pays(payment)
    payment.look()
    talk.hang_up()
    return payment


def by_telephone(payment: Payment) -> None:
    talk = payment.talk
    talk.talks(500)
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    payment.keyed()
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks(700)


def by_page(payment: Payment) -> None:
    talk = payment.talk
    talk.talks(500)
    for what in ("pause", "resume"):
        answer = payment.page.post(f"/v1/calls/{talk.a_leg}/recording/{what}")
        assert answer.status == 200, answer.text
        talk.said[what] = answer.text
        if what == "pause":
            payment.keyed()
    talk.talks(700)


def at_the_line(payment: Payment) -> None:
    talk = payment.talk
    line = talk.placed.far_leg
    payment.keyed()
    heard, keys = talk.site.caller.keys, payment.payer.keys
    until(lambda: heard[line] == keys, f"the keys at the line of {talk.a_leg}")


def sent_to_the_line(payment: Payment) -> None:
    talk = payment.talk
    talk.talks(500)
    talk.refers("1500")
    talk.connected(2)
    at_the_line(payment)
    talk.transferred("agent-100-40")
    talk.connected(3)
    talk.noted("PauseEnded")
    talk.talks(700)


def called_by_staff(payment: Payment) -> None:
    talk = payment.talk
    staff = talk.placed.caller_leg
    talk.talks(500)
    talk.keys(staff, "*7", 120)
    talk.noted("PauseHeld")
    payment.keyed(talk.placed.far_leg)
    talk.keys(staff, "*8", 120)
    talk.noted("PauseEnded")
    talk.talks(700)


def around_the_edges(payment: Payment) -> None:
    """The first four keys come before the mask, the last four while it is taken off; tones begin
    within the guard before it, and end within that after it."""
    talk = payment.talk
    talk.talks(500)
    early = gevent.spawn(talk.caller_keys, payment.payer.keys[:4], 60)
    talk.agent_keys("*", 60)
    talk.talks(300)
    if payment.payer.aloud:
        talk.caller_plays(payment.payer.keys[:4], 60)
    talk.agent_keys("7", 60)
    talk.noted("PauseHeld")
    early.join()
    talk.caller_keys(payment.payer.keys[4:-4])
    payment.look()
    talk.agent_keys("*", 60)
    talk.talks(300)
    talk.agent_keys("8", 60)
    if payment.payer.aloud:
        talk.caller_plays(payment.payer.keys[-1], 60)
    talk.caller_keys(payment.payer.keys[-4:], 60)
    talk.noted("PauseEnded")
    talk.talks(700)


def told_to_the_agent(payment: Payment) -> None:
    """The caller says it, and the agent types it."""
    talk = payment.talk
    talk.talks(500)
    talk.agent_keys("*7")
    talk.noted("PauseHeld")
    payment.keyed(talk.placed.far_leg)
    talk.agent_keys("*8")
    talk.noted("PauseEnded")
    talk.talks(700)
