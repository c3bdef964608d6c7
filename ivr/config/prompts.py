"""Prompts' audio, checked before a caller can hear it (R1, R18, R20).

Standard library only: what FreeSWITCH opens must be a WAV file of plain 16-bit mono samples
at the rate that its folder names, whole, audible and not clipped.
"""

from __future__ import annotations

import hashlib
import io
import sys
import wave
from array import array
from pathlib import Path

from ivr.config.document import read_bytes
from ivr.core.policy import PromptFile
from ivr.errors import ConfigError

RATES = (8000, 16000)
"""Samples a second that prompts may have; 8000 must be there, 16000 may."""

_LARGEST_FILE = 16 << 20
_SHORTEST_MS = 200
_LONGEST_MS = 180_000
_AUDIBLE = 328
"""-40 dB of full scale: what a telephone's background noise hides is silence."""
_WINDOW_MS = 50
_LEAST_AUDIBLE = 0.1
"""The share of windows that must be audible: speech has pauses, silence has clicks."""
_CLIPPED_RUN = 3
"""As many samples at full scale in a row are a waveform that was cut off."""


class PromptFault(ConfigError):
    """The audio of a prompt cannot be played to callers; the message says why."""


def prompt_file(path: Path, rate: int) -> PromptFile:
    """The audio at an absolute path, checked; :class:`PromptFault` where it is not as it must be.

    The fault's message is a predicate, such as ``is stereo, expected mono``.
    """
    data, fault = read_bytes(path, _LARGEST_FILE)
    if fault:
        raise PromptFault(fault.removeprefix("the file "))
    sha256 = hashlib.sha256(data).hexdigest()
    known = _RIGHT.get((sha256, rate))
    if known is None:
        known = _length_ms(data, rate)
        if len(_RIGHT) >= _MOST_KNOWN:
            _RIGHT.clear()
        _RIGHT[sha256, rate] = known
    return PromptFile(str(path), rate, known, sha256)


_RIGHT: dict[tuple[str, int], int] = {}
"""Audio that was found right, and its length: the same bytes need no second look, which is most
of the time that a reload takes."""
_MOST_KNOWN = 2000


def _length_ms(data: bytes, rate: int) -> int:
    """How long the audio is; :class:`PromptFault` where it is not as it must be."""
    samples = _samples(data, rate)
    length_ms = len(samples) * 1000 // rate
    if length_ms < _SHORTEST_MS:
        raise PromptFault(f"is {length_ms} ms long, expected at least {_SHORTEST_MS} ms")
    if length_ms > _LONGEST_MS:
        raise PromptFault(
            f"is {length_ms // 1000} s long, expected at most {_LONGEST_MS // 1000} s"
        )
    if _silent(samples, rate):
        raise PromptFault("is silent, expected speech louder than -40 dB")
    if _clipped(samples):
        raise PromptFault("is clipped, expected a level below full scale")
    return length_ms


def _samples(data: bytes, rate: int) -> array[int]:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise PromptFault("is not a WAV file, expected WAV")
    # wave's own refusal differs between versions of Python, which read other formats too.
    begin = data.find(b"fmt ", 12)
    kind = int.from_bytes(data[begin + 8 : begin + 10], "little")
    if begin >= 0 and len(data) >= begin + 10 and kind != wave.WAVE_FORMAT_PCM:
        raise PromptFault(f"holds samples of WAV format {kind}, expected plain 16-bit PCM")
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            channels, width, found_rate = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
            )
            claimed = file.getnframes()
            frames = file.readframes(claimed)
    except (wave.Error, EOFError, RuntimeError) as error:
        # RuntimeError: a chunk inside that claims more than the whole.
        raise PromptFault(
            f"is a damaged WAV file ({str(error) or 'it ends too early'}), expected a whole one"
        ) from None
    if channels != 1:
        held = "stereo" if channels == 2 else f"{channels} channels"
        raise PromptFault(f"is {held}, expected mono")
    if width != 2:
        raise PromptFault(f"has {8 * width}-bit samples, expected 16-bit")
    if found_rate != rate:
        raise PromptFault(f"has {found_rate} samples a second, expected {rate}")
    if len(frames) != 2 * claimed:
        raise PromptFault(f"is cut off: {len(frames) // 2} of {claimed} samples, expected all")
    samples = array("h", frames)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _silent(samples: array[int], rate: int) -> bool:
    step = rate * _WINDOW_MS // 1000
    windows = [samples[i : i + step] for i in range(0, len(samples), step)]
    audible = sum(max(max(w), -min(w)) >= _AUDIBLE for w in windows)
    return audible < _LEAST_AUDIBLE * len(windows)


def _clipped(samples: array[int]) -> bool:
    for full in (32767, -32768):
        run, last = 0, -2
        at = -1
        while (at := _next(samples, full, at + 1)) >= 0:
            run = run + 1 if at == last + 1 else 1
            last = at
            if run == _CLIPPED_RUN:
                return True
    return False


def _next(samples: array[int], value: int, begin: int) -> int:
    try:
        return samples.index(value, begin)
    except ValueError:
        return -1
