"""The switch's API commands by name, and what they need of the switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ivr.clock import Clock
from ivr.lab.leg import Leg

if TYPE_CHECKING:
    from ivr.lab.callcenter import Callcenter

NO_CHANNEL = "-ERR No such channel!\n"
OK = "+OK\n"


class Exchange(Protocol):
    """What the commands need of the switch."""

    clock: Clock
    variables: dict[str, str]
    callcenter: Callcenter

    def find(self, uuid: str) -> Leg | None:
        """The leg of this id, if there is one."""

    def legs(self) -> list[Leg]:
        """All legs that are up."""

    def schedule(self, group: str, seconds: int, act: Callable[[], None]) -> int:
        """Do something later; the number of the task."""

    def unschedule(self, group: str) -> int:
        """Delete tasks by number or group; how many there were."""

    def originate(self, text: str) -> str:
        """Call somebody; the answer of ``originate``."""

    def api(self, command: str, arg: str) -> str:
        """Run an API command; its answer."""

    def spawn(self, function: Callable[..., object], *words: Any) -> None:
        """Have something done beside all else, as long as the switch lives."""

    def fire_named(self, name: str, headers: list[tuple[str, str]], body: str | None) -> None:
        """Fire an event that belongs to no leg."""


Command = Callable[[Exchange, str], str]

COMMANDS: dict[str, Command] = {}
"""By name; filled by the modules that define them."""


def command(name: str) -> Callable[[Command], Command]:
    """Register a command under a name."""

    def register(function: Command) -> Command:
        COMMANDS[name] = function
        return function

    return register


def run(exchange: Exchange, name: str, arg: str) -> str:
    """Run a command; an unknown one gets FreeSWITCH's text."""
    found = COMMANDS.get(name.lower())
    if found is None:
        return f"-ERR {name} Command not found!\n"
    return found(exchange, arg.strip())
