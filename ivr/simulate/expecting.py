"""What a script says must have come of its calls, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.config.document import Document, Where
from ivr.config.kinds import milliseconds
from ivr.config.mistakes import Mistake
from ivr.config.schema.simulation import Expected
from ivr.simulate.playing import Played, PlayedCall
from ivr.simulate.script import Script

Fact = bool | str | list[str]
"""What an expectation is compared with."""


def unmet(script: Script, played: Played) -> list[Mistake]:
    """What did not come as the script says, each with its place; in the file's order."""
    found = []
    for n, (call, came) in enumerate(zip(script.calls, played.calls, strict=True)):
        for key, expected, value in _differences(call.expect, came):
            found.append(_said(script.document, ("calls", n, "expect", key), expected, value))
    whole = script.file.expect
    for key, wanted, there in (
        ("records", whole.records, len(played.records)),
        ("exempt", whole.exempt, played.exempt),
    ):
        if wanted is not None and wanted != there:
            found.append(_said(script.document, ("expect", key), str(wanted), str(there)))
    return sorted(found)


def _said(document: Document, where: Where, expected: str, value: str) -> Mistake:
    place = document.key_place(where)
    text = f"expected {where[-1]}: {expected}, and it is {value}"
    return Mistake(document.shown, place.line, place.column, text)


def _differences(expect: Expected, came: PlayedCall) -> Iterator[tuple[str, str, str]]:
    """The key, what was expected, and what is so."""
    there = facts(came)
    for key in Expected.model_fields:
        wanted = getattr(expect, key)
        if wanted is None:
            continue
        if key in ("recorded_from", "recorded_to"):
            ms = came.record.recording.duration_ms if came.record else 0
            limit = milliseconds(wanted)
            if (ms < limit) if key == "recorded_from" else (ms > limit):
                yield key, wanted, f"{ms / 1000:g}s"
        elif wanted != there[key]:
            yield key, _text(wanted), _text(there[key])


def facts(came: PlayedCall) -> dict[str, Fact]:
    """What came of a call, under the names of the expectations."""
    record = came.record
    found: dict[str, Fact] = {
        "recorded": record is not None and record.recording.state == "kept",
        "recording": record.recording.state if record else "none",
        "record": record is not None,
        "connected_to": list(came.connected_to),
        "heard": list(came.heard),
        "ended": "",
        "ended_by": "",
        "announcement": "no",
        "opt_out": "no",
        "paused_by": [],
        "language": "",
        "route": "",
    }
    if record is None:
        return found
    opt_out = record.opt_out
    returned = "returned" if opt_out.returned else "no"
    return {
        **found,
        "ended": record.ended.reason,
        "ended_by": record.ended.by,
        "announcement": record.announcement,
        "opt_out": "confirmed" if opt_out.confirmed else returned,
        "paused_by": [pause.by for pause in record.recording.pauses],
        "language": record.language,
        "route": record.route,
    }


def _text(value: Fact) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return value or '""'
