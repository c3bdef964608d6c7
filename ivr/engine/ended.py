"""What is counted and said of a call that is over, however it came to its end (R21, R22).

A call that ends before this engine's eyes and one that an earlier engine left are told alike.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import structlog

from ivr.core.record import CallRecord
from ivr.metrics import Metrics, shortfall
from ivr.storage.filing import Filed

log = structlog.get_logger(__name__)

_HEADER = 44
"""Bytes of a recording in which nobody has said anything (docs/freeswitch.md 20)."""


def ended(metrics: Metrics, filed: Filed) -> None:
    """Count and log a call whose filing is over: its record, or the fault that kept it from one."""
    if filed.record is not None:
        metrics.finished(filed.record)
        log_call(filed.record)
        _log_pauses(filed.record)
    for what in filed.aside:
        metrics.files_set_aside.inc()
        log.error("file set aside, as it could not be used", call=filed.call_id, what=what)
    if filed.fault:
        metrics.records_set_aside.inc()
        log.error(
            "fault in making a record, call set aside until the next start",
            call=filed.call_id,
            fault=filed.fault,
        )


def said_in(paths: Iterable[str]) -> bool:
    """Whether anything was recorded in one of these files; those in which nothing was are removed.

    Of a call that another engine has, which had them stopped. Blocks; belongs in a thread.
    """
    said = False
    for path in paths:
        with contextlib.suppress(OSError):
            if os.lstat(path).st_size > _HEADER:
                said = True
            else:
                os.unlink(path)
    return said


def log_call(record: CallRecord) -> None:
    """The one line that tells everything about a call that has ended.

    It is a warning, and names the ``problem``, where there should be more of a recording.
    """
    recording, end, opt_out = record.recording, record.ended, record.opt_out
    problem = shortfall(record)
    say = log.warning if problem else log.info
    say(
        "call ended",
        call=record.call,
        team=record.team,
        route=record.route,
        number=record.number,
        caller=record.caller,
        direction=record.direction,
        arrived_at=record.arrived_at,
        total_ms=record.durations.total_ms,
        connected_ms=record.durations.connected_ms,
        announcement=record.announcement,
        opt_outs=opt_out.started,
        returned=opt_out.returned,
        opted_out=opt_out.how if opt_out.confirmed else "",
        recording=recording.state,
        recording_reason=recording.reason,
        recorded_ms=recording.duration_ms,
        sha256=recording.sha256,
        ended_by=end.by,
        cause=end.cause,
        q850=end.q850,
        reason=end.reason,
        policy=record.policy_version,
        config=record.config_version,
        **({"problem": problem, "missing_ms": recording.missing_ms} if problem else {}),
    )


def _log_pauses(record: CallRecord) -> None:
    """A line for each pause that was not kept as it should have been (R7)."""
    for pause in record.recording.pauses:
        where = {"call": record.call, "at": pause.at, "until": pause.until}
        if pause.leaked_peak > 0:
            log.error(
                "a mask leaked: the pause was not silent, and was silenced",
                peak=pause.leaked_peak,
                **where,
            )
        if pause.verdict == "unproved":
            log.error("a pause could not be proved", reason=record.recording.detail, **where)
