"""What may stand in teams/<team>.yaml: one team, where it differs (R9, R20)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from ivr.config.hours import Holidays
from ivr.config.kinds import Duration, Kind, NameOf
from ivr.config.schema.policy import (
    ClosedOn,
    ConfirmWait,
    Connected,
    Digits,
    Guard,
    Hold,
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
from ivr.config.telephone import Extension, FeatureCode, Key, Keys
from ivr.config.times import Days, Stretch, listed

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
    connected: Connected | None = None
    """Whether the keys opt out of a call that is connected already, too, and what becomes then of
    what was recorded before."""


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


class OutOfHours(Strict):
    """What becomes of calls while the team is closed."""

    prompt: TeamPrompt | None = None
    """Is heard, and the call ends; the prompt closed where nothing is said here."""
    destination: Annotated[str, NameOf(kind="destination")] | None = None
    """Instead of a prompt: where calls are connected to."""
    announcement: TeamPrompt | None = None
    """The announcement of calls to that destination, where it is another."""


class Overflow(Strict):
    """Where a call goes that was not answered."""

    destination: Annotated[str, NameOf(kind="destination")]
    """Is tried where those before it were not reached."""
    prompt: TeamPrompt | None = None
    """Is heard before it rings."""


class Languages(Strict):
    """The choice of a language by a key, before anything else is said."""

    prompt: TeamPrompt = "choose-language"
    """Names the keys, each in its language."""
    keys: Annotated[
        dict[Annotated[str, Key()], Annotated[str, NameOf(kind="language")]], Field(min_length=1)
    ]
    """The language that each key chooses."""
    wait: Annotated[str, Duration(least="1s", most="30s")] = "5s"
    """How long a key is waited for after the prompt; then it is the team's language."""


_STRETCH = {"type": "string", "pattern": f"^(?:{Stretch().pattern})$"}
Opening = Annotated[
    list[Annotated[str, Stretch()]],
    BeforeValidator(listed),
    Field(min_length=1, max_length=6),
    WithJsonSchema(
        {"anyOf": [_STRETCH, {"type": "array", "items": _STRETCH, "minItems": 1, "maxItems": 6}]}
    ),
]


class TeamFile(Strict):
    """dialplan/teams/<team>.yaml: one team."""

    name: Annotated[str, Kind(expected="the team's name")]
    """The team's name as people read it; a note for people, nothing else uses it."""
    language: Annotated[str, NameOf(kind="language")] | None = None
    """The language of the prompts: the name of a catalogue in prompts/."""
    prompts: TeamPrompts = TeamPrompts()
    """The team's own prompts, where it has any."""
    languages: Languages | None = None
    """The choice of a language by a key, before anything else is said."""
    extensions: Annotated[list[Annotated[str, Extension()]], Field(min_length=1)] | None = None
    """The extensions of the team's staff, as FreeSWITCH knows them."""
    hours: Annotated[dict[Annotated[str, Days()], Opening], Field(min_length=1)] | None = None
    """When the team is open, by days; days that are not named are closed. Without hours it always
    is open."""
    holidays: Holidays | None = None
    """Whose bank holidays are closed days."""
    closed_on: ClosedOn | None = None
    """Days on which the team is closed, besides those of policy.yaml."""
    out_of_hours: OutOfHours | None = None
    """What becomes of calls while the team is closed."""
    overflow: Annotated[list[Overflow], Field(min_length=1, max_length=5)] | None = None
    """Where calls go that were not answered, one after the other."""
    opt_out: OptOut = OptOut()
    """How a caller of this team opts out, where it differs from policy.yaml."""
    pause: Pause = Pause()
    """How this team's recordings are paused, where it differs from policy.yaml."""
    ring: Ring | None = None
    """How long the destination rings."""
    longest_call: LongestCall | None = None
    """A connected call ends after this, whatever happens."""
    music: Hold | None = None
    """What an agent hears while a caller decides whether to opt out of a connected call."""
    without_recording: WithoutRecording | None = None
    """What becomes of a call whose recording cannot be started."""
    without_engine: WithoutEngine | None = None
    """What FreeSWITCH does with a call when no engine answers: connect it without recording, or
    play the message no-engine and end it."""
