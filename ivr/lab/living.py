"""All that goes on in a switch: it ends where the switch is killed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent


class Living:
    """The greenlets of a switch."""

    def __init__(self) -> None:
        self._greenlets: set[gevent.Greenlet] = set()

    def spawn(self, function: Callable[..., object], *words: Any) -> None:
        """Have something done beside all else."""
        greenlet = gevent.spawn(function, *words)
        self._greenlets.add(greenlet)
        greenlet.rawlink(self._greenlets.discard)

    def kill(self) -> None:
        """End all but the one that asks, wherever they are."""
        for greenlet in self._greenlets - {gevent.getcurrent()}:
            greenlet.kill(block=False)
