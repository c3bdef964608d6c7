"""Opting out in mid-call, where a team allows it (R4).

From the first key of the sequence on nothing is kept. Once it is keyed, caller and agent are
parted; the caller alone hears the reminder, and either comes back or ends the call. In a call
that staff make it is the called person who may opt out, and the A leg is the agent's.
"""

from __future__ import annotations

from ivr.core import commands as do
from ivr.core import confirming, connecting, entries, events, pausing, rules, steps
from ivr.core.commands import Command, Tone
from ivr.core.events import Event
from ivr.core.keys import NO_KEYS, press
from ivr.core.policy import CallPolicy
from ivr.core.state import SWITCH_MS, CallState, Phase
from ivr.core.steps import Step


def connected(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """Caller and agent hear each other, and the caller may opt out."""
    match event:
        case events.KeyPressed() if rules.may_part(state, policy):
            counted = pausing.key_pressed(state, event, policy)
            return steps.then_all(counted.commands, _keyed(counted.state, event, policy))
        case _:
            return connecting.connected(state, event, policy)


def _keyed(state: CallState, event: events.KeyPressed, policy: CallPolicy) -> Step:
    tail, found = press(state.keys, event.key, event.at, policy.opt_out_keys, policy.inter_digit_ms)
    state = state._replace(keys=tail)
    if found:
        hushed = pausing.opting(state, event.at, event.held_ms, policy)
        return steps.then_all(hushed.commands, _part(hushed.state, policy))
    if tail.keys:
        hushed = pausing.opting(state, event.at, event.held_ms, policy)
        return steps.enter(hushed.state, Phase.KEYING, policy.inter_digit_ms, *hushed.commands)
    return _not_meant(state, policy) if state.phase is Phase.KEYING else Step(state)


def keying(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The sequence is half keyed; all else is as while connected."""
    match event:
        case events.TimerFired():
            return _not_meant(state, policy)
        case _:
            step = connected(state, event, policy)
            after = step.state
            parted = not after.together or after.other_leg != state.other_leg
            if parted and after.phase in (Phase.KEYING, Phase.PARTED):
                # They were parted, by a transfer: whoever keyed meant somebody else.
                over = pausing.left(after._replace(keys=NO_KEYS, opting=False), policy)
                commands = (*step.commands, *over.commands)
                if after.phase is Phase.PARTED:
                    return Step(over.state, commands)
                return steps.enter(over.state, Phase.CONNECTED, policy.longest_call_ms, *commands)
            return step


def _not_meant(state: CallState, policy: CallPolicy) -> Step:
    """What was keyed is not the sequence: the call goes on as before."""
    over = pausing.left(state._replace(keys=NO_KEYS, opting=False), policy)
    return steps.enter(over.state, Phase.CONNECTED, policy.longest_call_ms, *over.commands)


def _part(state: CallState, policy: CallPolicy) -> Step:
    state = state._replace(
        keys=NO_KEYS,
        aside=True,
        to_customer=policy.staff_call,
        reminders_left=policy.reminders,
    )
    return steps.enter(
        state,
        Phase.PARTING,
        SWITCH_MS,
        do.Journal(entries.OptOutStarted(connected=True)),
        do.HastenJournal(),
        do.Part(state.other_leg, _limit_s(policy)),
    )


def _limit_s(policy: CallPolicy) -> int:
    """The longest that the two are apart, in seconds."""
    return -(-steps.longest_choice_ms(policy) // 1000)


def parting(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """FreeSWITCH was asked to part the two (docs/freeswitch.md 10a). Should it not, the reminder
    is played all the same: nothing of it is kept."""
    match event:
        case events.Unbridged() | events.BridgeEnded(hung_up=False):
            music = do.PlayMusic(policy.music)
            parted = (do.Journal(entries.Parted()), music)
            return steps.then_all(parted, _remind(state.parted(event.at), policy))
        case events.TimerFired():
            return _remind(state, policy)
        case _:
            return together(state, event, policy)


def _remind(state: CallState, policy: CallPolicy) -> Step:
    return steps.play(state, Phase.REMINDING, policy.reminder)


def together(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """What a telephone does with a call whose caller opts out. Joined by it, caller and agent hear
    each other, and still nothing is kept: that takes the caller's own key."""
    match event:
        case events.Bridged():
            return connecting.joined(state, event, policy)
        case events.Unbridged() | events.BridgeEnded(hung_up=False) if state.together:
            return Step(state.parted(event.at), (do.Journal(entries.Parted()),))
        case events.OtherLeft(leg=leg) if state.aside and leg == state.other_leg:
            parted = (do.Journal(entries.Parted()),) if state.together else ()
            state = state.parted(event.at)._replace(aside=False)
            if policy.staff_call:  # it is who opts out that is gone
                return steps.then_all(parted, opted_out(state, "hangup", policy))
            return Step(state, parted)
        case _:
            return Step(state)


def ending(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """The last prompt of a call whose caller opted out plays, or nobody is there to come back to.
    Nothing turns it back."""
    match event:
        case events.Bridged() if state.phase is Phase.APOLOGISING:  # late, and joined all the same
            met = connecting.joined(state, event, policy)
            stop = (steps.stop_prompts(state),) if state.playing else ()
            return steps.then_all((*stop, *met.commands), _goes_on(met.state, policy))
        case events.OtherLeft(leg=leg) if leg == state.other_leg and policy.staff_call:
            left = state.parted(event.at)._replace(aside=False)
            return steps.hang_up(left, "NORMAL_CLEARING", state.reason)
        case _:
            return together(state, event, policy)


def came_back(state: CallState, policy: CallPolicy) -> Step:
    """``1``: the two are joined again."""
    back: tuple[Command, ...] = (do.Journal(entries.OptOutReturned()), do.HastenJournal())
    if state.playing:
        back = (*back, steps.stop_prompts(state))
    if state.together:  # joined by a telephone meanwhile
        return steps.then_all(back, _goes_on(state, policy))
    if not state.aside:
        return steps.then_all(back, _alone(state, policy))
    join = do.Join(state.other_leg)
    return steps.enter(state, Phase.REJOINING, SWITCH_MS, *back, join)


def _goes_on(state: CallState, policy: CallPolicy) -> Step:
    state = state._replace(aside=False, opting=False, to_customer=False, keys=NO_KEYS, reason="")
    over = pausing.left(state, policy)
    told = (*over.commands, *pausing.tell_waiting(state, Tone.STAYED))
    return steps.enter(over.state, Phase.CONNECTED, policy.longest_call_ms, *told)


def rejoining(state: CallState, event: Event, policy: CallPolicy) -> Step:
    """FreeSWITCH was asked to join the two again."""
    match event:
        case events.Bridged():
            met = connecting.joined(state, event, policy)
            return steps.then_all(met.commands, _goes_on(met.state, policy))
        case events.JoinFailed() | events.TimerFired():
            return _alone(state, policy)
        case events.OtherLeft(leg=leg) if leg == state.other_leg:
            return _alone(state._replace(aside=False), policy)
        case _:
            return Step(state)


def _alone(state: CallState, policy: CallPolicy) -> Step:
    """The agent is not there any more."""
    state = state._replace(reason="agent-gone")
    if policy.staff_call:
        return steps.hang_up(state, "NORMAL_CLEARING", "customer-gone")
    return steps.interrupt(state, Phase.APOLOGISING, policy.unavailable)


def opted_out(state: CallState, how: str, policy: CallPolicy) -> Step:
    """The opt-out stands: what was recorded before is kept or destroyed, as the team decided; the
    agent is told, and the call ends."""
    journal = do.Journal(confirming.confirmation(state, how, policy))
    if how == "hangup":
        return steps.then(journal, steps.hang_up(state, "NORMAL_CLEARING", "opted-out"))
    told = pausing.tell_waiting(state, Tone.LEFT) if state.aside else ()
    state = state._replace(reason="opted-out")
    said = steps.interrupt(state, Phase.FAREWELL, policy.goodbye)
    return steps.then_all((journal, do.HastenJournal(), *told), said)


_COME_BACK = (Phase.KEYING, Phase.REJOINING, Phase.APOLOGISING)
"""Where a caller who had keyed the sequence, or its beginning, does not opt out any more."""


def link_lost(state: CallState) -> CallState:
    """The call's own socket is gone. FreeSWITCH joins the two again that were parted
    (docs/freeswitch.md 79), and nobody hears the caller's keys any more: nothing is kept to the
    end, unless the caller had come back, or had keyed no more than the beginning."""
    opting = state.opting and state.phase not in _COME_BACK
    return state._replace(opting=opting, aside=False, to_customer=False, keys=NO_KEYS)
