"""`ivr serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gevent import socket
from gevent.socket import wait_read


class Served:
    """An engine in another process; its log is JSON, a line an event.

    Its log comes by a pipe: whoever waits for a line of it, or for its end, is woken by it.
    """

    def __init__(
        self,
        site_file: Path,
        *more: str,
        env: dict[str, str] | None = None,
        before: Sequence[str] = (),
        fds: Sequence[int] = (),
    ) -> None:
        """``before`` is a command that ends by becoming the one behind it; ``fds`` it keeps."""
        self._log, into = os.pipe()
        os.set_blocking(self._log, False)
        self._said = b""
        self._over = False
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "ivr.cli", "serve", "--site", str(site_file), *more],
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=into,
            env={**os.environ, **(env or {})},
            pass_fds=fds,
        )
        os.close(into)

    def __del__(self) -> None:
        os.close(self._log)

    @property
    def text(self) -> str:
        """What the process has logged."""
        self._hear()
        return self._said.decode("utf-8", "replace")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The same, parsed; a last line that is not whole is left out, and so is what a command
        says that does not come to be an engine."""
        whole = self.text.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def until(self, event: str, nth: int = 1) -> dict[str, Any]:
        """Wait until the engine logs this, for the ``nth`` time."""
        while True:
            found = [one for one in self.events if one["event"] == event]
            if len(found) >= nth:
                return found[nth - 1]
            assert not self._over, self.text
            wait_read(self._log)

    def get(self, path: str) -> bytes:
        """What the engine answers over HTTP, head and all."""
        port = self.until("engine started")["metrics_on"].rpartition(":")[2].partition("/")[0]
        with socket.create_connection(("127.0.0.1", int(port))) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: here\r\n\r\n".encode())
            answer = b""
            while data := connection.recv(65_536):
                answer += data
        return answer

    def ended(self) -> int:
        """Wait until the process has ended; its exit code."""
        while not self._over:
            wait_read(self._log)
            self._hear()
        # Its end of the pipe is closed when the process is over, or within its last steps.
        return self.process.wait()

    def kill(self) -> None:
        """As the host's out-of-memory killer does."""
        self.process.kill()
        self.ended()

    def _hear(self) -> None:
        """Take what there is."""
        try:
            while data := os.read(self._log, 65_536):
                self._said += data
            self._over = True
        except BlockingIOError:
            return
