"""What FreeSWITCH answered to the commands of a call."""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from ivr.core.events import Event
from ivr.esl.wire import Message
from ivr.esl.wording import SwitchCommand, answered, may_be_refused, refused
from ivr.metrics import Metrics

log = structlog.get_logger(__name__)


def meant(
    metrics: Metrics, call_id: str, command: SwitchCommand, reply: Message, at: int
) -> Iterator[Event]:
    """What an answer means for the call; of most commands only a refusal means anything."""
    confirmed = answered(command, at, not reply.refused)
    if confirmed is not None:
        yield confirmed
    if not reply.refused:
        return
    if not may_be_refused(command):
        name = type(command).__name__
        metrics.commands_refused.labels(name).inc()
        log.warning("FreeSWITCH refused a command", call=call_id, command=name, reply=reply.reply)
    event = refused(command, at, reply.reply)
    if event is not None:
        yield event


def must_be_ok(metrics: Metrics, call_id: str, reply: Message | None) -> None:
    """The answer to a wish to be told of the call's events."""
    if reply is not None and reply.refused:
        # Without `full` in the dialplan's socket action these are refused (docs 10b).
        log.error(
            "FreeSWITCH refuses to be listened to; is the dialplan's action"
            " `socket ... async full`, as `ivr dialplan render` writes it?",
            call=call_id,
            reply=reply.reply,
        )
        metrics.commands_refused.labels("Subscribe").inc()
