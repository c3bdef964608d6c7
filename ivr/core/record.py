"""The record of a call: what is kept of it besides its audio, as one frozen value.

One call, one recording, one record (R5). ``ivr.core.fold`` makes it of the journal,
``ivr.storage.encode`` makes JSON of it, and ``ivr.storage.record_schema`` publishes the
schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple

SCHEMA = 4
"""Version of the record's schema; changes when a consumer would have to."""

Heard = Literal["fully", "partly", "no"]
RecordingState = Literal["kept", "none", "lost", "destroyed"]
Verdict = Literal["verified", "repaired", "nothing", "unproved"]


@lru_cache(maxsize=512)
def _second(second: int, zone: tzinfo) -> tuple[str, str]:
    text = datetime.fromtimestamp(second, zone).isoformat()
    return text[:19], text[19:]


def iso(wall_ms: int, zone: tzinfo) -> str:
    """A moment as ISO 8601 with milliseconds and offset, such as
    ``2024-05-01T09:30:00.250+01:00``."""
    head, offset = _second(wall_ms // 1000, zone)
    return f"{head}.{wall_ms % 1000:03d}{offset}"


def plain(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold (R23)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


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
class Proof:
    """What was found where one pause lies in one file of the recording (R7)."""

    pause: int
    """Its place among the call's pauses."""
    part: int
    begin_ms: int
    """From here on the file is silent: the pause with its guard, in the file's time."""
    end_ms: int
    peak: int
    """The loudest sample that was there, 0 to 32767; 0 where all was silent already."""
    leaked_peak: int
    """The loudest where FreeSWITCH's mask should have held; 0 where it held."""


@dataclass(frozen=True, slots=True)
class FoundAudio:
    """What the spool found when it read one file of the recording back."""

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
    part: int = 1
    trouble: str = ""
    """Why the file is no recording."""
    proofs: tuple[Proof, ...] = ()
    """Of each pause that lies in it, as it was before it was made silent."""
    written_ms: int = 0
    """When FreeSWITCH last wrote to the file, in milliseconds since 1970 by the host's wall clock;
    0 where that is not known."""


class Part(NamedTuple):
    """One audio file of the recording. More than one where it was stopped for a pause, since
    FreeSWITCH refused to mask it, and begun again after it; or where it stopped growing, as on a
    full disk, and was begun anew in another folder."""

    path: str
    offset_ms: int
    """Where it begins on the recording's time line: time joined since the first part began, with
    the time in which nothing was recorded."""
    frames: int
    size: int
    sha256: str


class Destroyed(NamedTuple):
    """The proof that what was recorded of a caller who opted out is gone (R4)."""

    at: str
    """When it was seen to be gone, durably; before the record was there."""
    parts: int
    """How many parts of the recording there were."""
    bytes: int
    """Of all files that were removed, copies included."""


class PausedSpan(NamedTuple):
    """One pause of the call in one part of its recording (R6, R7)."""

    at: str
    """When it began; of one that digits caused, with the first of them."""
    until: str
    """When its end was confirmed; the call's end where it was never ended."""
    start_ms: int
    """From here on the recording is silent, on its time line: the pause with its guard."""
    end_ms: int
    part: int
    """The part that it lies in, from 1; 0 where there is no audio of that time."""
    by: str
    """Who paused: ``agent``, ``page``, ``engineer``, ``payment-line``, ``hold``, ``digits``,
    ``opt-out``, ``exempt``; empty where the journal lost it."""
    ended_by: str
    """Who ended it; empty where nobody did."""
    how: str
    """``masked``, ``stopped``, ``unrecorded``; empty where FreeSWITCH never confirmed it."""
    keys_hidden: bool
    """The caller's keys stayed out of what FreeSWITCH keeps."""
    overdue: int
    """How many times it was called overdue."""
    guard_ms: int
    verdict: Verdict
    """``verified``: it was silent. ``repaired``: it was not, guard included, and was made silent.
    ``nothing``: there is no audio of that time. ``unproved``: the file could not be read, and is
    set aside, or it is silent and the journal is not whole, so that there may be pauses that are
    not known; ``detail`` of the recording says which."""
    peak: int
    """The loudest sample that was found there, 0 to 32767."""
    leaked_peak: int
    """The loudest where FreeSWITCH's mask should have held; 0 where it held. Not 0 is an alarm."""


class Recording(NamedTuple):
    """The recording of the call, or why there is none (R5, R22)."""

    state: RecordingState
    """``kept``: it lies beside the record. ``none``: there was nothing to record.
    ``lost``: there should be one. ``destroyed``: the caller opted out, and it was removed."""
    reason: str
    """Why ``none``, ``lost`` or ``destroyed``, one word; empty where kept."""
    detail: str
    """More about the reason, for a person; may be empty."""
    path: str
    """Of the first part that is there, as are format, channels, rate and hash."""
    format: str
    channels: int
    rate: int
    frames: int
    """Of all parts together, as are duration, size, switch_ms and missing_ms."""
    duration_ms: int
    """Of the audio that is there."""
    size: int
    sha256: str
    repaired: bool
    """The lengths in some part's header were wrong, as after a crash, and were set right."""
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
    pauses: tuple[PausedSpan, ...]
    """In order. A pause that touches several parts is there once for each."""
    unrecorded_ms: int
    """How long caller and agent were joined within pauses during which there was no recording:
    what it rightly does not hold."""
    destroyed: Destroyed | None
    """The proof, where it was destroyed."""


class Mark(NamedTuple):
    """A mark that was put on the call (R11)."""

    mark: str
    """``abuse``, or ``card-digits``."""
    by: str
    """As in :class:`PausedSpan`."""
    at: str


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
    """Milliseconds by the monotonic clock, but for the last."""

    total_ms: int
    to_connect_ms: int
    """From the first entry to the connection; 0 where there was none."""
    connected_ms: int
    """From the connection to the end, whether the two were joined all the time or not."""
    joined_ms: int
    """How long caller and agent were joined: what a recording can hold at most."""
    wall_ms: int
    """From the first entry to the end by the wall clock. By how much it is not ``total_ms`` the
    clock was set meanwhile; below 0 where it was set back by more than the call took."""


class ExemptRecord(NamedTuple):
    """All that is kept of a call that the exempt extension took part in from its beginning: that
    there was one (R8)."""

    schema: int
    call: str
    """An id of its own, which nothing else has: not FreeSWITCH's of a channel."""
    exempt: bool
    """Always true."""
    day: str
    """``2026-11-24``, by the host's zone."""
    host: str
    engine: str
    """Version of the engine that wrote the record."""


class CallRecord(NamedTuple):
    """All that is kept of one call."""

    schema: int
    call: str
    """The call's own id. It is FreeSWITCH's of the A leg, unless the call came back from the
    exempt extension: that is a call of its own, and nothing leads from the one record to the other
    (R8)."""
    host: str
    engine: str
    """Version of the engine that wrote the record."""
    direction: str
    """``inbound``, ``outbound`` or ``internal``."""
    team: str
    route: str
    language: str
    """That the caller chose last, or else the route's (R9)."""
    number: str
    """The number that was called."""
    caller: str
    caller_name: str
    destination: str
    """That was dialled last, or else the route's: the first is not always reached (R9)."""
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
    marks: tuple[Mark, ...]
    ended: Ended
    taken_up: int
    """How many times an engine took the call up that another one, or an earlier run, had left."""
    steps: tuple[Step, ...]
