"""The page about one recording: ``ivr show``."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from ivr.cli.retention.view import (
    counted,
    fate_at_length,
    lasting,
    moment,
    show_page,
    size_of,
)
from ivr.retention.answers import Shown
from ivr.retention.index.people import customer_of
from ivr.storage.record_schema import OptOutModel, PausedSpanModel, RecordModel, parse_either

Lines = list[tuple[str, str]]


def show_shown(shown: Shown, zone: ZoneInfo | None) -> None:
    """Print it. ``zone`` is the site's. Raises SpoolError where the record is none."""
    one = shown.recording
    record = None
    if shown.record is not None:
        either = parse_either(shown.record.encode(), one.record_name)
        record = either if isinstance(either, RecordModel) else None
    lines = _what(shown, zone)
    if record is not None:
        lines += _of_record(record)
    elif shown.record is None:
        lines.append(("record", "sealed; --identity FILE opens it"))
    lines += _kept(shown, zone)
    show_page(one.call, lines)


def _what(shown: Shown, zone: ZoneInfo | None) -> Lines:
    one = shown.recording
    if one.state == "exempt":
        return [("day", one.day.isoformat()), ("call", "exempt: nothing else is kept of it")]
    parts = ""
    if one.parts:
        sealed = ", sealed" if one.sealed else ""
        parts = f" in {counted(len(one.parts), 'part')}, {size_of(one.size)} ({one.format}{sealed})"
    return [
        ("ended", f"{moment(one.ended_ms, zone)} ({zone or 'the clock of this host'})"),
        ("team", f"{one.team}/{one.route}, {one.direction}, policy {one.policy}"),
        ("agents", ", ".join(one.agents) or "none"),
        ("recording", f"{one.state}, {lasting(one.duration_ms)}{parts}"),
    ]


def _of_record(record: RecordModel) -> Lines:
    name = f" ({record.caller_name})" if record.caller_name else ""
    lines = [
        ("customer", f"{customer_of(record) or 'none'}{name}"),
        ("from, to", f"{record.caller or '-'} to {record.number or '-'}"),
        ("arrived", record.arrived_at or "not known"),
        ("ended by", f"{record.ended.by}, {record.ended.reason or record.ended.cause}"),
        ("announced", record.announcement),
        ("opt-out", _opt_out(record.opt_out)),
    ]
    sound = record.recording
    if sound.state != "kept":
        lines.append(("why", f"{sound.reason} {sound.detail}".strip()))
    elif sound.detail:
        lines.append(("note", sound.detail))
    lines += _under("pauses", [_pause(each) for each in sound.pauses])
    if sound.unrecorded_ms:
        lines.append(("unrecorded", f"{lasting(sound.unrecorded_ms)} of the call"))
    lines += _under("marks", [f"{each.mark} by {each.by}, {each.at}" for each in record.marks])
    return lines


def _opt_out(told: OptOutModel) -> str:
    if not told.started:
        return "not asked for"
    outcome = f"confirmed ({told.how})" if told.confirmed else "not confirmed"
    return f"asked for {counted(told.started, 'time')}, {outcome}"


def _pause(span: PausedSpanModel) -> str:
    where = f"{lasting(span.start_ms)} to {lasting(span.end_ms)}"
    part = f" of part {span.part}" if span.part > 1 else ""
    late = ", overdue" if span.overdue else ""
    return f"{where}{part} by {span.by or '-'}{late}: {span.verdict}"


def _kept(shown: Shown, zone: ZoneInfo | None) -> Lines:
    cases = [
        f"{each.ref} ({each.kind}), opened {moment(each.opened_ms, zone)} by {each.opened_by}"
        for each in shown.cases
    ]
    holds = [
        f"{each.ref} ({each.kind}), placed {moment(each.placed_ms, zone)} by {each.placed_by}"
        + (f", released {each.released}" if each.released else "")
        for each in shown.holds
    ]
    return [
        *_under("cases", cases),
        *_under("holds", holds),
        ("kept", fate_at_length(shown.disposition)),
    ]


def _under(label: str, texts: list[str]) -> Lines:
    """Texts under one label; ``none`` where there are none."""
    return [(label if not place else "", text) for place, text in enumerate(texts or ["none"])]
