"""How a scripted call must end, and whether its record and its recording say so.

The same for the lab switch and for a real FreeSWITCH: a caller is one tone, an agent
another, so the recording itself tells who can be heard on which channel.
"""

from __future__ import annotations

import hashlib
import json
import math
import wave
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLER_HZ, AGENT_HZ = 440, 880


@dataclass(frozen=True, slots=True)
class Expected:
    """What the record of a call must say."""

    recording: str
    """``kept`` or ``none``."""
    by: str
    reason: str = ""
    announcement: str = "fully"
    opt_outs: int = 0
    returned: int = 0
    confirmed: str = ""
    """How the opt-out was confirmed; empty where it was not."""
    least_ms: int = 0
    """The recording is at least so long."""

    def complaints(self, spool: Path, call_id: str) -> list[str]:
        """What is not as it must be: nothing, where all is well."""
        path = spool / "new" / f"{call_id}.json"
        if not path.exists():
            return ["there is no record"]
        record: Mapping[str, Any] = json.loads(path.read_text())
        opt_out, ended = record["opt_out"], record["ended"]
        said = {
            "recording": record["recording"]["state"],
            "by": ended["by"],
            "reason": ended["reason"],
            "announcement": record["announcement"],
            "opt_outs": opt_out["started"],
            "returned": opt_out["returned"],
            "confirmed": opt_out["how"] if opt_out["confirmed"] else "",
        }
        wrong = [
            f"{name} is {value!r}, expected {getattr(self, name)!r}"
            for name, value in said.items()
            if value != getattr(self, name)
        ]
        audio = spool / "new" / f"{call_id}.wav"
        if self.recording == "none":
            return wrong + ([f"{audio.name} is there and should not be"] if audio.exists() else [])
        return wrong + self._listen(audio, record["recording"])

    def _listen(self, audio: Path, recording: Mapping[str, Any]) -> list[str]:
        if not audio.exists():
            return [f"{audio.name} is missing"]
        wrong = []
        if hashlib.sha256(audio.read_bytes()).hexdigest() != recording["sha256"]:
            wrong.append("the recording's hash is not the record's")
        with wave.open(str(audio), "rb") as file:
            channels, rate, frames = file.getnchannels(), file.getframerate(), file.getnframes()
            samples = array("h", file.readframes(frames))
        if channels != 2:
            return [*wrong, f"{channels} channels, expected 2"]
        if frames != recording["frames"]:
            wrong.append(f"{frames} frames, the record says {recording['frames']}")
        if frames * 1000 // rate < self.least_ms:
            wrong.append(f"{frames * 1000 // rate} ms long, expected at least {self.least_ms}")
        for name, channel, hz, other in (
            ("caller", samples[0::2], CALLER_HZ, AGENT_HZ),
            ("agent", samples[1::2], AGENT_HZ, CALLER_HZ),
        ):
            middle = channel[len(channel) // 4 : len(channel) // 4 + rate // 2]
            if strength(middle, rate, hz) < 20 * strength(middle, rate, other):
                wrong.append(f"the {name} is not what is heard on the {name}'s channel")
        return wrong


def strength(samples: array[int], rate: int, hz: float) -> float:
    """How loud one pitch is in a stretch of samples (Goertzel), 0 to about 32768."""
    if not samples:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hz / rate)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    power = last * last + before * before - turn * last * before
    return 2 * math.sqrt(max(power, 0.0)) / len(samples)
