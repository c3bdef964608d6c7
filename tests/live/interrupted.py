"""Calls whose engine is killed while they go on, and taken up by the next one (R6, R22)."""

from __future__ import annotations

from typing import NamedTuple

import gevent

from tests.leaks.cards import keyed
from tests.live.acts import PATIENCE_S
from tests.live.cards import card
from tests.live.house import Site
from tests.live.page import Answer, Page
from tests.live.talk import Talk
from tests.live.wait import until
from tests.live.written import NUMBERS

KILLED, STAFF, REFERRED = (card(number) for number in range(103, 106))


class Referred(NamedTuple):
    """A call that went to a payment line while there was no engine."""

    talk: Talk
    found: Answer
    """What the next engine said of it once it had taken it up."""
    reached: str
    """The keys that reached the line."""


class Interrupted:
    """Calls that go on while their engine is killed: two are paused, one of them by staff, and a
    third is sent to the payment line meanwhile."""

    def __init__(self, site: Site) -> None:
        self.killed = Talk(site, NUMBERS["stays"])
        self.staff = Talk(site, "staff-907700900555")
        self._referred = Talk(site, NUMBERS["stays"])
        self._page = Page(site, "interrupted", "calls:read")
        self._site = site

    def live_through(self, others: list[gevent.Greenlet[..., Talk]]) -> Referred:
        """``others`` are over before their engine is killed."""
        both, referred = (self.killed, self.staff), self._referred
        for talk in (*both, referred):
            talk.connected()
        gevent.joinall(others, timeout=PATIENCE_S)
        self.killed.talks()
        self.killed.agent_keys("*7")
        self.staff.keys(self.staff.placed.caller_leg, "*7", 120)
        for talk in both:
            talk.noted("PauseHeld")
        keyers = [
            gevent.spawn(_pays, self.killed, self.killed.placed.caller_leg, KILLED),
            gevent.spawn(_pays, self.staff, self.staff.placed.far_leg, STAFF),
        ]
        self.killed.talks(600)
        self._restart()
        at_line = gevent.spawn(self._leaves_the_line)
        gevent.joinall(keyers, raise_error=True)
        for talk in both:
            assert talk.count("PauseEnding") == 0
            talk.look()
        self.killed.agent_keys("*8")
        self.staff.keys(self.staff.placed.caller_leg, "*8", 120)
        for talk in both:
            talk.noted("PauseEnded")
        self.killed.talks()
        for talk in both:
            talk.hang_up()
        left: Referred = at_line.get(timeout=PATIENCE_S)
        return left

    def _restart(self) -> None:
        site, referred = self._site, self._referred
        site.engine.kill()
        agent = referred.placed.b_leg
        referred.refers("1500")
        until(lambda: referred.placed.b_leg != agent, "FreeSWITCH sends the call to the line")
        self.killed.talks(600)
        site.engine.start()
        until(lambda: site.log.count("call taken up") == 3, "the next engine takes all up")

    def _leaves_the_line(self) -> Referred:
        talk = self._referred
        talk.noted("PauseHeld")
        found = self._page.get(f"/v1/calls/{talk.a_leg}")
        line, keys = talk.placed.far_leg, keyed(REFERRED)
        talk.plays(talk.placed.caller_leg, keys[:4])
        talk.caller_keys(keys)
        heard = talk.site.caller.keys
        until(lambda: len(heard[line]) >= len(keys), "the keys are at the line")
        talk.look()
        talk.transferred("agent-100-40")
        talk.connected(3)
        talk.noted("PauseEnded")
        talk.talks()
        talk.agent_keys("*7")
        talk.noted("PauseHeld", 2)
        talk.talks(600)
        talk.agent_keys("*8")
        talk.noted("PauseEnded", 2)
        talk.talks()
        talk.hang_up()
        return Referred(talk, found, heard[line])


def _pays(talk: Talk, telephone: str, number: str) -> None:
    """For about four seconds."""
    talk.plays(telephone, keyed(number))
    talk.keys(telephone, keyed(number))
