"""What happened, moment by moment, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ivr.clock import Clock
from ivr.engine.service import Engine
from ivr.lab.leg import Leg

_MASKS = {
    "RECORD_START": "recording begins; nothing is written before the two are connected",
    "RECORD_STOP": "recording ends",
    "RECORD_MASK": "recording is masked: silence is written",
    "RECORD_UNMASK": "recording goes on: what is said is written",
}
_HOLDS = {"CHANNEL_HOLD": "is on hold", "CHANNEL_UNHOLD": "is taken up again"}


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One moment."""

    at_ms: int
    """Since the beginning."""
    order: int
    """Of what was said at the same moment."""
    who: str
    """Whose telephone it is about; of the engine, whose call."""
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Sound:
    """Something that somebody was played."""

    at_ms: int
    who: str
    what: str
    """The prompt's name, or ``tone`` or ``music``."""
    ms: int
    """How long it was heard."""
    is_prompt: bool


class Timeline:
    """Gathers what happens; to be asked when all is over."""

    def __init__(self) -> None:
        self.legs: list[Leg] = []
        """Every leg, in the order in which they came to be."""
        self._lines: list[Line] = []
        self._clock: Clock | None = None
        self._began = 0
        self._phases: dict[str, str] = {}
        self._pairs: set[frozenset[str]] = set()
        """Of legs that are connected."""
        self.joined: list[tuple[str, str]] = []
        """The legs that were connected, pair by pair."""

    def begin(self, clock: Clock) -> None:
        """Time counts from now on."""
        self._clock, self._began = clock, clock.monotonic_ms()

    def say(self, who: str, text: str) -> None:
        """Note that somebody does something now."""
        if self._clock is not None:
            at = self._clock.monotonic_ms() - self._began
            self._lines.append(Line(at, len(self._lines), who, text))

    def watch(self, event: str, leg: Leg) -> None:
        """An event of a leg."""
        who = name_of(leg)
        match event:
            case "CHANNEL_CREATE":
                self.legs.append(leg)
                text = "is called" if leg.outbound else f"calls {leg.party.dialled}"
                self.say(who, text)
            case "CHANNEL_ANSWER":
                self.say(who, "answers" if leg.outbound else "is answered")
            case "CHANNEL_BRIDGE" if leg.other is not None:
                self._join(leg, leg.other)
            case "CHANNEL_UNBRIDGE" if leg.other is not None:
                self._part(leg)
            case "CHANNEL_HANGUP":
                self._part(leg)
                how = leg.hangup_cause if leg.ended_by == "switch" else "by the telephone"
                self.say(who, f"is gone ({how})")
            case _ if event in _MASKS:
                self.say(who, _MASKS[event])
            case _ if event in _HOLDS:
                self.say(who, _HOLDS[event])
            case _:
                pass

    def _join(self, leg: Leg, other: Leg) -> None:
        pair = frozenset((leg.uuid, other.uuid))
        if pair not in self._pairs:
            self._pairs = {one for one in self._pairs if not one & pair} | {pair}
            self.joined.append((leg.uuid, other.uuid))
            self.say(name_of(leg), f"and {name_of(other)} are connected")

    def _part(self, leg: Leg) -> None:
        parted = {pair for pair in self._pairs if leg.uuid in pair}
        if parted:
            self._pairs -= parted
            self.say(name_of(leg), "is connected no more")

    def look(self, engine: Engine) -> None:
        """Note the phases that calls came to."""
        for uuid, call in list(engine.context.calls.items()):
            phase = call.state.phase.value
            if self._phases.get(uuid) != phase:
                self._phases[uuid] = phase
                self.say(call.caller, f"(engine: {phase})")

    def sounds(self) -> list[Sound]:
        """What everybody was played, in order."""
        found = []
        for leg in self.legs:
            for heard in leg.heard:
                what, is_prompt = _named(heard.what)
                now = self._clock.monotonic_ms() if self._clock else heard.at_ms
                ms = now - heard.at_ms if heard.ms is None else heard.ms
                found.append(Sound(heard.at_ms - self._began, name_of(leg), what, ms, is_prompt))
        return sorted(found)

    def lines(self) -> list[Line]:
        """All of it, in order."""
        heard = [
            Line(one.at_ms, -1, one.who, f"hears {one.what} ({one.ms / 1000:.1f} s)")
            for one in self.sounds()
        ]
        return sorted([*self._lines, *heard])


def name_of(leg: Leg) -> str:
    """Whose telephone it is."""
    return leg.callee or leg.party.dialled if leg.outbound else leg.party.number


def _named(what: str) -> tuple[str, bool]:
    if what.startswith("tone_stream:"):
        return "a tone", False
    if what.startswith(("local_stream:", "silence_stream:")):
        return "music" if what.startswith("local") else "silence", False
    path = Path(what)
    return path.stem, path.suffix == ".wav"
