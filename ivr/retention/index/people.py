"""Who is who in a record: the customer, and the staff who had the call.

What FreeSWITCH and callers sent is data as it came (R23): a number here may be any text.
"""

from __future__ import annotations

import re

from ivr.storage.record_schema import RecordModel

_AFTER_ACCESS = re.compile(r"[1-9]{1,6}?(0[0-9]{9,14})")
"""A number as staff dial it, with the digits that lead outside before it."""


def customer_of(record: RecordModel) -> str:
    """The customer's number, as it came; empty of a call between staff.

    Of a call that staff made it is the number that was reached, which is the one dialled without
    what their route strips; where nobody was reached, what was dialled, without the digits before
    its first 0 where it cannot be a number otherwise.
    """
    match record.direction:
        case "inbound":
            return record.caller
        case "outbound":
            return _called(record)
    return ""


def agents_of(record: RecordModel) -> tuple[str, ...]:
    """Staff who had the call, in order, each once: extensions, or numbers that it was sent on to.

    Of a call that staff made or that is between them, the one who made it is the first.
    """
    legs = [leg.number for leg in record.legs]
    if record.direction == "inbound":
        return _once(legs)
    customer = customer_of(record)
    return _once([record.caller, *(number for number in legs if number != customer)])


def _called(record: RecordModel) -> str:
    for leg in record.legs:
        if leg.number and record.number.endswith(leg.number):
            return leg.number
    access = _AFTER_ACCESS.fullmatch(record.number)
    return access[1] if access else record.number


def _once(numbers: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for number in numbers if number))
