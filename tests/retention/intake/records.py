"""Records as engines write them, and what lies beside them."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ivr.storage.atomic import REAL
from ivr.storage.filing import Filing, Maker, file_batch
from ivr.storage.places import prepare
from tests.storage.parts import CALL, call_id, wav, whole_call

__all__ = ["CALL", "call_id", "deliver", "exempt", "record", "sound", "wav"]


@cache
def _template() -> str:
    """A record that the engine's own code has made."""
    with TemporaryDirectory() as folder:
        places = prepare(Path(folder), 0)
        Path(places.recorded(CALL)).write_bytes(wav(80))
        [filed] = file_batch(REAL, places, Maker("host-1", "1", UTC), [Filing(CALL, whole_call())])
        assert filed.error is None
        return Path(places.record(CALL)).read_text()


def sound(number: int = 1) -> bytes:
    """A recording; another one for each number."""
    return wav(80 + number)


def record(
    call: str = CALL,
    state: str = "kept",
    audio: Sequence[bytes] = (),
    *,
    numbers: Sequence[int] = (),
    marks: Sequence[str] = (),
    **changes: Any,
) -> dict[str, Any]:
    """A record; ``numbers`` are those of its parts, from 1 on where none are given."""
    made: dict[str, Any] = copy.deepcopy(json.loads(_template()))
    made |= {"call": call, **changes}
    made["marks"] = [{"mark": mark, "by": "agent", "at": made["ended_at"]} for mark in marks]
    if state == "kept":
        audio = audio or (sound(),)
    stems = [call if n == 1 else f"{call}.{n}" for n in numbers or range(1, len(audio) + 1)]
    parts = [
        {
            "path": f"new/{stem}.wav",
            "offset_ms": 1000 * place,
            "frames": 80,
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for place, (stem, data) in enumerate(zip(stems, audio, strict=True))
    ]
    first = parts[0] if parts else {"path": "", "sha256": ""}
    made["recording"] |= {
        "state": state,
        "reason": {"kept": "", "none": "not-connected", "lost": "missing"}.get(state, "opted-out"),
        "path": first["path"],
        "sha256": first["sha256"],
        "size": sum(map(len, audio)),
        "parts": parts,
        "destroyed": None,
    }
    if state == "destroyed":
        made["recording"]["destroyed"] = {"at": made["ended_at"], "parts": 1, "bytes": 99}
    return made


def exempt(call: str = CALL, day: str = "2024-05-01") -> dict[str, Any]:
    return {
        "schema": 4, "call": call, "exempt": True, "day": day, "host": "host-1", "engine": "1"
    }  # fmt: skip


def deliver(spool: Path, made: dict[str, Any], audio: Sequence[bytes] = ()) -> None:
    """Leave a finished call in the spool, as an engine does: the audio, then the record."""
    parts = made.get("recording", {}).get("parts", [])
    if parts and not audio:
        audio = (sound(),)
    for part, data in zip(parts, audio, strict=True):
        (spool / part["path"]).write_bytes(data)
    (spool / f"new/{made['call']}.json").write_text(json.dumps(made) + "\n")
