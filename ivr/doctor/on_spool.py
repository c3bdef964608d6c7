"""Checks of the folders: who may write and read them, room, and what lies in them.

What is tried is tried with a file that never has a name (``O_TMPFILE``): nothing is left behind,
and nobody sees it. Where the file system has no such files, rights alone are looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from ivr.config.settings import Site
from ivr.doctor import of_configuration
from ivr.doctor.finding import Finding, listed, ok, unchecked, warning, wrong
from ivr.doctor.patient import Patient
from ivr.doctor.process import Person, Process
from ivr.doctor.rights import ENTER, READ, WRITE, described, hindrance, may
from ivr.errors import DiskError
from ivr.storage.known import IN_SPOOL, had, is_known, unknown
from ivr.storage.places import Places
from ivr.storage.segments import read

FOLDERS = ("recording", "new", "tmp", "aside", "journal")
SHARED = ("recording", "new", "aside")
"""FreeSWITCH writes the first, the consumer takes out of the others: their group may write."""
IN_FALLBACK = ("recording", "journal")
_PROBE = bytes(4096)
_NO_TMPFILE = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOSYS, errno.EINVAL}
_NAMED = 5
_LONG_MS = 3_600_000
_FULL = READ | WRITE | ENTER
_STEP3 = "deploy/README.md step 3"


def spool(patient: Patient) -> Finding:
    """The spool is there, is the engine's, and has room."""
    site = _site(patient)
    return _folder(patient, site.spool, FOLDERS, SHARED, "spool")


def fallback(patient: Patient) -> Finding:
    """The same of the folder that recordings go on in; its disk is another one."""
    site = _site(patient)
    if site.fallback is None:
        before = had(site.spool)
        if before:
            return wrong(
                f"none is configured, and the spool had {before}",
                "the folder in which recordings may lie that have no record yet",
                f"set fallback to it; if nothing is in it any more, remove {site.spool / IN_SPOOL}",
            )
        return ok("none is configured: a full disk ends recordings")
    if not is_known(site.spool, site.fallback):
        why, _, do = unknown(site.spool, site.fallback).partition(": ")
        expected = "the one in which recordings may lie that have no record yet"
        return wrong(f"{site.fallback} {why}", expected, do)
    found = _folder(patient, site.fallback, IN_FALLBACK, ("recording",), "fallback")
    if found.verdict != "ok":
        return found
    if site.spool.exists() and os.stat(site.fallback).st_dev == os.stat(site.spool).st_dev:
        return warning(
            f"{site.fallback} is on the same file system as {site.spool}",
            "another one: what fills or takes away the spool's takes this away too",
            "set fallback in the site file to a folder of another disk",
        )
    return found


def recordings(patient: Patient) -> Finding:
    """FreeSWITCH can write where the engine has it record, and the engine can read that."""
    site, switch, user = _site(patient), patient.switch, patient.user
    if patient.said is not None and not patient.said.local:
        return unchecked("FreeSWITCH is on another host")
    if switch is None:
        return unchecked("FreeSWITCH's process cannot be seen", "run this as root")
    faults, seen = [], 0
    folders = [each for each in Places(site.spool, site.fallback).folders if each.parent.exists()]
    if not folders:
        return unchecked(f"{site.spool} is not there")
    for folder in folders:
        try:
            if fault := hindrance(switch.person, folder, WRITE | ENTER):
                faults.append(f"FreeSWITCH: {fault}")
            elif user is not None and (fault := _unreadable(switch, user, folder)):
                faults.append(fault)
        except FileNotFoundError:
            continue  # it is made at the start
        except OSError as error:
            return unchecked(f"{error.filename}: {error.strerror}", "run this as root")
        seen += 1
    if faults:
        found, more = listed(faults, "{} things are in the way of recordings")
        do = f"put FreeSWITCH's user into the spool's group and restart it; UMask=0007 ({_STEP3})"
        return wrong(found, "FreeSWITCH writes recording/, the engine reads it", do, more)
    if not seen:
        return unchecked(f"{folders[0]} is not there; the engine makes it at its start")
    if user is not None and _copied(switch, user):
        return warning(
            f"FreeSWITCH's umask is {switch.umask:04o}: the engine cannot write its recordings",
            "0007, or a repair and a silenced pause make a copy of the whole file",
            f"UMask=0007 in FreeSWITCH's unit ({_STEP3}); restart it",
        )
    return ok(f"{switch} writes, {user.name if user else 'the engine'} reads")


def prompts(patient: Patient) -> Finding:
    """FreeSWITCH can read each prompt; that they are the right ones the configuration says."""
    configuration, switch = patient.configuration, patient.switch
    assert configuration is not None  # the check needs it
    if patient.said is not None and not patient.said.local:
        return unchecked("FreeSWITCH is on another host")
    if switch is None:
        return unchecked("FreeSWITCH's process cannot be seen", "run this as root")
    spoken = of_configuration.prompts(configuration)
    files = sorted({file.path for prompt in spoken for file in prompt.files.values()})
    try:
        faults = [fault for path in files if (fault := hindrance(switch.person, Path(path), READ))]
    except OSError as error:
        return unchecked(f"{error.filename}: {error.strerror}", "run this as root")
    if faults:
        found, more = listed(list(dict.fromkeys(faults)), "{} prompts cannot be read")
        return wrong(
            found,
            "FreeSWITCH plays them: its user must be able to read them",
            "chmod -R a+rX the folder of prompts, and the folders above it a+x",
            more,
        )
    return ok(f"{len(files)} files, as they were made, {switch.person.name} can read them")


def journal(patient: Patient) -> Finding:
    """The journal can be read, all of it."""
    site = _site(patient)
    places = Places(site.spool, site.fallback)
    try:
        reading = read(places.journal, spare_journal(places))
    except DiskError as error:
        why = str(error).splitlines()[0]
        if isinstance(error.__cause__, FileNotFoundError):
            return ok("there is none yet")
        if isinstance(error.__cause__, PermissionError):
            return unchecked(why, "run this as root or as the engine's user")
        return wrong(why, "a folder that can be read", "mend the disk, or the folder's rights")
    bad = [f"{one.segment}, line {one.line}: {one.why}" for one in reading.bad if not one.torn]
    if bad:
        found, more = listed(bad, "{} of its lines cannot be read")
        return warning(
            found,
            "each line as the engine wrote it",
            "is the disk well? The rest is taken up all the same: `ivr recover --dry-run`",
            (*more[:_NAMED], f"and {len(bad) - _NAMED} more") if len(more) > _NAMED else more,
        )
    left = sum(not call.finished for call in reading.calls)
    return ok(f"it can be read: {left} of {len(reading.calls)} calls are open")


def spare_journal(places: Places) -> Path | None:
    """The fallback's journal, where there is one; before the first start with it there is none."""
    spare = places.spare_journal
    try:
        return spare if spare is not None and os.lstat(spare) else None
    except FileNotFoundError:
        return None
    except OSError:
        return spare  # why it cannot be read is said when it is


def aside(patient: Patient) -> Finding:
    """Nothing was set aside."""
    folder = _site(patient).spool / "aside"
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return ok("nothing was set aside")
    except OSError as error:
        return unchecked(f"{folder}: {error.strerror}", "run this as root or in the spool's group")
    if not names:
        return ok("nothing was set aside")
    whys = [name for name in names if name.endswith(".why")]
    more = tuple(_why(folder / name) for name in whys[:_NAMED])
    if len(whys) > _NAMED:
        more = (*more, f"and {len(whys) - _NAMED} more")
    return warning(
        f"{len(names)} files are in {folder}",
        "none: these are recordings, records and lines of the journal that could not be used",
        "read each NAME.why; what is mended is tried at the next start, the rest is to be removed",
        more,
    )


def waiting(patient: Patient) -> Finding:
    """Finished records are taken out of ``new/``."""
    folder = _site(patient).spool / "new"
    count, oldest = 0, 1 << 62
    try:
        with os.scandir(folder) as names:
            for name in names:
                if name.name.endswith(".json"):
                    try:
                        oldest = min(oldest, name.stat(follow_symlinks=False).st_mtime_ns)
                    except FileNotFoundError:
                        continue  # taken just now
                    count += 1
    except FileNotFoundError:
        return ok("no records wait")
    except OSError as error:
        return unchecked(f"{folder}: {error.strerror}", "run this as root or in the spool's group")
    if not count:
        return ok("no records wait")
    age_ms = max(0, patient.wall_ms - oldest // 1_000_000)
    found = f"{count} records wait, the oldest since {_age(age_ms)}"
    if age_ms < _LONG_MS:
        return ok(found)
    return warning(
        found,
        "the consumer takes them out at its usual pause",
        "does the consumer run? May it write new/? (docs/spool.md)",
    )


def _site(patient: Patient) -> Site:
    assert patient.site is not None  # the check needs it
    return patient.site


def _folder(
    patient: Patient, top: Path, names: Sequence[str], shared: Sequence[str], key: str
) -> Finding:
    site = _site(patient)
    try:
        device = os.stat(top).st_dev
    except FileNotFoundError:
        return warning(
            f"{top} is not there",
            "a folder; the engine makes it at its start, where it may",
            f"install -d -o ivr -g ivr-spool -m 2770 {top} ({_STEP3})",
        )
    except OSError as error:
        return unchecked(f"{top}: {error.strerror}", "run this as root or as the engine's user")
    user = patient.user
    try:
        faults = list(_amiss(top, names, shared, device if key == "spool" else None, user))
    except OSError as error:
        return unchecked(
            f"{error.filename}: {error.strerror}", "run this as root or as the engine's user"
        )
    found = os.statvfs(top)
    free = found.f_bavail * found.f_frsize
    least = site.limits.least_free_bytes
    if found.f_flag & os.ST_RDONLY:
        faults.append("its file system is mounted read-only")
    if free < least:
        faults.append(f"only {free >> 20} MiB are free, expected at least {least >> 20}")
    if faults:
        text, more = listed(faults, "{} things are wrong with " + str(top))
        return wrong(
            text,
            "folders that the engine's user may read and write, with room for recordings",
            f"mend owner, rights and room ({_STEP3}), or set another `{key}` in {site.file}",
            more,
        )
    why, tried = _probed(top, names, user)
    if why:
        return wrong(why, "a file of 4 KiB can be written", "mend the disk, or how it is mounted")
    return ok(f"{top}, {free >> 20} MiB free{'' if tried else ', writing was not tried'}")


def _amiss(
    top: Path, names: Sequence[str], shared: Sequence[str], device: int | None, user: Person | None
) -> Iterator[str]:
    """What is wrong with the folders; those that are missing are made at the start. Raises
    OSError."""
    if user is not None and (fault := hindrance(user, top, _FULL)):
        yield fault
    for name in names:
        folder = top / name
        try:
            found = os.lstat(folder)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(found.st_mode):
            yield f"{folder} is not a folder"
            continue
        if device is not None and found.st_dev != device:
            yield f"{folder} lies on another file system than {top}: files cannot be moved whole"
        if user is not None and not may(user, found, _FULL):
            yield f"{user.name} may not write into {described(folder)}"
        if name in shared and not found.st_mode & stat.S_IWGRP:
            yield f"its group may not write into {described(folder)}"


def _probed(top: Path, names: Sequence[str], user: Person | None) -> tuple[str, bool]:
    """Why a folder takes no file, and whether that could be tried by this user."""
    if user is None or os.geteuid() not in (0, user.uid):
        return "", False
    tried = False
    for name in names:
        folder = top / name
        if not os.path.isdir(folder):
            continue
        try:
            fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                if os.write(fd, _PROBE) < len(_PROBE):
                    return f"{folder}: a file of 4 KiB could not be written whole", True
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno in _NO_TMPFILE:
                continue
            return f"{folder}: {error.strerror}", True
        tried = True
    return "", tried


def _unreadable(switch: Process, user: Person, folder: Path) -> str:
    """Why the engine cannot read what FreeSWITCH makes in this folder. Raises OSError."""
    status = os.stat(folder)
    mask = switch.umask
    if user.uid in (0, switch.person.uid) or mask is None:
        return ""
    # Files get the folder's group where it is set-group-id, or else that of who makes them.
    if status.st_mode & stat.S_ISGID:
        in_group = status.st_gid in user.gids
    else:
        in_group = bool(switch.person.gids & user.gids)
    if in_group and not mask & 0o040:
        return ""
    if not in_group and not mask & 0o004:
        return ""
    why = f"FreeSWITCH's umask is {mask:04o}" if in_group else f"it has not the group of {folder}"
    return f"{user.name} cannot read what FreeSWITCH writes: {why}"


def _copied(switch: Process, user: Person) -> bool:
    mask = switch.umask
    return mask is not None and user.uid not in (0, switch.person.uid) and bool(mask & 0o020)


def _why(path: Path) -> str:
    """The first line of what stands beside a thing that was set aside."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            first = file.readline(200).strip()
    except OSError as error:
        first = error.strerror or "cannot be read"
    return f"{path.name.removesuffix('.why')}: {first}"


def _age(ms: int) -> str:
    if ms < 120_000:
        return f"{ms // 1000} s"
    return f"{ms // 60_000} min" if ms < 2 * _LONG_MS else f"{ms // _LONG_MS} h"
