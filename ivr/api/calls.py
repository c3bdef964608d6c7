"""What the HTTP interface asks of the engine: which calls there are, and pausing them (R6, R11).

The engine implements :class:`Calls`; this package knows nothing else of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

Direction = Literal["inbound", "outbound", "internal"]
RecordingNow = Literal[
    "none", "starting", "recording", "paused", "stopped", "stalled", "ended", "failed"
]
"""``none``: not begun, or not meant to be. ``starting``: asked of FreeSWITCH. ``recording``: what
is said is kept. ``paused``: it goes on and keeps silence. ``stopped``: for a pause whose mask
FreeSWITCH refused; it starts again after it. ``ended``: it is whole. ``failed``: there is none,
though there should be."""
PauseNow = Literal["off", "starting", "on", "ending"]
"""``starting`` and ``ending``: asked of FreeSWITCH, and not confirmed yet."""


class CallNow(NamedTuple):
    """One call in progress, as it is at this moment; numbers in it are whole."""

    call: str
    """Its id, which is FreeSWITCH's of the A leg."""
    direction: Direction
    """``outbound`` is a call that staff make, ``internal`` one to each other (R10)."""
    team: str
    route: str
    """Name of the route in ``dialplan/`` that claimed it."""
    phase: str
    """What it is doing, as :class:`ivr.core.state.Phase` names it, such as ``connected``."""
    arrived_at: str
    """ISO 8601 with offset, like all moments here."""
    connected_at: str
    """When customer and agent were first joined; empty if they were not."""
    caller: str
    """The customer's number, whoever called whom: a stranger's data (R23)."""
    extension: str
    """The agent's extension or number that is now connected; empty if none is."""
    recording: RecordingNow
    pause: PauseNow
    keys_hidden: bool
    """FreeSWITCH confirmed that keys of this pause stay out of what it keeps; false where there
    is no pause. Where the pause is ``on`` and this is false, keys may be kept."""
    paused_since: str
    """When the pause was asked for; empty if there is none."""
    paused_by: str
    """As in :class:`ivr.core.entries.PauseStarted`; empty if there is none."""
    overdue: bool
    """The pause lasts longer than the team allows."""
    marks: tuple[str, ...]
    """As in :class:`ivr.core.entries.Marked`, each once, in the order they were made."""


class Why(StrEnum):
    """How an attempt to change a call ended."""

    DONE = "done"
    """It is as was asked for, and FreeSWITCH confirmed it; also where it was so before."""
    NOT_CONNECTED = "not-connected"
    """Customer and agent are not joined, so there is nothing to pause, resume or mark."""
    NOT_RECORDED = "not-recorded"
    """The call is not recorded, and will not be."""
    AT_PAYMENT_LINE = "at-payment-line"
    """The call is connected to a payment line, and is paused as long as it is."""
    NOT_CONFIRMED = "not-confirmed"
    """FreeSWITCH did not confirm in time, or refused to hide keys; the outcome's call says what
    is known."""
    AWAY = "away"
    """FreeSWITCH is not there to be asked."""
    BUSY = "busy"
    """The opposite is under way and not confirmed yet."""
    ENDED = "ended"
    """The call ended meanwhile, or is not there."""


class Outcome(NamedTuple):
    """How it ended, and the call as it is then."""

    why: Why
    call: CallNow | None
    """``None`` where the call is gone."""


class Calls(Protocol):
    """The calls in progress. What waits here waits as a greenlet, at most a few seconds."""

    def calls(self) -> Iterable[CallNow]:
        """All of them, in the order they arrived. Each is looked at when its turn comes, so that
        who goes through them may let others have theirs in between; one that has ended by then
        is left out."""

    def find(self, call_id: str) -> CallNow | None:
        """The call of exactly this id."""

    def on_extension(self, number: str) -> Sequence[CallNow]:
        """The calls whose agent is at this extension or number now."""

    def pause(self, call_id: str, by: str) -> Outcome:
        """Pause the recording; returns once FreeSWITCH confirmed, or will not."""

    def resume(self, call_id: str, by: str) -> Outcome:
        """End the pause; returns once FreeSWITCH confirmed, or will not."""

    def mark_abuse(self, call_id: str, by: str) -> Outcome:
        """Mark the call as abusive; returns once the journal has it."""
