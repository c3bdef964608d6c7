"""What is in a recording, in stretches of 10 ms: silence, a voice, or something else."""

from __future__ import annotations

from array import array
from functools import lru_cache

from ivr.lab.audio import Tone

BLOCK_MS = 10
RATE = 8000
_BLOCK = RATE * BLOCK_MS // 1000

SILENCE, OTHER = ".", "?"


@lru_cache(maxsize=32)
def _phases(hz: int) -> frozenset[bytes]:
    """Every 10 ms that there can be of a tone of whole hundreds of hertz."""
    assert hz % 100 == 0
    two = Tone(hz).samples(0, 2 * _BLOCK, RATE)
    return frozenset(two[start : start + _BLOCK].tobytes() for start in range(_BLOCK))


def blocks(samples: bytes, channel: int, voices: dict[str, int]) -> str:
    """One letter a stretch of a channel: of these voices, :data:`SILENCE`, or :data:`OTHER`."""
    one = array("h", samples)[channel::2].tobytes()
    named = {block: letter for letter, hz in voices.items() for block in _phases(hz)}
    named[bytes(2 * _BLOCK)] = SILENCE
    size = 2 * _BLOCK
    return "".join(
        [named.get(one[at : at + size], OTHER) for at in range(0, len(one) - size + 1, size)]
    )


def holds(samples: bytes, channel: int, hz: int) -> bool:
    """Whether two periods of a tone are anywhere in a channel, at whatever moment."""
    period = RATE // hz
    assert RATE % hz == 0
    tone = Tone(hz).samples(0, 2 * period, RATE).tobytes()
    one = array("h", samples)[channel::2].tobytes()
    at = one.find(tone)
    while at % 2 and at >= 0:
        at = one.find(tone, at + 1)
    return at >= 0
