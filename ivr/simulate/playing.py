"""Plays a script: no real time passes, and what is kept lies in a folder of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from ivr.config.kinds import milliseconds
from ivr.config.settings import Configuration
from ivr.lab import LabCall
from ivr.simulate.house import House
from ivr.simulate.script import Script
from ivr.simulate.timeline import Line, Sound, Timeline, name_of
from ivr.storage.record_schema import ExemptModel, RecordModel, parse_either

_RECORDS_MS = 60_000
"""How long records may take after the last call is over."""


@dataclass(frozen=True, slots=True)
class PlayedCall:
    """What came of one call."""

    name: str
    record: RecordModel | None
    """``None`` where no engine heard of it."""
    connected_to: tuple[str, ...]
    """As the switch saw it."""
    heard: tuple[str, ...]
    """The prompts that anybody heard in it."""
    cut_off: bool
    """Whether it was still going on at the end of the script's time."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a script."""

    calls: tuple[PlayedCall, ...]
    """In the script's order."""
    others: tuple[RecordModel, ...]
    """Records of calls that began in another one: those that came back from the exempt one."""
    exempt: int
    """Records that say no more than that an exempt call took place."""
    lines: tuple[Line, ...]
    sounds: tuple[Sound, ...]
    spool: Path
    lasted_ms: int
    """By the clock that was turned."""
    took_ms: int
    """By the host's."""

    @property
    def records(self) -> list[RecordModel]:
        """Those of calls."""
        return [*(one.record for one in self.calls if one.record is not None), *self.others]


def play(script: Script, configuration: Configuration, folder: Path) -> Played:
    """Play a script; recordings and records stay in the folder.

    Raises:
        SetupError, DiskError: the folder cannot be used.
    """
    began_s = time.perf_counter()
    timeline = Timeline()
    zone = configuration.site.time_zone
    at = script.began
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone) if zone else at.astimezone()
    people = script.people(configuration, timeline.say)
    house = House(configuration, folder, _wall_ms(at), timeline.watch, people, script.file.rooms)
    try:
        if script.file.engine == "running":
            house.start()
        else:
            house.without_engine()
        timeline.begin(house.clock)
        calls, cut_off = _placed(script, house, timeline)
        lasted_ms = max((line.at_ms for line in timeline.lines()), default=0)
    finally:
        house.close()
    left = _Left(house.spool)
    played = tuple(_of_call(call, timeline, left, cut_off) for call in calls)
    return Played(
        calls=played,
        others=tuple(left.records.values()),
        exempt=left.exempt,
        lines=tuple(timeline.lines()),
        sounds=tuple(timeline.sounds()),
        spool=house.spool,
        lasted_ms=lasted_ms,
        took_ms=round((time.perf_counter() - began_s) * 1000),
    )


def _wall_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _placed(script: Script, house: House, timeline: Timeline) -> tuple[list[LabCall], set[str]]:
    """Every call, over; and the ids of those that had to be ended."""
    calls: dict[int, LabCall] = {}

    def place(n: int) -> None:
        script_of = script.placed(script.calls[n], house.configuration, timeline.say)
        calls[n] = house.switch.place(script_of)

    for n, call in enumerate(script.calls):
        house.clock.after(milliseconds(call.after), partial(place, n))

    def over() -> bool:
        if house.engine is not None:
            timeline.look(house.engine)
        done = len(calls) == len(script.calls) and not house.switch.legs()
        return done and house.idle

    longest_ms = milliseconds(script.file.longest)
    ends = house.clock.monotonic_ms() + longest_ms

    def over_or_late() -> bool:
        return over() or house.clock.monotonic_ms() >= ends

    house.clock.after(longest_ms, lambda: None)
    house.clock.run_until(over_or_late, limit_ms=longest_ms + 1)
    cut_off = {call.uuid for call in calls.values() if not call.done.ready()}
    for leg in house.switch.legs():
        leg.hang_up("NORMAL_CLEARING")
    house.clock.run_until(over, limit_ms=_RECORDS_MS)
    return [calls[n] for n in sorted(calls)], cut_off


class _Left:
    """The records in a spool; each is taken once."""

    def __init__(self, spool: Path) -> None:
        self.records: dict[str, RecordModel] = {}
        self.exempt = 0
        for path in sorted((spool / "new").glob("*.json")):
            record = parse_either(path.read_bytes(), path.name)
            if isinstance(record, ExemptModel):
                self.exempt += 1
            else:
                self.records[record.call] = record

    def take(self, call: str) -> RecordModel | None:
        return self.records.pop(call, None)


def _of_call(call: LabCall, timeline: Timeline, left: _Left, cut_off: set[str]) -> PlayedCall:
    own = {call.uuid, *(leg.uuid for _number, leg in call.others)}
    legs = {leg.uuid: leg for leg in timeline.legs}
    connected = []
    for one, other in timeline.joined:
        if one in own or other in own:
            far = other if one == call.uuid else one if other == call.uuid else ""
            if far:
                connected.append(name_of(legs[far]))
    heard = sorted(
        (heard.at_ms, Path(heard.what).stem)
        for uuid in own
        if uuid in legs
        for heard in legs[uuid].heard
        if heard.what.endswith(".wav")
    )
    return PlayedCall(
        name=call.script.name,
        record=left.take(call.uuid),
        connected_to=tuple(connected),
        heard=tuple(name for _at, name in heard),
        cut_off=call.uuid in cut_off,
    )
