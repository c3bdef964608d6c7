"""Files of a call whose record is there already (R7, R22).

After a crash it may be a copy's source that was not cleared away yet. Anything else, such as what
FreeSWITCH began since or what lay on a disk that was away, belongs to no record. Blocks.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence

from ivr.core.timeline import Span
from ivr.storage.atomic import Disk
from ivr.storage.opened import NoFileError, opened
from ivr.storage.places import Places
from ivr.storage.readback import ReadBack
from ivr.storage.tape import Tape, holds_nothing, is_copy


class Late:
    """Removes or sets aside what belongs to no record."""

    def __init__(
        self,
        disk: Disk,
        places: Places,
        back: ReadBack,
        copied: Iterable[tuple[str, int]] = (),
    ) -> None:
        """``copied`` are files that were copied for the record, and how long they were: what is
        known to be filed, though the consumer may have taken it since."""
        self._copied = frozenset(copied)
        self._disk = disk
        self._places = places
        self._back = back

    def settle(self, call_id: str, tape: Tape, spans: Sequence[Span]) -> None:
        """Deal with all files of a part; what is filed stays. Raises OSError, DiskError."""
        filed = self._places.audio(call_id, tape.part)
        for each in (tape, *tape.others):
            if each.source != filed:
                self._settle(each, filed, spans)

    def _settle(self, tape: Tape, filed: str, spans: Sequence[Span]) -> None:
        if not os.access(os.path.dirname(tape.source), os.W_OK):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), tape.source)
        known = (tape.source, tape.size) in self._copied
        if known or _is_filed(tape, filed) or holds_nothing(tape):
            self._disk.unlink(tape.source)
            return
        trouble = f"unreadable: {tape.trouble}" if tape.trouble else ""
        why = trouble or "the record of its call is there already, without it"
        self._back.set_aside(tape, spans, why)


def _is_filed(tape: Tape, filed: str) -> bool:
    """Whether what lies in ``new/`` is a copy of this, with its pauses silent."""
    try:
        with opened(filed) as fd:
            return is_copy(Tape(tape.part, filed, fd), tape)
    except (FileNotFoundError, NoFileError):
        return False
