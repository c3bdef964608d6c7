"""A recording that no longer grows is begun anew, as a further part, where there is room (R22).

FreeSWITCH says nothing of a full disk before the call is over, and counts on
(docs/freeswitch.md 19). The engine watches the files grow and tells the machine of one that
does not, again and again until it does. Where there is nowhere to record, the team's policy says
whether the call goes on without.
"""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import connecting, entries, events, pausing, rules, steps, veil
from ivr.core.commands import Command, Tone
from ivr.core.policy import CallPolicy
from ivr.core.state import (
    AGAIN_MS,
    JOURNAL_MS,
    MOST_AGAIN,
    NO_ROOM,
    SWITCH_MS,
    TOLD_MS,
    CallState,
    Pause,
    Phase,
    Recording,
)
from ivr.core.steps import Step
from ivr.core.timeline import first_path, further_path

_TALKING = (Phase.CONNECTED, Phase.UNLINKED)
_MEANT = (Recording.REQUESTED, Recording.RUNNING, Recording.ENDED, Recording.REFUSED)
_SETTLED = (Pause.OFF, Pause.ON)


def should_grow(state: CallState) -> bool:
    """Whether somebody is heard now who is to be recorded: then the file grows, masked or not.

    Not while a pause is being begun or ended, and not in one that had the recording stopped.
    """
    return (
        state.together
        and not state.away
        and state.phase in _TALKING
        and state.recording in _MEANT
        and state.pause in _SETTLED
        and not state.was_stopped
        and rules.is_told(state)
    )


def stalled(state: CallState, event: events.Stalled, policy: CallPolicy) -> Step:
    """The file has not grown for a while: go on in another."""
    since_ms = event.at - state.asked_at
    if not should_grow(state):
        return Step(state)
    if state.renewing and since_ms < JOURNAL_MS:
        return Step(state)  # its intent is on its way to the disk
    if state.recording is Recording.REQUESTED and since_ms < SWITCH_MS:
        return Step(state)
    if rules.may_end_for_want_of_recording(event.folder):
        return _nowhere(state, NO_ROOM, policy)
    renewals = 0 if since_ms > AGAIN_MS else state.renewals
    if renewals >= MOST_AGAIN:
        return Step(state)  # whatever it is, it is not for want of room
    part = state.part + 1
    path = _further(event.folder, state.path, part)
    state = state._replace(
        part=part,
        renewing=path,
        renewals=renewals + 1,
        asked_at=event.at,
        durable=False,
        undurable="",
        syncs=state.syncs + 1,
        no_room=False,
    )
    told = entries.RecordingStalled(path=state.path, into=path)
    intended = entries.RecordingIntended(path=path)
    return Step(state, (do.Journal(told), do.Journal(intended), do.SyncJournal()))


def not_begun(state: CallState, reason: str, policy: CallPolicy) -> Step:
    """FreeSWITCH refused the first part, as it does on a full disk (docs/freeswitch.md 62): it is
    begun in another folder before anybody is connected."""
    if not state.elsewhere:
        return connecting.unrecorded(state, reason, policy)
    part = state.part + 1
    path = _further(state.elsewhere, state.path, part)
    told = entries.RecordingStalled(path=state.path, into=path)
    intended = entries.RecordingIntended(path=path)
    state = state._replace(
        part=part,
        path=path,
        elsewhere="",
        recording=Recording.NONE,
        durable=False,
        undurable="",
        syncs=state.syncs + 1,
    )
    journal = (do.Journal(told), do.Journal(intended), do.SyncJournal())
    return steps.enter(state, Phase.SECURING, JOURNAL_MS, *journal)


def _further(folder: str, path: str, part: int) -> str:
    """Where this part of the recording at ``path`` goes in a folder."""
    name = first_path(path).rpartition("/")[2]
    return further_path(f"{folder}/{name}", part)


def journal_news(state: CallState, policy: CallPolicy) -> Step:
    """The further part's intent is on disk, or never will be."""
    path, state = state.renewing, state._replace(renewing="")
    if not (state.phase in _TALKING and state.together):
        return Step(state)  # nobody is heard any more
    if not rules.is_durable(state):
        return _nowhere(state, state.undurable, policy)
    stop = (do.StopRecording(state.path),) if state.may_be_recording else ()
    state = state._replace(path=path, recording=Recording.REQUESTED, masked=False)
    state, masked = pausing.recording_asked(state)
    return Step(state, (*stop, veil.start(state, policy), *masked))


def _nowhere(state: CallState, reason: str, policy: CallPolicy) -> Step:
    """Nothing can be recorded: the team's policy says whether there is a call. It is asked again
    as long as that lasts, so that a call that goes on is recorded once there is room."""
    if state.no_room:
        return Step(state)
    told = (
        do.Journal(entries.RecordingStalled(path=state.path, into="")),
        # Of no path: what stalled grows again when space comes back (docs/freeswitch.md 63).
        do.Journal(entries.RecordingFailed(path="", reason=reason)),
        *pausing.tell(state, Tone.NOT_DONE),
    )
    state = state._replace(no_room=True)
    if policy.without_recording == "connect":
        return Step(state, told)
    return _refuse(state, *told)


def refuse(state: CallState) -> Step:
    """The call is not recorded and may not go on so: its agent is told, and it ends."""
    return _refuse(state, *pausing.tell(state, Tone.NOT_DONE))


def _refuse(state: CallState, *told: Command) -> Step:
    state = state._replace(reason="not-recordable")
    return steps.enter(state, Phase.REFUSING, TOLD_MS, *told)
