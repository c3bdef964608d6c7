"""FLAC comes back bit for bit, Opus stays silent where it must; what cannot is kept as it is."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import wave
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ivr.core.timeline import Stretch
from ivr.errors import DiskError, SpoolError
from ivr.retention.archive import encoding
from ivr.retention.archive.encoding import UnfitError, wav_of_flac, wav_of_opus
from ivr.retention.archive.keeper import Keeper
from ivr.retention.model import Format, Part
from tests.retention.archive.parts import age_keys, talk, to_wav
from tests.storage.dying import Died, dying
from tests.storage.parts import CALL, ENOSPC, Trace


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def keep(
    data: bytes,
    form: Format,
    scratch: Path,
    silences: tuple[Stretch, ...] = (),
    keeper: Keeper | None = None,
) -> Part:
    source = scratch.parent / "source.wav"
    source.write_bytes(data)
    keeper = keeper or Keeper(form)
    part = keeper.keep(source, hashlib.sha256(data).hexdigest(), CALL, scratch, silences)
    made = (scratch / part.name).read_bytes()
    assert (part.size, part.sha256) == (len(made), hashlib.sha256(made).hexdigest())
    assert os.listdir(scratch) == [part.name]
    return part


def back(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(wav_of_flac(file.fileno()))


def listed(data: bytes) -> bytes:
    """With a chunk after the samples, as libsndfile writes texts."""
    text = (
        b"LIST" + struct.pack("<I", 26) + b"INFOINAM" + struct.pack("<I", 14) + b"call at noon\0\0"
    )
    return data[:4] + struct.pack("<I", len(data) - 8 + len(text)) + data[8:] + text


WAVS = {
    "stereo": to_wav(talk(3)),
    "mono": to_wav(talk(1, 16000, 1), 16000),
    "one frame": to_wav(talk(3)[:1]),
    "more than a piece": to_wav(talk(70)),
    "loudest": to_wav(np.tile(np.array([[32767, -32768], [-32768, 32767]], "<i2"), (5000, 1))),
    "silent": to_wav(np.zeros((16000, 2), "<i2")),
    "with texts": listed(to_wav(talk(1))),
    "44100": to_wav(talk(1, 44100), 44100),
    "a header that a crash left": to_wav(talk(1)).replace(struct.pack("<I", 32000), b"\0\0\0\0", 1),
    "half a frame more": to_wav(talk(1)) + b"\1\2\3",
}


@pytest.mark.parametrize("data", WAVS.values(), ids=WAVS)
def test_flac_gives_the_very_file_back(data: bytes, scratch: Path) -> None:
    part = keep(data, "flac", scratch)
    assert part.name == f"{CALL}.flac"
    assert back(scratch / part.name) == data


def test_flac_is_flac_that_others_read(scratch: Path) -> None:
    samples = talk(3)
    part = keep(to_wav(samples), "flac", scratch)
    assert part.size < len(samples.tobytes())
    read, rate = soundfile.read(scratch / part.name, dtype="int16")
    assert rate == 8000
    assert np.array_equal(read, samples)
    assert soundfile.info(scratch / part.name).format == "FLAC"


def deep(width: int) -> bytes:
    """PCM of another width."""
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setparams((2, width, 8000, 0, "NONE", ""))
        out.writeframes(bytes(range(1, 97)) * width)
    return data.getvalue()


UNFIT = {
    "24 bit": (deep(3), "its samples have 24 bits, expected 16"),
    "8 bit": (deep(1), "its samples have 8 bits"),
    "no WAV": (b"RIFF but not quite" * 10, "not a WAV file"),
    "empty": (to_wav(talk(0)), "it holds no audio"),
    "nine channels": (to_wav(talk(0.1, 8000, 9)), "it cannot be encoded"),
    "much besides": (
        to_wav(talk(0.1)) + b"junk" + struct.pack("<I", 99_992) + b"x" * 99_992,
        "bytes besides its samples",
    ),
}


@pytest.mark.parametrize(("data", "why"), UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("sealed", [False, True])
def test_what_flac_cannot_hold_is_kept_as_it_is(
    data: bytes, why: str, sealed: bool, scratch: Path
) -> None:
    recipients, _file, identities = age_keys()
    with capture_logs() as logs:
        part = keep(data, "flac", scratch, keeper=Keeper("flac", recipients if sealed else None))
    [told] = logs
    assert (told["event"], told["log_level"], told["call"]) == ("kept_otherwise", "warning", CALL)
    assert why in told["reason"]
    made = (scratch / part.name).read_bytes()
    if sealed:
        opened = io.BytesIO()
        assert identities.open(io.BytesIO(made), opened)
        made = opened.getvalue()
    assert made == data
    assert part.name == f"{CALL}.wav{'.age' if sealed else ''}"


@pytest.mark.parametrize("form", ["flac", "opus"])
def test_what_decodes_otherwise_does_not_count(
    form: Format, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the codec must not cost a recording."""
    real = encoding._encode

    def faulty(reads: object, audio: object, target: int, *rest: object) -> None:
        real(reads, audio, target, *rest)  # type: ignore[arg-type]
        size = os.fstat(target).st_size
        os.pwrite(target, b"\0" * 64, size // 2)
        os.ftruncate(target, size - 100)

    monkeypatch.setattr(encoding, "_encode", faulty)
    data = to_wav(talk(3))
    with capture_logs() as logs:
        part = keep(data, form, scratch)
    assert part.name == f"{CALL}.wav"
    assert (scratch / part.name).read_bytes() == data
    assert [each["form"] for each in logs] == ["flac"] if form == "flac" else ["opus", "flac"]


@pytest.mark.parametrize("form", ["flac", "opus"])
@pytest.mark.parametrize("sealed", [False, True])
def test_another_hash_is_refused(form: Format, sealed: bool, scratch: Path) -> None:
    source = scratch.parent / "source.wav"
    for data in (to_wav(talk(1)), b"no WAV"):
        source.write_bytes(data)
        keeper = Keeper(form, age_keys()[0] if sealed else None)
        with capture_logs(), pytest.raises(SpoolError, match="expected 0000"):
            keeper.keep(source, "0" * 64, CALL, scratch)
        assert os.listdir(scratch) == []


@pytest.mark.parametrize(("rate", "channels"), [(8000, 2), (16000, 1), (48000, 2)])
def test_opus_is_as_long_and_much_smaller(rate: int, channels: int, scratch: Path) -> None:
    samples = talk(5.0137, rate, channels)
    part = keep(to_wav(samples, rate), "opus", scratch)
    assert part.name == f"{CALL}.opus"
    assert part.size < len(samples.tobytes()) / 4
    with soundfile.SoundFile(scratch / part.name) as sound:
        said = (sound.format, sound.subtype, sound.samplerate, sound.channels, sound.frames)
    assert said == ("OGG", "OPUS", rate, channels, len(samples))
    with (scratch / part.name).open("rb") as file:
        data = b"".join(wav_of_opus(file.fileno()))
    with wave.open(io.BytesIO(data)) as heard:
        assert heard.getparams()[:4] == (channels, 2, rate, len(samples))
        decoded = np.frombuffer(heard.readframes(len(samples)), "<i2").astype(float)
    level = np.abs(decoded).mean() / np.abs(samples.astype(float)).mean()
    assert 0.5 < level < 1.5


def test_opus_at_another_rate_is_kept_as_flac(scratch: Path) -> None:
    data = to_wav(talk(1, 44100), 44100)
    with capture_logs() as logs:
        part = keep(data, "opus", scratch)
    assert part.name == f"{CALL}.flac"
    assert back(scratch / part.name) == data
    assert [each["reason"] for each in logs] == ["Opus has no 44100 samples a second"]


def test_what_is_paused_stays_silent_in_opus(scratch: Path) -> None:
    samples = talk(10)
    samples[24000:56000] = 0
    part = keep(to_wav(samples), "opus", scratch, ((3000, 7000),))
    assert part.name == f"{CALL}.opus"
    read, _rate = soundfile.read(scratch / part.name, dtype="int16")
    assert np.abs(read[24800:55200].astype(int)).max() <= 128
    assert np.abs(read[:24000].astype(int)).max() > 1000


@pytest.mark.parametrize("spoken_ms", [3150, 6800, 5000])
def test_what_would_not_be_silent_is_kept_as_flac(spoken_ms: int, scratch: Path) -> None:
    samples = talk(10)
    samples[24000:56000] = 0
    at = spoken_ms * 8
    samples[at : at + 400] = talk(1)[4000:4400]
    data = to_wav(samples)
    with capture_logs() as logs:
        part = keep(data, "opus", scratch, ((0, 10), (3000, 7000)))
    assert part.name == f"{CALL}.flac"
    assert back(scratch / part.name) == data
    [told] = logs
    assert "what is paused from 3000 to 7000 ms would not be silent" in told["reason"]


def test_spans_beyond_the_ends_do_no_harm(scratch: Path) -> None:
    samples = talk(2)
    samples[8000:] = 0
    part = keep(to_wav(samples), "opus", scratch, ((1000, 60_000), (70_000, 80_000), (0, 0)))
    assert part.name == f"{CALL}.opus"


@pytest.mark.parametrize("form", ["flac", "opus"])
def test_sealed_the_plaintext_has_no_name(form: Format, scratch: Path) -> None:
    """Killed at any call of the disk, nothing that can be read is left (R22)."""
    data = to_wav(talk(1))
    source = scratch.parent / "source.wav"
    source.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    recipients, _file, identities = age_keys()
    left = 0
    survived = False
    while not survived:
        keeper = Keeper(form, recipients, disk=dying(Trace, left).disk())
        try:
            part = keeper.keep(source, sha256, CALL, scratch)
            survived = True
        except Died:
            pass
        for name in os.listdir(scratch):
            there = (scratch / name).read_bytes()
            assert name.endswith(".age") or there == b""
        left += 1
    assert left > 3
    opened = io.BytesIO()
    assert identities.open(io.BytesIO((scratch / part.name).read_bytes()), opened)
    assert opened.getvalue()[:4] == (b"fLaC" if form == "flac" else b"OggS")


def test_a_full_disk_is_tried_again(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile's refusal is no fault of the recording: WAV is tried, and that says it."""

    def full(*_: object) -> None:
        raise UnfitError("it cannot be encoded: System error.")

    monkeypatch.setattr(encoding, "_encode", full)
    data = to_wav(talk(1))
    keeper = Keeper("flac", disk=Trace(failing={"write": ENOSPC}).disk())
    source = scratch.parent / "source.wav"
    source.write_bytes(data)
    with capture_logs(), pytest.raises(DiskError, match="No space left"):
        keeper.keep(source, hashlib.sha256(data).hexdigest(), CALL, scratch)
    assert os.listdir(scratch) == []


def test_flac_of_others_is_not_taken_for_ours(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.flac", talk(1), 8000)
    with pytest.raises(UnfitError, match="does not tell of the WAV file"):
        back(tmp_path / "x.flac")
    (tmp_path / "x.flac").write_bytes(b"fLaC" + b"\0" * 100)
    with pytest.raises(UnfitError, match="cannot be decoded"):
        back(tmp_path / "x.flac")


@settings(max_examples=60, deadline=None)
@given(
    samples=st.lists(st.integers(-32768, 32767), min_size=1, max_size=400),
    channels=st.integers(1, 8),
    rate=st.sampled_from([8000, 11025, 16000, 44100, 48000, 7999]),
    after=st.binary(max_size=40),
    header=st.binary(max_size=24),
)
def test_whatever_is_kept_comes_back_bit_for_bit(
    samples: list[int], channels: int, rate: int, after: bytes, header: bytes
) -> None:
    """As FLAC or, where that cannot hold it, as it is."""
    whole = np.resize(np.array(samples, "<i2"), (-(-len(samples) // channels), channels))
    data = to_wav(whole, rate)
    chunk = b"JUNK" + struct.pack("<I", len(header)) + header + b"\0" * (len(header) & 1)
    data = data[:12] + chunk + data[12:] + after
    with TemporaryDirectory() as folder:
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        with capture_logs():
            part = keep(data, "flac", scratch)
        made = scratch / part.name
        assert (back(made) if part.name.endswith(".flac") else made.read_bytes()) == data


@pytest.mark.parametrize("form", ["wav", "flac", "opus"])
@pytest.mark.parametrize("sealed", [False, True])
def test_nothing_stays_open(form: Format, sealed: bool, scratch: Path) -> None:
    source = scratch.parent / "source.wav"
    keeper = Keeper(form, age_keys()[0] if sealed else None)
    before = len(os.listdir("/proc/self/fd"))
    for data in (to_wav(talk(1)), to_wav(talk(0)), b"no WAV"):
        source.write_bytes(data)
        for sha256 in (hashlib.sha256(data).hexdigest(), "0" * 64):
            with capture_logs(), suppress(SpoolError):
                keeper.keep(source, sha256, CALL, scratch)
    assert len(os.listdir("/proc/self/fd")) == before
