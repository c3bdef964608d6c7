"""Whether a recording is another one with its pauses made silent (R7, R22).

A recording that is filed from another disk is copied, and its source goes only after the record
is there. After a crash in between, both are there: this tells such a source from other audio.
Blocks; belongs in a thread.
"""

from __future__ import annotations

import os

from ivr.recording.audio import Audio

_PIECE = 1 << 16


def is_silenced_copy(copy: int, copied: Audio, original: int, audio: Audio) -> bool:
    """Whether an open file holds every sample of the other one, or silence in its place.

    Both descriptors are only read. Raises OSError.
    """
    shapes = [(each.channels, each.rate, each.width, each.frames) for each in (copied, audio)]
    if shapes[0] != shapes[1]:
        return False
    quiet = 0x80 if audio.width == 1 else 0
    left = audio.frames * audio.channels * audio.width
    here, there = copied.start, audio.start
    while left > 0:
        one = os.pread(copy, min(_PIECE, left), here)
        other = os.pread(original, len(one), there)
        if not one or len(one) != len(other):
            return False  # cut off since its length was read
        if one != other and not all(a in (b, quiet) for a, b in zip(one, other, strict=True)):
            return False
        here, there, left = here + len(one), there + len(one), left - len(one)
    return True
