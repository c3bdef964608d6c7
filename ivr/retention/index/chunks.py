"""Values in portions: a statement takes only so many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

MOST_AT_ONCE = 5000
"""Values in one statement. SQLite takes 32,766."""
_Value = TypeVar("_Value")


def chunks(values: Iterable[_Value], most: int = MOST_AT_ONCE) -> Iterator[tuple[_Value, ...]]:
    """The values, each once and in order, as many as go into one statement."""
    rest = iter(dict.fromkeys(values))
    while some := tuple(islice(rest, most)):
        yield some
