"""What a load is and what came of it: the words between the orchestrator and the driver."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """Calls to place, each: announcement, bridge, talk, the caller hangs up."""

    port: int
    """Where the client listens on 127.0.0.1."""
    rate: float
    """New calls a second on average."""
    calls: int
    at_once: int = 10_000
    """Sockets open at the same time, at most; a call that is due waits for its turn."""
    prompt_ms: int = 2000
    """How long every prompt plays; the client is told that it heard the whole file."""
    ring_ms: int = 100
    talk_ms: int = 2000
    """From CHANNEL_BRIDGE to the caller's hangup."""
    audio_ms: int = 500
    """Length of the WAV file that ``uuid_record start`` writes (8 kHz, stereo, 16 bit)."""
    dialled: str = "01427676676"
    arrivals: str = "poisson"
    """``poisson`` (calls come at random, as callers do) or ``even``."""
    seed: int = 1
    """Same seed, same moments of arrival: contenders get the same load."""
    stay: int = 0
    """The first so many calls, which come at ``stay_rate``, talk until the last key is done with.
    """
    stay_rate: float = 100.0
    keys: int = 0
    """Pauses that agents of the calls that stay key, and resume; then no more calls come."""
    keys_rate: float = 20.0
    """Pauses a second on average, at random moments."""
    paused_ms: int = 1000
    """From the confirmation of the mask to the agent's keying the other code, on average."""
    patience_s: float = 30.0
    """After the last call should be over, how long until the rest counts as stuck."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of one measure, in milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    longest: float

    @staticmethod
    def of(samples: Sequence[float]) -> Spread:
        """By nearest rank; all zero where nothing was measured."""
        if not samples:
            return Spread(0, 0.0, 0.0, 0.0, 0.0)
        ordered = sorted(samples)

        def rank(share: float) -> float:
            return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)

        return Spread(len(ordered), rank(0.5), rank(0.9), rank(0.99), round(ordered[-1], 3))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is."""

    seconds: float
    started: int
    open: int
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the driver saw of a load."""

    started: int
    completed: int
    """Announced, recorded, bridged, hung up by the caller, closed in order."""
    failed: int
    reasons: dict[str, int]
    """Why calls failed, and how many."""
    masked: int
    """Calls whose recording was masked at least once."""
    seconds: float
    rate: float
    """Calls a second that were really begun."""
    peak_open: int
    bytes_sent: int
    events_sent: int
    connecting: Spread
    """connect() to established; a full backlog shows here as 1,000 ms."""
    first_byte: Spread
    """Established to the client's first byte."""
    next_command: Spread
    """Sending the announcement's CHANNEL_EXECUTE_COMPLETE to the client's next bytes."""
    masked_after: Spread
    """FreeSWITCH's noticing an agent's code to its having confirmed the mask."""
    mask_reacted: Spread
    """Of that the client's part: from being sent CHANNEL_APPLICATION to the command's arrival."""
    unmasked_after: Spread
    """An agent's other code to FreeSWITCH's having confirmed the unmask."""
    lateness: Spread
    """The driver's own: a timer's due moment to its being served."""
    driver_busy: float
    """Share of one core that the driver used."""
