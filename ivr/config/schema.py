"""What may stand in each YAML file: strict, frozen, nothing unknown (R20).

Field texts become the descriptions in the JSON Schemas that editors read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from ivr.config.addresses import AddressText, DialString, EngineAddress, Host
from ivr.config.kinds import (
    Day,
    Duration,
    Kind,
    Language,
    Name,
    NameOf,
    Paragraph,
    Size,
    Version,
)
from ivr.config.telephone import NEVER, CardDigits, FeatureCode, Key, Keys, Number, RouteNumber

Folder = Annotated[str, Kind(expected="a folder")]


class Strict(BaseModel):
    """A mapping with exactly these keys."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True
    )


class Outbound(Strict):
    """The outbound socket: where FreeSWITCH hands over calls."""

    listen: Annotated[str, AddressText()] = "127.0.0.1:8084"
    """Where the engine listens for calls, host:port."""
    engines: Annotated[list[Annotated[str, EngineAddress()]], Field(min_length=1, max_length=2)]
    """One or two engines as FreeSWITCH reaches them; the second is tried where the first refuses.
    """


class EventSocket(Strict):
    """FreeSWITCH's own event socket."""

    host: Annotated[str, Host()] = "127.0.0.1"
    """Host of the event socket."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8021
    """Port of the event socket."""
    password: Annotated[str, Kind(expected="the event socket's password")] | None = None
    """The event socket's password; or use password_file."""
    password_file: Annotated[str, Kind(expected="a file")] | None = None
    """A file that holds the password and nothing else, relative to this file."""


Context = Annotated[
    str, Kind(expected="a context of letters, digits, . _ -", pattern="[A-Za-z0-9._-]{1,64}")
]


class Render(Strict):
    """What `ivr dialplan render` writes for FreeSWITCH."""

    context: Context = "public"
    """The dialplan context in which callers' calls arrive."""
    staff_context: Context = "default"
    """The dialplan context in which staff dial: that of outbound routes, and never the callers'."""
    dead_man: Annotated[str, Duration(least="2s", most="60s", step="1s")] = "10s"
    """A call is taken away from an engine that accepts it and then says nothing for this long."""


class Http(Strict):
    """Metrics, health and the control of calls over HTTP."""

    listen: Annotated[str, AddressText()] = "127.0.0.1:9184"
    """Where Prometheus scrapes, and payment pages and `ivr` ask, host:port; keep it on loopback."""
    tokens: Annotated[str, Kind(expected="a file")] = "tokens.json"
    """Who may ask for what: the hashed tokens of `ivr token`, relative to this file; it need not
    exist."""


class Log(Strict):
    """What the log looks like."""

    format: Literal["auto", "json", "text"] = "auto"
    """auto: text at a terminal, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious that is logged."""
    numbers: Literal["masked", "full"] = "masked"
    """masked: callers' numbers show their last three digits only."""


class Limits(Strict):
    """How long things may take, how much at once, and how full a disk may be."""

    command: Annotated[str, Duration(least="100ms", most="60s")] = "5s"
    """How long FreeSWITCH may take to say which call a connection is for; then it is dropped."""
    connections: Annotated[int, Field(ge=1, le=100_000)] = 6000
    """The most calls at once; further ones go where calls go when no engine answers."""
    least_free: Annotated[str, Size()] = "512MB"
    """With less free than this, a folder is not used for new recordings."""
    stop: Annotated[str, Duration(least="1s", most="5m")] = "10s"
    """How long a stop may take: calls are let go of, and what is known is put on disk."""


class SiteFile(Strict):
    """deploy/ivr.yaml: this host. Relative paths are relative to the file."""

    outbound: Outbound
    """The outbound socket: where FreeSWITCH hands over calls."""
    freeswitch: EventSocket
    """FreeSWITCH's own event socket."""
    spool: Folder
    """Where recordings and finished records are put for the retention layer."""
    fallback: Folder | None = None
    """Where recordings go on while the spool cannot be written; best on another disk."""
    http: Http = Http()
    """Metrics, health and the control of calls over HTTP."""
    log: Log = Log()
    """What the log looks like."""
    limits: Limits = Limits()
    """How long things may take, how much at once, and how full a disk may be."""
    render: Render = Render()
    """What `ivr dialplan render` writes for FreeSWITCH."""
    dialplan: Folder = "../dialplan"
    """The folder with policy.yaml, routes.yaml, destinations.yaml and teams/."""
    prompts: Folder = "../prompts"
    """The folder with the catalogues of prompts."""


InterDigit = Annotated[str, Duration(least="200ms", most="10s")]
ConfirmWait = Annotated[str, Duration(least="500ms", most="2m")]
Reminders = Annotated[int, Field(ge=0, le=10)]
Ring = Annotated[str, Duration(least="1s", most="5m")]
LongestCall = Annotated[str, Duration(least="10s", most="24h")]
WithoutRecording = Literal["connect", "refuse"]
WithoutEngine = Literal["connect", "message"]


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
    without_recording: WithoutRecording
    """What becomes of a call whose recording cannot be started."""
    without_engine: WithoutEngine
    """What FreeSWITCH does with a call when no engine answers: connect it without recording, or
    play the message no-engine and end it."""


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


TeamPrompt = Annotated[str, NameOf(kind="prompt")]


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


class Destination(Strict):
    """Where calls are connected to."""

    dial: Annotated[str, DialString()]
    """What FreeSWITCH's bridge is given; $number is the number that staff dialled."""
    payment_line: bool = False
    """true: card details are keyed there. Whoever is connected to it is paused by that."""
    numbers: Annotated[list[Annotated[str, Number()]], Field(min_length=1)] | None = None
    """A payment line's numbers as FreeSWITCH reports them, where `dial` does not tell them."""


class DestinationsFile(RootModel[dict[Annotated[str, Name()], Destination]]):
    """dialplan/destinations.yaml: where calls are connected to, by name."""

    model_config = ConfigDict(strict=True, frozen=True)


class Route(Strict):
    """Numbers, and the team and destination that they belong to."""

    name: Annotated[str, Name()]
    """The route's name, as records show it."""
    direction: Literal["inbound", "outbound"] = "inbound"
    """inbound: callers dial these numbers. outbound: staff do, and the customer is called."""
    numbers: Annotated[list[Annotated[str, RouteNumber()]], Field(min_length=1)]
    """The numbers exactly as FreeSWITCH's destination_number holds them, in quotes. An outbound
    route may say how they begin: "9*" is a 9 and 3 to 15 digits more."""
    strip: Annotated[str, Kind(expected="1 to 6 digits in quotes", pattern="[0-9]{1,6}")] | None = (
        None
    )
    """Digits that staff dial before the customer's number; $number is what comes after them."""
    team: Annotated[str, NameOf(kind="team")]
    """The name of a file in teams/."""
    destination: Annotated[str, NameOf(kind="destination")]
    """A name in destinations.yaml."""


class RoutesFile(RootModel[Annotated[list[Route], Field(min_length=1)]]):
    """dialplan/routes.yaml: which numbers belong to whom."""

    model_config = ConfigDict(strict=True, frozen=True)


class CataloguePrompt(Strict):
    """One spoken message; its audio is <language>/<rate>/<name>.wav."""

    version: Annotated[str, Version()]
    """Raise it with every change of the text; records show it."""
    text: Annotated[str, Paragraph()]
    """What is spoken."""


class PromptsFile(Strict):
    """prompts/<language>.yaml: the catalogue of prompts in one language."""

    language: Annotated[str, Language()]
    """The language, which is the file's name too."""
    voice: Annotated[str, Kind(expected="whose voice it is")]
    """Whose voice it is; a note for people, nothing else uses it."""
    prompts: dict[Annotated[str, Name()], CataloguePrompt]
    """The prompts by name."""


FileModel = SiteFile | PolicyFile | TeamFile | DestinationsFile | RoutesFile | PromptsFile

_FILES: dict[str, type[BaseModel]] = {
    "site": SiteFile,
    "policy": PolicyFile,
    "team": TeamFile,
    "destinations": DestinationsFile,
    "routes": RoutesFile,
    "prompts": PromptsFile,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema for each kind of file, by name, for editors (``ivr schema``)."""
    schemas = {}
    for name, model in _FILES.items():
        schema = _plain(model.model_json_schema())
        schemas[name] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return schemas


def _plain(schema: Any) -> Any:
    """The schema without nulls: a key that is left out is not a key that holds nothing."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {k: _plain(v) for k, v in schema.items() if not (k == "default" and v is None)}
    options = found.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del found["anyOf"]
        found = {**rest[0], **found} if len(rest) == 1 else {"anyOf": rest, **found}
    return found
