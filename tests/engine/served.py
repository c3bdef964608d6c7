"""`ivr serve` as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gevent


class Served:
    """An engine in another process; its log is JSON, a line an event."""

    def __init__(self, site_file: Path, *more: str, env: dict[str, str] | None = None) -> None:
        self._log = site_file.parent / "engine.log"
        self._seen = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ivr.cli", "serve", "--site", str(site_file), *more],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
            )

    @property
    def text(self) -> str:
        """What this process has logged."""
        return self._log.read_bytes()[self._seen :].decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The same, parsed; a last line that is not whole is left out."""
        whole = self.text.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def until(self, event: str) -> dict[str, Any]:
        """Wait until the engine logs this."""
        while True:
            for one in self.events:
                if one["event"] == event:
                    return one
            assert self.process.poll() is None, self.text
            gevent.sleep(0.01)

    def ended(self) -> int:
        """Wait until the process has ended; its exit code."""
        while self.process.poll() is None:
            gevent.sleep(0.01)
        return int(self.process.returncode)

    def kill(self) -> None:
        """As the host's out-of-memory killer does."""
        self.process.kill()
        self.ended()
