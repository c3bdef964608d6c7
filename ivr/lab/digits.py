"""``bind_digit_action``: key sequences that a telephone may use for features."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ivr.clock import Clock, Timer

if TYPE_CHECKING:
    from ivr.lab.board import Key

INTER_DIGIT_MS = 1500
"""Longer than this between two keys and the sequence is broken (docs/freeswitch.md 14c)."""


@dataclass(frozen=True, slots=True)
class DigitAction:
    """One sequence and what it does."""

    keys: str
    act: Callable[[], None]


class DigitActions:
    """The sequences of one leg; keys of a found sequence are swallowed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._actions: dict[str, DigitAction] = {}
        self._held: list[Key] = []
        self._timer: Timer | None = None

    @property
    def bound(self) -> bool:
        """Whether there is any sequence to look for."""
        return bool(self._actions)

    def bind(self, action: DigitAction) -> None:
        """Look for one more sequence."""
        self._actions[action.keys] = action

    def clear(self) -> None:
        """Look for none."""
        self._actions.clear()

    def feed(self, key: Key, let_through: Callable[[Iterable[Key]], None]) -> None:
        """Take a key; keys that turn out to be no sequence are let through.

        After a mismatch the search starts afresh with the next key, so ``**#*`` does not
        hold ``*#*`` (docs/freeswitch.md 14d).
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._held.append(key)
        typed = "".join(held.digit for held in self._held)
        if typed in self._actions:
            self._held.clear()
            self._actions[typed].act()
        elif any(keys.startswith(typed) for keys in self._actions):
            self._timer = self._clock.after(INTER_DIGIT_MS, lambda: self._release(let_through))
        else:
            self._release(let_through)

    def _release(self, let_through: Callable[[Iterable[Key]], None]) -> None:
        held, self._held = self._held, []
        let_through(held)
