"""What an engine that starts does about calls that an earlier one left (R22).

FreeSWITCH goes on with a call, and with its recording, when the engine dies
(docs/freeswitch.md 10). So a call that the journal has open is not known to be over
until FreeSWITCH says so: its recording must not be taken from under FreeSWITCH's hands.
Once FreeSWITCH can be asked, a call that it still has is followed to its end over the
inbound connection, and any other gets its record at once.
"""

from __future__ import annotations

import gevent
import structlog
from greenswitch.esl import NotConnectedError

from ivr.core.entries import Stamped
from ivr.engine.context import Context
from ivr.engine.control import Control
from ivr.engine.driver import CallDriver
from ivr.storage.filing import Filed
from ivr.storage.segments import Reading

log = structlog.get_logger(__name__)

_ASK_AGAIN_S = 1.0


class Recovery:
    """Gives every call that was left open its end and its record."""

    def __init__(self, context: Context, control: Control, reading: Reading) -> None:
        self._context = context
        self._control = control
        self._left = {call.call_id: call.entries for call in reading.calls if not call.finished}
        self._known = {call.call_id for call in reading.calls}
        if reading.bad:
            log.warning("journal lines could not be read", lines=len(reading.bad))

    def start(self) -> None:
        """Begin; returns at once and goes on until FreeSWITCH could be asked."""
        if self._left:
            log.info("calls left by an earlier engine", calls=len(self._left))
        gevent.spawn(self._run)

    def _run(self) -> None:
        orphans = set(self._context.spool.orphans(self._known))
        for call_id in orphans - self._context.calls.keys():
            self._left[call_id] = ()
        while self._left:
            try:
                in_progress = self._control.channels()
            except NotConnectedError:
                gevent.sleep(_ASK_AGAIN_S)
                continue
            for call_id, entries in self._left.items():
                if call_id in self._context.calls:
                    continue
                if call_id in in_progress:
                    log.info("call taken up", call=call_id)
                    CallDriver.take_up(self._context, call_id, entries)
                else:
                    self._close(call_id, entries)
            self._left = {}

    def _close(self, call_id: str, entries: tuple[Stamped, ...]) -> None:
        def filed(filed: Filed) -> None:
            log.info("call of an earlier engine recorded", call=call_id)
            if filed.record is not None:
                self._context.metrics.finished(filed.record)

        self._context.spool.finish(call_id, entries, filed)
