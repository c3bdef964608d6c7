"""What a start of the engine would take up or repair, found without changing anything (R22).

What is decided is decided by the functions that the start itself uses: ``ivr.storage.segments``
reads the journal, ``ivr.core.taking_up`` says what becomes of a call that goes on,
``ivr.core.connecting`` which end one gets that is over, ``ivr.recording.audio`` what a file holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import tzinfo
from operator import itemgetter
from pathlib import Path
from typing import Literal

from ivr.config.settings import Configuration
from ivr.core import entries
from ivr.core.ending import is_exempt, is_lost, unseen_end
from ivr.core.entries import Stamp, Stamped
from ivr.core.record import iso
from ivr.core.state import Pause
from ivr.core.taking_up import followed
from ivr.doctor.held import Held, ask
from ivr.doctor.on_spool import spare_journal
from ivr.doctor.patient import Patient
from ivr.errors import DiskError, SpoolError
from ivr.recording.audio import inspect_fd, is_blank_fd
from ivr.storage.destroy import is_doomed
from ivr.storage.known import is_known
from ivr.storage.opened import kind_of
from ivr.storage.places import Places
from ivr.storage.segments import Reading, read
from ivr.storage.tape import Listing
from ivr.storage.whereabouts import paths_of

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file of a recording that no record has yet."""

    path: str
    bytes: int
    duration_ms: int
    """By the file's size, whatever its header says; 0 where it holds no audio."""
    state: Literal["whole", "growing", "header", "empty", "double", "unreadable"]
    """``growing``: FreeSWITCH has the call. ``header``: its lengths are wrong and are set right.
    ``empty``: it is removed, or goes to ``aside/`` where people were joined. ``double``: the part
    lies in another folder as well, and that one is worth more. ``double``, ``unreadable``: it goes
    to ``aside/``."""
    why: str
    """Of one that is unreadable."""


@dataclass(frozen=True, slots=True)
class LeftCall:
    """A call that the journal has open, or of which only a recording is there."""

    call: str
    phase: str
    """As far as the journal tells; ``unknown`` where it does not know the call."""
    since: str
    """When that began: ISO 8601, empty where it is unknown."""
    arrived: str
    """As ``since``."""
    paused: str
    """Since when nothing of it may be kept: ``unknown`` where only FreeSWITCH remembers it, empty
    where it is not paused."""
    switch: Held
    """Whether FreeSWITCH has it still."""
    entries: int
    missing: int
    """How many entries of the journal are lost."""
    then: str
    """What becomes of it at the start."""
    files: tuple[LeftFile, ...]


@dataclass(frozen=True, slots=True)
class BadPlace:
    """Something of the journal that cannot be read."""

    segment: str
    line: int
    """From 1; 0 is the whole segment, or folder."""
    why: str
    torn: bool
    """The write that a crash cut short: nobody was told that it is on disk."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Something that an earlier start, or the end of a call, had no use for."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """All that a start would find."""

    engine: int
    """The process that runs on the spool, and has all of this; 0 where none does."""
    switch: str
    """Why FreeSWITCH could not be asked; empty where it was."""
    calls: tuple[LeftCall, ...]
    bad: tuple[BadPlace, ...]
    aside: tuple[SetAside, ...]


def prospect(patient: Patient, zone: tzinfo) -> Prospect:
    """Look. The patient has a site.

    Raises DiskError where the journal's folder cannot be listed, OSError where the folders of
    recordings cannot.
    """
    site = patient.site
    assert site is not None  # said above
    places = Places(site.spool, site.fallback)
    try:
        reading = read(places.journal, spare_journal(places))
    except DiskError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        reading = Reading((), (), ())
    recorded = _recorded(places)
    missing = {call.call_id: call.missing for call in reading.calls}
    left = {call.call_id: call.entries for call in reading.calls if not call.finished}
    left.update((call_id, ()) for call_id in sorted(recorded.keys() - missing.keys()))
    asked = ask(site.freeswitch, left)
    engine = 0 if patient.engine is None else patient.engine.pid
    calls = []
    for call_id, told in left.items():
        held = asked.held.get(call_id, "unknown")
        paused = _paused(told, patient.configuration, places.recorded(call_id), zone)
        if not paused and call_id in asked.paused:
            paused = "unknown"
        calls.append(
            LeftCall(
                call_id,
                *_phase(told, zone),
                paused,
                held,
                len(told),
                missing.get(call_id, 0),
                f"the engine that runs (process {engine}) sees to it"
                if engine and not os.path.lexists(places.set_aside(call_id))
                else _then(places, call_id, told, held, bool(paused), asked.core),
                tuple(_files(recorded.get(call_id, ()), held)),
            )
        )
    return Prospect(
        engine,
        asked.away,
        tuple(calls),
        tuple(BadPlace(one.segment, one.line, one.why, one.torn) for one in reading.bad),
        tuple(_aside(places.aside)),
    )


def _then(
    places: Places,
    call_id: str,
    told: tuple[Stamped, ...],
    held: Held,
    paused: bool,
    core: str,
) -> str:
    """What becomes of a call, in a few words."""
    if is_exempt(told):  # the engine knows nothing of how it goes on
        return "its record is written: it ends where the exempt extension came in"
    if held == "unknown":
        return "waits until FreeSWITCH can be asked, or its recording is seen to stand still"
    if held == "yes":
        if paused:
            return "masked at once, then followed to its end"
        return "followed to its end; driven on if FreeSWITCH hands it over once more"
    if _lies_away(places, told):
        return f"waits until {places.fallback} is there: a part of its recording is to lie in it"
    if os.path.lexists(places.record(call_id)):
        return "its record is there already: what else is left of it is cleared away"
    if is_doomed(places, call_id, told):
        return "its caller opted out: what was recorded is destroyed, then its record is written"
    if not told:
        if not is_known(places.root, places.fallback):
            return f"waits until {places.fallback} is there: its journal may lie in it"
        return "a record is written of what the recording alone tells"
    if any(isinstance(one.entry, entries.HungUp) for one in told):
        return "its record is written: its end is known"
    return f"its record is written, its end is {unseen_end(is_lost(told, core)).reason}"


def _lies_away(places: Places, told: tuple[Stamped, ...]) -> bool:
    """Whether the journal has a part of the call's recording in a fallback that is not there."""
    if is_known(places.root, places.fallback):
        return False
    return str(places.folders[1]) in {os.path.dirname(path) for path in paths_of(told)}


def is_paused(told: tuple[Stamped, ...], configuration: Configuration | None, path: str) -> bool:
    """Whether a start masks this call at once; by the journal alone where there is no policy."""
    if configuration is not None:
        policy = configuration.policy_left(told)
        return followed(told, path, policy).state.pause is not Pause.OFF
    paused = False
    for one in told:
        if isinstance(one.entry, entries.PauseStarted):
            paused = True
        elif isinstance(one.entry, entries.PauseEnded):
            paused = False
    return paused


def _paused(
    told: tuple[Stamped, ...], configuration: Configuration | None, path: str, zone: tzinfo
) -> str:
    """Since when, by the journal; empty where a start does not mask it for what stands there."""
    if not is_paused(told, configuration, path):
        return ""
    began = ""
    for one in told:
        if isinstance(one.entry, entries.PauseStarted):
            began = began or iso(one.stamp.wall_ms, zone)
        elif isinstance(one.entry, entries.PauseEnded):
            began = ""
    return began


def _phase(told: Iterable[Stamped], zone: tzinfo) -> tuple[str, str, str]:
    """Where a call is by its journal, since when, and when it arrived."""
    phase, since, arrived = "unknown", "", ""
    for one in told:
        arrived = arrived or _iso(one.stamp, zone)
        new = _word(one.entry)
        if new and new != phase:
            phase, since = new, _iso(one.stamp, zone)
    return phase, since, arrived


def _word(entry: entries.Entry) -> str:
    """The phase that an entry begins; empty where it begins none."""
    match entry:
        case entries.Arrived():
            return "arriving"
        case entries.PromptStarted(name=name, role=role):
            return f"hearing {role or name}"
        case entries.OptOutStarted():
            return "opting out"
        case entries.OptOutConfirmed():
            return "opted out"
        case entries.Exempted():
            return "exempt"
        case entries.OptOutReturned():
            return "back from opting out"
        case entries.Dialled():
            return "dialling"
        case entries.Connected():
            return "connected"
        case entries.Parted():
            return "parted"
        case entries.NotConnected():
            return "not connected"
        case entries.HungUp():
            return "over"
        case _:
            return ""


def _iso(stamp: Stamp, zone: tzinfo) -> str:
    return iso(stamp.wall_ms, zone)


def _recorded(places: Places) -> dict[str, list[str]]:
    """The files of recordings, by call, in the order of their parts, then of the folders. Raises
    OSError."""
    listing = Listing(places)
    for error in listing.unread.values():
        if not isinstance(error, FileNotFoundError):
            raise error
    found: dict[str, list[tuple[int, str]]] = {}
    for folder, named in listing.readable.items():
        for call_id, parts in named.items():
            paths = [(part, places.recorded(call_id, part, folder)) for part in parts]
            found.setdefault(call_id, []).extend(paths)
    return {
        call: [path for _part, path in sorted(paths, key=itemgetter(0))]
        for call, paths in found.items()
    }


def _files(paths: Iterable[str], held: Held) -> list[LeftFile]:
    """What each of a call's files is; of those of one part all but the best are set aside."""
    found = [_file(path, held) for path in paths]
    best: dict[str, LeftFile] = {}
    for one in found:
        other = best.setdefault(os.path.basename(one.path), one)
        if (one.duration_ms > 0, one.bytes) > (other.duration_ms > 0, other.bytes):
            best[os.path.basename(one.path)] = one
    kept = best.values()
    return [one if one in kept or held == "yes" else replace(one, state="double") for one in found]


def _file(path: str, held: Held) -> LeftFile:
    size = 0
    try:
        fd = os.open(path, _READ)
        try:
            if kind := kind_of(os.fstat(fd).st_mode):
                return LeftFile(path, 0, 0, "unreadable", kind)
            size = os.fstat(fd).st_size
            if is_blank_fd(fd):
                return LeftFile(path, size, 0, "growing" if held == "yes" else "empty", "")
            audio = inspect_fd(fd, os.path.basename(path))
        finally:
            os.close(fd)
    except SpoolError as error:
        return LeftFile(path, size, 0, "unreadable", str(error))
    except OSError as error:
        return LeftFile(path, size, 0, "unreadable", error.strerror or str(error))
    if held == "yes":
        return LeftFile(path, size, audio.duration_ms, "growing", "")
    if not audio.frames:
        return LeftFile(path, size, 0, "empty", "")
    state: Literal["header", "whole"] = "header" if audio.repaired else "whole"
    return LeftFile(path, size, audio.duration_ms, state, "")


def _aside(folder: Path) -> list[SetAside]:
    """What was set aside, each with the first line of its reason."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = []
    for name in names:
        if name.endswith(".why") and not name.startswith("."):
            try:
                with open(folder / name, encoding="utf-8", errors="replace") as file:
                    why = file.readline(300).strip()
            except OSError as error:
                why = error.strerror or "cannot be read"
            found.append(SetAside(name.removesuffix(".why"), why))
    return found
