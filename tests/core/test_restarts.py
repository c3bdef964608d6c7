"""Whatever happens to a call, and whenever its engine is killed meanwhile, no rule is broken by
the next one, which knows the journal alone and asks FreeSWITCH the rest (R1, R3, R6, R22)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import events, merging, pausing
from ivr.core.explore import SOON_MS, what_can_happen_to_a_pause
from ivr.core.policy import CallPolicy
from ivr.core.state import Phase
from tests.core.calls import ARRIVED, OUTBOUND, POLICY
from tests.core.facts import RuleBroken
from tests.core.life import Life, born, lives
from tests.core.sabotage import Sabotage
from tests.core.sabotage_taking_up import (
    OF_COMING_BACK,
    OF_TAKING_UP,
    mask_thought_to_hold,
    pause_not_taken_up,
)
from tests.core.search import asks, search
from tests.core.seeing import normal
from tests.core.test_search import POLICIES
from tests.core.watcher import Node

INBOUND = replace(POLICY, reminders=0)
STAFFS = replace(OUTBOUND, reminders=0, pausing=INBOUND.pausing)


def taken_up_from(life: Life) -> Iterator[Life]:
    """All that a next engine can make of it, whatever of its journal came to disk."""
    if life.state.phase is Phase.NEW:
        return
    for journal in life.left_behind():
        yield life.followed(journal, SOON_MS)
        if not life.state.together:
            yield life.handed_back(journal, SOON_MS)


def starts(policy: CallPolicy, *, talking: bool = True) -> list[Node]:
    """Every state in which an engine can find itself that takes a call up."""
    found: dict[Node, Node] = {}
    for life in lives(policy, talking=talking):
        for again in taken_up_from(life):
            state, watcher = again.state, again.watcher
            found.setdefault(
                (merging.normal(state, policy), normal(watcher, state)), (state, watcher)
            )
    return [*found.values()]


@pytest.mark.parametrize("policy", [INBOUND, STAFFS], ids=["inbound", "outbound"])
def test_whatever_an_engine_leaves_behind_the_next_one_breaks_no_rule(policy: CallPolicy) -> None:
    begun = starts(policy)
    assert {state.phase for state, _ in begun} >= {Phase.UNLINKED, Phase.ENDING}
    count = search(policy, begun, never=asks)
    assert count[Phase.CONNECTED], "some of them talk again"
    assert count[Phase.DONE] == 1


@pytest.mark.parametrize(
    ("policy", "talking", "sabotage", "rule"),
    [
        *((STAFFS, True, *each) for each in OF_TAKING_UP),
        *((INBOUND, False, *each) for each in OF_COMING_BACK),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_next_engine_that_breaks_a_rule_is_found(
    monkeypatch: pytest.MonkeyPatch,
    policy: CallPolicy,
    talking: bool,
    sabotage: Sabotage,
    rule: str,
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(RuleBroken, match=rule):
        search(policy, starts(policy, talking=talking))


def connected(policy: CallPolicy) -> Life:
    life = born(policy).hear(ARRIVED).hear(events.Journalled(0))
    if not policy.staff_call:
        life = life.hear(events.Answered(0, 8000))
        life = life.hear(events.PromptEnded(0, life.state.play, policy.announcement, 9000))
        life = life.hear(events.RecordingStarted(0))
    assert life.state.phase is Phase.DIALLING
    return life


def live_through(data: st.DataObject) -> None:
    """Somebody is rung and talks, and at any moment the engine may start again."""
    policies = [policy for policy in POLICIES.values() if policy.menu is None]
    life = connected(data.draw(st.sampled_from(policies)))
    now = 0
    for _ in range(data.draw(st.integers(1, 30))):
        now += data.draw(st.integers(0, 5000))
        if life.state.phase not in pausing.LIVE:
            break
        if data.draw(st.integers(0, 5)) == 0:
            journal = data.draw(st.sampled_from([*life.left_behind()]))
            life = life.followed(journal, now)
            continue
        happen: list[events.Event] = [
            *what_can_happen_to_a_pause(life.state, life.policy),
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
        life = life.hear(replace(data.draw(st.sampled_from(happen)), at=now))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_restart_of_the_engine_ends_a_pause(data: st.DataObject) -> None:
    live_through(data)


@pytest.mark.parametrize(
    ("sabotage", "rule"),
    [each for each in OF_TAKING_UP if each[0] in (pause_not_taken_up, mask_thought_to_hold)],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_random_restarts_find_a_pause_that_is_lost(
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
