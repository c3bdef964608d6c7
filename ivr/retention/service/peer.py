"""Who is at the other end of a Unix socket, by the kernel's own word (R16)."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct

from ivr.retention.model import Person

_CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid (unix(7), SO_PEERCRED)."""


def peer_of(connection: socket.socket) -> Person:
    """The person whose process opened the connection.

    The user is the one that the process had then; groups are those that the host knows of the
    user, not those that the process has put on. A user that the host does not know is ``uid:N``.
    """
    uid, gid = _ids(connection)
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        return Person(f"uid:{uid}")
    return Person(user, frozenset(filter(None, map(_name, os.getgrouplist(user, gid)))))


def user_of(connection: socket.socket) -> int:
    """The number of the user whose process opened the connection; -1 where that is not known."""
    try:
        return _ids(connection)[0]
    except OSError:
        return -1


def _ids(connection: socket.socket) -> tuple[int, int]:
    size = _CREDENTIALS.size
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, gid = _CREDENTIALS.unpack(told)
    return uid, gid


def _name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""
