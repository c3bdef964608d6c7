"""A search through every sequence of events, with a watcher that knows the rules.

A state is what the machine remembers together with what the watcher saw; serials and
times are made relative, so that states which differ only in them are one. The search
goes on until no new state appears.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.core import call, entries, events
from ivr.core import commands as do
from ivr.core.commands import Command
from ivr.core.events import Event, Party
from ivr.core.keys import NO_KEYS
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from tests.core.calls import ARRIVED

AFTER_HANGUP = (do.Journal, do.SyncJournal, do.StartTimer, do.Finish)
RECORDER = (do.StopRecording,)
SHORT_MS, LONG_MS = 100, 60_000


class RuleBroken(AssertionError):
    """A rule that protects a caller does not hold; the argument says which, and how."""


@dataclass(frozen=True)
class Watcher:
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
    started: bool = False
    hung_up: bool = False
    timer: int = 0
    finished: bool = False

    def sees(self, event: Event, policy: CallPolicy) -> Watcher:
        match event:
            case events.PromptEnded(prompt=prompt, heard_ms=ms) if (
                prompt.name == policy.announcement.name
            ):
                full = ms >= prompt.files[8000].length_ms
                return replace(
                    self,
                    heard_some=self.heard_some or ms > 0,
                    heard_all=self.heard_all or full,
                )
            case events.Journalled():
                return replace(self, synced=True)
            case events.RecordingStarted():
                return replace(self, started=True)
            case events.RecordingStopped() | events.RecordingFailed():
                return replace(self, recording=False)
            case events.HungUp():
                return replace(self, hung_up=True)
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
                told = self.heard_all or (self.returned and self.heard_some)
                self._forbid(not told, command, "a recording that was not announced (R1)")
                self._forbid(self.opted_out, command, "a recording while opting out (R3)")
                self._forbid(self.confirmed, command, "a recording after opting out (R3)")
                self._forbid(not self.synced, command, "a recording before its journal (R22)")
                return replace(self, recording=True)
            case do.StopRecording():
                return replace(self, recording=False)
            case do.Bridge():
                self._forbid(self.opted_out, command, "connected while opting out (R3)")
                self._forbid(self.confirmed, command, "connected after opting out (R3)")
                certain = self.given_up or (self.recording and self.started)
                self._forbid(not certain, command, "connected before it is clear what is kept (R5)")
            case do.StartTimer(timer=timer, ms=ms):
                self._forbid(ms <= 0, command, "a limit that is none")
                return replace(self, timer=timer)
            case do.Finish():
                return replace(self, finished=True)
            case do.Journal(entry=entry):
                return self._reads(entry)
            case _:
                pass
        return self

    def _reads(self, entry: entries.Entry) -> Watcher:
        match entry:
            case entries.OptOutStarted():
                return replace(self, opted_out=True, returned=False)
            case entries.OptOutReturned():
                return replace(self, opted_out=False, returned=True)
            case entries.OptOutConfirmed():
                return replace(self, opted_out=False, confirmed=True)
            case entries.RecordingFailed():
                return replace(self, given_up=True)
            case _:
                return self

    def _forbid(self, broken: bool, command: Command, rule: str) -> None:
        if broken:
            raise RuleBroken(f"{rule}: {command}")


Node = tuple[CallState, Watcher]


def step(node: Node, event: Event, policy: CallPolicy) -> Node:
    """One event through the machine, judged by the watcher."""
    before, watcher = node
    watcher = watcher.sees(event, policy)
    state, commands = call.advance(before, event, policy)
    for command in commands:
        watcher = watcher.judges(command)
    if (state.phase is Phase.DONE) != watcher.finished:
        raise RuleBroken(f"done without Finish, or Finish without being done: {state}")
    if state.phase not in (Phase.NEW, Phase.DONE) and watcher.timer != state.timer:
        raise RuleBroken(f"a phase without a running timer: {state}")
    return state, watcher


def what_can_happen(state: CallState, policy: CallPolicy) -> Iterator[Event]:
    """All events there are; those that read the clock, soon and long after the last key."""
    keys = dict.fromkeys(policy.opt_out_keys + policy.return_key + "5")
    full = policy.announcement.files[8000].length_ms
    for at in (SHORT_MS, LONG_MS):
        for key in keys:
            yield events.KeyPressed(at, key)
        playing = state.playing
        if playing is not None:
            length = playing.files[8000].length_ms
            for heard in (0, length // 2, length):
                yield events.PromptEnded(at, state.play, playing, heard)
            yield events.PromptEnded(at, state.play, playing, 0, missing=True)
            yield events.PromptEnded(at, state.play, playing, length // 2, hung_up=True)
    at = SHORT_MS
    if state.play:
        for heard in (0, full // 2, full):
            yield events.PromptEnded(at, state.play - 1, policy.announcement, heard)
    yield ARRIVED
    yield events.Answered(at, 8000)
    yield events.Journalled(at)
    yield events.JournalFailed(at, "No space left on device")
    yield events.RecordingStarted(at)
    yield events.RecordingFailed(at, "-ERR")
    yield events.RecordingStopped(at, "success-silence", 1000)
    yield events.Bridged(at, "b")
    for cause in ("USER_BUSY", "NO_ANSWER", "NORMAL_CLEARING"):
        yield events.BridgeEnded(at, cause)
    yield events.BridgeEnded(at, "NORMAL_CLEARING", transferred=True)
    yield events.BridgeEnded(at, "NORMAL_CLEARING", hung_up=True)
    yield events.TimerFired(at, state.timer)
    yield events.TimerFired(at, state.timer - 1)
    yield events.LinkLost(at)
    for party in (Party.CALLER, Party.SWITCH):
        yield events.HungUp(at, party, "NORMAL_CLEARING", 16)


def normal(node: Node) -> Node:
    """The same state with serials and times that do not grow."""
    state, watcher = node
    keys = state.keys._replace(at=0) if state.keys.keys else NO_KEYS
    running = watcher.timer == state.timer
    return (
        state._replace(timer=1, play=1 if state.play else 0, keys=keys),
        replace(watcher, timer=1 if running else 0),
    )


def search(policy: CallPolicy) -> dict[Phase, int]:
    """Every state that any sequence of events leads to; how many there are of each phase.

    Raises RuleBroken at the first step that breaks a rule.
    """
    start: Node = (CallState(), Watcher())
    seen = {start}
    todo = deque([start])
    while todo:
        node = todo.popleft()
        _has_a_way_out(node, policy)
        for event in what_can_happen(node[0], policy):
            try:
                after = normal(step(node, event, policy))
            except RuleBroken as broken:
                raise RuleBroken(f"{broken}\n  in {node[0]}\n  on {event}") from None
            if after not in seen:
                seen.add(after)
                todo.append(after)
    count = dict.fromkeys(Phase, 0)
    for state, _watcher in seen:
        count[state.phase] += 1
    return count


def _has_a_way_out(node: Node, policy: CallPolicy) -> None:
    """Timers alone end the call, should FreeSWITCH never say anything again."""
    if node[0].phase is Phase.NEW:
        return
    at = node
    for _ in range(12):
        if at[0].phase is Phase.DONE:
            return
        at = step(at, events.TimerFired(LONG_MS, at[0].timer), policy)
    raise RuleBroken(f"no way out by timers alone: {node[0]}")
