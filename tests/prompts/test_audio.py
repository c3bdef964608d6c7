"""The audio that ships is complete, in a telephone's format, and of one loudness (R1)."""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from .catalogue import PROMPTS, RATES, ShippedPrompt, samples, shipped

SHIPPED = shipped()
each_prompt = pytest.mark.parametrize("prompt", SHIPPED, ids=str)
each_rate = pytest.mark.parametrize("rate", RATES)


def frame_levels(audio: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    """Power of each 10 ms."""
    size = rate // 100
    power: npt.NDArray[np.float64] = (
        audio[: len(audio) // size * size].reshape(-1, size) ** 2
    ).mean(axis=1)
    return power


def speech_db(path: Path, rate: int) -> float:
    """Level of the parts in which somebody speaks, in dB below full scale."""
    power = frame_levels(samples(path), rate)
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


def test_the_catalogue_has_what_the_dialplan_needs() -> None:
    assert {prompt.name for prompt in SHIPPED if prompt.language == "en-GB"} >= {
        "announcement",
        "announcement-council-tax",
        "busy",
        "goodbye",
        "no-answer",
        "no-engine",
        "reminder",
        "unavailable",
    }


@pytest.mark.parametrize("path", sorted(PROMPTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_catalogue_is_named_after_its_language_and_completed_by_editors(path: Path) -> None:
    first_line, rest = path.read_text(encoding="utf-8").split("\n", 1)
    assert first_line == "# yaml-language-server: $schema=../deploy/schemas/prompts.json"
    assert f"\nlanguage: {path.stem}\n" in rest


@each_rate
@each_prompt
def test_the_file_is_mono_16_bit_pcm_of_its_folders_rate(prompt: ShippedPrompt, rate: int) -> None:
    with wave.open(str(prompt.path(rate)), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate)
        assert file.getcomptype() == "NONE"


def test_no_audio_lies_about_that_no_catalogue_names() -> None:
    named = {prompt.path(rate) for prompt in SHIPPED for rate in RATES}
    assert set(PROMPTS.rglob("*.wav")) == named


@each_rate
@each_prompt
def test_silence_at_both_ends_is_short_but_there(prompt: ShippedPrompt, rate: int) -> None:
    power = frame_levels(samples(prompt.path(rate)), rate)
    loud = np.flatnonzero(power > power.max() / 10**4)
    before_ms, after_ms = loud[0] * 10, (len(power) - 1 - loud[-1]) * 10
    assert 50 <= before_ms <= 400
    assert 50 <= after_ms <= 400


@each_rate
@each_prompt
def test_nothing_is_clipped(prompt: ShippedPrompt, rate: int) -> None:
    assert np.abs(samples(prompt.path(rate))).max() < 10 ** (-3 / 20)


def test_all_prompts_are_equally_loud() -> None:
    levels = {
        f"{prompt}@{rate}": speech_db(prompt.path(rate), rate)
        for prompt in SHIPPED
        for rate in RATES
    }
    assert max(levels.values()) - min(levels.values()) < 3, levels


@each_prompt
def test_both_rates_hold_the_same_speech(prompt: ShippedPrompt) -> None:
    narrow, wide = (samples(prompt.path(rate)) for rate in RATES)
    assert abs(len(narrow) / 8000 - len(wide) / 16000) < 0.05
    # The lower half of the wide spectrum, at half the rate; a small shift is no matter.
    spectrum = np.fft.rfft(wide[: len(wide) // 2 * 2])
    halved = np.fft.irfft(spectrum[: len(spectrum) // 2 + 1], len(wide) // 2)
    size = len(narrow) + len(halved)
    crossed = np.fft.irfft(np.fft.rfft(narrow, size) * np.conj(np.fft.rfft(halved, size)), size)
    alike = crossed.max() / np.sqrt((narrow**2).sum() * (halved**2).sum())
    assert alike > 0.95


@each_prompt
def test_the_audio_was_made_from_the_text_as_it_is_now(prompt: ShippedPrompt) -> None:
    made = json.loads((PROMPTS / prompt.language / "made.json").read_text(encoding="utf-8"))
    entry = made[prompt.name]
    text = " ".join(prompt.text.split())
    assert entry["text_sha256"] == hashlib.sha256(text.encode()).hexdigest(), (
        "the text was changed since: run prompts/make_audio.py"
    )
    assert entry["version"] == prompt.version
    assert entry["audio_sha256"] == {
        str(rate): hashlib.sha256(prompt.path(rate).read_bytes()).hexdigest() for rate in RATES
    }


@pytest.mark.parametrize(
    "prompt", [prompt for prompt in SHIPPED if prompt.name.startswith("announcement")], ids=str
)
def test_an_announcement_keeps_nobody_waiting(prompt: ShippedPrompt) -> None:
    assert len(samples(prompt.path(8000))) / 8000 < 15
