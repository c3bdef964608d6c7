"""A recording hears nobody of whom it is not known who it is (R8).

An agent's telephone can join a caller to the exempt extension, and that telephone can take a call
that rings elsewhere, without asking anybody. So FreeSWITCH itself masks a recording each time that
two legs are parted, and the engine lets it hear again once it has seen who is there now. For teams
without an exempt extension there is no veil.
"""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import rules
from ivr.core.commands import Command
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState
from ivr.core.steps import Step


def start(state: CallState, policy: CallPolicy) -> do.StartRecording:
    """The recording, or a further part of it, begins."""
    known = not policy.exempt or (state.together and not state.veiled)
    return do.StartRecording(state.path, veiled=bool(policy.exempt), unheard=not known)


def lifted(state: CallState, policy: CallPolicy) -> Step:
    """It is known who is heard, and that it is not the exempt extension. Who is paused stays so:
    the end of the pause lifts the veil too."""
    veiled, state = state.veiled, state._replace(veiled=False)
    if not veiled or not rules.is_over(state) or not state.may_be_recording:
        return Step(state)
    return Step(state, (unmask(state, policy),))


def drawn(state: CallState, policy: CallPolicy) -> tuple[Command, ...]:
    """Nobody is joined any more, and FreeSWITCH masks only as a bridge ends: one telephone may
    have been answered, and let the recording hear, without ever being joined."""
    return (do.Mask(state.path),) if policy.exempt and state.records else ()


def unmask(state: CallState, policy: CallPolicy) -> do.Unmask:
    """Have the recording hear those who are joined now, and nobody who may have come since."""
    return do.Unmask(state.path, only_with=state.other_leg if policy.exempt else "")


def joined(state: CallState, policy: CallPolicy) -> Step:
    """The A leg hears another: whose that is, and whether a third is heard through it, is asked
    before the recording, or a further part of it, hears them. Of most calls it does already
    (:attr:`do.Bridge.unveils`)."""
    if not policy.exempt:
        return lifted(state, policy)
    return Step(state._replace(veiled=True), (do.MakeSure(state.other_leg),))
