"""An engine of the tests' own: started, killed, stopped, and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.live.wait import until


class Engine:
    """An engine that can be killed and started again."""

    def __init__(self, file: Path, spool: Path, log: Path, handed: socket.socket | None) -> None:
        self.file = file
        self.spool = spool
        self._log = log
        self._handed = handed
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._prepared: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Have one wait that has read its program: what follows a death is the same then, however
        busy the host of the tests is."""
        handed = "" if self._handed is None else str(self._handed.fileno())
        keep = () if self._handed is None else (self._handed.fileno(),)
        with self._log.open("ab") as out:
            self._prepared = subprocess.Popen(
                [sys.executable, "-c", _PREPARED, handed, "serve", "--site", str(self.file)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                pass_fds=keep,
            )

    def start(self) -> None:
        """Returns at once."""
        if self._prepared is None:
            self.prepare()
        assert self._prepared is not None
        self.process, self._prepared = self._prepared, None
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.starts += 1

    def started(self) -> None:
        """Return when FreeSWITCH was found as often as the engine was started."""
        until(
            lambda: self.log.count("FreeSWITCH is there") >= self.starts,
            f"the engine finds FreeSWITCH: {self.log[-2000:]}",
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        """As systemd does; it must end by itself."""
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            until(lambda: process.poll() is not None, "the engine stops", 20)
        finally:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Leave nothing of it."""
        if self._prepared is not None:
            self._prepared.kill()
            self._prepared.wait()
        self.stop()

    @property
    def log(self) -> str:
        return self._log.read_text()


_PREPARED = """
import os, sys
handed = sys.argv.pop(1)
if handed:  # as systemd does it
    os.dup2(int(handed), 3)
    os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
import ivr.api.access, ivr.config.load, ivr.engine.service, ivr.engine.setup, ivr.storage.spool
from ivr.cli import main
sys.stdin.read()
main()
"""
