"""A moment that a test makes, and that people at telephones wait for."""

from __future__ import annotations

from collections.abc import Callable


class Moment:
    """Something that comes once: "paused", "half of the number is keyed"."""

    __slots__ = ("_watchers", "come", "name")

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.come = False
        """Whether it is past."""
        self._watchers: list[Callable[[], None]] = []

    def now(self) -> None:
        """It comes at this moment; a second time changes nothing."""
        self.come = True
        for watch in self._watchers:
            watch()
        self._watchers.clear()

    def watch(self, call: Callable[[], None]) -> None:
        """Call when it comes."""
        self._watchers.append(call)

    def __repr__(self) -> str:
        return f"Moment({self.name!r}, {'past' if self.come else 'to come'})"
