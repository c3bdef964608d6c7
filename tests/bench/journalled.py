"""What the journal holds of an ordinary call, and of one with pauses."""

from __future__ import annotations

from ivr.core.entries import (
    Answered,
    Arrived,
    Connected,
    Dialled,
    Entry,
    HungUp,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseStarted,
    PromptEnded,
    PromptStarted,
    RecordingIntended,
    RecordingStarted,
    RecordingStopped,
)

from .contender import NUMBER


def call_id(number: int) -> str:
    """A call's id; the same number gives the same."""
    return f"{number:08x}-1c77-4b8d-b81b-{number:012x}"


def agent_of(call: str) -> str:
    """The id of its agent's leg."""
    return f"a{call[1:]}"


def beginning(call: str, path: str, switch: str) -> tuple[Entry, ...]:
    """From its arrival on this FreeSWITCH until it is connected and recorded to ``path``."""
    return (
        Arrived(
            *(NUMBER, "07700900123", "Jo Bloggs", "inbound", "bench", "bench", "en"),
            *("1.0", "9f86d081884c7d65", "agent", switch),
        ),
        RecordingIntended(path),
        Answered(),
        PromptStarted("announcement", "3", "en", "5b" * 32, 21_400, "announcement", 1),
        PromptEnded("announcement", 21_400, complete=True, missing=False, play=1),
        RecordingStarted(path),
        Dialled("agent"),
        Connected(agent_of(call), "2001"),
    )


def paused(ended: bool = True) -> tuple[Entry, ...]:
    """One pause, which the agent asked for."""
    begun = (PauseStarted("agent"), PauseHeld("masked"))
    return (*begun, PauseEnding("agent"), PauseEnded()) if ended else begun


def end(path: str) -> tuple[Entry, ...]:
    """The caller hangs up."""
    return (
        RecordingStopped(path, "success-silence", 180_000),
        HungUp("caller", "NORMAL_CLEARING", 16, ""),
    )
