"""Waiting for another process: on a condition, looked at again and again."""

from __future__ import annotations

from collections.abc import Callable

import gevent


def until(condition: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    """Return when the condition holds; fail and say what did not come within the limit."""
    with gevent.Timeout(limit_s, AssertionError(f"not within {limit_s:.0f} s: {what}")):
        while not condition():
            # A real switch and a real engine are other processes: there is no event to wait for.
            gevent.sleep(0.05)
