"""Other processes of this host, as ``/proc`` shows them: who holds a port, and with what rights.

Nothing is asked of the processes themselves. What ``/proc`` does not show this user is None.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from ivr.config.settings import Address

_PROC = Path("/proc")
_LISTENS = "0A"
_ANY = {"00000000", "0" * 32}
_FREESWITCH = "freeswitch"


@dataclass(frozen=True, slots=True)
class Person:
    """A user of this host, with all groups, as rights are looked up for."""

    uid: int
    gids: frozenset[int]

    @property
    def name(self) -> str:
        """As the host names the user; else the number."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of this host."""

    pid: int
    name: str
    """At most 15 characters of the program's name."""
    person: Person
    umask: int | None
    """None where the kernel does not say."""

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name}, user {self.person.name})"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of this host on which something listens."""

    uid: int
    """Of the user who opened it."""
    inode: str


def process(pid: int) -> Process | None:
    """The process of this number; None where there is none that this user may see."""
    try:
        text = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = dict(line.partition(":")[::2] for line in text.splitlines())
    try:
        gids = [lines["Gid"].split()[1], *lines.get("Groups", "").split()]
        person = Person(int(lines["Uid"].split()[1]), frozenset(map(int, gids)))
        umask = int(lines["Umask"], 8) if "Umask" in lines else None
        return Process(pid, lines["Name"].strip(), person, umask)
    except (KeyError, ValueError, IndexError):
        return None


def listening(port: int, host: str = "") -> Port | None:
    """What listens on a TCP port, on this address or on all; any address where none is given."""
    wanted = _hex(host)
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            address, _, number = words[1].rpartition(":")
            if words[3] != _LISTENS or int(number, 16) != port:
                continue
            if not wanted or address == wanted or address in _ANY:
                return Port(int(words[7]), words[9])
    return None


def holder(port: Port) -> Process | None:
    """The process that has the port; None where it cannot be told.

    Whose open files may not be looked at is found by its name and user, where it is FreeSWITCH
    and the only one.
    """
    link = f"socket:[{port.inode}]"
    hidden: list[Process] = []
    for pid in _pids():
        found = process(pid)
        if found is None:
            continue
        try:
            if any(os.readlink(each) == link for each in _open_files(pid)):
                return found
        except PermissionError:
            if found.name == _FREESWITCH and found.person.uid == port.uid:
                hidden.append(found)
        except OSError:
            continue  # it ended meanwhile
    return hidden[0] if len(hidden) == 1 else None


def person_of(uid: int) -> Person:
    """A user by number, with the groups that the host gives at a login."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Person(uid, frozenset())
    return Person(uid, frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid)))


def group_name(gid: int) -> str:
    """As the host names the group; else the number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def most_files(pid: int) -> int | None:
    """How many files a process may have open; None where it may not be looked at."""
    try:
        lines = (_PROC / str(pid) / "limits").read_text(encoding="ascii").splitlines()
        found = next(line for line in lines if line.startswith("Max open files"))
        soft = found.split()[3]
        return 1 << 30 if soft == "unlimited" else int(soft)
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def shown(address: Address) -> str:
    """The address for people."""
    return f"{address.host}:{address.port}"


def _pids() -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(_PROC) if name.isdigit())
    except OSError:
        return []


def _open_files(pid: int) -> list[Path]:
    folder = _PROC / str(pid) / "fd"
    return [folder / name for name in os.listdir(folder)]


def _hex(host: str) -> str:
    """An IPv4 address as the kernel writes it; empty for what is none."""
    parts = host.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        return ""
    return "" if host == "0.0.0.0" else "".join(f"{int(part):02X}" for part in reversed(parts))  # noqa: S104  # compared, not bound
