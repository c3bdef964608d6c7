"""Audio that callers could not hear or FreeSWITCH could not play is refused (R1, R20)."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.config import prompts
from ivr.config.load import check
from ivr.config.prompts import PromptFault, prompt_file
from ivr.core.policy import PromptFile
from tests.config.conftest import tone


def fault(path: Path, rate: int = 8000) -> str:
    """Why the audio is refused."""
    with pytest.raises(PromptFault) as caught:
        prompt_file(path, rate)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test puts its audio."""
    return tmp_path / "prompt.wav"


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_whole_mono_16_bit_file_is_measured_and_hashed(path: Path, rate: int) -> None:
    tone(path, rate, ms=1234)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert prompt_file(path, rate) == PromptFile(str(path), rate, 1234, digest)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"rate": 16000}, "has 16000 samples a second, expected 8000"),
        ({"channels": 2}, "is stereo, expected mono"),
        ({"channels": 3}, "is 3 channels, expected mono"),
        ({"width": 1}, "has 8-bit samples, expected 16-bit"),
        ({"width": 3}, "has 24-bit samples, expected 16-bit"),
        ({"level": 0.005}, "is silent, expected speech louder than -40 dB"),
        ({"level": 0.0}, "is silent, expected speech louder than -40 dB"),
        ({"level": 1.5}, "is clipped, expected a level below full scale"),
        ({"ms": 150}, "is 150 ms long, expected at least 200 ms"),
        ({"ms": 0}, "is 0 ms long, expected at least 200 ms"),
    ],
)
def test_what_is_wrong_is_said(path: Path, made: dict[str, Any], said: str) -> None:
    tone(path, **{"rate": 8000, **made})
    assert fault(path) == said


def test_full_scale_without_a_flat_top_is_not_clipped(path: Path) -> None:
    tone(path, 8000, level=1.0)
    assert prompt_file(path, 8000).length_ms == 400


def test_a_click_in_silence_is_silent(path: Path) -> None:
    tone(path, 8000, ms=2000, level=0.0)
    data = bytearray(path.read_bytes())
    data[44 + 800 : 44 + 802] = struct.pack("<h", 20000)
    path.write_bytes(data)
    assert fault(path) == "is silent, expected speech louder than -40 dB"


def test_audio_that_is_too_long(path: Path) -> None:
    tone(path, 8000, ms=1000)
    data = path.read_bytes()
    body = data[44:] * 181
    header = data[:4] + struct.pack("<I", 36 + len(body)) + data[8:40]
    path.write_bytes(header + struct.pack("<I", len(body)) + body)
    assert fault(path) == "is 181 s long, expected at most 180 s"


def test_a_file_that_is_not_wav(path: Path) -> None:
    path.write_bytes(b"ID3\x04 not a WAV file at all" * 20)
    assert fault(path) == "is not a WAV file, expected WAV"
    path.write_bytes(b"")
    assert fault(path) == "is not a WAV file, expected WAV"


@pytest.mark.parametrize("kind", [3, 6, 7, 65534])
def test_samples_that_are_not_plain_pcm(path: Path, kind: int) -> None:
    tone(path, 8000)
    data = bytearray(path.read_bytes())
    data[20:22] = struct.pack("<H", kind)
    path.write_bytes(data)
    assert fault(path) == f"holds samples of WAV format {kind}, expected plain 16-bit PCM"


def test_a_file_that_was_cut_off(path: Path) -> None:
    tone(path, 8000)
    path.write_bytes(path.read_bytes()[:-1000])
    assert fault(path) == "is cut off: 2700 of 3200 samples, expected all"


def test_a_header_that_was_cut_off(path: Path) -> None:
    tone(path, 8000)
    path.write_bytes(path.read_bytes()[:30])
    assert fault(path) == "is a damaged WAV file (it ends too early), expected a whole one"


def test_a_header_that_was_never_closed(path: Path) -> None:
    """FreeSWITCH leaves it so when it is killed (docs/freeswitch.md 20)."""
    tone(path, 8000)
    data = bytearray(path.read_bytes())
    data[40:44] = b"\0\0\0\0"
    path.write_bytes(data)
    assert fault(path) == "is 0 ms long, expected at least 200 ms"


def test_a_folder_or_nothing_in_its_place(path: Path) -> None:
    assert fault(path) == "is missing, expected it here"
    path.mkdir()
    assert fault(path) == "this is not a file, expected a file"


def test_faults_stand_at_the_prompts_name_in_the_catalogue(site_file: Path) -> None:
    tone(Path("prompts/en-GB/8000/busy.wav"), 8000, level=2.0)
    tone(Path("prompts/en-GB/16000/goodbye.wav"), 8000)
    assert [str(mistake) for mistake in check(site_file)] == [
        "prompts/en-GB.yaml:7:3: prompts/en-GB/16000/goodbye.wav has 8000 samples a second, "
        "expected 16000",
        "prompts/en-GB.yaml:8:3: prompts/en-GB/8000/busy.wav is clipped, expected a level below "
        "full scale",
    ]


@settings(deadline=None)
@given(data=st.data())
def test_damaged_bytes_give_a_fault_or_audio_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "prompt.wav"
    tone(path, 8000, ms=250)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.sampled_from([len(whole), 44, 43, 36, 20, 8]))])
    try:
        found = prompt_file(path, 8000)
    except PromptFault as refused:
        assert "\n" not in str(refused)  # noqa: PT017 - either outcome is right
    else:
        assert found.length_ms >= 200


def test_the_same_audio_is_judged_once_and_its_faults_each_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[int] = []
    monkeypatch.setattr(prompts, "_clipped", lambda samples: bool(judged.append(len(samples))))
    tone(path, 8000, ms=707, level=0.31)
    found = prompt_file(path, 8000)
    assert prompt_file(path, 8000) == found
    other = path.with_name("other.wav")
    other.write_bytes(path.read_bytes())
    assert prompt_file(other, 8000) == replace(found, path=str(other))
    assert judged == [707 * 8]
    assert "expected 16000" in fault(path, 16000)
    tone(path, 8000, ms=707, level=0.0)
    assert fault(path) == fault(path)
    assert "is silent" in fault(path)
