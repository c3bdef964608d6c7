"""What can happen to a call, as its machine hears of it.

``at`` is the monotonic clock in milliseconds. Every event can come in every phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ivr.core.policy import Prompt


class Party(StrEnum):
    """Who did something."""

    CALLER = "caller"
    AGENT = "agent"
    ENGINE = "engine"
    SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Arrived:
    """FreeSWITCH handed a call over."""

    at: int
    caller: str
    caller_name: str
    number: str
    recording: str
    """Path that FreeSWITCH would be given to record to; made by the engine alone (R23)."""
    room: bool = True
    """There is room for a recording (R22)."""
    elsewhere: str = ""
    """Another folder with room, should FreeSWITCH refuse to record there; empty where none is."""
    switch: str = ""
    """FreeSWITCH's Core-UUID."""
    channel: str = ""
    """As in :class:`ivr.core.entries.Arrived`."""
    engine: str = ""
    """Which engine this is."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The A leg is answered and carries audio."""

    at: int
    rate: int
    """Samples a second that the channel reads."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller let go of a key (docs/freeswitch.md 12)."""

    at: int
    key: str
    held_ms: int = 0
    """How long it was held, as FreeSWITCH tells."""


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """A prompt is over: heard to the end, cut short, or never begun."""

    at: int
    play: int
    """Serial of the playing, as :class:`~ivr.core.commands.PlayPrompt` gave it."""
    prompt: Prompt
    heard_ms: int
    missing: bool = False
    """FreeSWITCH could not open the file or refused to play."""
    hung_up: bool = False
    """The A leg is gone already; :class:`HungUp` follows."""


@dataclass(frozen=True, slots=True)
class Journalled:
    """All journal entries up to a ``SyncJournal`` are on disk: each is answered once, in order."""

    at: int


@dataclass(frozen=True, slots=True)
class JournalFailed:
    """The disk refused the journal: the other answer to ``SyncJournal``."""

    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """RECORD_START for the part that is asked for now."""

    at: int


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """FreeSWITCH answered ``-ERR`` to the start."""

    at: int
    reason: str
    path: str


NOT_RECORDED = "not-recorded"
"""Cause of the end of what was not being recorded: FreeSWITCH refused to stop it."""


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """RECORD_STOP for a part of this call's recording."""

    at: int
    cause: str
    """FreeSWITCH's ``Record-Completion-Cause``, or :data:`NOT_RECORDED`."""
    switch_ms: int
    """FreeSWITCH's ``record_ms``: may count what was never written (docs/freeswitch.md 19)."""
    path: str


@dataclass(frozen=True, slots=True)
class Bridged:
    """The A leg and another leg hear each other."""

    at: int
    other_leg: str
    number: str = ""
    """The number or extension of the other leg, as FreeSWITCH gives it."""
    ago_ms: int = 0
    """How long they have done so already, where that is found out later (R6)."""
    took: bool = False
    """The other leg was not called: it took the call that rang elsewhere."""


@dataclass(frozen=True, slots=True)
class StillJoined:
    """The A leg hears the leg that it was last known to hear: so it was found out (R8, R22)."""

    at: int


@dataclass(frozen=True, slots=True)
class Exempt:
    """The exempt extension takes part in the call, or is about to (R8)."""

    at: int


@dataclass(frozen=True, slots=True)
class CustomerAnswered:
    """Who is called has answered and is not connected yet: the announcement comes first (R10)."""

    at: int
    leg: str
    rate: int
    """Samples a second that the channel reads."""


@dataclass(frozen=True, slots=True)
class OtherLeft:
    """The leg that the A leg was parted from, or is connected to, is gone (R4)."""

    at: int
    leg: str


@dataclass(frozen=True, slots=True)
class JoinFailed:
    """FreeSWITCH could not join the two again (R4)."""

    at: int


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """How many callers, this one too, the queue answers before the next one (R9)."""

    at: int
    place: int
    """From 1."""


@dataclass(frozen=True, slots=True)
class BridgeEnded:
    """``bridge``, or the queue, came back: not connected, parted, or the leg was transferred."""

    at: int
    cause: str
    """Hangup cause of the other leg, as FreeSWITCH names it."""
    transferred: bool = False
    """The A leg goes on elsewhere (docs/freeswitch.md 23a)."""
    hung_up: bool = False
    """The A leg is gone already; :class:`HungUp` follows."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer ran out."""

    at: int
    timer: int
    """Serial, as :class:`~ivr.core.commands.StartTimer` gave it; an older one is void."""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The call's own socket is gone; the call itself may go on (docs/freeswitch.md 10)."""

    at: int


@dataclass(frozen=True, slots=True)
class HungUp:
    """The A leg has ended."""

    at: int
    by: Party
    cause: str
    q850: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """FreeSWITCH has the call no more, and nobody saw it end (R22)."""

    at: int
    switch_lost: bool
    """FreeSWITCH itself had died."""


@dataclass(frozen=True, slots=True)
class Unbridged:
    """The A leg hears nobody any more, as told of a call whose own socket is gone."""

    at: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """The recording's file has not grown for a while, or is not there (docs/freeswitch.md 19)."""

    at: int
    folder: str
    """Where a further part can be recorded; empty where nowhere is room."""


@dataclass(frozen=True, slots=True)
class GrowsAgain:
    """A recording that stalled grows by itself, as where space came back
    (docs/freeswitch.md 63)."""

    at: int


@dataclass(frozen=True, slots=True)
class Held:
    """The agent's telephone put the call on hold (docs/freeswitch.md 23c)."""

    at: int


@dataclass(frozen=True, slots=True)
class Unheld:
    """The agent is back from hold."""

    at: int


@dataclass(frozen=True, slots=True)
class Consults:
    """The agent's telephone calls, or is called by, the exempt extension besides (R8)."""

    at: int


@dataclass(frozen=True, slots=True)
class ConsultOver:
    """That is over; whether the call is still on hold is told next."""

    at: int


@dataclass(frozen=True, slots=True)
class CustomerHeld:
    """The customer's telephone put the call on hold: the recording stands still
    (docs/freeswitch.md 56)."""

    at: int


@dataclass(frozen=True, slots=True)
class CustomerBack:
    """The customer is back from that."""

    at: int


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """Somebody asks that nothing be kept from here on (R6). Never a caller's keys."""

    at: int
    by: str
    """``agent``, ``page`` or ``engineer``."""


@dataclass(frozen=True, slots=True)
class WasPaused:
    """FreeSWITCH remembers that an engine paused the call, of which its journal may not know."""

    at: int
    by: str
    since: int
    """By the monotonic clock; 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """Somebody who may says that the pause is over."""

    at: int
    by: str


@dataclass(frozen=True, slots=True)
class AbuseMarked:
    """The call is marked as abusive (R11)."""

    at: int
    by: str


@dataclass(frozen=True, slots=True)
class KeysHidden:
    """FreeSWITCH's answer to ``HideKeys``."""

    at: int
    ok: bool


@dataclass(frozen=True, slots=True)
class KeysShown:
    """FreeSWITCH's answer to ``ShowKeys``."""

    at: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Masked:
    """FreeSWITCH's answer to ``Mask``."""

    at: int
    ok: bool
    path: str


@dataclass(frozen=True, slots=True)
class Unmasked:
    """FreeSWITCH's answer to ``Unmask``."""

    at: int
    ok: bool
    path: str


@dataclass(frozen=True, slots=True)
class PauseTimerFired:
    """The pause's own timer ran out."""

    at: int
    timer: int


Event = (
    Arrived
    | Answered
    | KeyPressed
    | PromptEnded
    | Journalled
    | JournalFailed
    | RecordingStarted
    | RecordingFailed
    | RecordingStopped
    | Bridged
    | StillJoined
    | Exempt
    | CustomerAnswered
    | OtherLeft
    | JoinFailed
    | QueuePlace
    | BridgeEnded
    | TimerFired
    | LinkLost
    | HungUp
    | Vanished
    | Unbridged
    | Stalled
    | GrowsAgain
    | Held
    | Unheld
    | Consults
    | ConsultOver
    | CustomerHeld
    | CustomerBack
    | PauseAsked
    | WasPaused
    | ResumeAsked
    | AbuseMarked
    | KeysHidden
    | KeysShown
    | Masked
    | Unmasked
    | PauseTimerFired
)
