"""The files that the driver records to: real ones, that grow while they are recorded to.

An engine that sees a recording stand still begins it anew. So each gets longer twice a second,
by a hole; when it ends, it is as long as the load says, and whoever reads it has real work to do.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

_TURN_S = 0.02
_TURNS = 25
"""After so many turns every recording has grown: the driver never works on all at once."""
_GROWS = 16_000


class Recordings:
    """Those that run."""

    def __init__(self, after: Callable[[float, Callable[[], None]], None]) -> None:
        """``after`` calls back in so many seconds."""
        self.audio = b""
        """What each of them holds in the end."""
        self._after = after
        self._running: dict[str, int] = {}
        self._turn: deque[str] = deque()
        self._growing = False

    def begin(self, path: str) -> None:
        """A file of its own, in a folder that is made where it is missing."""
        try:
            Path(path).write_bytes(self.audio)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).write_bytes(self.audio)
        self._running[path] = len(self.audio)
        self._turn.append(path)
        if not self._growing:
            self._growing = True
            self._after(_TURN_S, self._grow)

    def end(self, path: str) -> None:
        """No more comes; harmless twice."""
        if self._running.pop(path, None) is not None and os.path.exists(path):
            os.truncate(path, len(self.audio))

    def _grow(self) -> None:
        for _ in range(-(-len(self._turn) // _TURNS)):
            path = self._turn.popleft()
            size = self._running.get(path)
            if size is None:
                continue  # it ended
            self._running[path] = size + _GROWS
            self._turn.append(path)
            if os.path.exists(path):
                os.truncate(path, size + _GROWS)
        self._growing = bool(self._turn)
        if self._growing:
            self._after(_TURN_S, self._grow)
