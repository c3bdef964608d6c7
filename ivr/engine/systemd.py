"""What systemd hands to the engine, and what it is told: the protocols of ``sd_listen_fds`` and
``sd_notify``, without systemd's library (R19, R22).

The listening socket is systemd's: it outlives the engine, and a call that comes while there is
none waits in it. A hub that does nothing any more is noticed, for its beats stay away.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

import structlog

from ivr.clock import Clock, Timer
from ivr.errors import SetupError

log = structlog.get_logger(__name__)

FIRST_FD = 3
"""Where systemd leaves the first socket."""

_LISTENING = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
_WATCHDOG = ("WATCHDOG_USEC", "WATCHDOG_PID")
_NOTIFY = "NOTIFY_SOCKET"


@dataclass(frozen=True, slots=True)
class Handed:
    """What the environment says that systemd handed to this process."""

    notify: str = ""
    """The path of the socket that is to be told; it begins with ``@`` where it is in no folder,
    and is empty where nobody listens."""
    watchdog_us: int = 0
    """Microseconds without a beat after which systemd ends the process; 0 is never."""
    sockets: int = 0
    """How many listening sockets there are, from :data:`FIRST_FD` on."""


def handed(environment: MutableMapping[str, str], process: int) -> Handed:
    """Read it, and take it out of the environment: it is not meant for processes of ours."""
    said = {name: environment.pop(name, "") for name in (*_LISTENING, *_WATCHDOG, _NOTIFY)}
    mine = str(process)
    return Handed(
        notify=said[_NOTIFY],
        watchdog_us=_number(said["WATCHDOG_USEC"]) if said["WATCHDOG_PID"] in ("", mine) else 0,
        sockets=_number(said["LISTEN_FDS"]) if said["LISTEN_PID"] == mine else 0,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def listening(given: Handed, first_fd: int = FIRST_FD) -> socket.socket | None:
    """The socket on which calls come in; None where systemd handed none.

    Raises:
        SetupError: there are several, or it is none that FreeSWITCH could connect to.
    """
    if not given.sockets:
        return None
    if given.sockets > 1:
        raise SetupError(
            f"systemd hands over {given.sockets} sockets, expected the one for calls:"
            " one ListenStream= in the socket unit, host:port"
        )
    os.set_inheritable(first_fd, False)
    try:
        found = socket.socket(fileno=first_fd)
        accepts = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SetupError(f"what systemd hands over is no socket: {error.strerror}") from error
    if found.family not in (socket.AF_INET, socket.AF_INET6) or not accepts:
        found.close()
        raise SetupError(
            "the socket that systemd hands over is not one on which calls can come in,"
            ' expected ListenStream="127.0.0.1:8084" and Accept=no in the socket unit'
        )
    return found


class Notices:
    """Tells systemd how the engine is; does nothing where nobody wants to know."""

    def __init__(self, given: Handed, clock: Clock) -> None:
        """Beats are sent by the clock, on the hub's thread: they say that it goes round."""
        self._clock = clock
        self._beat_ms = given.watchdog_us // 2_000
        """Half the time in which one is expected."""
        self._timer: Timer | None = None
        self._heard = True
        self._socket: socket.socket | None = None
        self._address = f"\0{given.notify[1:]}" if given.notify.startswith("@") else given.notify
        if given.notify:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def ready(self, status: str) -> None:
        """Calls are taken from now on; the text is for people."""
        self._tell("READY=1", f"STATUS={status}")
        if self._beat_ms and self._timer is None and self._socket is not None:
            self._beat()

    def stopping(self, status: str) -> None:
        """No more calls are taken; beats go on, for what is left to do must come to an end."""
        self._tell("STOPPING=1", f"STATUS={status}")

    def close(self) -> None:
        """No more beats."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._socket.close()
        self._timer = self._socket = None

    def _beat(self) -> None:
        self._tell("WATCHDOG=1")
        if self._socket is not None:
            self._timer = self._clock.after(self._beat_ms, self._beat)

    def _tell(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if self._heard:  # once, not with every beat
                log.warning("systemd could not be told", what=lines[0], error=error.strerror)
            self._heard = False
        else:
            self._heard = True
