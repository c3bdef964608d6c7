"""The rules that protect the caller, each in a function of its own.

A test takes each of them away and sees a proof fail (``tests/core/test_search.py``).
"""

from __future__ import annotations

from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Pause


def was_announced(complete: bool) -> bool:
    """R1: nothing is recorded of a caller who did not hear the announcement to its end."""
    return complete


def was_heard_at_all(state: CallState) -> bool:
    """R3: who comes back without having heard any of the announcement hears it from the top."""
    return state.announcement_ms > 0


def is_durable(state: CallState) -> bool:
    """R22: no recording begins whose intent is not on disk."""
    return state.durable


def is_wanted(state: CallState) -> bool:
    """No recording runs that the machine did not ask for, gave up waiting for, or stopped."""
    return state.records


def may_be_heard_again(unmasked: bool) -> bool:
    """R6: a pause whose end FreeSWITCH did not confirm is not over."""
    return unmasked


def may_end_now(state: CallState) -> bool:
    """R4, R6: whoever asks, a call is paused while it is connected to a payment line, on hold, or
    while its caller opts out."""
    return not (state.at_line or state.held or state.opting)


def may_leave_hold(state: CallState) -> bool:
    """R8: an agent who speaks with the exempt extension besides may mix the two calls, also without
    holding one of them."""
    return not state.consulting


def ends_by_itself(state: CallState) -> bool:
    """R6: only a pause that nobody asked for ends when the call leaves the payment line, or is
    back from hold."""
    return not state.asked


def is_told(state: CallState) -> bool:
    """R1, R22: a recording is begun anew only of a caller who was told of the first."""
    return state.may_record and not state.opting


def may_end_for_want_of_recording(folder: str) -> bool:
    """R22: a call is ended only where there is nowhere to record it, never because a recording
    does not grow for another reason."""
    return not folder


def is_exempt(number: str, policy: CallPolicy) -> bool:
    """R8: with the exempt extension nothing is recorded."""
    return number in policy.exempt


def is_known(state: CallState) -> bool:
    """R8: that nobody else is heard was asked of those who are joined now."""
    return state.together and state.veiled


def is_over(state: CallState) -> bool:
    """R6, R8: what lifts the veil does not end a pause."""
    return state.pause in (Pause.OFF, Pause.UNMASKING, Pause.STARTING, Pause.SHOWING)


def may_hear(state: CallState) -> bool:
    """R8: what ends a pause does not lift the veil."""
    return state.together and not state.veiled


def may_part(state: CallState, policy: CallPolicy) -> bool:
    """R4: the sequence counts once connected where the team allows it, and only of who is
    connected, and not to a payment line."""
    theirs = not policy.staff_call or state.other_leg == state.recorded_leg
    allowed = policy.opt_out_connected != "no"
    return allowed and theirs and state.together and not state.at_line


def is_left_alone(state: CallState) -> bool:
    """R4: the leg of who waits for an opting caller is ended with the call, or it waits for
    ever."""
    return state.aside
