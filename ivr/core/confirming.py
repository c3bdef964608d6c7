"""What the journal says of a caller who opted out (R3, R4)."""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import entries
from ivr.core.commands import Command
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState


def confirmation(state: CallState, how: str, policy: CallPolicy) -> entries.OptOutConfirmed:
    """What the journal says of an opt-out: of one in mid-call also what becomes of what was
    recorded before."""
    return confirmed(how, policy) if state.joined else entries.OptOutConfirmed(how=how)


def confirmed(how: str, policy: CallPolicy) -> entries.OptOutConfirmed:
    """The same of one that is known to have been in mid-call."""
    destroyed = policy.opt_out_connected == "destroy"
    return entries.OptOutConfirmed(how=how, recorded="destroy" if destroyed else "keep")


def unconfirmed(state: CallState, policy: CallPolicy) -> tuple[Command, ...]:
    """The call ends whose socket was lost while its caller opted out: they never came back."""
    given = state.opting and state.reason != "opted-out"
    return (do.Journal(confirmed("lost", policy)),) if given else ()
