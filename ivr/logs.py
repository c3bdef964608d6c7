"""Logs: JSON for machines, readable for people, and a caller's number never whole.

One canonical line at each call's end tells everything about it; the rest is for
trouble. Control characters of strangers cannot break a line (R23): JSON escapes them,
and the text form escapes them too.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

Format = Literal["auto", "json", "text"]
Numbers = Literal["masked", "full"]

NUMBER_FIELDS = frozenset({"number", "caller"})
NAME_FIELDS = frozenset({"caller_name"})

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What breaks a line, moves a terminal's cursor, or turns the direction of what follows."""


def masked(number: str) -> str:
    """A number with all but its last three characters hidden."""
    return "*" * max(len(number) - 3, 0) + number[-3:] if len(number) > 3 else "*" * len(number)


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for field in NUMBER_FIELDS & event.keys():
        event[field] = masked(str(event[field]))
    for field in NAME_FIELDS & event.keys():
        del event[field]
    return event


def _escape(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for field, value in event.items():
        if isinstance(value, str) and _CONTROL.search(value):
            event[field] = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", value)
    return event


def chain(*, text: bool, numbers: Numbers, colours: bool) -> list[Any]:
    """What each event goes through on its way to a line: stamped, masked, made safe, rendered."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if numbers == "masked":
        processors.append(_mask)
    if text:
        return [*processors, _escape, structlog.dev.ConsoleRenderer(colors=colours)]
    return [
        *processors,
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(),
    ]


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
