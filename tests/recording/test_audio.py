"""Reading recordings back: whole ones, and what crashes leave."""

from __future__ import annotations

import hashlib
import os
import struct
import wave
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import SpoolError
from ivr.recording.audio import Audio, inspect, repair, sha256

FRAMES = 100
PCM = b"".join(struct.pack("<hh", n, -n) for n in range(FRAMES))


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    said = len(body) if length is None else length
    return name + struct.pack("<I", said) + body + b"\0" * (len(body) & 1)


def fmt(channels: int = 2, rate: int = 8000, bits: int = 16, code: int = 1) -> bytes:
    block = channels * bits // 8
    body = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits)
    return chunk(b"fmt ", body)


def riff(*chunks: bytes, length: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if length is None else length) + body


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    return path


WHOLE = Audio(2, 8000, 2, FRAMES, False)
MENDED = Audio(2, 8000, 2, FRAMES, True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(riff(fmt(), chunk(b"data", PCM)), WHOLE, id="plain"),
        pytest.param(
            riff(chunk(b"LIST", b"odd"), fmt(), chunk(b"fact", b"1234"), chunk(b"data", PCM)),
            WHOLE,
            id="chunks before",
        ),
        pytest.param(
            riff(fmt(), chunk(b"data", PCM), chunk(b"LIST", b"hello")), WHOLE, id="chunks after"
        ),
        pytest.param(riff(fmt(code=0xFFFE), chunk(b"data", PCM)), WHOLE, id="extensible"),
        pytest.param(riff(fmt(), chunk(b"data", PCM, 0), length=36), MENDED, id="lengths 0"),
        pytest.param(riff(fmt(), chunk(b"data", PCM, 0)), MENDED, id="only the data's length is 0"),
        pytest.param(riff(fmt(), chunk(b"data", PCM, 40), length=76), MENDED, id="too short"),
        pytest.param(
            riff(fmt(), chunk(b"data", PCM, 0xFFFFFFFF), length=0xFFFFFFFF), MENDED, id="too long"
        ),
        pytest.param(riff(fmt(), chunk(b"data", PCM), length=0), MENDED, id="only RIFF is wrong"),
        pytest.param(
            riff(fmt(), chunk(b"data", PCM), chunk(b"LIST", b"abcd"), length=0),
            MENDED,
            id="RIFF wrong, chunks after",
        ),
        pytest.param(
            riff(fmt(), chunk(b"data", PCM + b"\1", 0), length=36), MENDED, id="part of a frame"
        ),
        pytest.param(
            riff(fmt(), chunk(b"data", bytes(400), 0), length=36), MENDED, id="silence, lengths 0"
        ),
        pytest.param(riff(fmt(), chunk(b"data", b"")), Audio(2, 8000, 2, 0, False), id="empty"),
        pytest.param(
            riff(fmt(), chunk(b"data", b""), chunk(b"LIST", b"abcd")),
            Audio(2, 8000, 2, 0, False),
            id="empty, chunks after",
        ),
    ],
)
def test_inspect_and_repair(tmp_path: Path, data: bytes, expected: Audio) -> None:
    path = written(tmp_path, data)
    assert inspect(path) == expected
    assert path.read_bytes() == data, "inspect only reads"
    assert repair(path) == expected
    if not expected.repaired:
        assert path.read_bytes() == data
    after = inspect(path)
    assert after == Audio(2, 8000, 2, expected.frames, False)
    if expected.frames and fmt(code=0xFFFE) not in data:  # the library knows only plain PCM
        with wave.open(str(path)) as other:
            assert other.getnframes() == expected.frames
            assert len(other.readframes(1000)) == 4 * expected.frames


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a WAV"),
        (b"RIFF", "not a WAV"),
        (b"OggS" + bytes(60), "not a WAV"),
        (riff(), "no fmt chunk"),
        (riff(fmt()), "no data chunk"),
        (riff(chunk(b"data", PCM), fmt()), "before its format"),
        (riff(chunk(b"fmt ", b"short"), chunk(b"data", PCM)), "cut short"),
        (riff(fmt(code=7, bits=8), chunk(b"data", PCM)), "not plain PCM"),
        (riff(fmt(channels=0), chunk(b"data", PCM)), "cannot be a recording"),
        (riff(fmt(rate=0), chunk(b"data", PCM)), "cannot be a recording"),
    ],
)
def test_what_is_no_recording_is_said_to_be_none(tmp_path: Path, data: bytes, says: str) -> None:
    path = written(tmp_path, data)
    with pytest.raises(SpoolError, match=says):
        inspect(path)
    with pytest.raises(SpoolError, match=says):
        repair(path)
    assert path.read_bytes() == data


_lengths = st.one_of(st.none(), st.integers(0, 0xFFFFFFFF), st.integers(0, 500))


@settings(deadline=None, max_examples=200)
@given(
    frames=st.integers(0, 60),
    tail=st.binary(max_size=3),
    channels=st.integers(1, 3),
    bits=st.sampled_from([8, 16, 24, 32]),
    before=st.binary(max_size=9),
    data_length=_lengths,
    riff_length=_lengths,
    fill=st.sampled_from([0, 0x20, 0x55, 0xFF]),
)
def test_a_repaired_file_is_right_and_loses_no_frame(
    tmp_path_factory: pytest.TempPathFactory,
    frames: int,
    tail: bytes,
    channels: int,
    bits: int,
    before: bytes,
    data_length: int | None,
    riff_length: int | None,
    fill: int,
) -> None:
    block = channels * bits // 8
    pcm = bytes([fill]) * (frames * block) + tail[: block - 1]
    body = b"data" + struct.pack("<I", len(pcm) if data_length is None else data_length) + pcm
    data = riff(chunk(b"LIST", before), fmt(channels, 8000, bits), body, length=riff_length)
    path = written(tmp_path_factory.mktemp("wav"), data)
    said = inspect(path)
    assert repair(path) == said
    again = inspect(path)
    assert not again.repaired
    assert (again.frames, again.channels, again.width) == (said.frames, channels, bits // 8)
    if data_length != 0 and (data_length is None or data_length > len(pcm)):
        assert said.frames == frames
    if said.repaired and data_length == 0 and riff_length == 0:
        assert said.frames == frames


@settings(deadline=None, max_examples=300)
@given(
    st.binary(max_size=120)
    | st.builds(
        lambda data, at, bits: data[:at] + bits + data[at + len(bits) :],
        st.just(riff(fmt(), chunk(b"data", PCM), chunk(b"LIST", b"abc"))),
        st.integers(0, 60),
        st.binary(min_size=1, max_size=8),
    )
)
def test_no_bytes_do_more_than_say_that_they_are_no_recording(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = written(tmp_path_factory.mktemp("wav"), data)
    try:
        said = repair(path)
    except SpoolError:
        assert path.read_bytes() == data
        return
    assert inspect(path).frames == said.frames
    assert not inspect(path).repaired


def test_hash_of_more_than_one_piece(tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096 + b"end"
    assert sha256(written(tmp_path, data)) == hashlib.sha256(data).hexdigest()


def test_duration() -> None:
    assert Audio(2, 8000, 2, 8012, False).duration_ms == 1001


GIB = 1 << 30


@pytest.mark.parametrize(
    "size", [2 * GIB, 2 * GIB + 1, 2 * GIB + 44 + 3, 4 * GIB - 44, 4 * GIB + 48, 5 * GIB + 3]
)
def test_a_long_recording_is_repaired_by_reading_its_header_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A day and more, on a disk without room for it: the file has holes."""
    path = written(tmp_path, riff(fmt(), chunk(b"data", b"", 0), length=36))
    os.truncate(path, size)
    read: list[int] = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *args: (read.append(args[1]), real(*args))[1])
    audio = repair(path)
    assert sum(read) < 1024
    monkeypatch.undo()
    frames = (size - 44) // 4
    assert audio == Audio(2, 8000, 2, frames, True)
    assert audio.duration_ms == frames // 8
    assert inspect(path) == Audio(2, 8000, 2, frames, False)
    assert path.stat().st_size == 44 + frames * 4
    assert path.stat().st_blocks < 64, "the holes are still there"


@pytest.mark.parametrize("before", [True, False])
def test_a_file_of_countless_chunks_keeps_nobody_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    chunks = b"none\0\0\0\0" * 100_000
    audio = chunk(b"data", b"\1" * 8)
    path = written(tmp_path, riff(fmt(), *((chunks, audio) if before else (audio, chunks))))
    looked: list[int] = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *args: (looked.append(args[1]), real(*args))[1])
    if before:
        with pytest.raises(SpoolError, match="without audio"):
            inspect(path)
    else:
        assert inspect(path).repaired, "all after its beginning is taken for audio, as it may be"
    assert len(looked) < 3_000
