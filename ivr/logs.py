"""Logs: JSON for machines, readable for people, and a caller's number never whole.

One canonical line at each call's end tells everything about it; the rest is for
trouble. Control characters of strangers cannot break a line (R23): JSON escapes them,
and the text form escapes them too.

A traceback says where a fault was and never what was held there: the engine's frames hold
callers' numbers, the keys they pressed and the event socket's password.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer

Format = Literal["auto", "json", "text"]
Numbers = Literal["masked", "full"]

NUMBER_FIELDS = frozenset({"number", "caller"})
NAME_FIELDS = frozenset({"caller_name"})
TEXT_FIELDS = frozenset({"error", "exception", "fault", "reason", "reply"})
"""What others worded, who may have put a number into it: FreeSWITCH, and exceptions."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What breaks a line, moves a terminal's cursor, or turns the direction of what follows."""

_NUMBERS = re.compile(
    r"(?P<call>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)|\d(?:[ -]?\d){4,}"
)
"""Five digits or more, together or in groups; or the id of a call, which is no number."""


def masked(number: str) -> str:
    """A number with all but its last three characters hidden."""
    return "*" * max(len(number) - 3, 0) + number[-3:] if len(number) > 3 else "*" * len(number)


def masked_within(text: str) -> str:
    """A text with every number in it masked: five digits or more; ids of calls stay."""
    return _NUMBERS.sub(lambda match: match["call"] or masked(match[0]), text)


def _masked_all(value: Any) -> Any:
    """What a traceback is made of (texts, lists and mappings of them), its texts masked."""
    if isinstance(value, str):
        return masked_within(value)
    if isinstance(value, list):
        return [_masked_all(item) for item in value]
    if isinstance(value, dict):
        return {key: _masked_all(item) for key, item in value.items()}
    return value


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in NUMBER_FIELDS & event.keys():
        event[field] = masked(str(event[field]))
    for field in NAME_FIELDS & event.keys():
        del event[field]
    for field in TEXT_FIELDS & event.keys():
        event[field] = _masked_all(event[field])
    return event


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def _escape(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for field, value in event.items():
        if not isinstance(value, str):
            continue
        if field == "exception":
            # Its lines stay lines, set in, so that none can pass for an event of its own.
            event[field] = "\n".join(f"    {_escaped(line)}" for line in value.split("\n"))
        elif _CONTROL.search(value):
            event[field] = _escaped(value)
    return event


def chain(*, text: bool, numbers: Numbers, colours: bool) -> list[Any]:
    """What each event goes through on its way to a line: stamped, masked, made safe, rendered.

    Tracebacks are made first, without the frames' variables, and masked like all else.
    structlog's own ways (``dict_tracebacks``, and the console's where rich is there) print
    the variables.
    """
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if text:
        processors.append(structlog.processors.format_exc_info)
    else:
        transformer = ExceptionDictTransformer(show_locals=False)
        processors.append(structlog.processors.ExceptionRenderer(transformer))
    if numbers == "masked":
        processors.append(_mask)
    if text:
        console = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback
        )
        return [*processors, _escape, console]
    return [*processors, structlog.processors.JSONRenderer()]


def set_up(format_: Format = "auto", level: str = "info", numbers: Numbers = "masked") -> None:
    """Send the engine's log to standard error, where journald takes it up."""
    terminal = sys.stderr.isatty()
    text = format_ == "text" or (format_ == "auto" and terminal)
    structlog.configure(
        processors=chain(text=text, numbers=numbers, colours=terminal),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
