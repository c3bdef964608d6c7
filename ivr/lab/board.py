"""What legs share: who calls whom, keys, times, and what a leg needs of its switch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ivr.clock import Clock
from ivr.lab.event import Event

if TYPE_CHECKING:
    from ivr.lab.callcenter import Callcenter
    from ivr.lab.dialling import Dial
    from ivr.lab.leg import Leg
    from ivr.lab.listener import Listener
    from ivr.lab.session import Action

TICK_MS = 20
"""A session looks up once a packet of audio, and not between."""

Enders = Literal["caller", "destination", "switch"]
"""Whose telephone, or that it was the switch (told so or not), that ended a leg."""


class Switchboard(Protocol):
    """What a leg needs of the switch."""

    clock: Clock
    core_uuid: str
    """Which start of the switch this is."""
    variables: dict[str, str]
    """The switch's own."""
    callcenter: Callcenter
    """Its queues."""
    rooms: dict[str, list[Leg]]
    """Who is in which conference."""

    def wants(self, name: str) -> bool:
        """Whether any listener may want events of this name."""

    def fire(self, event: Event) -> None:
        """Hand an event to those who asked for it."""

    def next_sequence(self) -> int:
        """The next number of an event."""

    def log(self, level: str, text: str) -> None:
        """Write to the switch's log file."""

    def report(self, leg: Leg) -> None:
        """Write the CDR of a leg that was hung up, where CDRs are kept."""

    def remove(self, leg: Leg) -> None:
        """Forget a leg that is over."""

    def unschedule(self, group: str) -> int:
        """Delete tasks by number or group; how many there were."""

    def find(self, uuid: str) -> Leg | None:
        """The leg of this id, if there is one."""

    def legs(self) -> list[Leg]:
        """All legs that are up."""

    def call(self, caller: Leg, dial: Dial) -> Leg:
        """Make a second leg and let its telephone ring."""

    def task_for(self, number: str, dialplan: str, context: str) -> Callable[[Leg], None]:
        """What the dialplan does with a number: a task for a leg's session."""

    def schedule(self, group: str, seconds: int, act: Callable[[], None]) -> int:
        """Do something later; the number of the task. Tasks of a group can be deleted."""

    def connect(self, leg: Leg, arg: str) -> Listener | None:
        """Open the outbound socket of ``socket``'s argument; None where nobody listens."""

    def api(self, command: str, arg: str) -> str:
        """Run an API command; its answer."""

    def actions_for(self, leg: Leg, number: str, context: str) -> tuple[Action, ...] | None:
        """What the dialplan does with a number; None where it has no extension for it."""

    def room_for(self, path: str, size: int) -> int:
        """How many of so many bytes the disk takes for a file."""

    def spawn(self, function: Callable[..., object], *words: Any) -> None:
        """Have something done beside all else, as long as the switch lives."""


@dataclass(slots=True)
class Times:
    """Wall time of what happened to a leg, in microseconds; 0 is never."""

    created: int
    profile: int = 0
    """When the caller profile was made: at the beginning and at each transfer."""
    answered: int = 0
    progress: int = 0
    media: int = 0
    bridged: int = 0
    hangup: int = 0


@dataclass(frozen=True, slots=True)
class Party:
    """Who calls whom, as SIP said it."""

    number: str
    name: str
    dialled: str
    context: str = "public"
    address: str = "127.0.0.1"
    headers: Mapping[str, str] | None = None
    """Further SIP headers; they become ``sip_h_NAME`` variables."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was released."""

    digit: str
    duration: int
    """In samples at 8 kHz, as FreeSWITCH counts."""
    sensitive: bool
    source: str = "RTP"


@dataclass(slots=True)
class Heard:
    """Something that was played to a telephone: a prompt, a tone, music on hold."""

    what: str
    """The file or stream, as ``playback`` was given it."""
    at_ms: int
    """When it began, on the switch's monotonic clock."""
    ms: int | None = None
    """How long it was heard; None while it still plays."""
