"""What a team decided, as the call's machine needs it: frozen, resolved, in milliseconds.

``ivr.config`` makes these from YAML; a call keeps the one it began with (R18, R20).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
class Spoken:
    """All that a call may say, in one language."""

    language: str
    announcement: Prompt
    reminder: Prompt
    goodbye: Prompt
    busy: Prompt
    no_answer: Prompt
    unavailable: Prompt
    closed: Prompt | None = None
    """As :attr:`CallPolicy.closed`; set where that is."""
    overflow: tuple[Prompt | None, ...] = ()
    """The prompts of :attr:`CallPolicy.overflow`, in its order."""


@dataclass(frozen=True, slots=True)
class Menu:
    """The choice of a language by a key, before anything else is said (R9)."""

    prompt: Prompt
    """Names the keys, each in its language."""
    keys: Mapping[str, Spoken] = field(hash=False)
    wait_ms: int
    """How long a key is waited for after the prompt; then the call goes on in its own language."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Callers wait in FreeSWITCH's own queue until one of its members is free (R9)."""

    name: str
    longest_ms: int
    """How long a caller waits at most."""
    every_ms: int = 30_000
    """How long it is from one telling of the caller's place to the next."""
    places: tuple[Prompt, ...] = ()
    """What a caller hears of their place: first, second and so on; the last is for all places
    beyond. Empty where callers are not told."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call is connected to."""

    name: str
    """In ``dialplan/``, as records show it."""
    dial_string: str
    """What FreeSWITCH's ``bridge`` is given; empty for a queue."""
    ring_ms: int
    """How long each of its alternatives rings before the next, or before it is no answer."""
    payment_line: bool = False
    """Paused from before it rings (R6)."""
    queue: Queue | None = None
    prompt: Prompt | None = None
    """Heard before it is dialled, where another destination was not reached before."""

    @property
    def alternatives(self) -> int:
        """How many telephones, or groups of them, ring one after the other: split by ``|``."""
        return self.dial_string.count("|") + 1


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
    direction: Literal["inbound", "outbound", "internal"] = "inbound"
    """Outbound and internal: the A leg is the agent's, who hears no announcement; who is called is
    the B leg, whose leg is recorded and whose keys are kept out (R10)."""
    payment_line: bool = False
    """The destination is a payment line: paused from before it rings (R6)."""
    pausing: Pausing = Pausing()
    exempt: frozenset[str] = frozenset()
    """Numbers of the exempt extension: with them nothing is recorded (R8)."""
    announced: bool = False
    """In a call that staff make: who is called hears the announcement before the two are
    connected (R10). Callers always do (R1)."""
    opt_out_connected: Literal["no", "keep", "destroy"] = "no"
    """Whether the opt-out sequence counts once connected, and what becomes then of what was
    recorded before (R4)."""
    music: str = "local_stream://default"
    """What an agent hears while a caller decides whether to opt out, as FreeSWITCH plays it."""
    menu: Menu | None = None
    closed: Prompt | None = None
    """The team is closed: this is heard, and the call ends (R9)."""
    queue: Queue | None = None
    """The destination is a queue."""
    overflow: tuple[Destination, ...] = ()
    """Tried one after the other where the destination is not reached (R9)."""

    @property
    def staff_call(self) -> bool:
        """Staff make the call (R10)."""
        return self.direction != "inbound"

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where the call is connected to, one tried after the other."""
        first = Destination(
            self.destination, self.dial_string, self.ring_ms, self.payment_line, self.queue
        )
        return (first, *self.overflow)

    def spoken(self, spoken: Spoken) -> CallPolicy:
        """The same in another language (R9)."""
        overflow = tuple(
            replace(one, prompt=prompt)
            for one, prompt in zip(self.overflow, spoken.overflow, strict=True)
        )
        return replace(
            self,
            language=spoken.language,
            announcement=spoken.announcement,
            reminder=spoken.reminder,
            goodbye=spoken.goodbye,
            busy=spoken.busy,
            no_answer=spoken.no_answer,
            unavailable=spoken.unavailable,
            closed=spoken.closed if self.closed else None,
            overflow=overflow,
            menu=None,
        )
