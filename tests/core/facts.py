"""What is asked of all that the machine did of an event, whoever watches."""

from __future__ import annotations

from typing import NamedTuple

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.commands import Command
from ivr.core.events import Event
from ivr.core.pausing import is_live
from ivr.core.policy import CallPolicy
from ivr.core.state import Phase
from ivr.core.steps import Step

RESUMES = (do.Unmask, do.ShowKeys)
ENDS = (Phase.REFUSING, Phase.ENDING)
"""Where a call is that the engine is about to end."""


class RuleBroken(AssertionError):
    """A rule that protects a caller does not hold; the argument says which, and how."""


class Facts(NamedTuple):
    """What is asked of all that was done of an event, whoever watches."""

    stops: bool
    parts: bool
    resumes: bool
    back: bool
    """The caller came back from opting out."""
    opts: bool
    """The caller begins to opt out."""
    nobody: bool
    """Nobody was reached."""
    live: bool
    timers: tuple[tuple[str, int], ...]
    """Those that were started."""
    commands: tuple[Command, ...]
    """All others, but for what no rule asks of."""


UNREAD = (
    entries.Marked,
    entries.CustomerHeld,
    entries.CustomerBack,
    entries.Parted,
    entries.RecordingStarted,
    entries.RecordingStopped,
    entries.RecordingStalled,
    entries.PauseEnding,
    entries.PauseOverdue,
    entries.PromptStarted,
    entries.PromptEnded,
    entries.HungUp,
)
"""Entries of which no rule asks what they say."""


_TIMERS = (do.StartTimer, do.StartPauseTimer, do.HastenJournal)


def unread(command: Command) -> bool:
    """No rule asks of this one."""
    return isinstance(command, _TIMERS) or (
        isinstance(command, do.Journal) and isinstance(command.entry, UNREAD)
    )


def facts_of(done: Step) -> Facts:
    """The facts of what was done; RuleBroken where a timer's limit is none."""
    state, commands = done
    if not commands:
        return _LIVE_AND_NOTHING if is_live(state) else _NOTHING
    kinds = {type(command) for command in commands}
    told = {type(command.entry) for command in commands if isinstance(command, do.Journal)}
    timers = {}
    for command in commands:
        if isinstance(command, do.StartTimer | do.StartPauseTimer):
            if command.ms <= 0:
                raise RuleBroken(f"a limit that is none: {command}")
            name = "timer" if isinstance(command, do.StartTimer) else "pause_timer"
            timers[name] = command.timer
    return Facts(
        stops=do.StopRecording in kinds,
        parts=do.Part in kinds,
        resumes=bool(kinds & set(RESUMES)),
        back=entries.OptOutReturned in told,
        opts=entries.OptOutStarted in told,
        nobody=entries.NotConnected in told,
        live=is_live(state),
        timers=tuple(timers.items()),
        commands=tuple(command for command in commands if not unread(command)),
    )


_NOTHING = Facts(False, False, False, False, False, False, False, (), ())
_LIVE_AND_NOTHING = _NOTHING._replace(live=True)


def judge_end(
    arrived: bool, over_already: bool, event: Event, done: Step, policy: CallPolicy
) -> None:
    """RuleBroken if a call is given up that goes on, or goes on though it is no more (R22)."""
    state, commands = done
    over = any(isinstance(command, do.Finish) for command in commands)
    match event:
        case events.Stalled(folder=folder) if state.phase in ENDS and commands:
            if folder:
                raise RuleBroken(f"ended for want of a recording, and there is room: {state}")
            if policy.without_recording == "connect":
                raise RuleBroken(f"ended, and the team goes on without a recording: {state}")
        case events.LinkLost() if over and arrived and not over_already:
            raise RuleBroken(f"given up with its socket: {state}")
        case events.Vanished() if over and not over_already:
            ends = [command for command in commands if isinstance(command, do.Journal)]
            if not any(isinstance(journal.entry, entries.HungUp) for journal in ends):
                raise RuleBroken(f"over, and the journal does not know: {state}")
        case events.Vanished() if state.phase is Phase.UNLINKED:
            raise RuleBroken(f"it is no more, and is waited for: {state}")
        case _:
            pass
