"""What a call's journal says happened, one frozen entry a step (R1, R3, R5, R18, R22).

The call's machine makes entries, the engine stamps them, the journal keeps them and
:func:`ivr.core.record.fold` makes the record of them. Keys are never an entry (R6).
A field added later has a default, so that entries of an older engine still read.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stamp:
    """When an entry was made, on both clocks of the host."""

    wall_ms: int
    """Milliseconds since 1970-01-01T00:00Z: for dates."""
    mono_ms: int
    """Milliseconds of the monotonic clock: for durations; starts again when the host does."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call came in, or goes out, and a route claimed it."""

    number: str
    """The number that was called, as FreeSWITCH gave it."""
    caller: str
    """The caller's number, as FreeSWITCH gave it: a stranger's data (R23)."""
    caller_name: str
    direction: str
    """``inbound`` or ``outbound``."""
    team: str
    route: str
    language: str
    policy_version: str
    config_version: str
    destination: str
    """Name of the destination in ``dialplan/``."""
    switch: str = ""
    """FreeSWITCH's Core-UUID, new each time it starts: a call does not outlive it (R22)."""
    channel: str = ""
    """FreeSWITCH's id of the A leg, where the call's own id is another: it came back from the
    exempt extension, and what was recorded before has a record of its own (R8)."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """An engine took up a call that another one, or an earlier run of it, had left (R22)."""

    how: str
    """``followed``: it goes on by itself, and the inbound connection tells of it.
    ``handed-back``: FreeSWITCH's dialplan handed it over once more, to be driven."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The caller's leg was answered by the engine."""


@dataclass(frozen=True, slots=True)
class PromptStarted:
    """A prompt began to play to the caller."""

    name: str
    version: str
    language: str
    sha256: str
    """Of the audio file that plays, lower-case hex."""
    length_ms: int
    role: str = ""
    """What the prompt is for: ``announcement``, ``reminder``, ``goodbye`` and so on, as in
    :class:`ivr.core.policy.CallPolicy`; empty means that ``name`` says it."""
    play: int = 0
    """Serial of the playing within the call, which :class:`PromptEnded` repeats."""


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """A prompt is over, which need not be the one that began last."""

    name: str
    heard_ms: int
    complete: bool
    """It was heard to its end."""
    missing: bool
    """FreeSWITCH did not find its file (docs/freeswitch.md 24)."""
    play: int = 0
    """Serial of the playing."""


@dataclass(frozen=True, slots=True)
class LanguageChosen:
    """The caller chose a language by key (R9)."""

    language: str


@dataclass(frozen=True, slots=True)
class OptOutStarted:
    """The caller gave the opt-out sequence (R2)."""

    connected: bool = False
    """In mid-call: the agent waits (R4)."""


@dataclass(frozen=True, slots=True)
class OptOutReturned:
    """The caller came back to the call from the reminder (R3)."""


@dataclass(frozen=True, slots=True)
class OptOutConfirmed:
    """The caller opted out; the call ends (R3)."""

    how: str
    """``timeout``, ``wrong-keys`` or ``hangup``; ``lost`` where the call ended because the engine
    could not go on with it."""
    recorded: str = "keep"
    """What becomes of what was recorded before: ``keep`` or ``destroy`` (R4)."""


@dataclass(frozen=True, slots=True)
class ReminderRepeated:
    """A wrong key in the reminder; it is played again (R3)."""


@dataclass(frozen=True, slots=True)
class RecordingIntended:
    """A recording is about to be asked of FreeSWITCH; on disk before it is (R22)."""

    path: str
    """Absolute, as FreeSWITCH is given it."""
    format: str = "wav"
    channels: int = 2
    rate: int = 8000
    """Samples a second and channel."""


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """FreeSWITCH said RECORD_START for this path."""

    path: str


@dataclass(frozen=True, slots=True)
class RecordingStopped:
    """FreeSWITCH said RECORD_STOP for this path."""

    path: str
    cause: str
    """``Record-Completion-Cause`` (docs/freeswitch.md 19, 21)."""
    switch_ms: int
    """``record_ms``: what FreeSWITCH claims to have written; no proof (docs/freeswitch.md 19)."""


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The recording could not be started or went wrong."""

    path: str
    """Empty where no further part could be begun: what was being recorded may go on."""
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingStalled:
    """The recording's file no longer grew, though people spoke (docs/freeswitch.md 19)."""

    path: str
    into: str
    """Path of the further part that is begun in its stead; empty where there is no room."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """The destination was dialled."""

    destination: str


@dataclass(frozen=True, slots=True)
class Connected:
    """Caller and agent were joined (R5)."""

    other_leg: str
    """FreeSWITCH's id of the agent's channel."""
    number: str = ""
    """The agent's number or extension, where known."""


@dataclass(frozen=True, slots=True)
class Parted:
    """The bridge ended and the caller's leg did not: nobody hears the caller, and nothing is
    added to the recording, until the next :class:`Connected` (docs/freeswitch.md 30)."""


@dataclass(frozen=True, slots=True)
class CustomerHeld:
    """The customer's telephone put the call on hold: as long as that lasts nothing is added to
    the recording (docs/freeswitch.md 56)."""


@dataclass(frozen=True, slots=True)
class CustomerBack:
    """The customer is back from that."""


@dataclass(frozen=True, slots=True)
class NotConnected:
    """The destination did not take the call."""

    cause: str
    """FreeSWITCH's name of the cause, such as ``USER_BUSY``."""


@dataclass(frozen=True, slots=True)
class Exempted:
    """The exempt extension took part from here on: the record ends (R8)."""


@dataclass(frozen=True, slots=True)
class HungUp:
    """The call is over."""

    by: str
    """``caller``, ``agent``, ``engine`` or ``switch``; ``unknown`` where nobody saw it."""
    cause: str
    """FreeSWITCH's name of the cause, such as ``NORMAL_CLEARING``."""
    q850: int
    reason: str = ""
    """Why, in the engine's words, such as ``opted-out`` or ``no-answer``; ``switch-lost``:
    FreeSWITCH died, ``ended-unseen``: it ended while nobody listened. Then the entry's stamp is
    when that was found out."""


@dataclass(frozen=True, slots=True)
class PauseStarted:
    """A pause was asked for: from here on nothing may be kept (R6).

    A second one before :class:`PauseEnded` means that the pause goes on, or begins again before
    its end was confirmed.
    """

    by: str
    """``agent``, ``page``, ``engineer``, ``payment-line``, ``hold`` (the agent put the caller on
    hold), ``digits`` (the caller keyed what may be a card number), ``opt-out`` (the caller keyed
    the sequence, or its beginning: R4) or ``exempt`` (R8)."""
    guard_ms: int = 250
    """How much more than the pause is to be silent, before and after it (R7)."""
    back_ms: int = 0
    """How long before this entry it really began: when the first of the digits was keyed."""


@dataclass(frozen=True, slots=True)
class PauseHeld:
    """FreeSWITCH confirmed the pause."""

    how: str
    """``masked``, ``stopped`` (the mask was refused, and the recording was stopped) or
    ``unrecorded`` (there was no recording to mask)."""
    keys_hidden: bool = True
    """The caller's keys stay inside FreeSWITCH, or, at a payment line, out of what it keeps."""


@dataclass(frozen=True, slots=True)
class PauseOverdue:
    """The pause has lasted longer than it should; again each time as long."""


@dataclass(frozen=True, slots=True)
class PauseEnding:
    """The end of the pause was asked for; FreeSWITCH is told after this. What comes instead of
    :class:`PauseEnded` says that the end was not confirmed and the pause goes on."""

    by: str
    """As in :class:`PauseStarted`."""


@dataclass(frozen=True, slots=True)
class PauseEnded:
    """FreeSWITCH confirmed the end of the pause: what is said from here on may be kept."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The call was marked: held as evidence (R11), or noticed by the engine."""

    mark: str
    """``abuse``, or ``card-digits``: keyed while the call was not paused."""
    by: str
    """As in :class:`PauseStarted`."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The record is in the spool; the journal may forget the call (R22)."""


Entry = (
    Arrived
    | TakenUp
    | Answered
    | PromptStarted
    | PromptEnded
    | LanguageChosen
    | OptOutStarted
    | OptOutReturned
    | OptOutConfirmed
    | ReminderRepeated
    | RecordingIntended
    | RecordingStarted
    | RecordingStopped
    | RecordingFailed
    | RecordingStalled
    | Dialled
    | Connected
    | Parted
    | CustomerHeld
    | CustomerBack
    | NotConnected
    | Exempted
    | HungUp
    | PauseStarted
    | PauseHeld
    | PauseOverdue
    | PauseEnding
    | PauseEnded
    | Marked
    | Finished
)
"""Any entry."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """An entry and when it was made."""

    stamp: Stamp
    entry: Entry
