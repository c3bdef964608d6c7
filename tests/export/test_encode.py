"""Copies are whole, keep left and right apart, and hold nothing that was said in a pause (R15)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import soundfile

from ivr.export import encode as encoding
from ivr.export.encode import MIME_TYPES, SUFFIXES, CopyFormat, encode
from ivr.export.sounds import CopyError, Sound, Stream, reading, sounds_of
from ivr.export.upsample import Block
from ivr.storage.record_schema import RecordModel
from tests.export.recorded import CALL, pause, record
from tests.export.speaking import decoded, talk, voice, write

FORMATS = get_args(CopyFormat)


@pytest.mark.parametrize("format", FORMATS)
def test_a_copy_is_as_long_as_its_source_with_each_side_where_it_was(
    tmp_path: Path, format: CopyFormat
) -> None:
    sound = talk()
    source = write(tmp_path / "a.wav", sound)
    target = tmp_path / f"copy{SUFFIXES[format]}"
    made = encode([Sound(source, 0, ((3000, 5000),))], target, format)
    assert made.duration_ms == 8000
    assert made.size == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    heard, rate = decoded(target)
    assert rate >= (16_000 if format == "mp3" else 8_000)
    # 8 kHz MP3 is in no standard; what else the source has stays.
    assert abs(len(heard) * 1000 // rate - 8000) <= 20
    first, last = heard[rate // 2 : rate * 2], heard[rate * 6 : rate * 7]
    assert np.abs(first[:, 0]).max() > 5000
    assert np.abs(first[:, 1]).max() < 200
    assert np.abs(last[:, 1]).max() > 5000
    assert np.abs(last[:, 0]).max() < 200
    assert np.abs(heard[rate * 31 // 10 : rate * 49 // 10]).max() <= 128


def test_wav_and_flac_are_the_very_samples(tmp_path: Path) -> None:
    sound = talk()
    source = write(tmp_path / "a.wav", sound)
    for format in ("wav", "flac"):
        encode([Sound(source)], tmp_path / f"b.{format}", format)
        assert np.array_equal(decoded(tmp_path / f"b.{format}")[0], sound)


@pytest.mark.parametrize("format", ["mp3", "opus"])
def test_a_lossy_copy_sounds_like_its_source(tmp_path: Path, format: CopyFormat) -> None:
    """libsndfile makes noise of MP3 in stereo that is given samples of 16 bits, and soundfile's
    seeking spoils what is read in pieces; either would show here."""
    sound = talk(20_000, ())
    encode([Sound(write(tmp_path / "a.wav", sound, 16_000), 0)], tmp_path / "b", format)
    heard, rate = decoded(tmp_path / "b")
    assert rate == 16_000
    error = heard[: len(sound)].astype(float) - sound
    assert 10 * np.log10((sound.astype(float) ** 2).sum() / (error**2).sum()) > 8


def test_parts_come_in_order_with_silence_between_them(tmp_path: Path) -> None:
    one = write(tmp_path / "1.wav", np.stack([voice(1000, 130)] * 2, 1))
    two = write(tmp_path / "2.wav", np.stack([voice(500, 210)] * 2, 1))
    target = tmp_path / "copy.wav"
    made = encode([Sound(two, 3000), Sound(one, 0)], target, "wav")
    heard, _ = decoded(target)
    assert made.duration_ms == 3500
    assert np.array_equal(heard[:8000, 0], voice(1000, 130))
    assert not heard[8000:24000].any()
    assert np.array_equal(heard[24000:, 0], voice(500, 210))


def test_a_part_that_runs_over_the_next_ones_beginning_is_not_cut(tmp_path: Path) -> None:
    one = write(tmp_path / "1.wav", voice(1000, 130))
    paused = voice(1000, 210)
    paused[4000:6400] = 0
    two = write(tmp_path / "2.wav", paused)
    target = tmp_path / "copy.wav"
    made = encode([Sound(one, 0), Sound(two, 990, ((500, 800),))], target, "wav")
    assert made.duration_ms == 2000  # nothing of either is lost, and the pause is where it is


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_leaves_where_a_pause_is_not_silent(tmp_path: Path, format: CopyFormat) -> None:
    sound = talk(8000, ())
    source = write(tmp_path / "a.wav", sound)
    with pytest.raises(CopyError, match="pause from 3000 ms to 5000 ms is not silent"):
        encode([Sound(source, 0, ((3000, 5000),))], tmp_path / "copy", format)
    assert not (tmp_path / "copy").exists()


def test_one_sample_in_a_pause_is_enough(tmp_path: Path) -> None:
    sound = talk()
    sound[3000 * 8, 1] = 1
    source = write(tmp_path / "a.wav", sound)
    with pytest.raises(CopyError, match="not silent"):
        encode([Sound(source, 0, ((3000, 5000),))], tmp_path / "copy", "mp3")


def test_the_copy_itself_is_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an encoder does: what is in the file decides, not what was given to it."""
    source = write(tmp_path / "a.wav", talk())
    real = Stream.blocks

    def loud(stream: Stream) -> Iterator[Block]:
        for block in real(stream):
            buzz = np.arange(len(block)) % 16 // 8 * (2000 << 16)
            yield block // 2 + buzz.astype(np.int32)[:, None]

    monkeypatch.setattr(encoding.Stream, "blocks", loud)
    for format in FORMATS:
        with pytest.raises(CopyError, match="has a peak of"):
            encode([Sound(source, 0, ((3000, 5000),))], tmp_path / "copy", format)
        assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("wrong", ["swapped", "softer", "shorter"])
def test_a_copy_that_does_not_sound_like_its_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    source = write(tmp_path / "a.wav", talk())
    real = encoding.soundfile.SoundFile.write

    def spoiled(file: soundfile.SoundFile, block: np.ndarray) -> None:
        changed = {"swapped": block[:, ::-1], "softer": block // 4, "shorter": block[:-100]}
        real(file, np.ascontiguousarray(changed[wrong]))

    monkeypatch.setattr(encoding.soundfile.SoundFile, "write", spoiled)
    expected = "frames, expected" if wrong == "shorter" else "does not sound like its source at 0 s"
    with pytest.raises(CopyError, match=expected):
        encode([Sound(source)], tmp_path / "copy", "mp3")
    assert not (tmp_path / "copy").exists()


def test_a_file_that_is_no_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not audio at all" * 10)
    with pytest.raises(CopyError, match=r"a\.wav: cannot be read as audio"):
        encode([Sound(tmp_path / "a.wav")], tmp_path / "copy", "mp3")
    assert not (tmp_path / "copy").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", talk())
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(FileExistsError):
        encode([Sound(source)], tmp_path / "copy", "wav")
    assert (tmp_path / "copy").read_text() == "mine"


def test_an_archived_opus_may_be_copied(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", talk())
    encode([Sound(source, 0, ((3000, 5000),))], tmp_path / "a.opus", "opus")
    for format in FORMATS:
        sound = Sound(tmp_path / "a.opus", 0, ((3000, 5000),))
        made = encode([sound], tmp_path / f"b.{format}", format)
        assert abs(made.duration_ms - 8000) <= 20


def test_rates_that_differ_are_brought_together(tmp_path: Path) -> None:
    one = write(tmp_path / "1.wav", voice(1000, 130))
    two = write(tmp_path / "2.wav", voice(1000, 130, 16_000), 16_000)
    made = encode([Sound(one), Sound(two, 1000)], tmp_path / "copy.mp3", "mp3")
    assert made.duration_ms == 2000
    assert decoded(tmp_path / "copy.mp3")[1] == 16_000
    odd = write(tmp_path / "3.wav", voice(1000, 130, 11_025), 11_025)
    with pytest.raises(CopyError, match="takes 8000, 11025 Hz whole"):
        encode([Sound(one), Sound(odd, 1000)], tmp_path / "no.mp3", "mp3")


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    long = write(tmp_path / "long.wav", np.resize(talk(8000, ()), (8000 * 900, 2)))
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from ivr.export.encode import encode; from ivr.export.sounds import Sound\n"
        "rss = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = rss(); encode([Sound(Path(sys.argv[1]))], Path(sys.argv[2]), 'flac')\n"
        "print(rss() - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(long), str(tmp_path / "copy")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert int(ran.stdout) < 24_000  # KiB; the samples alone are 28 MiB, as floats 115


def test_every_format_has_its_names() -> None:
    assert set(MIME_TYPES) == set(SUFFIXES) == set(FORMATS)


def test_the_record_says_what_was_paused_in_which_part(tmp_path: Path) -> None:
    record = record_of_two_parts()
    sounds = sounds_of(record, [tmp_path / "1", tmp_path / "2"])
    assert [(one.path.name, one.offset_ms, one.paused) for one in sounds] == [
        ("1", 0, ((1000, 2000),)),
        ("2", 10_000, ((500, 700), (900, 1000))),
    ]
    with pytest.raises(CopyError, match="tells of 2 audio files, 1 are there"):
        sounds_of(record, [tmp_path / "1"])


def record_of_two_parts() -> RecordModel:
    parts = [
        {"path": f"new/{CALL}.wav", "offset_ms": 0, "frames": 1, "size": 1, "sha256": "0" * 64},
        {"path": f"new/{CALL}.3.wav", "offset_ms": 10_000, "frames": 1, "size": 1, "sha256": ""},
    ]
    pauses = [pause(1, 1000, 2000), pause(3, 10_500, 10_700), pause(0, 9000, 9500)]
    return record(parts, [*pauses, pause(3, 10_900, 11_000)])


def test_what_is_read_in_pieces_is_what_is_read_at_once(tmp_path: Path) -> None:
    """soundfile seeks between two reads, and after that MP3 is not decoded as it should be."""
    encode([Sound(write(tmp_path / "a.wav", talk(20_000, ())))], tmp_path / "b", "mp3")
    with reading(tmp_path / "b") as file:
        whole = file.read(10**7, dtype="int32", always_2d=True)
    with reading(tmp_path / "b") as file:
        pieces = [file.read(576, dtype="int32", always_2d=True) for _ in range(len(whole) // 576)]
    assert np.array_equal(np.concatenate(pieces), whole[: len(whole) // 576 * 576])
