"""Have an engine that runs as another process reload, and wait until it has (R20)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from dataclasses import dataclass

from ivr.config.settings import Address, Configuration
from ivr.engine.setup import PidFile
from ivr.errors import SetupError

_LONGEST_S = 10.0
_AGAIN_S = 0.1
_ANSWER_S = 2.0
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What an engine has taken over."""

    version: str
    """Of the configuration that is in force for new calls."""
    restart: tuple[str, ...]
    """Settings of the site's file that differ from what the engine runs with, and that only a
    restart takes over; see :func:`ivr.config.restart.takes_restart`."""


@dataclass(frozen=True, slots=True)
class _Health:
    """Of the engine's page, what a reload changes."""

    config: str
    reloads: int
    refused: bool
    restart: tuple[str, ...]


def reload_engine(configuration: Configuration) -> Reloaded:
    """Tell the engine of the configuration's spool to reload; returns when it has.

    Raises:
        SetupError: none is running, it cannot be told, or it does not take the configuration
            over; with what to do.
    """
    site = configuration.site
    try:
        engine = PidFile.read(site.spool)
    except SetupError as error:
        raise SetupError(
            f"{error}\n  where `spool` was changed in {site.file}:"
            " that takes a restart of the engine"
        ) from error
    address = PidFile.http(site.spool)
    if address is None:  # a signal would end it
        raise SetupError(
            f"the engine, process {engine}, is still starting; it reads the configuration then"
        )
    before = _health(address)
    reloads = 0 if before is None else before.reloads
    try:
        os.kill(engine, signal.SIGHUP)
    except OSError as error:
        raise SetupError(
            f"cannot tell the engine, process {engine}, to reload: {error.strerror};"
            " run this as root or as the engine's user"
        ) from error
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        time.sleep(_AGAIN_S)
        now = _health(address)
        if now is None or now.reloads <= reloads:
            continue
        if now.refused:
            raise SetupError(
                f"the engine, process {engine}, refused the configuration and keeps the old one;"
                " its log says why"
            )
        if now.config == configuration.version:
            return Reloaded(now.config, now.restart)
    raise SetupError(
        f"the engine was told to reload and http://{address}/healthz does not show configuration"
        f" {configuration.version}; its log says why"
    )


def _health(address: Address) -> _Health | None:
    """None where nothing answers, or something else than an engine."""
    # Not urllib: a proxy of the environment has no business here.
    link = http.client.HTTPConnection(address.host, address.port, timeout=_ANSWER_S)
    try:
        link.request("GET", "/healthz")
        page = json.loads(link.getresponse().read(_LARGEST))
        return _Health(
            str(page["config"]),
            int(page["reloads"]),
            bool(page["reload_refused"]),
            tuple(map(str, page["restart_for"])),
        )
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        link.close()
