"""Records for the tests, of the real model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ivr.storage.record_schema import RecordModel, parse_record

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
_AT = "2026-11-24T10:15:00.000+00:00"


def pause(part: int, start_ms: int, end_ms: int) -> dict[str, Any]:
    return {
        "at": _AT,
        "until": _AT,
        "start_ms": start_ms,
        "end_ms": end_ms,
        "part": part,
        "by": "agent",
        "ended_by": "agent",
        "how": "masked",
        "keys_hidden": True,
        "overdue": 0,
        "guard_ms": 250,
        "verdict": "verified",
        "peak": 0,
        "leaked_peak": 0,
    }


def record_bytes(parts: Sequence[dict[str, Any]], pauses: Sequence[dict[str, Any]] = ()) -> bytes:
    """As the engine writes it: one line of JSON."""
    first = parts[0] if parts else {"path": "", "frames": 0, "size": 0, "sha256": ""}
    return (
        json.dumps(
            {
                "schema": 4,
                "call": CALL,
                "host": "pbx",
                "engine": "0.1.0",
                "direction": "inbound",
                "team": "benefits",
                "route": "benefits",
                "language": "en-GB",
                "number": "01277312500",
                "caller": "07700900123",
                "caller_name": "",
                "destination": "2001",
                "policy_version": "2026-01",
                "config_version": "0123456789ab",
                "arrived_at": _AT,
                "connected_at": _AT,
                "ended_at": _AT,
                "durations": {
                    "total_ms": 9000,
                    "to_connect_ms": 0,
                    "connected_ms": 9000,
                    "joined_ms": 9000,
                    "wall_ms": 9000,
                },
                "announcement": "fully",
                "prompts": [],
                "opt_out": {
                    "started": 0,
                    "returned": 0,
                    "confirmed": False,
                    "how": "",
                    "reminders_repeated": 0,
                },
                "legs": [],
                "recording": {
                    "state": "kept" if parts else "none",
                    "reason": "",
                    "detail": "",
                    "path": first["path"],
                    "format": "wav",
                    "channels": 2,
                    "rate": 8000,
                    "frames": sum(part["frames"] for part in parts),
                    "duration_ms": 8000,
                    "size": sum(part["size"] for part in parts),
                    "sha256": first["sha256"],
                    "repaired": False,
                    "started_at": _AT,
                    "stopped_at": _AT,
                    "cause": "",
                    "switch_ms": 8000,
                    "missing_ms": 0,
                    "parts": list(parts),
                    "pauses": list(pauses),
                    "unrecorded_ms": 0,
                    "destroyed": None,
                },
                "marks": [],
                "ended": {"by": "caller", "cause": "NORMAL_CLEARING", "q850": 16, "reason": ""},
                "taken_up": 0,
                "steps": [],
            }
        )
        + "\n"
    ).encode()


def record(parts: Sequence[dict[str, Any]], pauses: Sequence[dict[str, Any]] = ()) -> RecordModel:
    return parse_record(record_bytes(parts, pauses), CALL)
