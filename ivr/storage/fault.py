"""A fault of the program's own, told without what it was about (R22, R23).

What the disk refuses is a :class:`ivr.errors.DiskError` and is tried again. Anything else that
is raised in a thread is a fault: it is told in one line that says where it came from, and holds
no number of a caller, which a traceback with its values would.
"""

from __future__ import annotations

import re
import traceback

_NUMBER = re.compile(r"\d{3,}")
_FRAMES = 3
"""How many of the innermost calls are told."""


def describe(fault: BaseException) -> str:
    """The fault in one line: its kind, its message with numbers hidden, and where it came from,
    innermost first: ``ValueError: year *** is out of range (fold.py:47 _second, ...)``."""
    frames = traceback.extract_tb(fault.__traceback__)[: -_FRAMES - 1 : -1]
    where = ", ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames
    )
    text = _NUMBER.sub(lambda digits: "*" * len(digits[0]), str(fault))
    shown = text.encode("unicode_escape").decode("ascii")
    return f"{type(fault).__name__}: {shown} ({where or 'nowhere known'})"
