"""A process that has all of the engine imported and forks one after the other.

A start of Python with all that an engine needs takes half a second; a fork of this takes a few
milliseconds. No loop of gevent's runs here, so that each engine makes its own.

    python -m tests.crash.zygote SITE-FILE LOG-FILE [PORT]

With a port it listens there for calls, and hands the socket to each engine as systemd does.

Told by its standard input, a byte a command: ``s`` starts an engine, after the one before it has
ended, and answers with its process id; ``w`` waits for the engine's end and answers with how it
ended. At the end of its input it kills the engine and is gone.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
from pathlib import Path


def _imported(site_file: Path) -> None:
    """Everything that ``ivr serve`` imports when it is needed, and what it is to find when it
    listens to the prompts: each engine would do it anew."""
    import gevent.monkey
    import gevent.pywsgi  # noqa: F401

    import ivr.cli
    import ivr.config.load
    import ivr.engine.service
    import ivr.engine.setup
    from tests.conftest import do_once

    do_once(setattr)
    ivr.config.load.load(site_file)


def _engine(site_file: Path, log_file: str, listening: socket.socket | None) -> None:
    """Be an engine, to the end."""
    if listening is not None:
        os.dup2(listening.fileno(), 3)
        os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for fd, into in ((null, 0), (log, 1), (log, 2)):
        os.dup2(fd, into)
    from ivr.cli import main

    main(["serve", "--site", str(site_file)], standalone_mode=False)


def _ended(pid: int) -> str:
    _pid, status = os.waitpid(pid, 0)
    return f"{os.waitstatus_to_exitcode(status)}\n"


def run(site_file: Path, log_file: str, port: str = "") -> None:
    """Do as told."""
    _imported(site_file)
    listening = None
    if port:
        listening = socket.create_server(("127.0.0.1", int(port)), backlog=1024)
        # 3 is where an engine expects it, and may be anything here.
        listening = socket.socket(fileno=fcntl.fcntl(listening.detach(), fcntl.F_DUPFD, 100))
    os.write(1, b"ready\n")
    pid = 0
    while word := os.read(0, 1):
        if word == b"s":
            if pid:
                _ended(pid)
            pid = os.fork()
            if not pid:
                try:
                    _engine(site_file, log_file, listening)
                    os._exit(0)
                finally:
                    os._exit(70)
            os.write(1, f"{pid}\n".encode())
        elif word == b"w":
            os.write(1, _ended(pid).encode())
            pid = 0
    if pid:
        os.kill(pid, signal.SIGKILL)
        _ended(pid)


if __name__ == "__main__":
    run(Path(sys.argv[1]), *sys.argv[2:])
