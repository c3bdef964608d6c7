"""What an engine that starts does about calls that an earlier one left (R22).

FreeSWITCH goes on with a call, and with its recording, when the engine dies
(docs/freeswitch.md 10). So a call that the journal has open is not known to be over
until FreeSWITCH says so: its recording must not be taken from under FreeSWITCH's hands.
Once FreeSWITCH can be asked, a call that it still has is followed to its end over the
inbound connection, and any other gets its record at once.
"""

from __future__ import annotations

import structlog

from ivr.core.entries import Stamped
from ivr.engine.context import Context
from ivr.engine.driver import CallDriver
from ivr.storage.filing import Filed
from ivr.storage.segments import Reading

log = structlog.get_logger(__name__)


class Recovery:
    """Gives every call that was left open its end and its record."""

    def __init__(self, context: Context, reading: Reading) -> None:
        self._context = context
        self._left = {call.call_id: call.entries for call in reading.calls if not call.finished}
        self._known = {call.call_id for call in reading.calls}
        if reading.bad:
            log.warning("journal lines could not be read", lines=len(reading.bad))

    def start(self) -> None:
        """Look for recordings of which the journal knows nothing. Raises OSError."""
        for call_id in self._context.spool.orphans(self._known):
            self._left[call_id] = ()
        if self._left:
            log.info("calls left by an earlier engine", calls=len(self._left))

    def take_stock(self, in_progress: frozenset[str]) -> None:
        """FreeSWITCH says which channels it has: follow or finish each call that was left."""
        left, self._left = self._left, {}
        for call_id, entries in left.items():
            if call_id in self._context.calls:
                continue
            if call_id in in_progress:
                log.info("call taken up", call=call_id)
                CallDriver.take_up(self._context, call_id, entries)
            else:
                self._close(call_id, entries)

    def _close(self, call_id: str, entries: tuple[Stamped, ...]) -> None:
        def filed(filed: Filed) -> None:
            log.info("call of an earlier engine recorded", call=call_id)
            if filed.record is not None:
                self._context.metrics.finished(filed.record)

        self._context.spool.finish(call_id, entries, filed)
