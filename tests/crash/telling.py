"""Tell a story while engines die in it, and balance the books (R22)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash.killing import Death, Life, Step
from tests.crash.place import Place

AWAY = ((0, False), (60, True), (1_700, False), (60, False), (1_700, True))
"""How long there is no engine: not at all, a moment, or longer than a prompt; and whether calls
wait for the next one in systemd's socket meanwhile, or go where they go without an engine."""
LONGEST_MS = 90_000
"""What a story may last."""
REST_MS = 12_000
"""What RECORD_STOPs that do not come take, and records that were refused."""
TIDY_MS = 130_000
"""In which the journal tidies."""

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


def told(
    folder: Path,
    story: Story,
    deaths: Sequence[Death] = (),
    away: tuple[int, bool] | None = None,
    where: type[Place] = Place,
) -> Told:
    """The story, with an engine that dies each of these deaths, one after the other; ``away`` is
    one of :data:`AWAY`, and otherwise another for each step."""
    away_ms, systemd = away or AWAY[sum(death.step.number for death in deaths) % len(AWAY)]
    place = where(folder, systemd=systemd)
    left = list(deaths)
    try:
        place.start(left.pop(0) if left else None)
        place.clock.settle()
        story(place)

        def turn(ms: int, over: Callable[[], bool] = lambda: False) -> None:
            _turn(place, left, away_ms, ms, over)

        turn(LONGEST_MS, lambda: place.callers.all_over)
        turn(REST_MS, lambda: not left and place.at_rest)
        if not deaths or len(place.lives) <= len(deaths):  # it was not killed yet
            turn(TIDY_MS)
        return Told(tuple(place.lives), tuple(place.books()))
    finally:
        place.close()


def _turn(
    place: Place, left: list[Death], away_ms: int, most_ms: int, over: Callable[[], bool]
) -> None:
    """Let time pass until it is over; whenever the engine has died, the next one starts."""
    clock = place.clock
    end = clock.monotonic_ms() + most_ms
    while not over() and clock.monotonic_ms() < end:
        clock._run_to(end, lambda: place.life.dead or over())
        if place.life.dead:
            clock.run(away_ms)
            place.start(left.pop(0) if left else None)
            clock.settle()


def deaths(steps: Sequence[Step]) -> list[Death]:
    """Every way to die at these steps."""
    return [Death(step, when) for step in steps for when in step.when]
