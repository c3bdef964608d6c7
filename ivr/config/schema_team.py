"""What may stand in teams/<team>.yaml: one team, where it differs (R9, R20)."""

from __future__ import annotations

from typing import Annotated

from ivr.config.kinds import Kind, NameOf
from ivr.config.schema_policy import (
    ConfirmWait,
    Digits,
    Guard,
    InterDigit,
    LongestCall,
    OnHold,
    Overdue,
    Reminders,
    Ring,
    WithoutEngine,
    WithoutRecording,
)
from ivr.config.strict import Strict
from ivr.config.telephone import FeatureCode, Key, Keys

TeamPrompt = Annotated[str, NameOf(kind="prompt")]


class OptOut(Strict):
    """How a caller of this team opts out, where it differs from policy.yaml."""

    keys: Annotated[str, Keys()] | None = None
    """The keys that opt out."""
    return_key: Annotated[str, Key()] | None = None
    """The key that returns to the call."""
    inter_digit: InterDigit | None = None
    """The longest time between two keys of the sequence."""
    confirm_wait: ConfirmWait | None = None
    """How long a key is waited for after the reminder."""
    reminders: Reminders | None = None
    """How many times the reminder is repeated after a wrong key, at most."""


class Codes(Strict):
    """What an agent of this team keys, where it differs from policy.yaml."""

    pause: Annotated[str, FeatureCode()] | None = None
    """Pauses the recording, for card details."""
    resume: Annotated[str, FeatureCode()] | None = None
    """Ends the pause."""
    abuse: Annotated[str, FeatureCode()] | None = None
    """Marks the call as abusive, so that its recording is held."""


class Pause(Strict):
    """How this team's recordings are paused, where it differs from policy.yaml."""

    codes: Codes = Codes()
    """What an agent keys on the telephone during a call."""
    overdue: Overdue | None = None
    """A pause that lasts longer raises an alarm, and the agent is reminded."""
    guard: Guard | None = None
    """How much more than the pause is silent in the recording, before and after it."""
    card_digits: Digits | None = None
    """So many digits that a caller keys in a row, without a pause, pause by themselves; not in a
    call whose connection to the engine was lost, or that was taken up after a restart."""
    on_hold: OnHold | None = None
    """What becomes of what a caller says while the agent has the call on hold: mask pauses the
    recording until the hold ends, record keeps it."""


class TeamPrompts(Strict):
    """The names of a team's prompts in its language's catalogue."""

    announcement: TeamPrompt = "announcement"
    """Says that the call is recorded and how to opt out."""
    reminder: TeamPrompt = "reminder"
    """Says that opting out ends the call, and how to return."""
    goodbye: TeamPrompt = "goodbye"
    """Before a call ends that was opted out of."""
    busy: TeamPrompt = "busy"
    """The destination is busy."""
    no_answer: TeamPrompt = "no-answer"
    """The destination does not answer."""
    unavailable: TeamPrompt = "unavailable"
    """The destination cannot be reached, or may not be connected."""
    no_engine: TeamPrompt = "no-engine"
    """FreeSWITCH plays it when no engine answers (without_engine: message)."""


class TeamFile(Strict):
    """dialplan/teams/<team>.yaml: one team."""

    name: Annotated[str, Kind(expected="the team's name")]
    """The team's name as people read it; a note for people, nothing else uses it."""
    language: Annotated[str, NameOf(kind="language")] | None = None
    """The language of the prompts: the name of a catalogue in prompts/."""
    prompts: TeamPrompts = TeamPrompts()
    """The team's own prompts, where it has any."""
    opt_out: OptOut = OptOut()
    """How a caller of this team opts out, where it differs from policy.yaml."""
    pause: Pause = Pause()
    """How this team's recordings are paused, where it differs from policy.yaml."""
    ring: Ring | None = None
    """How long the destination rings."""
    longest_call: LongestCall | None = None
    """A connected call ends after this, whatever happens."""
    without_recording: WithoutRecording | None = None
    """What becomes of a call whose recording cannot be started."""
    without_engine: WithoutEngine | None = None
    """What FreeSWITCH does with a call when no engine answers: connect it without recording, or
    play the message no-engine and end it."""
