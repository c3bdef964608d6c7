"""All checks, in the order in which they are shown. A new one is one line here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import gevent
from gevent.threadpool import ThreadPool

from ivr.doctor import on_dialplan, on_host, on_spool, on_switch, on_teams
from ivr.doctor.finding import Finding, Result, unchecked
from ivr.doctor.patient import Patient, patient
from ivr.storage.fault import describe

LIMIT_S = 3.0
"""How long the checks may take: a folder of a network that is gone answers never."""


class Needs(Enum):
    """Without what a check cannot be made."""

    NOTHING = "nothing"
    SITE = "the site file"
    CONFIGURATION = "the configuration"
    SWITCH = "FreeSWITCH"
    BOTH = "the configuration and FreeSWITCH"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked at."""

    name: str
    look: Callable[[Patient], Finding]
    needs: Needs = Needs.SITE


CHECKS = (
    Check("configuration", on_host.configuration, Needs.NOTHING),
    Check("freeswitch", on_switch.reachable),
    Check("password", on_switch.password),
    Check("version", on_switch.version, Needs.SWITCH),
    Check("modules", on_switch.modules, Needs.SWITCH),
    Check("log level", on_switch.log_level, Needs.SWITCH),
    Check("log file", on_switch.log_file, Needs.SWITCH),
    Check("keys", on_switch.keys, Needs.SWITCH),
    Check("sip profiles", on_switch.profiles, Needs.SWITCH),
    Check("dialplan", on_dialplan.dialplan, Needs.BOTH),
    Check("exempt", on_teams.confidence, Needs.BOTH),
    Check("prompts", on_spool.prompts, Needs.BOTH),
    Check("music", on_teams.music, Needs.BOTH),
    Check("queues", on_teams.queues, Needs.BOTH),
    Check("gateways", on_teams.gateways, Needs.BOTH),
    Check("telephones", on_teams.telephones, Needs.BOTH),
    Check("holidays", on_teams.holidays, Needs.CONFIGURATION),
    Check("spool", on_spool.spool),
    Check("fallback", on_spool.fallback),
    Check("recordings", on_spool.recordings, Needs.SWITCH),
    Check("journal", on_spool.journal),
    Check("set aside", on_spool.aside),
    Check("records", on_spool.waiting),
    Check("engine", on_host.engine),
    Check("ports", on_host.ports),
    Check("open files", on_host.files),
    Check("ntp", on_host.synchronised, Needs.NOTHING),
    Check("clock", on_host.clock, Needs.NOTHING),
    Check("time zone", on_host.zone, Needs.NOTHING),
)


def examine(site_file: Path) -> Iterator[Result]:
    """Look at everything; the results one by one, in order. Raises nothing."""
    yield from judged(patient(site_file))


def judged(
    found: Patient, checks: tuple[Check, ...] = CHECKS, limit_s: float = LIMIT_S
) -> Iterator[Result]:
    """What each check makes of it. All are made side by side: what blocks, or is at fault, keeps
    no other from being made, and together they take no longer than ``limit_s``."""
    pool = ThreadPool(len(checks))
    jobs = [pool.spawn(_look, check, found) for check in checks]
    end = time.monotonic() + limit_s
    late = False
    for check, job in zip(checks, jobs, strict=True):
        try:
            finding: Finding = job.get(timeout=max(0.0, end - time.monotonic()))
        except gevent.Timeout:
            late = True
            finding = unchecked(
                f"not done within {limit_s:.0f} s", "is a disk or a network folder hung?"
            )
        yield Result(check.name, finding)
    if not late:  # one that never comes back is left to itself
        pool.kill()


def _look(check: Check, found: Patient) -> Finding:
    if why := _lacking(found, check.needs):
        return unchecked(why)
    try:
        return check.look(found)
    except Exception as fault:  # noqa: BLE001  # the root of the thread's work
        return unchecked(f"the check failed: {describe(fault)}", "report the fault")


def _lacking(found: Patient, needs: Needs) -> str:
    """What a check needs and is not there, in one line; empty where nothing lacks."""
    if needs is Needs.NOTHING:
        return ""
    if found.site is None:
        return "the site file has mistakes"
    if needs in (Needs.CONFIGURATION, Needs.BOTH) and found.configuration is None:
        return "the configuration has mistakes"
    if needs in (Needs.SWITCH, Needs.BOTH) and found.said is None:
        away = found.away is not None and found.away.stage == "password"
        return "FreeSWITCH lets nobody in" if away else "FreeSWITCH does not answer"
    return ""
