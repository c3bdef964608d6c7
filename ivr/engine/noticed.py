"""What is counted and said of a call in progress for those who watch (R6, R11, R22)."""

from __future__ import annotations

import structlog

from ivr.core import entries
from ivr.core.entries import Entry
from ivr.metrics import Metrics

log = structlog.get_logger(__name__)


def noticed(metrics: Metrics, call_id: str, entry: Entry) -> None:
    """Count an entry of the journal; log it where somebody may have to do something."""
    match entry:
        case entries.TakenUp(how=how):
            metrics.taken_up.labels(how).inc()
            log.info("call taken up", call=call_id, how=how)
        case entries.RecordingStalled(into=into):
            metrics.stalled.labels("renewed" if into else "no-room").inc()
            if into:
                log.error("recording no longer grows, begun anew", call=call_id, into=into)
            else:
                log.error("recording no longer grows, and there is no room", call=call_id)
        case entries.PauseStarted(by=by):
            metrics.pauses.labels(by).inc()
        case entries.PauseHeld(how=how, keys_hidden=hidden):
            if how == "stopped":
                log.error(
                    "recording stopped: its mask was refused or not confirmed; it begins again"
                    " after the pause",
                    call=call_id,
                )
            if not hidden:
                metrics.keys_not_hidden.inc()
                log.error("paused, but FreeSWITCH would not hide keys", call=call_id)
        case entries.PauseOverdue():
            metrics.pauses_overdue.inc()
            log.warning("paused for too long", call=call_id)
        case entries.Marked(mark=mark, by=by):
            metrics.marks.labels(mark).inc()
            log.info("call marked", call=call_id, mark=mark, by=by)
        case _:
            pass
