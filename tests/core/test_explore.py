"""Every way from phase to phase, as the machine itself tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from ivr.core import call, events
from ivr.core import commands as do
from ivr.core.events import Event
from ivr.core.explore import (
    Edge,
    explore,
    moves,
    what_can_happen,
    what_can_happen_to_a_pause,
)
from ivr.core.keys import Digits, Tail
from ivr.core.merging import normal
from ivr.core.policy import CallPolicy, Pausing, Queue
from ivr.core.state import CallState, Pause, Phase
from ivr.core.steps import Step
from tests.core.calls import ANNOUNCED, OPTING, POLICY, QUEUE, REFUSING

EVERYTHING = replace(
    ANNOUNCED,
    pausing=Pausing(),
    queue=Queue("desk", 60_000, places=(POLICY.busy,)),
)
"""Calls with the exempt extension, opting out in mid-call called
people who are told first, and a queue."""


@pytest.fixture(scope="module")
def edges() -> tuple[Edge, ...]:
    return explore(replace(POLICY, reminders=1))


def test_what_can_happen_leaves_out_no_kind_of_event() -> None:
    state = CallState(phase=Phase.ANNOUNCING, timer=1, play=1, playing=POLICY.announcement)
    ever = {type(event) for event in what_can_happen(state, EVERYTHING)}
    paused = {type(event) for event in what_can_happen_to_a_pause(state, EVERYTHING)}
    assert ever | paused == set(get_args(Event))
    assert not ever & paused


def test_what_can_happen_presses_every_key_of_a_policy() -> None:
    policy = replace(POLICY, opt_out_keys="**0", return_key="9")
    happen = what_can_happen(CallState(), policy)
    pressed = {event.key for event in happen if isinstance(event, events.KeyPressed)}
    assert pressed == {"*", "0", "9", "5"}


def test_what_can_happen_connects_to_every_payment_line() -> None:
    lines = frozenset({"1500", "1501"})
    policy = replace(POLICY, pausing=Pausing(lines=lines))
    happen = what_can_happen(CallState(), policy)
    met = {event.number for event in happen if isinstance(event, events.Bridged)}
    assert met == {"", "1500", "1501"}


def test_states_that_differ_in_serials_and_times_are_one() -> None:
    early = CallState(timer=3, play=2, keys=Tail("*", 700), phase=Phase.ANNOUNCING)
    late = CallState(timer=9, play=5, keys=Tail("*", 90_000), phase=Phase.ANNOUNCING)
    assert normal(early, POLICY) == normal(late, POLICY)
    assert normal(normal(early, POLICY), POLICY) == normal(early, POLICY)
    assert normal(early._replace(play=0), POLICY) != normal(early, POLICY), "nothing was played yet"
    assert normal(early._replace(keys=Tail()), POLICY) != normal(early, POLICY), "a key is pending"


def test_paused_states_that_differ_in_serials_and_names_are_one() -> None:
    first = CallState(phase=Phase.CONNECTED, pause=Pause.ON, pause_timer=3, part=1, path="/x")
    third = first._replace(pause_timer=9, part=3, path="/x.3", other_leg="c")
    assert normal(first, POLICY) == normal(third, POLICY)
    assert normal(normal(first, POLICY), POLICY) == normal(first, POLICY)
    for different in (
        {"pause": Pause.OFF},
        {"asked": True},
        {"masked": True},
        {"at_line": True},
        {"held": True},
        {"renewing": "/x.2"},
    ):
        assert normal(first._replace(**different), POLICY) != normal(first, POLICY)
    digits = first._replace(pause=Pause.OFF, digits=Digits(3, 100, 900))
    assert normal(digits, POLICY) == normal(digits._replace(digits=Digits(3, 70, 800)), POLICY)
    assert normal(digits, POLICY) != normal(digits._replace(digits=Digits(2, 100, 900)), POLICY)


def test_every_phase_is_reached_and_all_but_the_last_are_left(edges: tuple[Edge, ...]) -> None:
    for policy in (REFUSING, QUEUE, replace(OPTING, exempt=frozenset({"1999"}))):
        edges += explore(replace(policy, reminders=1))
    assert {edge.after for edge in edges} >= set(Phase) - {Phase.NEW}
    assert {edge.before for edge in edges} == set(Phase) - {Phase.DONE}


def ways(
    edges: tuple[Edge, ...], before: Phase, event: str, word: str = ""
) -> set[tuple[str, ...]]:
    return {
        (e.given, e.after.value, *e.commands)
        for e in edges
        if (e.before, e.event, e.word) == (before, event, word)
    }


def test_the_announcement_heard_leads_by_what_the_machine_knows(edges: tuple[Edge, ...]) -> None:
    assert ways(edges, Phase.ANNOUNCING, "PromptEnded", "heard") == {
        ("keys pending", "last keys"),
        ("intent not yet on disk", "securing"),
        ("intent on disk", "starting", "start recording"),
        ("disk refused", "dialling", "do without a recording", "bridge"),
    }


def test_a_condition_is_said_only_where_it_decides(edges: tuple[Edge, ...]) -> None:
    assert {given for given, *_ in ways(edges, Phase.CONNECTED, "HungUp", "by caller")} == {
        "recording",
        "not recording",
    }
    assert ways(edges, Phase.FAREWELL, "HungUp", "by caller") == {("", "done", "finish the record")}


def test_a_lost_link_loses_no_call(edges: tuple[Edge, ...]) -> None:
    for phase in set(Phase) - {Phase.NEW, Phase.CLOSING, Phase.UNLINKED, Phase.DONE}:
        after = {after for _, after, *_ in ways(edges, phase, "LinkLost")}
        assert after <= {"unlinked"}, phase


def test_opting_out_in_edges(edges: tuple[Edge, ...]) -> None:
    assert ways(edges, Phase.ANNOUNCING, "KeyPressed", "opt-out keys") >= {
        ("", "reminding", "stop prompts", "play reminder")
    }
    assert ways(edges, Phase.DECIDING, "TimerFired") == {
        ("", "farewell", "confirm the opt-out", "play goodbye")
    }
    assert ways(edges, Phase.DECIDING, "KeyPressed", "other key") == {
        ("repeats left", "reminding", "play reminder"),
        ("no repeats left", "farewell", "confirm the opt-out", "play goodbye"),
    }
    back = {after for _, after, *_ in ways(edges, Phase.DECIDING, "KeyPressed", "return key")}
    assert back == {"announcing", "securing", "starting", "dialling"}


def test_destinations_that_fail_are_told_apart(edges: tuple[Edge, ...]) -> None:
    for word, prompt in (
        ("busy", "busy"),
        ("no answer", "no-answer"),
        ("unavailable", "unavailable"),
    ):
        assert ways(edges, Phase.DIALLING, "BridgeEnded", word) == {
            ("", "apologising", "stop recording", f"play {prompt}"),
            ("", "apologising", f"play {prompt}"),
        }


@pytest.mark.parametrize(
    ("policy", "after"), [(POLICY, Phase.DIALLING), (REFUSING, Phase.APOLOGISING)]
)
def test_the_policy_decides_where_a_call_without_recording_goes(
    policy: CallPolicy, after: Phase
) -> None:
    unrecorded = {
        edge.after
        for edge in explore(replace(policy, reminders=0))
        if "do without a recording" in edge.commands and edge.after is not Phase.DONE
    }
    # To one that is connected already and stalls, no prompt is played.
    stalled = {Phase.REFUSING} if policy.without_recording == "refuse" else set()
    assert unrecorded == {after} | stalled


def test_edges_are_sorted_and_the_same_each_time(edges: tuple[Edge, ...]) -> None:
    assert explore(replace(POLICY, reminders=1)) == edges
    order = list(Phase)
    assert [order.index(e.before) for e in edges] == sorted(order.index(e.before) for e in edges)


def test_edges_come_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the machine and its edges change: nothing of it is written down twice."""

    def parted(state: CallState, event: Event, policy: CallPolicy) -> Step:
        if isinstance(event, events.TimerFired):
            return Step(state._replace(phase=Phase.DONE), (do.Finish(),))
        return Step(state)

    monkeypatch.setitem(call._PHASES, Phase.PARTED, parted)
    found = explore(replace(POLICY, reminders=0))
    assert ways(found, Phase.PARTED, "TimerFired") == {("", "done", "finish the record")}
    assert ways(found, Phase.PARTED, "Bridged") == set()


def test_each_move_begins_where_another_ended() -> None:
    ended = {normal(CallState(), POLICY)}
    begun = set()
    for move in moves(replace(POLICY, reminders=0)):
        begun.add(normal(move.state, POLICY))
        ended.add(normal(move.step.state, POLICY))
    assert begun == ended
