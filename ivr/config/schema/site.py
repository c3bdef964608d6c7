"""What may stand in the site file: this host (R20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ivr.config.addresses import AddressText, EngineAddress, Host
from ivr.config.kinds import Duration, Kind, Size
from ivr.config.strict import Strict
from ivr.config.times import TimeZone

Folder = Annotated[str, Kind(expected="a folder")]


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
    time_zone: Annotated[str, TimeZone()] | None = None
    """By whose clock teams are open and closed; the host's where nothing is said here."""
    dialplan: Folder = "../dialplan"
    """The folder with policy.yaml, routes.yaml, destinations.yaml and teams/."""
    prompts: Folder = "../prompts"
    """The folder with the catalogues of prompts."""
