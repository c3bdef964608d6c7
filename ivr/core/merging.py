"""States of a call that nothing can tell apart are one: so :mod:`ivr.core.explore` comes to an end
(R1 to R5)."""

from __future__ import annotations

from typing import Any

from ivr.core.connecting import is_told_first
from ivr.core.keys import NO_DIGITS, NO_KEYS, Digits
from ivr.core.pausing import HOLD, LIVE, OPT_OUT, is_live
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Pause, Phase, Recording


def follows_legs(policy: CallPolicy) -> bool:
    """Whether it matters beyond what is told of a recording that stalls who hears whom."""
    return bool(policy.exempt) or policy.opt_out_connected != "no"


def normal(state: CallState, policy: CallPolicy) -> CallState:
    """The same state without what decides nothing: serials, times, and names that are only
    passed on, what its phase never asks for any more, and what only keeps something from
    happening.

    States that differ in nothing else are one: whatever can become of one of them can become
    of the one that stands for all.
    """
    if state.phase is Phase.DONE:
        return _DONE
    if state.phase is Phase.LEAVING:
        asked = state.recording in (Recording.REQUESTED, Recording.STOPPING)
        return CallState(
            phase=Phase.LEAVING,
            timer=1,
            stops=state.stops,
            recording=state.recording if asked else Recording.RUNNING,
            path="/",
        )
    live = is_live(state)
    if not live:
        state = state._replace(**_NO_PAUSE)
    if state.phase in _UNSPOKEN:
        state = state._replace(to_customer=False)
    if state.phase not in _RENEWING:
        state = state._replace(renewing="")
    if state.phase is not Phase.ANSWERING:
        state = state._replace(after_answer=Phase.ANNOUNCING)
    if state.phase in _PAST_TELLING or (live and not is_told_first(state)):
        state = state._replace(**_NOTHING_TOLD, **_decides_yet(state, policy))
        if not awaits_the_disk(state):
            # An answer of the journal's may be on its way yet, to what nobody waits for.
            state = state._replace(durable=False, undurable="", syncs=1)
        if state.phase is not Phase.CONNECTED or state.pause is not Pause.OFF:
            state = state._replace(digits=NO_DIGITS)
    if state.phase in (Phase.FAREWELL, Phase.APOLOGISING):
        state = state._replace(**_NOTHING_ASKED)
    keys = state.keys._replace(at=0) if state.keys.keys else NO_KEYS
    may_part = policy.staff_call and policy.opt_out_connected != "no" and live and state.joined
    return state._replace(
        timer=1,
        pause_timer=0 if state.pause is Pause.OFF else 1,
        play=min(state.play, 1),
        keys=keys,
        digits=Digits(state.digits.many),
        reason="",
        path="/" if state.path else "",
        part=1,
        announcement_ms=min(state.announcement_ms, 1),
        durable=state.durable and not state.undurable,
        undurable="x" if state.undurable else "",
        syncs=min(state.syncs, 2),
        renewing="x" if state.renewing else "",
        elsewhere="/" if state.elsewhere and state.recording in _NOT_BEGUN else "",
        asked_at=0,
        together=live and (state.together if follows_legs(policy) else state.joined),
        # These only keep a recording that stalls from being begun anew, or told of again.
        renewals=0,
        no_room=False,
        tellings=state.tellings if state.phase is Phase.QUEUEING else 0,
        paused_by=_who(state),
        paused_at=0,
        apart_at=0,
        away=False,
        other_leg="/" if state.joined and live else "",
        other_number="",
        recorded_leg="/" if may_part and state.recorded_leg == state.other_leg else "",
        keys_hidden=False,
        keys_refused=False,
    )


def _who(state: CallState) -> str:
    """Who began the pause, as far as it decides anything."""
    if state.pause is Pause.OFF:
        return ""
    if state.asked:
        return "agent"
    return OPT_OUT if state.paused_by == OPT_OUT else HOLD


def awaits_the_disk(state: CallState) -> bool:
    """Whether it matters to a call that is past its announcement what is on disk."""
    to_come = state.recording is Recording.NONE and not state.joined
    return to_come or state.pause is Pause.SECURING or bool(state.renewing)


_PAST_TELLING = LIVE | {Phase.CLOSING}
"""Where what the caller was told, and keyed meanwhile, decides nothing any more."""
_NOTHING_TOLD: dict[str, Any] = {
    "rate": 8000,
    "announcement_ms": 0,
}
_UNSPOKEN = (Phase.ENDING, Phase.UNLINKED, Phase.CLOSING)
"""Where no prompt plays any more."""


def _decides_yet(state: CallState, policy: CallPolicy) -> dict[str, Any]:
    """What decides something yet although the announcement is over, or to come."""
    kept: dict[str, Any] = {"keys": NO_KEYS, "play": 0, "replays": 0, "reminders_left": 0}
    if state.phase in (Phase.KEYING, Phase.QUEUEING):
        kept["keys"] = state.keys
    asked_later = policy.announced or any(place.queue for place in policy.destinations)
    if asked_later and state.phase in (Phase.DIALLING, Phase.QUEUEING, Phase.OVERFLOWING):
        kept["reminders_left"] = state.reminders_left
    if state.phase not in _PAST_TELLING:
        # A prompt that is cut short is played again, here without end: what that would decide is
        # searched where the caller is first told.
        kept |= {"play": state.play, "reminders_left": state.reminders_left}
    return kept


_NOTHING_ASKED: dict[str, Any] = {
    "reminders_left": 0,
    "announcement_ms": 0,
    "keys": NO_KEYS,
    "durable": False,
    "undurable": "",
}
_NO_PAUSE: dict[str, Any] = {
    "pause": Pause.OFF,
    "asked": False,
    "masked": False,
    "was_stopped": False,
    "at_line": False,
    "held": False,
    "consulting": False,
    "digits": NO_DIGITS,
    "opting": False,
    "aside": False,
    "veiled": False,
}
"""What is asked of only where people talk, or may."""
_NOT_BEGUN = (Recording.NONE, Recording.REQUESTED)
"""A recording that FreeSWITCH may yet refuse to begin."""
_RENEWING = (Phase.CONNECTED, Phase.PARTED, Phase.UNLINKED)
"""Where a part that is to follow another may yet be begun."""
_DONE = CallState(phase=Phase.DONE, timer=1)
