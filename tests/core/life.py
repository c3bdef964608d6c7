"""A call with all that outlives its engine: the journal, and what FreeSWITCH does and knows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.core import call, entries, events, merging, taking_up
from ivr.core import commands as do
from ivr.core.commands import Command
from ivr.core.explore import what_can_happen, what_can_happen_to_a_pause
from ivr.core.pausing import THEMSELVES, is_live
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase, Recording
from ivr.core.steps import Step
from tests.core.calls import PATH
from tests.core.seeing import onlooker
from tests.core.watcher import NONE, Watcher, judged


@dataclass(frozen=True)
class Life:
    """A call up to now."""

    policy: CallPolicy
    state: CallState
    watcher: Watcher
    journal: tuple[entries.Stamped, ...] = ()
    on_disk: int = 0
    """So many entries of it are on disk whatever happens."""
    syncs: tuple[int, ...] = ()
    """So many will be, when the disk has answered once, twice and so on."""
    remembered: tuple[str, int] | None = None
    """Who paused and since when, as the customer's leg remembers it."""

    def hear(self, event: events.Event) -> Life:
        """Something happens; RuleBroken where a rule forbids what is done of it."""
        return self.take(event, call.advance(self.state, event, self.policy))

    def take(self, event: events.Event, step: Step) -> Life:
        """It happened, and this was done of it."""
        watcher = judged(self.watcher, event, step, self.policy)
        on_disk, syncs = self.on_disk, self.syncs
        if syncs and isinstance(event, events.Journalled | events.JournalFailed):
            written = isinstance(event, events.Journalled)
            on_disk, syncs = max(on_disk, syncs[0]) if written else on_disk, syncs[1:]
        life = replace(self, state=step.state, watcher=watcher, on_disk=on_disk, syncs=syncs)
        return life._carried_out(event.at, step.commands)

    def _carried_out(self, at: int, commands: tuple[Command, ...]) -> Life:
        journal, on_disk, remembered = list(self.journal), self.on_disk, self.remembered
        syncs = self.syncs
        for command in commands:
            match command:
                case do.Journal(entry=entry):
                    journal.append(entries.Stamped(entries.Stamp(at, at), entry))
                case do.HastenJournal():
                    on_disk = len(journal)
                case do.SyncJournal():
                    syncs = (*syncs, len(journal))
                case do.HideKeys(by=by, since=since) | do.RememberPause(by=by, since=since):
                    remembered = (by, since)
                case do.ShowKeys():
                    remembered = None
                case _:
                    pass
        return replace(
            self, journal=tuple(journal), on_disk=on_disk, syncs=syncs, remembered=remembered
        )

    def left_behind(self) -> Iterator[tuple[entries.Stamped, ...]]:
        """All that may be on disk of its journal when the engine is killed now."""
        for end in range(self.on_disk, len(self.journal) + 1):
            yield self.journal[:end]

    def followed(self, journal: tuple[entries.Stamped, ...], at: int) -> Life:
        """People talk; an engine finds this journal, and asks FreeSWITCH how things are."""
        step = taking_up.followed(journal, PATH, self.policy)
        before = self.watcher
        forgotten = None if before.paused else _paused_by(journal)
        if forgotten:
            # That nobody was reached, and so the pause was over, is not on disk.
            before = before._replace(paused=True, alone=forgotten in THEMSELVES)
        if self.policy.pausing.on_hold == "record":
            # Then it is the agent's second call alone that held this one. No new engine knows of
            # that but by its journal (docs/decisions/0011, what is not covered).
            known = before.held and step.state.held
            before = before._replace(consulting=False, held=known)
        left = before.alone and not (before.line or before.held)
        # One that was told to stop, and did not say so, is masked as if it had not been.
        maybe = {step.state.path} if step.state.may_be_recording else set()
        watcher = before._replace(
            timer=step.state.timer,
            recorded=before.recorded | maybe,
            asked=step.state.recording is Recording.REQUESTED,
            mask_asked=NONE,
            may_resume=left,
            synced=step.state.durable,
            syncs=0,
        )
        life = replace(self, watcher=watcher, journal=journal, on_disk=len(journal), syncs=())
        life = life.take(events.LinkLost(at), step)
        if self.state.together and not life.state.together:
            joined = events.Bridged(at, self.state.other_leg, self.state.other_number)
            life = life.hear(joined)
        if self.remembered is not None:
            life = life.hear(events.WasPaused(at, *self.remembered))
        return life.hear(events.Held(at) if before.held else events.Unheld(at))

    def handed_back(self, journal: tuple[entries.Stamped, ...], at: int) -> Life:
        """Nobody talks; FreeSWITCH hands the call over once more, to an engine that finds this."""
        told = [one.entry for one in journal]
        known = any(isinstance(entry, entries.OptOutConfirmed) for entry in told)
        before = self.watcher
        watcher = onlooker(self.policy)._replace(
            arrived=True,
            heard_some=before.heard_some,
            heard_all=before.heard_all,
            returned=before.returned,
            told=before.told,
            # That somebody opted out for good and only the last engine knew is as if not for good.
            opted_out=before.opted_out or (before.confirmed and not known),
            confirmed=before.confirmed and known,
            joined=before.joined,
            recorded=before.recorded,
        )
        life = replace(
            self,
            watcher=watcher,
            journal=journal,
            on_disk=len(journal),
            syncs=(),
            remembered=None,
        )
        step = taking_up.handed_back(journal, taking_up.Return(PATH, True, "engine-2"), self.policy)
        return life.take(events.LinkLost(at), step)


def _paused_by(journal: tuple[entries.Stamped, ...]) -> str | None:
    """Who paused the call last, where its journal knows of no end."""
    by: str | None = None
    for one in journal:
        match one.entry:
            case entries.PauseStarted(by=who):
                by = who
            case entries.PauseEnded() | entries.NotConnected():
                by = None
            case _:
                pass
    return by


def born(policy: CallPolicy) -> Life:
    """A call that has not begun."""
    return Life(policy, CallState(), onlooker(policy))


def lives(policy: CallPolicy, *, talking: bool = True) -> Iterator[Life]:
    """A life for each state that the machine can come to, the shortest one; if wanted, only up
    to where people talk, or might."""
    first = born(policy)
    seen = {merging.normal(first.state, policy)}
    todo = deque([first])
    while todo:
        life = todo.popleft()
        yield life
        if is_live(life.state) and not talking:
            continue
        paused = what_can_happen_to_a_pause(life.state, policy) if is_live(life.state) else ()
        for event in (*what_can_happen(life.state, policy), *paused):
            step = call.advance(life.state, event, policy)
            key = merging.normal(step.state, policy)
            if key not in seen and step.state.phase not in (Phase.DONE, Phase.CLOSING):
                seen.add(key)
                todo.append(life.take(event, step))
