"""The engine dies while it sets a recording's header right (R22)."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.recording.audio import inspect
from ivr.storage.atomic import REAL
from ivr.storage.filing import Filing, file_batch
from ivr.storage.look import show, verify
from ivr.storage.places import Places, prepare
from tests.storage.bench import MAKER
from tests.storage.dying import Died, die_everywhere
from tests.storage.parts import CALL, Trace, wav, whole_call
from tests.storage.paused import file, put

FRAMES = 60_000
"""So many that each byte of a length tells."""
CUT = {
    "of nothing": wav(FRAMES, said=0) + b"\x01",
    "of the most": wav(FRAMES, said=0xFFFF_FFFF - 36) + b"\x01",
    "of less": wav(FRAMES, said=0x1234),
    "odd": wav(FRAMES + 1, channels=1, said=0),
    "half of RIFF": wav(FRAMES)[:4] + struct.pack("<I", 7) + wav(FRAMES)[8:],
}


def audio(data: bytes) -> bytes:
    channels = struct.unpack_from("<H", data, 22)[0]
    return wav(FRAMES + (channels == 1), channels)[44:]


@pytest.mark.parametrize("data", CUT.values(), ids=CUT)
def test_before_any_step_of_it(tmp_path: Path, data: bytes) -> None:
    trace = Trace()
    first = prepare(tmp_path / "first", 0)
    put(first, data)
    assert file(first, whole_call(), trace).record is not None
    steps = [name for name, _path in trace.calls]
    assert {"pwrite", "set_time"} <= {*steps}
    spools = die_everywhere(
        lambda number: prepare(tmp_path / str(number), 0),
        lambda places: put(places, data),
        whole_call(),
    )
    assert len(spools) > steps.count("pwrite") + steps.count("ftruncate")
    for places in spools:
        _assert_whole(places, data)


@pytest.mark.parametrize("data", CUT.values(), ids=CUT)
def test_in_the_middle_of_a_write(tmp_path: Path, data: bytes) -> None:
    deaths = 0
    for number in range(20):
        places = prepare(tmp_path / str(number), 0)
        put(places, data)
        left = [number]

        def pwrite(fd: int, piece: bytes, at: int, left: list[int] = left) -> int:
            if not left[0]:
                os.pwrite(fd, piece[: len(piece) // 2], at)
                raise Died
            left[0] -= 1
            return os.pwrite(fd, piece, at)

        filing = Filing(CALL, whole_call())
        try:
            file_batch(replace(REAL, pwrite=pwrite), places, MAKER, [filing])
        except Died:
            deaths += 1
        [filed] = file_batch(REAL, places, MAKER, [filing])
        assert (filed.error, filed.fault) == (None, "")
        _assert_whole(places, data)
    assert 1 <= deaths < 20


def _assert_whole(places: Places, data: bytes) -> None:
    assert [finding.verdict for finding in verify(places.root)] == ["good"]
    kept = Path(places.audio(CALL))
    wanted = audio(data)
    found = kept.read_bytes()
    assert found[44 : 44 + len(wanted)] == wanted
    assert not inspect(kept).repaired
    assert show(places.root, CALL).recording.frames == inspect(kept).frames
