"""What people do on real telephones, all at once; each test looks at what came of one act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import gevent

if TYPE_CHECKING:
    from tests.live.conftest import Site

Result = TypeVar("Result")
PATIENCE_S = 90.0


class Acts:
    """Each act is a function that lives through one call, or a few, and says what it saw."""

    def __init__(self, site: Site, acts: Iterable[Callable[[Site], object]]) -> None:
        self._site = site
        self._begun = {act: gevent.spawn(act, site) for act in acts}

    def of(self, act: Callable[[Site], Result]) -> Result:
        """What came of an act, when it is over."""
        result: Result = self._begun[act].get(timeout=PATIENCE_S)
        return result

    def end(self) -> None:
        """End what is still going on."""
        gevent.killall(list(self._begun.values()))
