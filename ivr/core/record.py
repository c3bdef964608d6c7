"""The record of a call: what is kept of it besides its audio, as one frozen value.

One call, one recording, one record (R5). ``ivr.core.fold`` makes it of the journal,
``ivr.storage.encode`` makes JSON of it, and ``ivr.storage.record_schema`` publishes the
schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

SCHEMA = 1
"""Version of the record's schema; changes when a consumer would have to."""

Heard = Literal["fully", "partly", "no"]
RecordingState = Literal["kept", "none", "lost"]


class Step(NamedTuple):
    """One thing that happened."""

    what: str
    """The step's name, such as ``prompt-started``."""
    detail: str
    """What it concerned: the prompt, the destination, the cause; may be empty."""
    at: str
    """ISO 8601 with milliseconds and the zone's offset, from the host's wall clock."""
    ms: int
    """Milliseconds after the call's first entry, by the monotonic clock."""


class PlayedPrompt(NamedTuple):
    """A prompt as it was played (R1, R18)."""

    role: str
    name: str
    version: str
    language: str
    sha256: str
    length_ms: int
    heard_ms: int
    complete: bool
    missing: bool
    """FreeSWITCH did not find the file: nothing was heard."""


class OptOut(NamedTuple):
    """What the caller did about opting out (R2, R3)."""

    started: int
    """How many times the sequence was given."""
    returned: int
    confirmed: bool
    how: str
    """How it was confirmed; empty where it was not."""
    reminders_repeated: int


@dataclass(frozen=True, slots=True)
class FoundAudio:
    """What the spool found when it read the recording back."""

    path: str
    """Relative to the spool."""
    format: str
    channels: int
    rate: int
    frames: int
    size: int
    """Bytes of the file."""
    sha256: str
    """Of the whole file as it is handed over, lower-case hex."""
    repaired: bool
    """The header's lengths were wrong and have been set right (docs/freeswitch.md 20)."""


class Part(NamedTuple):
    """One audio file of the recording. There is exactly one in schema 1."""

    path: str
    offset_ms: int
    """Where it begins on the recording's time line."""
    frames: int
    size: int
    sha256: str


class Recording(NamedTuple):
    """The recording of the call, or why there is none (R5, R22)."""

    state: RecordingState
    """``kept``: it lies beside the record. ``none``: there was nothing to record.
    ``lost``: there should be one."""
    reason: str
    """Why ``none`` or ``lost``, one word; empty where kept."""
    detail: str
    """More about the reason, for a person; may be empty."""
    path: str
    format: str
    channels: int
    rate: int
    frames: int
    duration_ms: int
    """Of the audio that is there."""
    size: int
    sha256: str
    repaired: bool
    started_at: str
    """When FreeSWITCH said that it began; empty where it did not."""
    stopped_at: str
    cause: str
    """FreeSWITCH's completion cause."""
    switch_ms: int
    """What FreeSWITCH claims to have written."""
    missing_ms: int
    """What of that is not in the file, as after a full disk (docs/freeswitch.md 19)."""
    parts: tuple[Part, ...]


class Leg(NamedTuple):
    """Somebody the caller was connected to."""

    id: str
    """FreeSWITCH's id of the channel."""
    number: str
    """The number or extension that was reached."""
    at: str


class Ended(NamedTuple):
    """Who ended the call and why."""

    by: str
    """``caller``, ``agent``, ``engine``, ``switch``, or ``unknown`` after a crash."""
    cause: str
    q850: int
    """Cause of ITU-T Q.850; 0 where unknown."""
    reason: str


class Durations(NamedTuple):
    """Milliseconds by the monotonic clock."""

    total_ms: int
    to_connect_ms: int
    """From the first entry to the connection; 0 where there was none."""
    connected_ms: int


class CallRecord(NamedTuple):
    """All that is kept of one call."""

    schema: int
    call: str
    """FreeSWITCH's id of the A leg."""
    host: str
    engine: str
    """Version of the engine that wrote the record."""
    direction: str
    team: str
    route: str
    language: str
    number: str
    """The number that was called."""
    caller: str
    caller_name: str
    destination: str
    policy_version: str
    config_version: str
    arrived_at: str
    connected_at: str
    """Empty where the call was not connected."""
    ended_at: str
    durations: Durations
    announcement: Heard
    prompts: tuple[PlayedPrompt, ...]
    opt_out: OptOut
    legs: tuple[Leg, ...]
    """In the order in which they were connected."""
    recording: Recording
    ended: Ended
    steps: tuple[Step, ...]
