"""A dozen calls, each in another phase, for an engine to be taken away from (R22)."""

from __future__ import annotations

from tests.live.house import NUMBERS, Site
from tests.live.talk import Talk

TALKING = {
    "talks": "stays",
    "also talks": "stays",
    "paused": "stays",
    "held": "stays",
    "at the line": "pays",
    "staff": "staff-907700900555",
}
RINGING = {"rings": "slow", "tried": "slow-busy"}
LISTENING = {"told": "stays", "leaves": "stays", "opts out": "stays", "returns": "stays"}


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
    talks |= {name: Talk(site, NUMBERS[to], name) for name, to in LISTENING.items()}
    for name in ("opts out", "returns"):
        talks[name].noted("PromptStarted")
        talks[name].talks(300)
        talks[name].caller_keys("*#*")
    for name in ("opts out", "returns"):
        talks[name].noted("OptOutStarted")
    return talks


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
