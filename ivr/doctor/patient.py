"""What the checks look at, gathered once: configuration, FreeSWITCH, the engine that runs."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import gevent
from gevent.threadpool import ThreadPool

from ivr.config.load import Configuration, ConfigurationError, load, site_alone
from ivr.config.settings import Address, Site
from ivr.doctor.of_configuration import questions
from ivr.doctor.process import Person, Process, holder, listening, person_of, process
from ivr.doctor.switch import Said, SwitchAway, interview
from ivr.engine.setup import PidFile
from ivr.errors import ConfigError, SetupError

LIMIT_S = 3.0
"""How long a look at the spool, and the engine's page, may take."""
_ANSWER_S = 2.0
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True)
class Health:
    """What the engine's page says of it."""

    ready: bool
    freeswitch: bool
    calls: int
    config: str
    restart_for: tuple[str, ...]
    disk: str


@dataclass(frozen=True, slots=True)
class Running:
    """The engine of the spool."""

    pid: int
    http: Address | None
    """None while it starts."""
    health: Health | None
    """None where its page does not answer."""


@dataclass(frozen=True, slots=True)
class Patient:
    """This host, as far as it was looked at before the checks."""

    mistakes: tuple[str, ...]
    """Of the configuration, each with file, line and column."""
    site: Site | None
    """None where the site's file itself has mistakes."""
    configuration: Configuration | None
    """None where there is any mistake."""
    engine: Running | None
    stray: bool
    """An engine answers at this host's address, and is none of this spool's."""
    engine_unknown: str
    """Why it is not known whether an engine runs; empty where it is."""
    said: Said | None
    """By FreeSWITCH."""
    away: SwitchAway | None
    """Why FreeSWITCH said nothing; None as well where it could not be asked for want of a site."""
    switch: Process | None
    """FreeSWITCH, where it runs on this host and may be seen."""
    wall_ms: int
    """This host's wall clock."""

    @property
    def user(self) -> Person | None:
        """Whom the engine runs as: the running one, or else the spool's owner."""
        if self.engine is not None and (running := process(self.engine.pid)) is not None:
            return running.person
        if self.site is None:
            return None
        for folder in (self.site.spool / "journal", self.site.spool):
            try:
                return person_of(folder.stat().st_uid)
            except OSError:
                continue
        return None


def patient(site_file: Path, *, ask: bool = True) -> Patient:
    """Gather it; FreeSWITCH only where it is to be asked. Takes a few seconds at most, and raises
    nothing that a user can cause."""
    mistakes, site, configuration = _configuration(site_file)
    gathered = Patient(mistakes, site, configuration, None, False, "", None, None, None, _now_ms())
    if site is None:
        return gathered
    engine, unknown = _in_time(site.spool)
    stray = engine is None and not unknown and health(site.http) is not None
    gathered = replace(gathered, engine=engine, engine_unknown=unknown, stray=stray)
    if not ask:
        return gathered
    address = site.freeswitch.address
    contexts = (site.render.context, site.render.staff_context)
    try:
        more = () if configuration is None else questions(configuration)
        said = interview(address, site.freeswitch.password, contexts, more)
    except SwitchAway as away:
        return replace(gathered, away=away)
    port = listening(address.port) if said.local else None
    return replace(gathered, said=said, switch=None if port is None else holder(port))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _configuration(
    site_file: Path,
) -> tuple[tuple[str, ...], Site | None, Configuration | None]:
    try:
        configuration = load(site_file)
    except ConfigurationError as error:
        mistakes = tuple(map(str, error.mistakes))
    except ConfigError as error:
        mistakes = tuple(str(error).splitlines())
    else:
        return (), configuration.site, configuration
    try:
        return mistakes, site_alone(site_file), None
    except ConfigError:
        return mistakes, None, None


def _in_time(spool: Path) -> tuple[Running | None, str]:
    """:func:`_engine`, off the hub: its disk may be hung, and who answers be in this process."""
    try:
        found: tuple[Running | None, str] = ThreadPool(1).spawn(_engine, spool).get(timeout=LIMIT_S)
    except gevent.Timeout:
        return None, f"{spool} does not answer within {LIMIT_S:.0f} s; is its disk hung?"
    return found


def _engine(spool: Path) -> tuple[Running | None, str]:
    try:
        pid = PidFile.read(spool)
    except SetupError as error:
        known = str(error).startswith("no engine")
        return None, "" if known else str(error)
    address = PidFile.http(spool)
    return Running(pid, address, None if address is None else health(address)), ""


def health(address: Address) -> Health | None:
    """What the engine's page says; None where nothing answers, or something else."""
    # Not urllib: a proxy of the environment has no business here.
    link = http.client.HTTPConnection(address.host, address.port, timeout=_ANSWER_S)
    try:
        link.request("GET", "/healthz")
        page = json.loads(link.getresponse().read(_LARGEST))
        return Health(
            bool(page["ready"]),
            bool(page["freeswitch"]),
            int(page["calls"]),
            str(page["config"]),
            tuple(map(str, page["restart_for"])),
            str(page["disk"]),
        )
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        link.close()
