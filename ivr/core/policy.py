"""What a team decided, as the call's machine needs it: frozen, resolved, in milliseconds.

``ivr.config`` makes these from YAML; a call keeps the one it began with (R18, R20).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One audio file of a prompt."""

    path: str
    """Absolute, as FreeSWITCH opens it."""
    rate: int
    """Samples a second: 8000 or 16000."""
    length_ms: int
    sha256: str
    """Of the whole file, lower-case hex."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One spoken message in one language (R1, R18)."""

    name: str
    version: str
    language: str
    files: Mapping[int, PromptFile] = field(hash=False)
    """By sample rate; 8000 is always there."""

    def file_for(self, rate: int) -> PromptFile:
        """The file that a channel of this rate plays without resampling, else the 8 kHz one."""
        return self.files.get(rate) or self.files[8000]


@dataclass(frozen=True, slots=True)
class FeatureCodes:
    """What the agent keys on the telephone during a call (R6, R11); an empty one is none."""

    pause: str = "*7"
    resume: str = "*8"
    abuse: str = "*9"


@dataclass(frozen=True, slots=True)
class Pausing:
    """How a team pauses for payment (R6, R7)."""

    codes: FeatureCodes = FeatureCodes()
    overdue_ms: int = 600_000
    """A pause that lasts longer raises an alarm and reminds the agent, again and again."""
    guard_ms: int = 250
    """How much more than the pause is made silent in the recording, before and after it."""
    card_digits: int = 0
    """So many digits that a caller keys in a row, while connected and not paused, cause a pause
    by themselves; 0 is never."""
    on_hold: Literal["mask", "record"] = "mask"
    """What becomes of what a caller says while the agent has the call on hold (R5)."""
    lines: frozenset[str] = frozenset()
    """Numbers and extensions of payment lines: connected to one, a call is paused."""


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """All that decides how one call is treated (R9)."""

    team: str
    route: str
    """Name of the route in ``dialplan/`` that claimed the number."""
    language: str
    policy_version: str
    config_version: str
    """Short hash over all YAML and prompts in force when the call began."""

    announcement: Prompt
    reminder: Prompt
    goodbye: Prompt
    busy: Prompt
    no_answer: Prompt
    unavailable: Prompt
    """Heard when the destination cannot be reached for another reason, or may not be connected."""

    opt_out_keys: str
    """The sequence of R2, one character a key out of ``0123456789*#``."""
    return_key: str
    inter_digit_ms: int
    """The longest time between two keys of the sequence (R2)."""
    confirm_ms: int
    """How long a key is waited for after the reminder was heard (R3)."""
    reminders: int
    """How many times the reminder is repeated after a wrong key, at most; 0 ends at the first."""

    destination: str
    """Name of the destination in ``dialplan/``, as records show it."""
    dial_string: str
    """What FreeSWITCH's ``bridge`` is given."""
    ring_ms: int
    """How long each of the destination's alternatives rings before the next, or ``no_answer``."""
    longest_call_ms: int
    """The connected call's way out when nothing is heard of it any more."""
    without_recording: Literal["connect", "refuse"]
    """What becomes of a call whose recording cannot be started."""
    direction: Literal["inbound", "outbound"] = "inbound"
    """Outbound: the A leg is the agent's, who hears no announcement; the customer is the B leg,
    whose leg is recorded and whose keys are kept out (R10)."""
    payment_line: bool = False
    """The destination is a payment line: paused from before it rings (R6)."""
    pausing: Pausing = Pausing()

    @property
    def alternatives(self) -> int:
        """How many telephones, or groups of them, ring one after the other: split by ``|``."""
        return self.dial_string.count("|") + 1
