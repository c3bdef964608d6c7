"""A call that the lab switch placed, and how it went."""

from __future__ import annotations

from dataclasses import dataclass

from gevent.event import AsyncResult

from ivr.clock import Clock
from ivr.lab.board import Enders
from ivr.lab.leg import Leg
from ivr.lab.script import CallScript


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a call."""

    at_ms: int
    """Since the call began."""
    side: str
    """``caller`` or ``destination``: whose leg."""
    event: str
    """FreeSWITCH's name of the event; ``LOST`` where the switch died."""
    detail: str = ""
    """The file of a prompt, or the application, where there is one."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call went, as the switch saw it."""

    uuid: str
    script: CallScript
    cause: str
    """Hangup cause of the caller's leg."""
    ended_by: Enders
    """Whose telephone ended the call; ``switch`` where it was told to."""
    duration_ms: int
    answered_ms: int | None
    """Since the call began."""
    connected_ms: int | None
    """When the caller was first joined to somebody, since the call began."""
    heard_keys: str
    """Keys that were sent on to the caller's telephone."""
    happenings: tuple[Happening, ...]
    lost: bool = False
    """Whether the switch died under it: then there is no cause."""

    def names(self, side: str = "caller") -> list[str]:
        """The names of the events of one side, in order."""
        return [one.event for one in self.happenings if one.side == side]


_DETAIL = {"PLAYBACK_START": "current_application_data", "CHANNEL_EXECUTE": "current_application"}


class LabCall:
    """A call under way."""

    def __init__(self, script: CallScript, leg: Leg, clock: Clock) -> None:
        self.script = script
        self.leg = leg
        """The caller's leg."""
        self.other: Leg | None = None
        """The leg of whoever was called last."""
        self.others: list[tuple[str, Leg]] = []
        """Every leg that was called, in order, with the number that was called."""
        self.done: AsyncResult = AsyncResult()
        """Set to the :class:`CallOutcome` when the caller's leg is gone."""
        self._clock = clock
        self._began = clock.monotonic_ms()
        self._happenings: list[Happening] = []
        leg.watchers.append(self._caller_event)

    @property
    def uuid(self) -> str:
        """The id of the caller's leg."""
        return self.leg.uuid

    @property
    def happenings(self) -> tuple[Happening, ...]:
        """What happened until now."""
        return tuple(self._happenings)

    def at(self, number: str) -> Leg:
        """The leg that was called last at a number: what it heard, which keys reached it.

        Raises:
            LookupError: nobody called that number.
        """
        for dialled, leg in reversed(self.others):
            if dialled == number:
                return leg
        raise LookupError(f"{number} was not called, but {[name for name, _ in self.others]}")

    def follow(self, leg: Leg) -> None:
        """Note what happens to a second leg, too."""
        self.other = leg
        self.others.append((leg.party.dialled, leg))
        leg.watchers.append(lambda name, one: self._note("destination", name, one))

    def finish(self) -> None:
        """The caller's leg is gone: say how it went."""
        leg = self.leg
        hands = (one.ended_by for one in (leg, leg.other, self.other) if one is not None)
        by = next((hand for hand in hands if hand != "switch"), leg.ended_by)
        self.done.set(
            CallOutcome(
                uuid=leg.uuid,
                script=self.script,
                cause=leg.hangup_cause,
                ended_by=by,
                duration_ms=self._clock.monotonic_ms() - self._began,
                answered_ms=self._first("CHANNEL_ANSWER"),
                connected_ms=self._first("CHANNEL_BRIDGE"),
                heard_keys=leg.heard_keys,
                happenings=self.happenings,
                lost=leg.lost,
            )
        )

    def _first(self, name: str) -> int | None:
        for one in self._happenings:
            if one.side == "caller" and one.event == name:
                return one.at_ms
        return None

    def _caller_event(self, name: str, leg: Leg) -> None:
        self._note("caller", name, leg)

    def _note(self, side: str, name: str, leg: Leg) -> None:
        detail = leg.get(_DETAIL[name]) if name in _DETAIL else ""
        at = self._clock.monotonic_ms() - self._began
        self._happenings.append(Happening(at, side, name, detail))
