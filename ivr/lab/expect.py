"""How a scripted call must end, and whether its record and its recording say so.

The same for the lab switch and for a real FreeSWITCH: a caller is one tone, an agent
another, so the recording itself tells who can be heard on which channel.
"""

from __future__ import annotations

import hashlib
import math
import wave
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ivr.errors import SpoolError
from ivr.lab import script
from ivr.storage.look import show
from ivr.storage.record_schema import PausedSpanModel, RecordingModel

CALLER_HZ, AGENT_HZ = 440, 880
_CLEARLY = 20
"""So many times louder than the other tone is the tone that is heard."""
_LEAST_S = 0.1
"""So much is to be heard on either side of a pause."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the record of a call must say."""

    recording: str
    """``kept`` or ``none``."""
    by: str
    """Who ended the call: ``caller``, ``agent`` or ``engine``."""
    reason: str = ""
    announcement: str = "fully"
    opt_outs: int = 0
    returned: int = 0
    confirmed: str = ""
    """How the opt-out was confirmed; empty where it was not."""
    least_ms: int = 0
    """The recording is at least so long."""
    paused: tuple[str, ...] = ()
    """Who paused the recording, pause by pause; whoever did ended it, too (R6)."""
    secret: str = ""
    """What the caller keys in a pause, of which nothing may be kept."""

    def complaints(self, spool: Path, call_id: str) -> list[str]:
        """What is not as it must be: nothing, where all is well. Blocks shortly."""
        if not (spool / "new" / f"{call_id}.json").exists():
            return ["there is no record"]
        try:
            record = show(spool, call_id)
        except SpoolError as error:
            return [str(error)]
        opt_out, ended = record.opt_out, record.ended
        said = {
            "recording": record.recording.state,
            "by": ended.by,
            "reason": ended.reason,
            "announcement": record.announcement,
            "opt_outs": opt_out.started,
            "returned": opt_out.returned,
            "confirmed": opt_out.how if opt_out.confirmed else "",
        }
        wrong = [
            f"{name} is {value!r}, expected {getattr(self, name)!r}"
            for name, value in said.items()
            if value != getattr(self, name)
        ]
        wrong += self._pauses(record.recording.pauses)
        audio = spool / "new" / f"{call_id}.wav"
        if self.recording == "none":
            return wrong + ([f"{audio.name} is there and should not be"] if audio.exists() else [])
        return wrong + self._listen(audio, record.recording)

    def _pauses(self, pauses: list[PausedSpanModel]) -> list[str]:
        """What the record says of the pauses, and should not."""
        by = tuple(pause.by for pause in pauses)
        wrong = []
        if by != self.paused:
            said, expected = (", ".join(one) or "nobody" for one in (by, self.paused))
            wrong.append(f"paused by {said}, expected by {expected}")
        for pause in pauses:
            if pause.ended_by != pause.by:
                wrong.append(f"the pause was ended by {pause.ended_by or 'nobody'}")
            if pause.how != "masked":
                wrong.append(f"the pause is {pause.how or 'not confirmed'}, expected masked")
            if not pause.keys_hidden:
                wrong.append("keys were not hidden in the pause")
            if pause.verdict not in ("verified", "repaired"):
                wrong.append(f"the pause is {pause.verdict}, expected verified or repaired")
            if pause.leaked_peak:
                wrong.append(f"the mask leaked, as loud as {pause.leaked_peak}")
        return wrong

    def _listen(self, audio: Path, recording: RecordingModel) -> list[str]:
        if not audio.exists():
            return [f"{audio.name} is missing"]
        wrong = []
        if hashlib.sha256(audio.read_bytes()).hexdigest() != recording.sha256:
            wrong.append("the recording's hash is not the record's")
        try:
            with wave.open(str(audio), "rb") as file:
                channels, rate, frames = file.getnchannels(), file.getframerate(), file.getnframes()
                samples = array("h", file.readframes(frames))
        except (wave.Error, EOFError, ValueError) as error:
            return [*wrong, f"{audio.name} is no WAV file: {error}"]
        if channels != 2:
            return [*wrong, f"{channels} channels, expected 2"]
        if frames != recording.frames:
            wrong.append(f"{frames} frames, the record says {recording.frames}")
        if frames * 1000 // rate < self.least_ms:
            wrong.append(f"{frames * 1000 // rate} ms long, expected at least {self.least_ms}")
        silent = [
            (pause.start_ms * rate // 1000, -(-pause.end_ms * rate // 1000))
            for pause in recording.pauses
        ]
        for begin, end in silent:
            if loudest := max((abs(one) for one in samples[2 * begin : 2 * end]), default=0):
                wrong.append(f"the recording is not silent in the pause, but as loud as {loudest}")
        if not silent:
            return wrong + _voices(samples, rate, "")
        begin, end = min(silent)[0], max(silent)[1]
        before, after = samples[: 2 * begin], samples[2 * end :]
        return (
            wrong + _voices(before, rate, " before the pause") + _voices(after, rate, " after it")
        )


def _voices(samples: array[int], rate: int, where: str) -> list[str]:
    """Whether caller and agent are heard in a stretch of two channels, each on their own."""
    if where and len(samples) < 2 * _LEAST_S * rate:
        return [f"nothing is heard{where}"]
    wrong = []
    for name, channel, hz, other in (
        ("caller", samples[0::2], CALLER_HZ, AGENT_HZ),
        ("agent", samples[1::2], AGENT_HZ, CALLER_HZ),
    ):
        middle = channel[len(channel) // 4 : len(channel) // 4 + rate // 2]
        heard = strength(middle, rate, hz)
        if heard < 1 or heard < _CLEARLY * strength(middle, rate, other):
            wrong.append(f"the {name} is not what is heard on the {name}'s channel{where}")
    return wrong


STANDARD_EXPECTED: Mapping[str, Expected] = MappingProxyType(
    {
        script.LISTENS.name: Expected("kept", "caller", least_ms=2000),
        script.OPTS_OUT.name: Expected(
            "none", "engine", "opted-out", announcement="partly", opt_outs=1, confirmed="timeout"
        ),
        script.OPTS_OUT_AND_RETURNS.name: Expected(
            "kept", "agent", announcement="partly", opt_outs=1, returned=1, least_ms=1500
        ),
        script.WRONG_KEYS.name: Expected("kept", "agent", least_ms=1000),
        script.HANGS_UP_IN_ANNOUNCEMENT.name: Expected("none", "caller", announcement="partly"),
        script.BUSY.name: Expected("none", "engine", "busy"),
        script.NO_ANSWER.name: Expected("none", "engine", "no-answer"),
        script.PAYS_BY_CARD.name: Expected(
            "kept", "agent", least_ms=5000, paused=("agent",), secret=script.TEST_CARD
        ),
    }
)
"""How the scripts of :data:`ivr.lab.script.DEMONSTRATION` must end, by their names."""


def loudest(path: Path, hz: float) -> float:
    """How loud a pitch gets in any twentieth of a second of any channel of a recording: nearly
    nothing, where not one sample of who speaks at it is there. 0 to about 32768.

    Raises:
        OSError, wave.Error, EOFError: it cannot be read.
    """
    with wave.open(str(path), "rb") as file:
        channels, rate = file.getnchannels(), file.getframerate()
        samples = array("h", file.readframes(file.getnframes()))
    piece = rate // 20
    return max(
        (
            strength(one[begin : begin + piece], rate, hz)
            for one in (samples[n::channels] for n in range(channels))
            for begin in range(0, len(one), piece)
        ),
        default=0.0,
    )


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
