"""What may stand in policy.yaml: what holds for every team (R9, R20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ivr.config.addresses import DialString
from ivr.config.groups import Music
from ivr.config.hours import Holidays
from ivr.config.kinds import Day, Duration, Kind, NameOf, Version
from ivr.config.strict import Strict
from ivr.config.telephone import (
    NEVER,
    CardDigits,
    Extension,
    FeatureCode,
    Key,
    Keys,
    Number,
)

InterDigit = Annotated[str, Duration(least="200ms", most="10s")]
ConfirmWait = Annotated[str, Duration(least="500ms", most="2m")]
Reminders = Annotated[int, Field(ge=0, le=10)]
Ring = Annotated[str, Duration(least="1s", most="5m")]
LongestCall = Annotated[str, Duration(least="10s", most="24h")]
WithoutRecording = Literal["connect", "refuse"]
WithoutEngine = Literal["connect", "message"]
Connected = Literal["never", "keep", "destroy"]
Hold = Annotated[str, Music()]
ClosedOn = Annotated[list[Annotated[str, Day()]], Field(min_length=1)]


class DefaultOptOut(Strict):
    """How a caller opts out of being recorded."""

    keys: Annotated[str, Keys()]
    """The keys that opt out."""
    return_key: Annotated[str, Key()]
    """The key that returns to the call."""
    inter_digit: InterDigit
    """The longest time between two keys of the sequence."""
    confirm_wait: ConfirmWait
    """How long a key is waited for after the reminder."""
    reminders: Reminders
    """How many times the reminder is repeated after a wrong key, at most."""
    connected: Connected = "never"
    """Whether the keys opt out of a call that is connected already, too, and what becomes then of
    what was recorded before."""


Overdue = Annotated[str, Duration(least="1s", most="4h")]
Guard = Annotated[str, Duration(least="100ms", most="2s")]
OnHold = Literal["mask", "record"]
Digits = Annotated[str | int, CardDigits()]


class DefaultCodes(Strict):
    """What an agent keys on the telephone during a call."""

    pause: Annotated[str, FeatureCode()] = "*7"
    """Pauses the recording, for card details."""
    resume: Annotated[str, FeatureCode()] = "*8"
    """Ends the pause."""
    abuse: Annotated[str, FeatureCode()] = "*9"
    """Marks the call as abusive, so that its recording is held."""


class DefaultPause(Strict):
    """How the recording is paused while a caller gives card details."""

    codes: DefaultCodes = DefaultCodes()
    """What an agent keys on the telephone during a call."""
    overdue: Overdue = "10m"
    """A pause that lasts longer raises an alarm, and the agent is reminded."""
    guard: Guard = "250ms"
    """How much more than the pause is silent in the recording, before and after it."""
    card_digits: Digits = NEVER
    """So many digits that a caller keys in a row, without a pause, pause by themselves; not in a
    call whose connection to the engine was lost, or that was taken up after a restart."""
    on_hold: OnHold = "mask"
    """What becomes of what a caller says while the agent has the call on hold: mask pauses the
    recording until the hold ends, record keeps it."""


class Defaults(Strict):
    """What holds for every team that does not say otherwise."""

    language: Annotated[str, NameOf(kind="language")]
    """The language of the prompts: the name of a catalogue in prompts/."""
    opt_out: DefaultOptOut
    """How a caller opts out of being recorded."""
    pause: DefaultPause = DefaultPause()
    """How the recording is paused while a caller gives card details."""
    ring: Ring
    """How long the destination rings."""
    longest_call: LongestCall
    """A connected call ends after this, whatever happens."""
    music: Hold = "local_stream://default"
    """What an agent hears while a caller decides whether to opt out of a connected call."""
    without_recording: WithoutRecording
    """What becomes of a call whose recording cannot be started."""
    without_engine: WithoutEngine
    """What FreeSWITCH does with a call when no engine answers: connect it without recording, or
    play the message no-engine and end it."""
    holidays: Holidays = "none"
    """Whose bank holidays are closed days of every team that has hours."""
    closed_on: ClosedOn | None = None
    """Further days on which every team that has hours is closed."""


class Exempt(Strict):
    """An extension on which staff speak in confidence: no call from it or to it is recorded."""

    extension: Annotated[str, Extension()]
    """What staff dial, which is the number of its telephone too."""
    numbers: Annotated[list[Annotated[str, Number()]], Field(min_length=1)] | None = None
    """Numbers from outside that reach it, in every way that FreeSWITCH's destination_number holds
    them."""
    dial: Annotated[str, DialString()] | None = None
    """What FreeSWITCH's bridge is given, where that is not user/ and the extension."""
    reason: Annotated[str, Kind(expected="why there is a second one")] | None = None
    """Why there is more than one; each after the first needs a reason and a date."""
    date: Annotated[str, Day()] | None = None
    """The day on which it was decided that there is more than one."""


class Emergency(Strict):
    """Calls of staff for help: connected at once, and neither recorded nor announced."""

    numbers: Annotated[list[Annotated[str, Number()]], Field(min_length=1)]
    """The numbers, which may be dialled after what an outbound route strips, too."""
    dial: Annotated[str, DialString()]
    """What FreeSWITCH's bridge is given; $number is which of the numbers it is."""


class PolicyFile(Strict):
    """dialplan/policy.yaml: the policy as it was decided."""

    version: Annotated[str, Version()]
    """Every record says under which version it was made."""
    date: Annotated[str, Day()]
    """The day this version was decided; a note for people, which `ivr check` shows."""
    officer: Annotated[str, Kind(expected="the officer who decided it")]
    """Who decided it; a note for people, which `ivr check` shows."""
    defaults: Defaults
    """What holds for every team that does not say otherwise."""
    exempt: list[Exempt] | None = None
    """The exempt extension; a second one only with a reason and a date."""
    emergency: Emergency | None = None
    """Calls of staff for help: connected at once, and neither recorded nor announced."""
