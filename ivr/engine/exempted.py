"""What FreeSWITCH's dialplan tells of calls with the exempt extension (R8)."""

from __future__ import annotations

from uuid import NAMESPACE_OID, uuid5

import structlog

from ivr.core import events
from ivr.engine.context import Context
from ivr.engine.who import consults, extension_of
from ivr.esl.translate import EXEMPT_CALL, EXEMPT_MET, EXEMPT_TOLD
from ivr.esl.wire import Message

log = structlog.get_logger(__name__)


def exempt_told(context: Context, leg: str, message: Message) -> None:
    """A call is exempt from its beginning: that is counted and recorded, and nothing else of it.
    Or one that is being recorded comes to the exempt extension: then its record ends."""
    match message.last(EXEMPT_TOLD):
        case how if how == EXEMPT_CALL:
            context.metrics.exempt_calls.inc()
            # Of a host's engines each hears of it, and all make the same record of it.
            told = (message.first(b"Core-UUID"), message.first(b"Event-Sequence"))
            context.spool.exempt(str(uuid5(NAMESPACE_OID, f"{told[0]}:{told[1]}")))
            _consults(context, leg, message)
        case how if how == EXEMPT_MET:
            driver = context.calls.get(leg) or context.customers.get(leg)
            if driver is not None:
                driver.take(events.Exempt(context.clock.monotonic_ms()))
        case how:
            log.warning("FreeSWITCH's dialplan says something unknown of an exempt call", how=how)


def _consults(context: Context, leg: str, message: Message) -> None:
    """Whoever calls, or is called, may have another call besides, which is recorded, and mix the
    two in the telephone: that one is masked until this one is over (docs/freeswitch.md 88)."""
    numbers = (
        message.first(b"Caller-Caller-ID-Number"),
        message.first(b"Caller-Destination-Number"),
    )
    context.confidants[leg] = frozenset(filter(None, numbers))
    context.line.tell_end(leg)
    for driver in tuple(context.calls.values()):
        consults(context, driver)


def consult_over(context: Context, leg: str) -> None:
    """A call with the exempt extension has ended."""
    context.confidants.pop(leg, None)
    talking = frozenset[str]().union(*context.confidants.values())
    for driver in tuple(context.calls.values()):
        if driver.state.consulting and extension_of(driver) not in talking:
            driver.take(events.ConsultOver(context.clock.monotonic_ms()))
            driver.look_again()
