"""Checks of the host and of the engine on it: clock, ports, open files, the engine itself."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.config.settings import Address
from ivr.doctor.finding import Finding, listed, ok, unchecked, warning, wrong
from ivr.doctor.patient import Patient
from ivr.doctor.process import holder, listening, most_files, shown

SPARE = 512
"""Files beside those of calls: logs, journal, audio that is read, metrics."""
_LOCALTIME = Path("/etc/localtime")
_SYNCED = Path("/run/systemd/timesync/synchronized")
_SINCE_MS = 1_735_689_600_000
"""2025-01-01: this program is younger."""
_AHEAD_MS = 60_000
_STA_UNSYNC = 0x40
_TIME_ERROR = 5
_SYSTEMD = 1


def configuration(patient: Patient) -> Finding:
    """All YAML and prompts are right, and the audio is what the prompts say."""
    made = patient.configuration
    if made is not None:
        numbers = sum(len(route.numbers) for route in made.routes)
        return ok(
            f"{len(made.routes)} routes, {numbers} numbers, policy {made.policy_version},"
            f" configuration {made.version}"
        )
    found, more = listed(list(patient.mistakes), "{} mistakes")
    return wrong(found, "none", "mend each; `ivr check` shows them again", more)


def engine(patient: Patient) -> Finding:
    """An engine runs on the spool, is ready, and has this configuration."""
    running = patient.engine
    if patient.engine_unknown:
        return unchecked(patient.engine_unknown.splitlines()[0])
    if running is None and patient.stray and patient.site is not None:
        return wrong(
            f"one answers at http://{patient.site.http}/healthz, and the spool knows of none",
            "the spool of the engine that runs",
            "is the spool's disk mounted? Mount it before anything is started anew",
        )
    if running is None:
        return warning(
            "none runs on the spool",
            "one, or calls go where without_engine of their team says",
            "systemctl start ivr (or `ivr serve`)",
        )
    if running.http is None:
        return warning(f"process {running.pid} is still starting", "that it has started", "wait")
    health = running.health
    if health is None:
        return wrong(
            f"process {running.pid} does not answer at http://{running.http}/healthz",
            "its health page",
            "is it hung? Its log says; systemctl restart ivr loses no call",
        )
    if not health.ready:
        return wrong(
            f"process {running.pid} is not ready: {health.disk.splitlines()[0]}",
            "that the disk takes the journal and the records",
            "free space, or mend the disk or its rights; it goes on by itself",
        )
    if not health.freeswitch:
        return wrong(
            f"process {running.pid} has no connection to FreeSWITCH",
            "one: without it no feature codes are heard",
            "its log says why: `FreeSWITCH is not there`",
        )
    made = patient.configuration
    if health.restart_for:
        return warning(
            f"process {running.pid} needs a restart for {', '.join(health.restart_for)}",
            "the settings of the site file",
            "systemctl restart ivr",
        )
    if made is not None and health.config != made.version:
        return warning(
            f"process {running.pid} has configuration {health.config}",
            f"{made.version}, as it lies here",
            "ivr reload",
        )
    return ok(f"process {running.pid} is ready, {health.calls} calls in progress")


def ports(patient: Patient) -> Finding:
    """The ports are the engine's, or free for it."""
    site = patient.site
    assert site is not None  # the check needs it
    named = (("outbound.listen", site.listen), ("http.listen", site.http))
    free, faults, unsure = [], [], []
    for key, address in named:
        if not address.port:
            continue
        bound = _bindable(address)
        if bound:
            free.append(f"{key} {shown(address)}: {bound}")
            continue
        whose = _whose(patient, address)
        if whose is None:
            unsure.append(f"{key} {shown(address)} is held, by whom cannot be seen")
        elif whose:
            faults.append(f"{key} {shown(address)} is held by {whose}")
    bad = [one for one in free if not one.endswith("free")]
    if faults or bad:
        found, more = listed([*faults, *bad], "{} ports cannot be had")
        return wrong(
            found,
            "ports that are free, or the engine's own",
            "stop what has the port (`ss -ltnp`), or set another in the site file",
            more,
        )
    if patient.engine is not None and free:
        return wrong(
            f"process {patient.engine.pid} does not listen: {free[0]}",
            "that it listens where the site file says",
            "systemctl restart ivr: a reload does not change ports",
        )
    if unsure:
        return unchecked("; ".join(unsure), "run this as root")
    return ok("free" if patient.engine is None else "the engine's own")


def synchronised(patient: Patient) -> Finding:
    """The clock is kept by NTP, as far as the kernel or systemd-timesyncd says."""
    state = ntp()
    if state is True or _SYNCED.exists():
        return ok("the clock is synchronised")
    if state is None:
        return warning(
            "whether the clock is synchronised cannot be told",
            "NTP: the times in records are evidence",
            "timedatectl, or chronyc tracking",
        )
    return warning(
        "the kernel says that nothing keeps the clock right",
        "NTP: the times in records are evidence",
        "timedatectl set-ntp true, or run chrony; in a container the host's counts",
    )


def clock(patient: Patient) -> Finding:
    """The clock is not behind what was written here before."""
    now = patient.wall_ms
    if now < _SINCE_MS:
        return wrong(f"it is {_iso(now)}", "the time of day", "set the clock, then run NTP")
    site = patient.site
    newest, where = 0, ""
    for folder in () if site is None else (site.spool / "new", site.spool / "journal"):
        for path, ms in _written(folder):
            if ms > newest:
                newest, where = ms, path
    if newest > now + _AHEAD_MS:
        return wrong(
            f"it is {_iso(now)}, and {where} is of {_iso(newest)}",
            "a clock that does not go back",
            "which of the two is wrong? Set the clock; then run NTP",
        )
    return ok(f"it is {_iso(now)}")


def zone(patient: Patient) -> Finding:
    """The host has a time zone, which the times in records are in."""
    try:
        with open(_LOCALTIME, "rb") as file:
            ZoneInfo.from_file(file)
        name = os.path.realpath(_LOCALTIME).partition("zoneinfo/")[2]
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no time zone"
        return warning(
            f"{_LOCALTIME}: {why}: records have UTC",
            "the council's time zone",
            "timedatectl set-timezone Europe/London",
        )
    return ok(f"{name or 'its own'}, now {time.strftime('%z')}")


def files(patient: Patient) -> Finding:
    """As many files may be open as calls need."""
    site = patient.site
    assert site is not None  # the check needs it
    wanted = site.limits.connections + SPARE
    do = f"LimitNOFILE={wanted} in the unit (deploy/README.md step 6); restart it"
    expected = f"{wanted}: limits.connections ({site.limits.connections}) and {SPARE} more"
    if patient.engine is not None:
        most = most_files(patient.engine.pid)
        if most is None:
            return unchecked(
                f"the limits of process {patient.engine.pid} cannot be seen", "run this as root"
            )
        if most < wanted:
            return wrong(f"the engine may have {most} open", expected, do)
        return ok(f"the engine may have {most} open, {wanted} are needed")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return warning(f"this shell may have {hard} open", f"{expected}, for the engine", do)
    return ok(f"this shell may have {wanted} open; for the engine its unit says")


@dataclass(frozen=True, slots=True)
class _Timex:
    """As much of the kernel's answer as matters."""

    state: int
    status: int


def ntp(ask: Callable[[], _Timex | None] | None = None) -> bool | None:
    """Whether the kernel takes the clock for synchronised; None where it does not say."""
    told = (ask or _adjtimex)()
    if told is None:
        return None
    return told.state != _TIME_ERROR and not told.status & _STA_UNSYNC


def _adjtimex() -> _Timex | None:
    """Asks and sets nothing: ``modes`` is 0. Linux on 64 bits only."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if call is None or ctypes.sizeof(ctypes.c_long) != 8:
        return None
    # struct timex: modes, then offset, freq, maxerror and esterror as longs, then status.
    answer = ctypes.create_string_buffer(512)
    state = call(answer)
    if state < 0:
        return None
    return _Timex(state, int.from_bytes(answer.raw[40:44], "little"))


def _written(folder: Path) -> Iterator[tuple[str, int]]:
    """Each file of a folder and when it was written; nothing where it may not be looked at."""
    try:
        with os.scandir(folder) as names:
            for name in names:
                try:
                    ns = name.stat(follow_symlinks=False).st_mtime_ns
                except OSError:
                    continue  # taken just now
                yield name.path, ns // 1_000_000
    except OSError:
        return


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bindable(address: Address) -> str:
    """``free``, or why this host has no such address; empty where something has the port."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address.host.strip("[]"), address.port))
        except PermissionError:
            return "only root may have it"
        except OSError as error:
            if listening(address.port) is not None:
                return ""
            return error.strerror or "cannot be had"
    return "free"


def _whose(patient: Patient, address: Address) -> str | None:
    """Who has a port that is not the engine's; empty where it is the engine's, or kept for it by
    systemd; None where that cannot be seen."""
    port = listening(address.port)
    if port is None:
        return ""
    found = holder(port)
    if found is None:
        # Where an engine runs, its start would have failed without its ports.
        return None if patient.engine is None else ""
    own = patient.engine is not None and found.pid == patient.engine.pid
    return "" if own or found.pid == _SYSTEMD else str(found)
