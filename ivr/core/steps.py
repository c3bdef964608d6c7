"""What the phases of a call share: going to one, playing in one, ending."""

from __future__ import annotations

from typing import NamedTuple

from ivr.core import commands as do
from ivr.core import entries, rules
from ivr.core.commands import Command
from ivr.core.policy import CallPolicy, Prompt
from ivr.core.state import HANGUP_MS, SLACK_MS, CallState, Phase, Recording


class Step(NamedTuple):
    """What became of one event."""

    state: CallState
    commands: tuple[Command, ...] = ()


_ROLES = {
    Phase.ANNOUNCING: "announcement",
    Phase.REMINDING: "reminder",
    Phase.FAREWELL: "goodbye",
    Phase.APOLOGISING: "apology",
    Phase.CHOOSING: "languages",
    Phase.OVERFLOWING: "overflow",
}
"""What a prompt is for, by the phase that plays it."""


def then(first: Command, step: Step) -> Step:
    """The same step with one more command before all others."""
    return Step(step.state, (first, *step.commands))


def then_all(first: tuple[Command, ...], step: Step) -> Step:
    """The same step with more commands before all others."""
    return Step(step.state, (*first, *step.commands))


def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Command) -> Step:
    """Go to a phase; its limit is its way out should nothing else ever happen."""
    timer = state.timer + 1
    playing = state.playing if phase in _ROLES else None
    state = state._replace(phase=phase, timer=timer, playing=playing)
    return Step(state, (*commands, do.StartTimer(timer, limit_ms)))


def play(state: CallState, phase: Phase, prompt: Prompt) -> Step:
    """Play a prompt and be in ``phase`` while it plays."""
    replays = state.replays if state.phase is phase and prompt is state.playing else 0
    play = state.play + 1
    state = state._replace(play=play, playing=prompt, replays=replays)
    file = prompt.file_for(state.rate)
    started = _started(state, prompt, _ROLES[phase])
    return enter(
        state,
        phase,
        file.length_ms + SLACK_MS,
        do.PlayPrompt(play, prompt, state.rate, to_customer=state.to_customer),
        do.Journal(started),
    )


def longest_choice_ms(policy: CallPolicy) -> int:
    """The longest that a caller takes to opt out or come back: each reminder with its wait, and
    goodbye (R3)."""
    reminder = policy.reminder.file_for(8000).length_ms + SLACK_MS + policy.confirm_ms
    goodbye = policy.goodbye.file_for(8000).length_ms + SLACK_MS + HANGUP_MS
    return reminder * (policy.reminders + 1) + goodbye


def longest_telling_ms(policy: CallPolicy) -> int:
    """The longest that who is called is kept from being connected: the announcement twice, as
    for who comes back without having heard it, and the choice (R10)."""
    announcement = policy.announcement.file_for(8000).length_ms + SLACK_MS + policy.inter_digit_ms
    return 2 * announcement + longest_choice_ms(policy)


def say(state: CallState, prompt: Prompt, role: str) -> Step:
    """Play a prompt besides what the call is doing: nothing waits for its end."""
    play = state.play + 1
    state = state._replace(play=play)
    journal = do.Journal(_started(state, prompt, role))
    return Step(state, (do.PlayPrompt(play, prompt, state.rate), journal))


def _started(state: CallState, prompt: Prompt, role: str) -> entries.PromptStarted:
    file = prompt.file_for(state.rate)
    return entries.PromptStarted(
        name=prompt.name,
        version=prompt.version,
        language=prompt.language,
        sha256=file.sha256,
        length_ms=file.length_ms,
        role=role,
        play=state.play,
    )


def interrupt(state: CallState, phase: Phase, prompt: Prompt) -> Step:
    """Stop what plays, if anything does, and play this."""
    step = play(state, phase, prompt)
    return then(stop_prompts(state), step) if state.playing else step


def stop_prompts(state: CallState) -> do.StopPrompts:
    """Stop what plays to whoever hears the prompts."""
    return do.StopPrompts(to_customer=state.to_customer)


def stop_recording(state: CallState) -> Step:
    """Have the recording stopped, where there may be one."""
    if not state.may_be_recording:
        return Step(state)
    state = state._replace(recording=Recording.STOPPING, renewing="")
    return Step(state, (do.StopRecording(state.path),))


def hang_up(state: CallState, cause: str, reason: str) -> Step:
    """Ask FreeSWITCH to end the A leg; ``reason`` is the engine's word for why."""
    other, state = end_other(state), state._replace(reason=reason, aside=False)
    return enter(state, Phase.ENDING, HANGUP_MS, *other, do.Hangup(cause))


def end_other(state: CallState) -> tuple[Command, ...]:
    """End the leg of who waits for a caller that was parted to opt out (R4)."""
    left = rules.is_left_alone(state) and state.other_leg
    return (do.EndOther(state.other_leg),) if left else ()


def finish(state: CallState) -> Step:
    """Have the record written; nothing comes after this."""
    return Step(state._replace(phase=Phase.DONE, playing=None), (do.Finish(),))
