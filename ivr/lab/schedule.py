"""Things to be done later, which may be taken back: ``sched_transfer``, ``sched_hangup``."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from ivr.clock import Clock, Timer


class Schedule:
    """The tasks of a switch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: dict[int, tuple[str, Timer]] = {}
        self._numbers = itertools.count(1)

    def add(self, group: str, seconds: int, act: Callable[[], None]) -> int:
        """Do something later; the number of the task. Tasks of a group can be deleted."""
        number = next(self._numbers)

        def due() -> None:
            self._tasks.pop(number, None)
            act()

        self._tasks[number] = (group, self._clock.after(seconds * 1000, due))
        return number

    def delete(self, group: str) -> int:
        """Delete tasks by number or group; how many there were."""
        found = [
            number
            for number, (name, _) in self._tasks.items()
            if name == group or str(number) == group
        ]
        for number in found:
            self._tasks.pop(number)[1].cancel()
        return len(found)

    def clear(self) -> None:
        """Delete all tasks."""
        for _, timer in self._tasks.values():
            timer.cancel()
        self._tasks.clear()
