"""What holds whatever happens, in whatever order (R1, R2, R3, R5, R6, R22).

Each rule has its sabotage: the machine without it, which the same search must find out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import call, events, pausing, rules
from ivr.core import commands as do
from ivr.core.explore import what_can_happen, what_can_happen_to_a_pause
from ivr.core.policy import CallPolicy, Pausing, Queue
from ivr.core.state import CallState, Phase, Recording
from tests.core.calls import (
    ANNOUNCED,
    ARRIVED,
    EXEMPT,
    OPTING,
    OUTBOUND,
    PATH,
    POLICY,
    QUEUE,
    REFUSING,
    TO_LINE,
    prompt,
)
from tests.core.facts import RuleBroken
from tests.core.sabotage import OF_CALLS, Sabotage, no_timer, opt_out_ignored, unannounced
from tests.core.sabotage_exempt import OF_CONSULTING, OF_EXEMPT, OF_LINES
from tests.core.sabotage_losses import OF_LOSSES, OF_REFUSING
from tests.core.sabotage_midcall import (
    OF_NOT_PARTING,
    OF_OPTING_OUT,
    OF_QUEUES,
    OF_TOLD_FIRST,
)
from tests.core.sabotage_pauses import OF_PAUSES, forgotten_with_the_link, masked_first
from tests.core.search import MOST_TIMERS, Never, any_of, asks, consults, nothing, refuses, search
from tests.core.seeing import onlooker
from tests.core.watcher import Node, step

_FEW = Pausing(on_hold="record")
_ALL = Pausing(card_digits=2, lines=frozenset({"1500"}))
TOLD_PLACE = Queue("desk", 60_000, every_ms=30_000, places=(prompt("place"), prompt("places")))
POLICIES = {
    name: replace(policy, reminders=many, pausing=pausing)
    for many, name, policy, pausing in (
        (1, "connect", POLICY, _ALL),
        (1, "refuse", REFUSING, Pausing()),
        (
            1,
            "payment line",
            replace(TO_LINE, without_recording="refuse"),
            replace(_ALL, on_hold="record"),
        ),
        (1, "outbound", OUTBOUND, _ALL),
        (0, "exempt", EXEMPT, _FEW),
        (0, "exempt, and the agent asks there", EXEMPT, _FEW),
        (0, "exempt and opting out", replace(EXEMPT, opt_out_connected="keep"), _FEW),
        (0, "opting out", OPTING, _FEW),
        (0, "opting out, and FreeSWITCH refuses", OPTING, _FEW),
        (0, "announced", ANNOUNCED, _FEW),
        (0, "queue", replace(QUEUE, queue=TOLD_PLACE), _FEW),
    )
}
"""All that a team can decide, in few enough calls to be searched in seconds."""
NEVER: dict[str, Never] = {
    "refuse": asks,
    "payment line": asks,
    "exempt": consults,
    "exempt, and the agent asks there": any_of(asks, refuses),
    "exempt and opting out": any_of(asks, consults, refuses),
    "opting out": refuses,
    "opting out, and FreeSWITCH refuses": asks,
    "announced": any_of(asks, consults, refuses),
    "queue": any_of(asks, refuses),
}
"""What is left to another of them."""
MIDCALL = (Phase.KEYING, Phase.PARTING, Phase.REJOINING)
TOLD = (
    Phase.ANNOUNCING,
    Phase.LAST_KEYS,
    Phase.REMINDING,
    Phase.DECIDING,
    Phase.FAREWELL,
)
"""Where a call that staff make is only if who is called hears an announcement."""


@pytest.mark.parametrize("name", POLICIES)
def test_no_sequence_of_events_breaks_a_rule(name: str) -> None:
    count = search(POLICIES[name], never=NEVER.get(name, nothing))
    never = {phase for phase, states in count.items() if not states}
    assert never == unreached(POLICIES[name]), "the search must reach all else, or proves nothing"


def unreached(policy: CallPolicy) -> set[Phase]:
    """The phases that calls under a policy have no need of."""
    needless = {
        Phase.CHOOSING: policy.menu is None,
        Phase.QUEUEING: policy.queue is None,
        Phase.OVERFLOWING: not policy.overflow,
        Phase.LEAVING: not policy.exempt,
        Phase.REFUSING: policy.without_recording == "connect",
        **dict.fromkeys(MIDCALL, policy.opt_out_connected == "no"),
        **dict.fromkeys((Phase.ANSWERING, Phase.STARTING), policy.staff_call),
        **dict.fromkeys(TOLD, policy.staff_call and not policy.announced),
    }
    return {phase for phase, needed_not in needless.items() if needed_not}


_FOUND_BY = (
    (OF_CALLS, replace(POLICY, reminders=1)),
    # Staff's calls know pauses, and no announcement.
    (OF_PAUSES, POLICIES["outbound"]),
    (OF_LOSSES, POLICIES["outbound"]),
    (OF_REFUSING, POLICIES["refuse"]),
    (OF_EXEMPT, POLICIES["exempt"]),
    (OF_CONSULTING, POLICIES["exempt"]),
    (OF_LINES, replace(TO_LINE, exempt=EXEMPT.exempt, reminders=0, pausing=_FEW)),
    (OF_OPTING_OUT, POLICIES["opting out"]),
    (OF_NOT_PARTING, replace(POLICY, reminders=0, pausing=_FEW)),
    (OF_TOLD_FIRST, POLICIES["announced"]),
    (OF_QUEUES, POLICIES["queue"]),
)
"""The smallest policy that shows it."""
SABOTAGE = [each for found, _ in _FOUND_BY for each in found]


@pytest.mark.parametrize(("sabotage", "rule"), SABOTAGE, ids=lambda v: getattr(v, "__name__", ""))
def test_the_search_finds_a_rule_that_was_taken_out(
    monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, rule: str
) -> None:
    sabotage(monkeypatch)
    policy = next(policy for found, policy in _FOUND_BY if (sabotage, rule) in found)
    with pytest.raises(RuleBroken, match=rule):
        search(policy)


def test_a_recording_that_comes_too_late_never_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule by itself: whatever phase a late RECORD_START finds, it is stopped."""
    late = CallState(phase=Phase.CONNECTED, recording=Recording.REFUSED, path=PATH)
    stop = do.StopRecording(PATH)
    assert call.advance(late, events.RecordingStarted(0), POLICY).commands == (stop,)
    monkeypatch.setattr(rules, "is_wanted", lambda state: True)
    assert stop not in call.advance(late, events.RecordingStarted(0), POLICY).commands


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_random_call_with_random_timings_breaks_a_rule(data: st.DataObject) -> None:
    live_through(data)


@pytest.mark.parametrize(
    "sabotage",
    [unannounced, opt_out_ignored, no_timer, forgotten_with_the_link, masked_first],
    ids=lambda v: v.__name__,
)
def test_random_calls_find_a_rule_that_was_taken_out(
    monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage
) -> None:
    sabotage(monkeypatch)
    calls = settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(hypothesis.Phase.generate,),
    )
    with pytest.raises(RuleBroken):
        calls(given(st.data())(live_through))()


def leads_on(state: CallState, event: events.Event, policy: Any) -> bool:
    ends = isinstance(event, events.HungUp | events.LinkLost)
    return not ends and call.advance(state, event, policy).state.phase is not state.phase


def live_through(data: st.DataObject) -> None:
    """A call of random events at random moments, and then of timers alone."""
    policy = data.draw(st.sampled_from([*POLICIES.values()]))
    opting_out = data.draw(st.booleans())
    node: Node = step((CallState(), onlooker(policy)), ARRIVED, policy)
    now = 0
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.integers(0, 5000))
        state, happen = node[0], list(what_can_happen(node[0], policy))
        # Half of the time something that leads on, or few calls would get anywhere.
        if data.draw(st.booleans()):
            happen = [event for event in happen if leads_on(state, event, policy)] or happen
            if opting_out and state.phase in (Phase.ANNOUNCING, Phase.LAST_KEYS):
                happen = [events.KeyPressed(0, policy.opt_out_keys[len(state.keys.keys)])]
                now = state.keys.at + 1
        if state.phase in pausing.LIVE:
            happen += what_can_happen_to_a_pause(state, policy)
        event = data.draw(st.sampled_from(happen))
        node = step(node, replace(event, at=now), policy)
    for _ in range(MOST_TIMERS):
        if node[0].phase is Phase.DONE:
            break
        now += 60_000
        node = step(node, events.TimerFired(now, node[0].timer), policy)
    assert node[0].phase is Phase.DONE
