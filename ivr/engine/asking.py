"""Ask an engine that runs as another process: to reload (R20), for its calls, to pause one (R6)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from ivr.api.calls import CallNow
from ivr.api.problem import TYPE_PREFIX, Kind
from ivr.config.mistakes import printable
from ivr.config.settings import Address, Configuration
from ivr.engine.setup import PidFile
from ivr.errors import IvrError, SetupError, SwitchError, UsageError

_LONGEST_S = 10.0
_AGAIN_S = 0.1
_ANSWER_S = 2.0
_LARGEST = 1 << 16
_CONFIRMED_S = 15.0
"""How long a pause may take: longer than the engine waits for FreeSWITCH."""
_LARGEST_LIST = 1 << 26
"""Of calls: some 400 bytes each."""
_LATER = frozenset({Kind.AWAY, Kind.NOT_CONFIRMED, Kind.BUSY})
_OF_THE_CALL = frozenset(
    {
        Kind.NO_CALL,
        Kind.NOT_CONNECTED,
        Kind.NOT_RECORDED,
        Kind.AT_PAYMENT_LINE,
        Kind.ENDED,
        Kind.BAD_REQUEST,
    }
)


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


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """The engine of a spool, as this host's commands may ask it: over HTTP, with its secret."""

    address: Address
    secret: str = field(repr=False)

    @classmethod
    def of(cls, spool: Path) -> RunningEngine:
        """The engine that runs now.

        Raises:
            SetupError: none runs on the spool, it is still starting, or it may not be asked.
        """
        engine = PidFile.read(spool)
        address = PidFile.http(spool)
        if address is None:
            raise SetupError(f"the engine, process {engine}, is still starting; try again")
        return cls(address, PidFile.secret_of(spool))

    def calls(self) -> tuple[CallNow, ...]:
        """The calls in progress, in the order they arrived.

        Raises:
            SetupError: the engine does not answer.
            IvrError: it answers with something else.
        """
        page = self._ask("GET", "/v1/calls")
        try:
            return tuple(_call(each) for each in page["calls"])
        except (KeyError, TypeError) as error:
            raise _another() from error

    def change(self, what: Literal["pause", "resume"], call_id: str) -> CallNow:
        """Have a recording paused or resumed; returns when FreeSWITCH confirmed it.

        Raises:
            UsageError: there is no such call, it is not recorded, or it is at a payment line.
            SwitchError: FreeSWITCH is away or did not confirm.
            SetupError: the engine does not answer.
            IvrError: it answers with something else.
        """
        return _call(self._ask("POST", f"/v1/calls/{quote(call_id, safe='')}/recording/{what}"))

    def _ask(self, method: str, path: str) -> Any:
        # Not urllib: a proxy of the environment has no business here.
        link = http.client.HTTPConnection(
            self.address.host, self.address.port, timeout=_CONFIRMED_S
        )
        try:
            link.request(method, path, headers={"Authorization": f"Bearer {self.secret}"})
            answer = link.getresponse()
            page = json.loads(answer.read(_LARGEST_LIST))
        except (OSError, http.client.HTTPException) as error:
            raise SetupError(
                f"the engine does not answer at http://{self.address}: {error};"
                " see whether it still runs, and its log"
            ) from error
        except ValueError as error:
            raise _another() from error
        finally:
            link.close()
        if answer.status != http.HTTPStatus.OK:
            raise _problem(page)
        return page


def _call(page: Any) -> CallNow:
    try:
        return CallNow(**{**page, "marks": tuple(page["marks"])})
    except (KeyError, TypeError) as error:
        raise _another() from error


def _problem(page: Any) -> IvrError:
    """What the command says and ends with, for a problem that the engine answered with."""
    try:
        name, detail = str(page["type"]), printable(str(page["detail"]))
    except (KeyError, TypeError):
        return _another()
    kind = next((kind for kind in Kind if TYPE_PREFIX + kind.reason == name), None)
    if kind in _LATER:
        return SwitchError(detail)
    if kind in _OF_THE_CALL:
        return UsageError(detail)
    if kind is Kind.BAD_TOKEN:
        return SetupError(
            "the engine does not accept the secret that lies in its spool; restart the engine"
        )
    return IvrError(detail)


def _another() -> IvrError:
    return IvrError(
        "what answered is not an engine of this version; restart it, where `ivr` was renewed"
    )
