"""Copies of named tuples with something changed, made quickly.

``NamedTuple._replace`` asks for the new value of every field; a state of a call has sixty. The
searches make millions of copies, and spent half of their time on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ivr.core.state import CallState
from tests.core.watcher import Watcher


def replacing(kind: Any) -> Callable[..., Any]:
    """What ``_replace`` of this named tuple does; the same value where nothing changes."""
    places = {name: at for at, name in enumerate(kind._fields)}

    def replaced(old: Any, /, **new: Any) -> Any:
        values = list(old)
        changed = False
        for name, value in new.items():
            at = places[name]
            if values[at] is not value:
                values[at] = value
                changed = True
        return tuple.__new__(kind, values) if changed else old

    return replaced


_QUICK = {kind: replacing(kind) for kind in (CallState, Watcher)}


@contextmanager
def quick_copies() -> Iterator[None]:
    """Meanwhile the machine's states and watchers are copied quickly."""
    usual = {kind: kind._replace for kind in _QUICK}
    for kind, quick in _QUICK.items():
        kind._replace = quick
    try:
        yield
    finally:
        for kind, before in usual.items():
            kind._replace = before
