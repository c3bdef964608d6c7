"""What the audit trail is told of taking in, once and not twice (R17); :mod:`.taking` has why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ivr.retention.audit.line import Logged
from ivr.retention.audit.read import Wanted
from ivr.retention.audit.trail import Trail
from ivr.retention.intake.books import ENGINE, Books, Note, Placed, Told
from ivr.retention.intake.delivered import Delivered, UnfitError
from ivr.retention.model import SERVICE, Entry, Recording

TAKE_IN, HOLD, DROPPED = "take-in", "hold", "dropped"
NOT_KEPT, SET_ASIDE = "not-kept", "set-aside"
_REMOVED = frozenset((DROPPED, NOT_KEPT, SET_ASIDE))
"""What is told of records that are not entered, and are still in the spool after a crash."""
_OWN = _REMOVED | {TAKE_IN, HOLD}
_FEW = 10_000


class Ledger:
    """Writes the trail. Belongs to one thread."""

    def __init__(self, trail: Trail, books: Books) -> None:
        self._trail = trail
        self._books = books
        self._told: set[Told] = set()

    def mend(self) -> set[str]:
        """Complete what a batch owed that was cut off between the index and the trail.

        Hands back the calls of it, whose files may be left in a spool. Raises DiskError and
        StoreError.
        """
        found = self._books.note()
        note = found or Note()
        since = self._since(None if found is None else note.after)
        told = {(entry.action, entry.call, entry.case) for entry in since}
        recordings = self._books.several(note.calls)
        there = {each.call for each in recordings}
        holds = [hold for hold in note.holds if hold.call in there]
        owed = [
            entry
            for entry in entered(recordings, holds)
            if (entry.action, entry.call, entry.case) not in told
        ]
        self._trail.append(owed)
        self._told |= note.told
        self._told |= {(e.action, e.call) for e in since if e.action in _REMOVED}
        return {*note.calls, *(call for _action, call in self._told)}

    def keep_only(self, waiting: Collection[str]) -> None:
        """Forget what was told of calls that are in no spool any more."""
        self._told = {told for told in self._told if told[1] in waiting}

    def note(self) -> Note:
        """The note of a batch that is about to be entered; its calls are left to the books.

        Raises StoreError and DiskError.
        """
        return Note(self._trail.head().seq, told=frozenset(self._told))

    def write(self, entries: Iterable[Entry]) -> None:
        """Write entries, but for those of records that were told of before. Raises as the trail."""
        wanted = [each for each in entries if (each.action, each.call) not in self._told]
        self._trail.append(wanted)
        self._told |= {(e.action, e.call) for e in wanted if e.action in _REMOVED}

    def cleared(self, calls: Iterable[str]) -> None:
        """The records of these calls are out of the spool: the next one is another."""
        gone = {(action, call) for call in calls for action in _REMOVED}
        self._told -= gone

    def _since(self, seq: int | None) -> list[Logged]:
        """The intake's own entries after that one. Where an index that was made again has no note,
        the last ones: what a batch owed before is not known, and an entry more is no harm."""
        head = self._trail.head().seq
        count = _FEW if seq is None else head - seq
        wanted = Wanted(actions=_OWN)
        if count > _FEW and seq is not None:
            return list(self._trail.read(seq + 1, wanted))
        # Read from the end: a file of the trail is long, and few entries of it are wanted.
        last = self._trail.last(count) if count > 0 else []
        return [entry for entry in last if wanted.takes(entry)]


def entered(recordings: Sequence[Recording], holds: Sequence[Placed]) -> list[Entry]:
    """What is told of calls that were entered, with what a rebuild needs of their holds."""
    return [
        *(
            Entry(TAKE_IN, SERVICE, "done", call=each.call, detail=each.state)
            for each in recordings
        ),
        *(
            Entry(HOLD, ENGINE, "done", call=each.call, case=each.ref, detail=each.kind)
            for each in holds
        ),
    ]


def dropped(delivered: Delivered, have: Recording) -> Entry:
    """A later record of a call that is there."""
    said = f"{delivered.state}, and {have.state} is there"
    return Entry(DROPPED, SERVICE, "done", call=delivered.call, detail=said)


def not_kept(call: str, rule: str) -> Entry:
    """A record of a call that was destroyed before."""
    return Entry(NOT_KEPT, SERVICE, "done", call=call, rule=rule)


def set_aside(call: str, unfit: UnfitError) -> Entry:
    """What could not be taken in. Its text may name what strangers sent: it is in the ``.why``."""
    return Entry(SET_ASIDE, SERVICE, "done", call=call, detail=unfit.reason)
