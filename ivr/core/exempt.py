"""The exempt extension: with it nothing is recorded (R8).

An agent's telephone can join a caller to it without asking anybody: what keeps it out of the
recording until the engine has seen it is ``ivr.core.veil``. A call that meets the exempt extension
ends for the engine: what was recorded has its record, and nobody learns how the call went on.
"""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import entries, events, pausing, steps
from ivr.core.commands import Command
from ivr.core.events import Event
from ivr.core.policy import CallPolicy
from ivr.core.state import (
    CLOSING_MS,
    HANGUP_MS,
    MOST_STOPS,
    SWITCH_MS,
    CallState,
    Pause,
    Phase,
    Recording,
)
from ivr.core.steps import Step

ALL = "all"
"""In place of a path: whatever is recorded of the call."""


def met(state: CallState, at: int, policy: CallPolicy, ago_ms: int = 0) -> Step:
    """The exempt extension takes part, or is about to: the recording and the record end.

    What FreeSWITCH may have written since the legs were parted, or since ``ago_ms`` ago where it
    is found out that late, is made silent like a pause (R7).
    """
    if state.phase is Phase.CLOSING:
        # The record has its end. In a call that staff make, who was called may be recorded yet.
        return steps.stop_recording(state)
    ended: tuple[Command, ...] = ()
    if state.may_be_recording:
        apart_ms = 0 if state.together or not state.apart_at else at - state.apart_at
        back_ms = max(0, apart_ms, ago_ms)
        paused = entries.PauseStarted(
            by=pausing.EXEMPT, guard_ms=policy.pausing.guard_ms, back_ms=back_ms
        )
        ended = (do.Journal(paused),)
    other = steps.end_other(state)
    told = (do.StopRecording(ALL), *ended, do.Journal(entries.Exempted()), do.HastenJournal())
    recording = state.may_be_recording
    state = state._replace(
        pause=Pause.OFF, opting=False, aside=False, renewing="", stops=1, reason="exempt"
    )
    step = steps.enter(state, Phase.LEAVING, SWITCH_MS) if recording else steps.finish(state)
    return Step(step.state, (*other, *told, *step.commands))


def again(state: CallState) -> Step:
    """An earlier engine was ended before it was certain that the recording was."""
    state = state._replace(pause=Pause.OFF, stops=1, reason="exempt")
    return steps.enter(state, Phase.LEAVING, SWITCH_MS, do.StopRecording(ALL))


def leaving(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Nothing but the end of the recording is waited for. Rather no call than one that goes on
    being recorded."""
    asked = state.recording is Recording.REQUESTED
    match event:
        case events.RecordingStarted():
            # It was asked for before, and is stopped like any that nobody wants.
            state = state._replace(recording=Recording.RUNNING)
            return Step(state, (do.StopRecording(ALL),))
        case events.RecordingStopped(cause=events.NOT_RECORDED) if asked:
            return Step(state._replace(recording=Recording.STOPPING))  # it may begin yet
        case events.RecordingStopped(cause=cause, path=path) if (
            cause == events.NOT_RECORDED or path == state.path
        ):
            return steps.finish(state)
        case events.RecordingFailed(path=path) if asked and path == state.path:
            return steps.finish(state)
        case events.Vanished():
            return steps.finish(state)
        case events.HungUp():
            # The recording is not to be read before FreeSWITCH let go of it; it hangs on another
            # leg, which goes on, in a call that staff make.
            state = state._replace(recording=Recording.STOPPING)
            stop = (do.StopRecording(ALL),) if policy.staff_call else ()
            return steps.enter(state, Phase.CLOSING, CLOSING_MS, *stop)
        case events.TimerFired() if state.stops < MOST_STOPS:
            state = state._replace(stops=state.stops + 1)
            return steps.enter(state, Phase.LEAVING, SWITCH_MS, do.StopRecording(ALL))
        case events.TimerFired() if state.stops == MOST_STOPS:
            state = state._replace(stops=state.stops + 1)
            hang_up = do.Hangup("NORMAL_CLEARING")
            return steps.enter(state, Phase.LEAVING, HANGUP_MS, do.StopRecording(ALL), hang_up)
        case events.TimerFired():
            return steps.finish(state)
        case _:
            return Step(state)
