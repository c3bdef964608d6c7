"""A search through every sequence of events, with a watcher that knows the rules.

A state is what the machine remembers together with what the watcher saw; serials and
times are made relative, so that states which differ only in them are one. The search
goes on until no new state appears.

The machine is asked once for each of its states and each event, however many watchers
come by that state: it cannot see them.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ivr.core import call, entries, events, explore
from ivr.core import commands as do
from ivr.core.commands import Command
from ivr.core.events import Event
from ivr.core.explore import LATE_MS, what_can_happen, what_can_happen_to_a_pause
from ivr.core.pausing import LIVE
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Pause, Phase
from ivr.core.steps import Step

AFTER_HANGUP = (do.Journal, do.SyncJournal, do.StartTimer, do.Finish)
RECORDER = (do.StopRecording,)
CALLERS = (events.KeyPressed, events.HungUp, events.BridgeEnded, events.PromptEnded)
"""What a caller can bring about alone."""
RESUMES = (do.Unmask, do.ShowKeys)
_UNRECORDED = {"recording": False, "masked": False, "mask_asked": False, "covered": False}
MOST_TIMERS = 12
"""How many timers in a row may have to run out before a call is over."""


class RuleBroken(AssertionError):
    """A rule that protects a caller does not hold; the argument says which, and how."""


class Watcher(NamedTuple):
    """What an onlooker knows of a call, from its events and commands alone."""

    heard_some: bool = False
    heard_all: bool = False
    opted_out: bool = False
    """Keyed, and neither returned nor confirmed."""
    returned: bool = False
    confirmed: bool = False
    synced: bool = False
    recording: bool = False
    given_up: bool = False
    """The journal says that there will be no recording."""
    joined: bool = False
    """Somebody was connected."""
    asked: bool = False
    """FreeSWITCH has not answered yet whether it records."""
    started: bool = False
    hidden: bool = False
    """FreeSWITCH was told to hide keys, and not to show them again."""
    deaf: bool = False
    """FreeSWITCH was told to tell of no key, and not to tell of them again."""
    masked: bool = False
    """FreeSWITCH confirmed a mask, and has not been told to end it."""
    mask_asked: bool = False
    covered: bool = False
    """FreeSWITCH confirmed a mask, and has not confirmed its end."""
    may_resume: bool = False
    """Somebody who may asked for the end of the pause."""
    paused: bool = False
    line: bool = False
    """Connected to a payment line."""
    line_alone: bool = False
    """Nobody but the payment line asked for the pause."""
    pause_timer: int = 0
    outbound: bool = False
    hung_up: bool = False
    timer: int = 0
    finished: bool = False

    def sees(self, event: Event, policy: CallPolicy) -> Watcher:
        """Take an event. What it does not look at, :func:`weight` gives no weight."""
        match event:
            case events.PromptEnded(prompt=prompt, heard_ms=ms) if (
                prompt.name == policy.announcement.name
            ):
                full = ms >= prompt.files[8000].length_ms
                return self._replace(
                    heard_some=self.heard_some or ms > 0,
                    heard_all=self.heard_all or full,
                )
            case events.Journalled():
                return self._replace(synced=True)
            case events.RecordingStarted():
                return self._replace(started=True, asked=False)
            case events.RecordingStopped():
                return self._replace(**_UNRECORDED)
            case events.RecordingFailed() if self.asked:
                return self._replace(asked=False, **_UNRECORDED)
            case events.HungUp():
                return self._replace(hung_up=True)
            case events.Masked(ok=True) if self.mask_asked:
                return self._replace(masked=True, mask_asked=False, covered=True)
            case events.Masked(ok=False):
                return self._replace(mask_asked=False)
            case events.Unmasked(ok=True) if not (self.masked or self.mask_asked):
                return self._replace(covered=False)
            case events.PauseAsked():
                return self._replace(line_alone=False, may_resume=False)
            case events.ResumeAsked():
                return self._replace(may_resume=True)
            case events.Bridged(number=number):
                first = policy.payment_line and not self.joined
                line = first or number in policy.pausing.lines
                left = self.line and not line and self.line_alone
                return self._replace(line=line, may_resume=self.may_resume or left)
            case _:
                return self

    def judges(self, command: Command) -> Watcher:
        """Take a command; raise RuleBroken where a rule forbids it."""
        self._forbid(self.finished, command, "a command after the end")
        self._forbid(
            self.hung_up and not isinstance(command, AFTER_HANGUP + RECORDER),
            command,
            "a command after the hangup that does not finish the record",
        )
        match command:
            case do.StartRecording():
                told = self.heard_all or self.outbound or (self.returned and self.heard_some)
                self._forbid(not told, command, "a recording that was not announced (R1)")
                self._forbid(self.opted_out, command, "a recording while opting out (R3)")
                self._forbid(self.confirmed, command, "a recording after opting out (R3)")
                self._forbid(not self.synced, command, "a recording before its journal (R22)")
                return self._replace(**_UNRECORDED)._replace(
                    recording=True, asked=True, started=False
                )
            case do.StopRecording():
                return self._replace(**_UNRECORDED)
            case do.Bridge():
                self._forbid(self.opted_out, command, "connected while opting out (R3)")
                self._forbid(self.confirmed, command, "connected after opting out (R3)")
                certain = self.outbound or self.given_up or (self.recording and self.started)
                self._forbid(not certain, command, "connected before it is clear what is kept (R5)")
            case do.Mask():
                self._forbid(not self.hidden, command, "masked before keys are hidden (R6)")
                return self._replace(mask_asked=True)
            case do.Unmask():
                self._forbid(not self.may_resume, command, "heard again, and nobody asked (R6)")
                self._forbid(self.line, command, "heard again at a payment line (R6)")
                return self._replace(masked=False)
            case do.ShowKeys():
                self._forbid(not self.may_resume, command, "keys shown, and nobody asked (R6)")
                self._forbid(self.covered, command, "keys shown before the mask is off (R6)")
                return self._replace(hidden=False)
            case do.HideKeys(relayed=relayed):
                through = relayed and not self.line
                self._forbid(through, command, "keys let through and no payment line (R6)")
                untold = relayed and not self.deaf
                self._forbid(untold, command, "keys let through and told of (R6)")
                return self._replace(hidden=True)
            case do.ForgetKeys():
                return self._replace(deaf=True)
            case do.HearKeys():
                self._forbid(self.line, command, "keys told of at a payment line (R6)")
                return self._replace(deaf=False)
            case do.TellAgent(tone=tone):
                self._forbid(self.line, command, "a tone to a payment line")
                untrue = tone is do.Tone.PAUSED and self.recording and not self.masked
                self._forbid(untrue, command, "the agent is told of a pause that is none (R6)")
            case do.StartPauseTimer(timer=timer, ms=ms):
                self._forbid(ms <= 0, command, "a limit that is none")
                return self._replace(pause_timer=timer)
            case do.StartTimer(timer=timer, ms=ms):
                self._forbid(ms <= 0, command, "a limit that is none")
                return self._replace(timer=timer)
            case do.Finish():
                return self._replace(finished=True)
            case do.Journal(entry=entry):
                return self._reads(entry)
            case _:
                pass
        return self

    def judges_pause(self, event: Event, done: Step) -> None:
        """Take what was done as a whole while there may be a recording to pause."""
        state, commands = done
        if state.pause is Pause.OFF:
            if self.paused:
                raise RuleBroken(f"the pause is forgotten (R6): {state}")
            if isinstance(event, events.Bridged) and self.line:
                raise RuleBroken(f"at a payment line and not paused (R6): {state}")
            return
        if not self.paused:
            raise RuleBroken(f"paused, and the journal does not know: {state}")
        if self.pause_timer != state.pause_timer:
            raise RuleBroken(f"a pause without a running timer: {state}")
        if self.may_resume:
            return
        if self.recording and not (self.masked or self.mask_asked):
            if isinstance(event, events.Masked):
                raise RuleBroken(f"a mask refused and not stopped (R6): {state}")
            raise RuleBroken(f"recorded while paused (R6): {state}")
        hides = [command for command in commands if isinstance(command, do.HideKeys)]
        if isinstance(event, events.Bridged) and not hides:
            raise RuleBroken(f"the keys of a new leg are not hidden (R6): {state}")
        if hides and self.line and not hides[-1].relayed:
            raise RuleBroken(f"keys kept from the payment line (R6): {state}")

    def _reads(self, entry: entries.Entry) -> Watcher:
        match entry:
            case entries.OptOutStarted():
                return self._replace(opted_out=True, returned=False)
            case entries.OptOutReturned():
                return self._replace(opted_out=False, returned=True)
            case entries.OptOutConfirmed():
                return self._replace(opted_out=False, confirmed=True)
            case entries.Connected():
                return self._replace(joined=True)
            case entries.NotConnected():
                # Stopped, and nobody is there to pause for.
                return self._replace(paused=False)
            case entries.RecordingIntended():
                return self._replace(synced=False)
            case entries.PauseStarted(by=by):
                alone = by == "payment-line"
                return self._replace(paused=True, may_resume=False, line_alone=alone)
            case entries.PauseHeld():
                kept = self.recording and not self.masked
                self._forbid(kept, do.Journal(entry), "kept while paused (R6)")
            case entries.PauseEnded():
                self._forbid(self.hidden, do.Journal(entry), "over, and keys still hidden (R6)")
                return self._replace(paused=False)
            case entries.RecordingFailed():
                self._forbid(self.recording, do.Journal(entry), "given up and not stopped (R5)")
                return self._replace(given_up=True)
            case _:
                pass
        return self

    def _forbid(self, broken: bool, command: Command, rule: str) -> None:
        if broken:
            raise RuleBroken(f"{rule}: {command}")


Node = tuple[CallState, Watcher]


def step(node: Node, event: Event, policy: CallPolicy) -> Node:
    """One event through the machine, judged by the watcher."""
    state, watcher = node
    done = call.advance(state, event, policy)
    return done.state, judged(watcher, event, done, policy)


def judged(watcher: Watcher, event: Event, done: Step, policy: CallPolicy) -> Watcher:
    """What the watcher knows after one event and what was done; RuleBroken if it objects."""
    watcher = watcher.sees(event, policy)
    state, commands = done
    if policy.payment_line and state.phase is Phase.DIALLING:
        watcher = watcher._replace(line=True)
    unwanted = not (watcher.recording or watcher.hung_up or watcher.finished)
    stopped = do.StopRecording() in commands
    if isinstance(event, events.RecordingStarted) and unwanted and not stopped:
        raise RuleBroken(f"a recording that nobody wants goes on (R5): {state}")
    if isinstance(event, CALLERS) and any(isinstance(command, RESUMES) for command in commands):
        raise RuleBroken(f"the caller ended a pause (R6): {state}")
    for command in commands:
        watcher = watcher.judges(command)
    if (state.phase is Phase.DONE) != watcher.finished:
        raise RuleBroken(f"done without Finish, or Finish without being done: {state}")
    if state.phase not in (Phase.NEW, Phase.DONE) and watcher.timer != state.timer:
        raise RuleBroken(f"a phase without a running timer: {state}")
    if state.phase not in LIVE:
        return watcher._replace(line=False, **_NO_PAUSE)
    watcher.judges_pause(event, done)
    return watcher if watcher.paused else watcher._replace(**_NO_PAUSE)


def normal(watcher: Watcher, state: CallState) -> Watcher:
    """The same watcher with serials that do not grow, and nothing that no rule asks for any more.

    Once the call is finished every command is forbidden, and after the hangup every
    command that another rule would have to judge: what was known before is of no weight.
    """
    if watcher.finished:
        return FINISHED
    running = 1 if watcher.timer == state.timer else 0
    if watcher.hung_up:
        return Watcher(hung_up=True, timer=running)
    pausing = 1 if watcher.pause_timer == state.pause_timer else 0
    if watcher.joined or watcher.confirmed:
        # What was told decided whether it is recorded; that was judged.
        watcher = watcher._replace(**_TOLD)
    return watcher._replace(timer=running, pause_timer=pausing)


_NO_PAUSE = {
    "hidden": False,
    "deaf": False,
    "masked": False,
    "mask_asked": False,
    "covered": False,
    "may_resume": False,
    "line_alone": False,
}
_TOLD = {"heard_some": True, "heard_all": True, "returned": False, "given_up": False}
FINISHED = Watcher(finished=True)


def onlooker(policy: CallPolicy) -> Watcher:
    """The watcher of a call that has not begun."""
    return Watcher(outbound=policy.direction == "outbound")


def weight(event: Event, policy: CallPolicy) -> tuple[object, ...]:
    """All that the watcher looks at in an event; nothing where it does not look at all."""
    match event:
        case events.PromptEnded(prompt=prompt, heard_ms=ms):
            told = prompt.name == policy.announcement.name
            full = ms >= prompt.files[8000].length_ms
            return (events.PromptEnded, told and ms > 0, told and full)
        case events.Bridged(number=number):
            return (events.Bridged, number in policy.pausing.lines)
        case events.Masked(ok=ok) | events.Unmasked(ok=ok):
            return (type(event), ok)
        case events.KeyPressed() | events.BridgeEnded():
            return (CALLERS,)
        case events.HungUp() | events.Journalled() | events.PauseAsked() | events.ResumeAsked():
            return (type(event),)
        case events.RecordingStarted() | events.RecordingStopped() | events.RecordingFailed():
            return (type(event),)
        case _:
            return ()


class Place:
    """A state of the machine, what can happen there, and all who were seen to come by."""

    def __init__(self, state: CallState) -> None:
        self.state = state
        self.watchers: set[Watcher] = set()
        self.moves: list[tuple[Event, Step, Place]] = []
        """Every event, what becomes of it, and where it leads."""
        self.seen = False
        """Somebody looked around here."""
        self.timers_to_the_end = 0
        """How many timers end the call, should FreeSWITCH never say anything again."""


class Machine:
    """The machine under one policy, asked once for each state."""

    def __init__(self, policy: CallPolicy) -> None:
        self.policy = policy
        self.places: dict[CallState, Place] = {}

    def place(self, state: CallState) -> Place:
        """The place of this state, once serials and times are taken out of it."""
        state = explore.normal(state)
        place = self.places.get(state)
        if place is None:
            place = self.places[state] = Place(state)
        return place

    def look_around(self, place: Place) -> None:
        """Find where every event leads from here, and that timers alone lead to the end."""
        paused = what_can_happen_to_a_pause(place.state) if place.state.phase in LIVE else ()
        known = set()
        for event in (*what_can_happen(place.state, self.policy), *paused):
            step = call.advance(place.state, event, self.policy)
            after = place if step.state is place.state else self.place(step.state)
            weighs = weight(event, self.policy)
            alike = (weighs, step)
            if alike not in known and (weighs or step.commands or after is not place):
                known.add(alike)
                place.moves.append((event, step, after))
            place.seen = True
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


def search(policy: CallPolicy) -> dict[Phase, int]:
    """Every state that any sequence of events leads to; how many there are of each phase.

    Raises RuleBroken at the first step that breaks a rule.
    """
    machine = Machine(policy)
    start = machine.place(CallState())
    watcher = onlooker(policy)
    start.watchers.add(watcher)
    todo = deque([(start, watcher)])
    while todo:
        place, watcher = todo.popleft()
        if not place.seen:
            machine.look_around(place)
        for event, step, after in place.moves:
            try:
                seeing = normal(judged(watcher, event, step, policy), step.state)
            except RuleBroken as broken:
                raise RuleBroken(f"{broken}\n  in {place.state}\n  on {event}") from None
            if seeing not in after.watchers:
                after.watchers.add(seeing)
                todo.append((after, seeing))
    count = dict.fromkeys(Phase, 0)
    for place in machine.places.values():
        count[place.state.phase] += len(place.watchers)
    return count
