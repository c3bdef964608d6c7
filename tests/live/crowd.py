"""A dozen calls, each in another phase, for an engine to be taken away from (R22)."""

from __future__ import annotations

import gevent

from tests.live.house import Site
from tests.live.talk import Talk
from tests.live.written import NUMBERS

TALKING = {
    "talks": "stays",
    "also talks": "stays",
    "paused": "stays",
    "held": "stays",
    "at the line": "pays",
    "staff": "staff-907700900555",
}
RINGING = {"rings": "slow", "tried": "slow-busy"}
LISTENING = {"told": "stays", "leaves": "stays"}


def begin(site: Site) -> dict[str, Talk]:
    """All of them, each where its name says."""
    talks = {name: Talk(site, NUMBERS.get(to, to), name) for name, to in TALKING.items()}
    for talk in talks.values():
        talk.connected()
    talks["paused"].talks(700)
    talks["paused"].agent_keys("*7")
    talks["held"].agent_holds()
    for name in ("paused", "held", "at the line"):
        talks[name].noted("PauseHeld")
    talks |= {name: Talk(site, NUMBERS[to], name) for name, to in RINGING.items()}
    for name in RINGING:
        talks[name].noted("Dialled")
    opt_out(site, talks, "opts out", "returns")
    talks |= {name: Talk(site, NUMBERS[to], name) for name, to in LISTENING.items()}
    for name in LISTENING:
        talks[name].noted("PromptStarted")
    return talks


def opt_out(site: Site, talks: dict[str, Talk], *names: str) -> None:
    """New calls of these names come, and opt out; all of them hear the reminder then."""
    new = {name: Talk(site, NUMBERS["stays"], name) for name in names}
    keying = [gevent.spawn(_opts_out, talk) for talk in new.values()]
    gevent.joinall(keying, raise_error=True)
    talks |= new


def _opts_out(talk: Talk) -> None:
    talk.noted("PromptStarted")
    talk.talks(300)
    talk.caller_keys("*#*")
    talk.noted("PromptStarted", 2)


def go_on(talks: dict[str, Talk]) -> None:
    """There is an engine again, that has those who talk: they do what they would have done."""
    talks["returns"].noted("PromptStarted", 3)
    talks["returns"].caller_keys("1")
    talks["paused"].agent_keys("*8")
    talks["held"].agent_is_back()
    for name in ("paused", "held"):
        talks[name].noted("PauseEnded")
        talks[name].talks(700)


def end(talks: dict[str, Talk]) -> None:
    """Whoever still talks hangs up, and all have records."""
    for name, talk in talks.items():
        if name not in ("leaves", "tried"):
            talk.hang_up_unseen()
    for talk in talks.values():
        talk.recorded()
