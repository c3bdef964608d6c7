"""A search through every sequence of events, with a watcher that knows the rules.

A state is what the machine remembers together with what the watcher saw; serials and
times are made relative, so that states which differ only in them are one. The search
goes on until no new state appears.

The machine is asked once for each of its states and each event, however many watchers
come by that state: it cannot see them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ivr.core import call, events, merging
from ivr.core.events import Event
from ivr.core.explore import LATE_MS, what_can_happen, what_can_happen_to_a_pause
from ivr.core.pausing import is_live
from ivr.core.policy import CallPolicy
from ivr.core.state import MOST_STOPS, CallState, Phase
from ivr.core.steps import Step
from tests.core.facts import Facts, RuleBroken, facts_of
from tests.core.quick import quick_copies
from tests.core.seeing import normal, onlooker, weight
from tests.core.watcher import Node, Watcher, judged

MOST_TIMERS = 12 + MOST_STOPS
"""How many timers in a row may have to run out before a call is over."""


Never = Callable[[Event], bool]
"""Which events are left out of one search, and searched in another: each doubles all states."""


def nothing(event: Event) -> bool:
    """All can happen."""
    return False


_ASKING = (events.PauseAsked, events.ResumeAsked, events.WasPaused)


def asks(event: Event) -> bool:
    """Somebody asks for a pause, or asked before the engine was there."""
    return isinstance(event, _ASKING)


def consults(event: Event) -> bool:
    """The agent calls the exempt extension besides."""
    return isinstance(event, events.Consults)


_ANSWERS = (events.Masked, events.Unmasked, events.KeysHidden, events.KeysShown)
_FAILURES = (events.PauseTimerFired, events.Stalled)


def refuses(event: Event) -> bool:
    """FreeSWITCH refuses to mask, or does not answer, or the disk is full."""
    return isinstance(event, _FAILURES) or (isinstance(event, _ANSWERS) and not event.ok)


def any_of(*never: Never) -> Never:
    """All that one of these leaves out."""
    return lambda event: any(each(event) for each in never)


class Place:
    """A state of the machine, what can happen there, and all who were seen to come by."""

    def __init__(self, state: CallState) -> None:
        self.state = state
        self.watchers: set[Watcher] = set()
        self.moves: list[tuple[Event, Step, Place, Facts]] = []
        """Every event, what becomes of it, where it leads, and what is to be judged."""
        self.seen = False
        """Somebody looked around here."""
        self.timers_to_the_end = 0
        """How many timers end the call, should FreeSWITCH never say anything again."""


class Machine:
    """The machine under one policy, asked once for each state."""

    def __init__(self, policy: CallPolicy, never: Never) -> None:
        self.policy = policy
        self.never = never
        self.places: dict[CallState, Place] = {}
        self._known: dict[CallState, Place] = {}
        """The place of each state that was asked for, serials and times and all."""

    def place(self, state: CallState) -> Place:
        """The place of this state, once serials and times are taken out of it."""
        place = self._known.get(state)
        if place is None:
            usual = merging.normal(state, self.policy)
            place = self.places.get(usual)
            if place is None:
                place = self.places[usual] = Place(usual)
            self._known[state] = place
        return place

    def look_around(self, place: Place) -> None:
        """Find where every event leads from here, and that timers alone lead to the end."""
        state, policy = place.state, self.policy
        paused = what_can_happen_to_a_pause(state, policy) if is_live(state) else ()
        place.seen = True
        known = set()
        for event in (*what_can_happen(state, policy), *paused):
            if self.never(event):
                continue
            step = call.advance(state, event, policy)
            weighs = weight(event, policy)
            idle = step.state is state and not step.commands
            if idle and not weighs:
                continue
            after = place if step.state is state else self.place(step.state)
            facts = facts_of(step)
            serials = (step.state.timer, step.state.pause_timer, step.state.path)
            alike = (weighs, after, facts, serials)
            done = facts.commands or facts.timers or after is not place
            if alike not in known and (weighs or done):
                known.add(alike)
                place.moves.append((event, step, after, facts))
        if place.state.phase is not Phase.NEW:
            self.wait_for_the_end(place)

    def wait_for_the_end(self, place: Place) -> None:
        """Raise RuleBroken if timers do not end the call.

        That they break no other rule is seen when the search itself comes that way.
        """
        way: list[Place] = []
        at = place
        while at.state.phase is not Phase.DONE and not at.timers_to_the_end:
            way.append(at)
            if len(way) > MOST_TIMERS:
                raise RuleBroken(f"no way out by timers alone: {place.state}")
            fired = events.TimerFired(LATE_MS, at.state.timer)
            at = self.place(call.advance(at.state, fired, self.policy).state)
        for left, passed in enumerate(reversed(way), at.timers_to_the_end + 1):
            passed.timers_to_the_end = left
        if place.timers_to_the_end > MOST_TIMERS:
            raise RuleBroken(f"no way out by timers alone: {place.state}")


@quick_copies()
def search(
    policy: CallPolicy, starts: Iterable[Node] = (), *, never: Never = nothing
) -> dict[Phase, int]:
    """Every state that any sequence of events leads to from one of these, or from a call's
    beginning; how many there are of each phase. Some events never happen.

    Raises RuleBroken at the first step that breaks a rule.
    """
    machine = Machine(policy, never)
    todo: deque[tuple[Place, Watcher]] = deque()
    for state, watcher in starts or ((CallState(), onlooker(policy)),):
        place, watcher = machine.place(state), normal(watcher, state)
        if watcher not in place.watchers:
            place.watchers.add(watcher)
            todo.append((place, watcher))
    while todo:
        place, watcher = todo.popleft()
        if not place.seen:
            machine.look_around(place)
        for event, step, after, facts in place.moves:
            try:
                seeing = judged(watcher, event, step, policy, facts)
            except RuleBroken as broken:
                raise RuleBroken(f"{broken}\n  in {place.state}\n  on {event}") from None
            if seeing is watcher and step.state is place.state:
                continue
            seeing = normal(seeing, step.state)
            if seeing not in after.watchers:
                after.watchers.add(seeing)
                todo.append((after, seeing))
    count = dict.fromkeys(Phase, 0)
    for place in machine.places.values():
        count[place.state.phase] += len(place.watchers)
    return count
