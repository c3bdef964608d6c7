"""Whatever happens to a call, and whenever the engine starts again meanwhile, what is paused
stays paused (R6, R22)."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import call, entries, events, pausing, taking_up
from ivr.core import commands as do
from ivr.core.explore import what_can_happen_to_a_pause
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step
from tests.core.calls import ARRIVED, PATH
from tests.core.sabotage import Sabotage
from tests.core.test_search import POLICIES
from tests.core.watcher import NONE, RuleBroken, Watcher, judged, onlooker


class Life:
    """A call with its watcher and its journal, which is all that outlives an engine."""

    def __init__(self, policy: CallPolicy) -> None:
        self.policy = policy
        self.state = CallState()
        self.watcher: Watcher = onlooker(policy)
        self.journal: list[entries.Stamped] = []

    def hear(self, event: events.Event) -> None:
        self._take(event, call.advance(self.state, event, self.policy))

    def restart(self, at: int) -> None:
        """Another engine takes the call up. FreeSWITCH does as it was told last."""
        again = taking_up.followed(self.journal, PATH, self.policy)
        left = self.watcher.alone and not (self.watcher.line or self.watcher.held)
        # One that was told to stop, and did not say so, is masked as if it had not been.
        maybe = {again.state.path} if again.state.may_be_recording else set()
        self.watcher = self.watcher._replace(
            timer=again.state.timer,
            recorded=self.watcher.recorded | maybe,
            mask_asked=NONE,
            may_resume=left,
        )
        self._take(events.LinkLost(at), again)
        # It asks FreeSWITCH whether the agent has the call on hold.
        self.hear(events.Held(at) if self.watcher.held else events.Unheld(at))

    def _take(self, event: events.Event, step: Step) -> None:
        self.watcher = judged(self.watcher, event, step, self.policy)
        self.state = step.state
        stamp = entries.Stamp(event.at, event.at)
        self.journal += [
            entries.Stamped(stamp, command.entry)
            for command in step.commands
            if isinstance(command, do.Journal)
        ]


def connected(policy: CallPolicy) -> Life:
    life = Life(policy)
    life.hear(ARRIVED)
    life.hear(events.Journalled(0))
    if policy.direction == "inbound":
        life.hear(events.Answered(0, 8000))
        life.hear(events.PromptEnded(0, life.state.play, policy.announcement, 9000))
        life.hear(events.RecordingStarted(0))
    assert life.state.phase is Phase.DIALLING
    return life


def live_through(data: st.DataObject) -> None:
    """Somebody is rung and talks, and at any moment the engine may start again."""
    life = connected(data.draw(st.sampled_from([*POLICIES.values()])))
    now = 0
    for _ in range(data.draw(st.integers(1, 30))):
        now += data.draw(st.integers(0, 5000))
        if life.state.phase not in pausing.LIVE:
            break
        if data.draw(st.integers(0, 5)) == 0:
            life.restart(now)
            continue
        happen: list[events.Event] = [
            *what_can_happen_to_a_pause(life.state),
            events.Bridged(now, "b", "100"),
            events.Bridged(now, "line", "1500"),
            events.Bridged(now, "c", "101"),
            events.BridgeEnded(now, "NORMAL_CLEARING", transferred=True),
            events.KeyPressed(now, "4"),
            events.Journalled(now),
            events.RecordingStopped(now, "success-silence", 1000, life.state.path),
            events.Stalled(now, "/fallback"),
            events.Stalled(now, ""),
            events.Unbridged(now),
            events.LinkLost(now),
        ]
        if life.watcher.asked:
            refused = events.RecordingFailed(now, "-ERR", life.state.path)
            happen += [events.RecordingStarted(now), refused]
        life.hear(replace(data.draw(st.sampled_from(happen)), at=now))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_restart_of_the_engine_ends_a_pause(data: st.DataObject) -> None:
    live_through(data)


def _pause_not_taken_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "taken_up", Step)


def _mask_thought_to_hold(patch: pytest.MonkeyPatch) -> None:
    """Believes that what the journal does not know of is not recorded."""
    original = pausing._again

    def again(state: CallState) -> Step:
        if state.phase is Phase.UNLINKED and not state.masked:
            step = original(state)
            return Step(step.state, tuple(c for c in step.commands if not isinstance(c, do.Mask)))
        return original(state)

    patch.setattr(pausing, "_again", again)


@pytest.mark.parametrize(
    ("sabotage", "rule"),
    [
        (_pause_not_taken_up, "the pause is forgotten"),
        (_mask_thought_to_hold, "recorded while paused"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_restart_that_loses_a_pause_is_found(
    monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, rule: str
) -> None:
    sabotage(monkeypatch)
    lives = settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(hypothesis.Phase.generate,),
    )
    with pytest.raises(RuleBroken, match=rule):
        lives(given(st.data())(live_through))()
