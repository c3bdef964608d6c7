"""What of an onlooker's knowledge is of weight, and what an onlooker looks at."""

from __future__ import annotations

from typing import Any

from ivr.core import events, merging
from ivr.core.connecting import is_told_first
from ivr.core.events import Event
from ivr.core.explore import ANOTHER
from ivr.core.pausing import is_live
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Pause, Phase
from tests.core.watcher import CALLERS, Watcher


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
    if state.phase is Phase.LEAVING:
        recorded = watcher.recorded & {state.path}
        return Watcher(arrived=True, exempt=True, guarded=True, recorded=recorded, timer=running)
    known: dict[str, Any] = {
        "timer": running,
        "pause_timer": 1 if watcher.pause_timer == state.pause_timer else 0,
        "syncs": min(watcher.syncs, 2),
        "leg": "/" if state.joined and watcher.leg == state.other_leg else "",
        "own": watcher.own and watcher.alone,
    }
    if not (watcher.exact and state.joined):
        known |= {"apart": True, "sure": False}
    elif not watcher.guarded:
        known["apart"] = not state.together
    if state.pause is Pause.OFF:
        known["pause_timer"] = 0
    if not is_live(state):
        known["leg"] = ""
    if state.phase in _LEFT and (watcher.opted_out or watcher.confirmed):
        known |= _HEARS_NO_MORE
    if watcher.told:
        known |= _HEARD
    if not watcher.recorded:
        known |= _UNRECORDED
    talking = is_live(state) and not is_told_first(state)
    if state.phase not in TELLING or talking:
        # What was told and keyed decides whether a further part may be recorded, and no more.
        barred = (watcher.opted_out and not state.opting) or watcher.confirmed
        known |= _HEARD
        known["opted_out"] = watcher.opted_out and state.opting
        known["told"] = watcher._is_told and not barred
    if not watcher.recorded:
        known["veil"] = False
    if watcher.waits:
        known["waits"] = "/" if watcher.waits == state.other_leg else "?"
    if talking:
        known |= _RUNG
        if not merging.awaits_the_disk(state):
            known |= _AWAITS_NOTHING
    for name in _PATHS:
        paths = getattr(watcher, name)
        if paths:
            known[name] = frozenset("/" if path == state.path else path for path in paths)
    new = {name: value for name, value in known.items() if getattr(watcher, name) != value}
    return watcher._replace(**new) if new else watcher


_HEARD: dict[str, Any] = {"heard_some": False, "heard_all": False, "returned": False}
"""What is of no weight for who is told already."""
_LEFT = (Phase.FAREWELL, Phase.ENDING, Phase.UNLINKED)
_HEARS_NO_MORE: dict[str, Any] = {"sure": False, "unveils": False}
"""What is of no weight for a recording that hears nobody any more."""
_UNRECORDED: dict[str, Any] = {"asked": False, "started": False}
_AWAITS_NOTHING: dict[str, Any] = {"synced": True, "syncs": 1}
"""An answer of the disk's may be on its way yet, to what nobody waits for."""
_PATHS = ("recorded", "masked", "mask_asked", "covered")
_RUNG: dict[str, Any] = {"started": False, "given_up": True}
TELLING = frozenset(
    {
        Phase.NEW,
        Phase.ANSWERING,
        Phase.CHOOSING,
        Phase.ANNOUNCING,
        Phase.LAST_KEYS,
        Phase.REMINDING,
        Phase.DECIDING,
    }
)
"""Where the caller may yet be told something, or opt out."""
FINISHED = Watcher(finished=True)


def onlooker(policy: CallPolicy) -> Watcher:
    """The watcher of a call that has not begun."""
    return Watcher(
        outbound=policy.staff_call,
        told=policy.staff_call and not policy.announced,
        guarded=bool(policy.exempt),
        exact=merging.follows_legs(policy),
    )


def weight(event: Event, policy: CallPolicy) -> tuple[object, ...]:
    """All that the watcher looks at in an event; nothing where it does not look at all."""
    match event:
        case events.PromptEnded(prompt=prompt, heard_ms=ms):
            told = prompt.name == policy.announcement.name
            full = ms >= prompt.files[8000].length_ms
            return (events.PromptEnded, told and ms > 0, told and full)
        case events.Bridged(number=number, other_leg=leg):
            exempt = number in policy.exempt
            return (events.Bridged, number in policy.pausing.lines, leg, exempt)
        case events.Masked(ok=ok, path=path) | events.Unmasked(ok=ok, path=path):
            return (type(event), ok) if path != ANOTHER else ()
        case events.RecordingStopped(path=path):
            return (type(event), path) if path != ANOTHER else ()
        case events.Stalled(folder=folder):
            return (type(event), folder)
        case events.WasPaused(by=by):
            return (type(event), by)
        case events.KeyPressed(key=key):
            return (CALLERS, key == policy.return_key)
        case events.BridgeEnded(hung_up=gone):
            return (CALLERS, merging.follows_legs(policy) and not gone)
        case events.Unbridged():
            return (events.Unbridged,) if merging.follows_legs(policy) else ()
        case events.OtherLeft(leg=leg):
            return (events.OtherLeft, leg)
        case events.Exempt() | events.StillJoined():
            return (type(event),)
        case (
            events.Arrived()
            | events.HungUp()
            | events.Journalled()
            | events.JournalFailed()
            | events.PauseAsked()
            | events.ResumeAsked()
            | events.Held()
            | events.Unheld()
            | events.Consults()
            | events.ConsultOver()
            | events.RecordingStarted()
            | events.RecordingFailed()
            | events.LinkLost()
            | events.Vanished()
        ):
            return (type(event),)
        case _:
            return ()
