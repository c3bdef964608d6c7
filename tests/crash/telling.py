"""Tell a story while engines die in it, and balance the books (R22)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash.killing import Death, Life, Step
from tests.crash.place import Place

AWAY_MS = (0, 60, 1_700)
"""How long there is no engine: none, a moment, or longer than a prompt."""
LONGEST_MS = 90_000
"""What a story may last."""
REST_MS = (15_000, 130_000)
"""What refused records and RECORD_STOPs that do not come take, and then the journal."""

Story = Callable[[Place], None]


@dataclass(frozen=True, slots=True)
class Told:
    """A story that is over."""

    lives: tuple[Life, ...]
    wrong: tuple[str, ...]
    """In what the books do not balance."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """What the engine did that was started last."""
        return tuple(self.lives[-1].steps)


def told(folder: Path, story: Story, deaths: Sequence[Death] = ()) -> Told:
    """The story, with an engine that dies each of these deaths, one after the other."""
    place = Place(folder)
    left = list(deaths)
    try:
        place.start(left.pop(0) if left else None)
        place.clock.settle()
        story(place)
        _turn(place, left, lambda: place.callers.all_over, LONGEST_MS)
        for ms in REST_MS:
            _turn(place, left, lambda: False, ms)
        return Told(tuple(place.lives), tuple(place.books()))
    finally:
        place.close()


def _turn(place: Place, left: list[Death], over: Callable[[], bool], most_ms: int) -> None:
    """Let time pass until it is over; whenever the engine has died, the next one starts."""
    clock = place.clock
    end = clock.monotonic_ms() + most_ms
    while not over() and clock.monotonic_ms() < end:
        rest = max(1, end - clock.monotonic_ms())
        clock._run_to(clock.monotonic_ms() + rest, lambda: place.life.dead or over())
        if place.life.dead:
            clock.run(AWAY_MS[place.life.steps[-1].number % len(AWAY_MS)])
            place.start(left.pop(0) if left else None)
            clock.settle()


def deaths(steps: Sequence[Step]) -> list[Death]:
    """Every way to die at these steps."""
    return [Death(step, when) for step in steps for when in step.when]
