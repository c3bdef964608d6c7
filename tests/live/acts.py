"""What people do on real telephones, all at once; each test looks at what came of one act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gevent
from gevent.lock import BoundedSemaphore

if TYPE_CHECKING:
    from tests.live.house import Site

Result = TypeVar("Result")
PATIENCE_S = 90.0
LONG_S = 240.0
AT_ONCE = 3
"""Stories that are lived through at once: each has a FreeSWITCH and an engine, or two."""


class Acts:
    """Each act is a function that lives through one call, or a few, and says what it saw."""

    def __init__(self, site: Site, acts: Iterable[Any]) -> None:
        self._site = site
        self._begun = {act: gevent.spawn(act, site) for act in acts}

    def of(self, act: Callable[[Site], Result]) -> Result:
        """What came of an act, when it is over."""
        result: Result = self._begun[act].get(timeout=PATIENCE_S)
        return result

    def end(self) -> None:
        """End what is still going on."""
        gevent.killall(list(self._begun.values()))


class Stories:
    """Each story is a function that builds a house of its own in a folder, kills what it will in
    it, and says what it saw."""

    def __init__(self, folder: Path, stories: Iterable[Any]) -> None:
        self._room = BoundedSemaphore(AT_ONCE)
        self._begun = {
            story: gevent.spawn(self._live, story, folder / str(number))
            for number, story in enumerate(stories)
        }

    def _live(self, story: Callable[[Path], object], folder: Path) -> object:
        with self._room:
            folder.mkdir()
            return story(folder)

    def of(self, story: Callable[[Path], Result]) -> Result:
        """What came of a story, when it is over."""
        result: Result = self._begun[story].get(timeout=LONG_S)
        return result

    def end(self) -> None:
        """End what is still going on."""
        gevent.killall(list(self._begun.values()))
