"""Places the calls, follows them to their records, and has the results checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ivr.demo import traces, verdict
from ivr.demo.stage import TICK_MS, Stage
from ivr.demo.story import Line, Story
from ivr.lab.call import LabCall
from ivr.lab.expect import Expected
from ivr.lab.leg import Leg
from ivr.lab.script import CallScript
from ivr.storage.record_schema import RecordModel

APART_MS = 100
"""Between one call and the next, so that a person sees them come."""
RECORD_MS = 12_000
"""How long a record may take after its call has ended."""
LONGEST_MS = 90_000
"""A call that goes on for longer does not end as its script says."""


@dataclass
class Placed:
    """A call of the demonstration."""

    script: CallScript
    expected: Expected | None
    story: Story
    call: LabCall
    began_ms: int
    """Since the demonstration began."""
    seen: int = 0
    """Happenings that were told already."""
    keys: int = 0
    """Keys that were told already."""
    pressed: int = 0
    """Keys that were looked at already, told or hidden."""
    over_ms: int | None = None
    """When the switch was done with it, since the demonstration began."""
    complaints: list[str] | None = None
    """None while it is not known whether it ended as its script says."""
    record: RecordModel | None = None

    @property
    def name(self) -> str:
        """What the script shows."""
        return self.script.name


class View(Protocol):
    """Shows what happens while it does."""

    def begin(self, placed: Sequence[Placed], expected_ms: int) -> None:
        """The first call is about to come; ``placed`` grows, ``expected_ms`` is a guess."""

    def told(self, placed: Placed, line: Line) -> None:
        """A step, in the order of time; ``at_ms`` is since the demonstration began."""

    def look(self, now_ms: int) -> None:
        """Time has passed."""

    def end(self) -> None:
        """No more steps."""


@dataclass
class Result:
    """What a demonstration came to."""

    placed: list[Placed]
    wrong: list[str] = field(default_factory=list)
    """What is wrong beside single calls."""
    metrics: list[verdict.Row] = field(default_factory=list)
    took_ms: int = 0
    interrupted: bool = False

    @property
    def well(self) -> bool:
        """Whether every call ended as its script says and everything was checked and agrees."""
        clean = all(placed.complaints == [] for placed in self.placed)
        return bool(self.placed) and clean and not self.wrong and not self.interrupted


def play(
    stage: Stage,
    view: View,
    scripts: Sequence[CallScript],
    expected: Mapping[str, Expected],
    stopped: Callable[[], bool] = lambda: False,
) -> Result:
    """Play all scripts side by side on a stage that was started; ``stopped`` ends it early.

    Raises:
        SetupError: the engine's metrics cannot be fetched.
    """
    result = Result([])
    began = stage.clock.monotonic_ms()
    waiting = list(scripts)
    view.begin(result.placed, _guess(stage, scripts))
    try:
        while not stopped():
            now = stage.clock.monotonic_ms() - began
            if waiting and now >= len(result.placed) * APART_MS:
                result.placed.append(_place(stage, waiting.pop(0), expected, now))
            _tell(result.placed, view, now)
            for placed in result.placed:
                _judge(stage, placed, view, now)
            view.look(now)
            if not waiting and all(placed.complaints is not None for placed in result.placed):
                break
            stage.pause(TICK_MS)
        else:
            result.interrupted = True
    finally:
        view.end()
    result.took_ms = stage.clock.monotonic_ms() - began
    if not result.interrupted:
        _check(stage, result)
    return result


def _guess(stage: Stage, scripts: Sequence[CallScript]) -> int:
    """How long it may take: announcement, ringing and the longest message, of the slowest."""
    longest = 1000
    for script in scripts:
        policy = stage.configuration.policy_for(script.dialled)
        if policy is not None:
            last = max(one.file_for(8000).length_ms for one in (policy.busy, policy.no_answer))
            ringing = policy.ring_ms * (1 + policy.dial_string.count("|"))
            longest = max(
                longest, policy.announcement.file_for(8000).length_ms + ringing + last + 500
            )
    return longest + len(scripts) * APART_MS


def _place(
    stage: Stage, script: CallScript, expected: Mapping[str, Expected], now_ms: int
) -> Placed:
    story = Story(stage.configuration.policy_for(script.dialled))
    story.state = "calls"
    return Placed(script, expected.get(script.name), story, stage.switch.place(script), now_ms)


def _tell(all_placed: Sequence[Placed], view: View, now_ms: int) -> None:
    lines: list[tuple[int, Placed, Line]] = []
    for placed in all_placed:
        happenings = placed.call.happenings
        leg = placed.call.leg
        other = leg.peer or placed.call.other
        agent = other.party.dialled if other is not None else ""
        for one in happenings[placed.seen :]:
            key = ""
            if one.side == "caller" and one.event == "DTMF":
                key = leg.digits[placed.keys : placed.keys + 1]
                placed.keys += 1
            code = other.pressed if other is not None else ""
            line = placed.story.take(one, key, agent, leg.ended_by, code)
            if line is not None:
                at = placed.began_ms + line.at_ms
                lines.append((at, placed, Line(at, line.text)))
        placed.seen = len(happenings)
        more, placed.pressed = len(leg.pressed) - placed.pressed, len(leg.pressed)
        # FreeSWITCH fires nothing for a hidden key. The telephone knows how many there were.
        line = placed.story.keyed(now_ms - placed.began_ms, more if _hides(leg) else 0)
        if line is not None:
            at = placed.began_ms + line.at_ms
            lines.append((at, placed, Line(at, line.text)))
    for _at, placed, line in sorted(lines, key=lambda each: each[0]):
        view.told(placed, line)


def _hides(leg: Leg) -> bool:
    return leg.true("sensitive_dtmf")


def _judge(stage: Stage, placed: Placed, view: View, now_ms: int) -> None:
    """Once a call is over and its record there, or overdue: say whether it is as it must be."""
    if placed.complaints is not None:
        return
    call = placed.call
    if not call.done.ready():
        if now_ms - placed.began_ms > LONGEST_MS:
            placed.complaints = [f"it goes on after {LONGEST_MS // 1000} s"]
            view.told(placed, Line(now_ms, placed.complaints[0]))
        return
    if placed.over_ms is None:
        placed.over_ms = now_ms
    filed = (stage.spool / "new" / f"{call.uuid}.json").exists()
    if not filed and now_ms - placed.over_ms < RECORD_MS:
        return
    placed.complaints = verdict.of_call(stage.spool, call.done.get(), placed.expected)
    if placed.expected is not None and placed.expected.secret:
        placed.complaints += traces.of_keys(call, placed.expected.secret)
    placed.record = verdict.read(stage.spool, call.uuid)
    words = "; ".join(placed.complaints) or "as the script says"
    view.told(placed, Line(now_ms, words))


def _check(stage: Stage, result: Result) -> None:
    """What belongs to no single call: the spool, the metrics, the counts."""
    end = stage.clock.monotonic_ms() + RECORD_MS
    while stage.busy and stage.clock.monotonic_ms() < end:
        stage.pause(TICK_MS)
    records = {placed.call.uuid: placed.record for placed in result.placed}
    result.wrong += verdict.counts(records)
    result.wrong += verdict.of_spool(stage.spool, list(records))
    result.metrics = verdict.metrics(
        stage.scrape(), [each for each in records.values() if each is not None], len(records)
    )
    result.wrong += verdict.disagreements(result.metrics)
    for placed in result.placed:
        if placed.expected is not None and placed.expected.secret:
            result.wrong += traces.of_number(stage.folder, placed.expected.secret, placed.call.uuid)
