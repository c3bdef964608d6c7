"""The audit trail with its memory in the index: particulars, and the head known to be on disk.

Whoever writes to the index and to the trail locks the index first, always: each entry is
appended within a transaction of the index, so that two threads never wait for each other, and
an entry's particulars are durable with what they tell of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ivr.errors import StoreError
from ivr.retention.audit import stores
from ivr.retention.audit.line import Head, head_of
from ivr.retention.audit.trail import Trail
from ivr.retention.index.database import Database
from ivr.retention.index.meta import Meta
from ivr.retention.index.particulars import Particular, Particulars
from ivr.retention.model import Entry

_HEAD = "audit_head"


class Wall:
    """A clock as the trail asks for it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._clock()


class IndexParticulars:
    """Particulars in the index."""

    def __init__(self, particulars: Particulars) -> None:
        self._particulars = particulars

    def put(self, seq: int, call: str, number: str, salt: str, text: str) -> None:
        """See :class:`ivr.retention.audit.stores.ParticularsStore`."""
        self._particulars.put([Particular(seq, call, salt, text, number)])

    def get(self, seqs: Sequence[int]) -> Mapping[int, stores.Particular]:
        """See :class:`ivr.retention.audit.stores.ParticularsStore`."""
        found = self._particulars.get(seqs)
        return {seq: stores.Particular(each.salt, each.text) for seq, each in found.items()}


class IndexHead:
    """The head in the index."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    def get(self) -> Head | None:
        """See :class:`ivr.retention.audit.stores.HeadStore`."""
        text = self._meta.get(_HEAD)
        if text is None:
            return None
        try:
            return head_of(text)
        except ValueError as error:
            raise StoreError(f"the index holds no head of the audit trail: {error}") from error

    def set(self, head: Head) -> None:
        """See :class:`ivr.retention.audit.stores.HeadStore`."""
        self._meta.set(_HEAD, str(head))


class BookedTrail(Trail):
    """A trail whose entries are appended within a transaction of the index."""

    def __init__(self, database: Database, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]  # as Trail takes them
        self._database = database

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """See :meth:`Trail.append`."""
        if not entries:
            return []
        with self._database.writing():
            return super().append(entries)
