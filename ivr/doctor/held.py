"""Which of the calls that were left FreeSWITCH has still, and which of them it has paused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ivr.config.settings import EventSocket
from ivr.core import entries
from ivr.core.ending import channel_of
from ivr.core.entries import Stamped
from ivr.doctor.switch import Conversation, SwitchAway
from ivr.esl.translate import is_leg, remembered
from ivr.esl.wording import PAUSED_VARIABLE

Held = Literal["yes", "no", "unknown"]

_UNSET = "_undef_"


@dataclass(frozen=True, slots=True)
class Asked:
    """What FreeSWITCH answered."""

    held: Mapping[str, Held] = field(default_factory=dict)
    """By call."""
    paused: frozenset[str] = frozenset()
    """Calls whose customer's leg remembers a pause: an engine that was killed may have had no
    time to write it down."""
    core: str = ""
    """FreeSWITCH's Core-UUID."""
    away: str = ""
    """Why it could not be asked; empty where it was."""


def ask(freeswitch: EventSocket, calls: Mapping[str, tuple[Stamped, ...]]) -> Asked:
    """Ask after these calls; each comes with what the journal has of it."""
    if not calls:
        return Asked()
    try:
        talk = Conversation(freeswitch.address, freeswitch.password)
        try:
            core, *answers = talk.ask(
                [
                    "global_getvar core_uuid",
                    *(f"uuid_exists {channel_of(call, told)}" for call, told in calls.items()),
                ]
            )
            # Whatever is no clear "no", as the engine takes it.
            held: dict[str, Held] = {
                call: "no" if answer == "false" else "yes"
                for call, answer in zip(calls, answers, strict=True)
            }
            there = [call for call in calls if held[call] == "yes"]
            legs = [_customers_leg(call, calls[call]) for call in there]
            told = talk.ask([f"uuid_getvar {leg} {PAUSED_VARIABLE}" for leg in legs])
        finally:
            talk.close()
    except SwitchAway as away:
        return Asked(away=str(away))
    paused = {call for call, answer in zip(there, told, strict=True) if _says_paused(answer)}
    return Asked(held, frozenset(paused), core)


def _says_paused(answer: str) -> bool:
    set_ = answer != _UNSET and not answer.startswith("-ERR")
    return set_ and remembered(answer) is not None


def _customers_leg(call_id: str, told: Sequence[Stamped]) -> str:
    """In a call that staff make it is the first other leg, which is recorded (R10)."""
    outbound = False
    for one in told:
        match one.entry:
            case entries.Arrived(direction=direction):
                outbound = direction in ("outbound", "internal")
            case entries.Connected(other_leg=leg) if outbound and is_leg(leg):
                return leg
            case _:
                pass
    return channel_of(call_id, told)
