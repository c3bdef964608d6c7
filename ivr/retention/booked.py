"""The audit trail with its memory in the index: particulars, and the head known to be on disk.

Whoever writes to the index and to the trail locks the index first, always: each entry is
appended within a transaction of the index, so that two threads never wait for each other, and
an entry's particulars are durable with what they tell of.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from ivr.errors import StoreError
from ivr.retention.archive.sealing import Identities, Recipients
from ivr.retention.audit import stores
from ivr.retention.audit.line import Head, head_of
from ivr.retention.audit.stores import ParticularsStore
from ivr.retention.audit.trail import Trail
from ivr.retention.index.database import Database
from ivr.retention.index.meta import Meta
from ivr.retention.index.particulars import Particular, Particulars
from ivr.retention.model import Entry

_HEAD = "audit_head"
_UNREAD = "audit_unread"
"""The first entry that was appended while this index was not there, and that nobody made good."""


class Wall:
    """A clock as the trail asks for it."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._clock()


class IndexParticulars:
    """Particulars in the index. Where the archive is sealed they are, too: only who has the secret
    key can compare them with the trail."""

    def __init__(
        self,
        particulars: Particulars,
        recipients: Recipients | None = None,
        identity: Callable[[], bytes | None] = lambda: None,
    ) -> None:
        self._particulars = particulars
        self._recipients = recipients
        self._identity = identity

    def put(self, seq: int, call: str, number: str, salt: str, text: str) -> None:
        """See :class:`ivr.retention.audit.stores.ParticularsStore`."""
        if self._recipients is not None:
            sealed = BytesIO()
            self._recipients.seal(BytesIO(text.encode()), sealed)
            text = b64encode(sealed.getvalue()).decode("ascii")
        self._particulars.put([Particular(seq, call, salt, text, number)])

    def get(self, seqs: Sequence[int]) -> Mapping[int, stores.Particular]:
        """See :class:`ivr.retention.audit.stores.ParticularsStore`; none of those that are sealed
        where the key is not on this host."""
        found = self._particulars.get(seqs)
        if self._recipients is None:
            return {seq: stores.Particular(each.salt, each.text) for seq, each in found.items()}
        key = self._identity()
        if key is None:
            return {}
        identities = Identities(key)
        return {
            seq: stores.Particular(each.salt, _opened(identities, each.text))
            for seq, each in found.items()
        }


def _opened(identities: Identities, text: str) -> str:
    """What was sealed; of what is damaged something that fits no hash."""
    plain = BytesIO()
    try:
        whole = identities.open(BytesIO(b64decode(text)), plain)
        return plain.getvalue().decode() if whole else ""
    except ValueError:
        return ""


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

    def unread(self) -> int:
        """The first entry that this index did not see and that is noted; 0 where none is."""
        text = self._meta.get(_UNREAD)
        if text is None:
            return 0
        if not text.isdecimal():
            raise StoreError("the index's note of unread entries of the audit trail is damaged")
        return int(text)

    def missed(self, first: int) -> None:
        """Note that it did not see the trail from this entry on; an earlier note stays."""
        if not self.unread():
            self._meta.set(_UNREAD, str(first))

    def saw(self, head: Head, unread: int) -> None:
        """It has all until this entry, but for what was not made good from ``unread`` on."""
        self.set(head)
        if unread:
            self._meta.set(_UNREAD, str(unread))
        else:
            self._meta.drop(_UNREAD)


class BookedTrail(Trail):
    """A trail whose entries are appended within a transaction of the index."""

    def __init__(
        self, database: Database, folder: Path, particulars: ParticularsStore, heads: IndexHead,
        *arguments: Any, **more: Any,
    ) -> None:  # fmt: skip
        """See :class:`Trail`."""
        super().__init__(folder, particulars, heads, *arguments, **more)
        self._database = database
        self._index_heads = heads

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """See :meth:`Trail.append`. Where there are entries before these that the index did not
        see, that is noted in it."""
        if not entries:
            return []
        with self._database.writing():
            known = self._index_heads.get()
            numbers = super().append(entries)
            if known is not None and numbers[0] > known.seq + 1:
                self._index_heads.missed(known.seq + 1)
            return numbers

    def head(self) -> Head:
        """See :meth:`Trail.head`."""
        with self._first_time():
            return super().head()

    def sign(self) -> Head:
        """See :meth:`Trail.sign`."""
        with self._first_time():
            return super().sign()

    @contextmanager
    def _first_time(self) -> Iterator[None]:
        """An index that remembers no end is told of it by whoever looks: index first, as ever."""
        if self._index_heads.get() is not None:
            yield
            return
        with self._database.writing():
            yield
