"""The host dies before each call of the disk in turn, and the next start finishes the call."""

from __future__ import annotations

import os
from collections.abc import Callable

from ivr.core.entries import Stamped
from ivr.storage.look import verify
from ivr.storage.places import Places
from tests.storage.parts import CALL, Trace
from tests.storage.paused import file


class Died(BaseException):
    """The host stopped here."""


def dying(kind: type[Trace], left: int) -> Trace:
    """A disk that dies after so many calls."""
    remaining = [left]

    class Mortal(kind):  # type: ignore[misc,valid-type] # a class is given
        def _traced(self, name: str, real: object) -> object:
            call = super()._traced(name, real)

            def one(*args: object) -> object:
                if name != "close":
                    if remaining[0] == 0:
                        raise Died
                    remaining[0] -= 1
                return call(*args)

            return one

    return Mortal()


def die_everywhere(
    spool: Callable[[int], Places],
    lay: Callable[[Places], None],
    entries: tuple[Stamped, ...],
    kind: type[Trace] = Trace,
    verdicts: frozenset[str] = frozenset({"good"}),
) -> list[Places]:
    """Make a spool, lay the files of the call in it, and file it on a disk that dies; then file it
    once more. One spool for each call of the disk."""
    spools: list[Places] = []
    survived = False
    while not survived:
        places = spool(len(spools))
        lay(places)
        try:
            file(places, entries, dying(kind, len(spools)))
            survived = True
        except Died:
            pass
        if os.path.lexists(places.record(CALL)):
            assert [finding.verdict for finding in verify(places.root, CALL)] == ["good"]
        filed = file(places, entries, kind())
        assert (filed.error, filed.fault) == (None, "")
        found = verify(places.root)
        assert {finding.verdict for finding in found} == verdicts, (len(spools), found)
        spools.append(places)
    return spools
