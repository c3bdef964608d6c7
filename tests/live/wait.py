"""Waiting for another process: on a condition, looked at again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent


def until(
    condition: Callable[[], bool], what: str | Callable[[], str], limit_s: float = 60.0
) -> None:
    """Return when the condition holds; fail and say what did not come within the limit, as it is
    then."""
    over = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > over:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {limit_s:.0f} s: {said}")
        # A real switch and a real engine are other processes: there is no event to wait for.
        gevent.sleep(0.05)
