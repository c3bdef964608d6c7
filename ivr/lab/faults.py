"""Faults that tests plan: commands refused or answered late, a hung switch, a full disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gevent.event import Event

from ivr.clock import Clock
from ivr.lab.alarm import sleep_until

MASK = r"uuid_record \S+ mask "
UNMASK = r"uuid_record \S+ unmask "
STOP = r"uuid_record \S+ stop "
START = r"uuid_record \S+ start "
KEYS_HIDDEN = r"uuid_setvar(_multi)? \S+ .*sensitive_dtmf=?\s?true"
KEYS_SHOWN = r"uuid_setvar(_multi)? \S+ .*sensitive_dtmf=?\s?(false)?(;|$)"
"""Patterns of the commands that a pause is made of."""


@dataclass(slots=True)
class Fault:
    """One fault that is to come."""

    pattern: str
    """What the command, with its arguments, begins with: a regular expression."""
    times: int
    """How many commands it still befalls; -1 is without end."""
    answer: str | None
    """What the client is told instead; None is what the command answers."""
    done: bool
    """Whether the command is carried out all the same."""
    silent: bool
    """Whether the answer never comes: until :meth:`Faults.release`."""
    late_ms: int
    """How much later the command is carried out and answered."""


class Faults:
    """What goes wrong with the switch's API."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._planned: list[Fault] = []
        self._released = Event()
        self._moving = Event()
        self._moving.set()
        self._readers_read = Event()
        self._readers_read.set()
        self._waiting_for = 0
        self._full: set[str] = set()
        self.befallen: list[str] = []
        """The commands that a fault befell, in order."""

    def refuse(self, pattern: str, answer: str = "", *, times: int = 1) -> None:
        """The next command that fits is not carried out; ``answer`` is FreeSWITCH's where empty."""
        self._plan(pattern, times, answer=answer, done=False)

    def refuse_mask(self, *, times: int = 1) -> None:
        """The next ``uuid_record ... mask`` is refused (docs/freeswitch.md 15)."""
        self.refuse(MASK, "-ERR Cannot mask recording session!\n", times=times)

    def refuse_unmask(self, *, times: int = 1) -> None:
        """The next ``uuid_record ... unmask`` is refused."""
        self.refuse(UNMASK, "-ERR Cannot unmask recording session!\n", times=times)

    def refuse_stop(self, *, times: int = 1) -> None:
        """The next ``uuid_record ... stop`` is refused."""
        self.refuse(STOP, "-ERR Cannot stop record session!\n", times=times)

    def refuse_start(self, *, times: int = 1) -> None:
        """The next ``uuid_record ... start`` is refused."""
        self.refuse(START, "-ERR Cannot record session!\n", times=times)

    def pretend(self, pattern: str, answer: str = "+OK Success\n", *, times: int = 1) -> None:
        """The next command that fits is answered as if it were done, and is not (fact 23)."""
        self._plan(pattern, times, answer=answer, done=False)

    def silence(self, pattern: str = "", *, done: bool = False, times: int = 1) -> None:
        """The next command that fits is not answered; ``done`` says if it is carried out."""
        self._plan(pattern, times, answer=None, done=done, silent=True)

    def delay(self, pattern: str, ms: int, *, times: int = 1) -> None:
        """The next command that fits is carried out and answered so much later."""
        self._plan(pattern, times, answer=None, done=True, late_ms=ms)

    def clear(self) -> None:
        """Plan nothing any more."""
        self._planned.clear()

    def freeze(self) -> None:
        """The event socket hangs: nothing is read and nothing answered on any connection, new or
        old, outbound or inbound, and no event told. Calls and recordings go on."""
        self._moving.clear()

    def thaw(self) -> None:
        """It hangs no more: what came meanwhile is done and told."""
        self._moving.set()

    def wait_while_frozen(self) -> None:
        """Wait where :meth:`freeze`, or a client that does not read, holds the event socket."""
        self._moving.wait()
        self._readers_read.wait()

    def wait_for_reader(self) -> None:
        """A client lost too many events: FreeSWITCH waits until it reads or is gone, and all
        others wait with it (docs/freeswitch.md 71)."""
        self._waiting_for += 1
        self._readers_read.clear()

    def reader_gone(self) -> None:
        """It was cut off: the others are served again."""
        self._waiting_for -= 1
        if not self._waiting_for:
            self._readers_read.set()

    def fill(self, path: Path | str) -> None:
        """The disk of a file, or of all in a folder, is full from now on (docs/freeswitch.md 19).

        Recordings there do not grow and none can be started, until :meth:`free`.
        """
        self._full.add(str(path))

    def free(self, path: Path | str) -> None:
        """There is room again: what is recorded from now on is written again."""
        self._full.discard(str(path))

    def takes(self, path: str) -> bool:
        """Whether the disk of a file has room."""
        return not any(path == full or path.startswith(full + "/") for full in self._full)

    def release(self) -> None:
        """Answer the commands that :meth:`silence` held."""
        self._released.set()
        self._released = Event()

    def _plan(
        self,
        pattern: str,
        times: int,
        *,
        answer: str | None,
        done: bool,
        silent: bool = False,
        late_ms: int = 0,
    ) -> None:
        self._planned.append(Fault(pattern, times, answer, done, silent, late_ms))

    def around(self, command: str, carry_out: Callable[[], str]) -> str:
        """Carry a command out, or let the fault that fits befall it; its answer."""
        fault = next((one for one in self._planned if re.match(one.pattern, command)), None)
        if fault is None:
            return carry_out()
        fault.times -= 1
        if not fault.times:
            self._planned.remove(fault)
        self.befallen.append(command)
        if fault.late_ms:
            sleep_until(self._clock, self._clock.monotonic_ms() + fault.late_ms)
        answer = carry_out() if fault.done else "-ERR no reply\n"
        if fault.silent:
            self._released.wait()
        return answer if fault.answer is None else fault.answer or "-ERR refused\n"
