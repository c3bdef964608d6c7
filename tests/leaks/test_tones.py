"""The ear hears a faint short key in noise, and takes no voice of the lab for one."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ivr.lab.audio import DTMF_HZ, RINGING_HZ
from tests.engine.site import LENGTHS
from tests.leaks.tones import tones_in


def wav(*channels, rate: int = 8000, finished: bool = True) -> bytes:
    whole = np.stack(channels, axis=1)
    pcm = (np.clip(whole, -1, 1) * 32767).astype("<i2").tobytes()
    size, count = len(pcm) if finished else 0, len(channels)
    form = (b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, count, rate, rate * 2 * count, 2 * count)
    return struct.pack("<4sI4s4sIHHIIH", *form) + struct.pack("<H4sI", 16, b"data", size) + pcm


def noise(ms: int, db: float, rate: int = 8000, seed: int = 1):
    """Like speech: louder where it is low, and in syllables, four a second."""
    count = ms * rate // 1000
    white = np.random.default_rng(seed).normal(size=count)
    spectrum = np.fft.rfft(white)
    hz = np.fft.rfftfreq(count, 1 / rate)
    spectrum *= (hz > 150) * (hz < 3400) / np.sqrt(1 + (hz / 500) ** 2)
    made = np.fft.irfft(spectrum, count) * (1.2 + np.sin(2 * np.pi * 4 * np.arange(count) / rate))
    return made * 10 ** (db / 20) / np.sqrt(np.mean(made**2))


def key(name: str, ms: int, db: float, rate: int = 8000):
    """Both pitches; ``db`` is what they are together, of full scale."""
    time = np.arange(ms * rate // 1000) / rate
    return 10 ** (db / 20) * sum(np.sin(2 * np.pi * hz * time) for hz in DTMF_HZ[name])


def tone(hz: int, ms: int, level: float = 0.27, rate: int = 8000):
    return level * np.sin(2 * np.pi * hz * np.arange(ms * rate // 1000) / rate)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("name", sorted(DTMF_HZ))
def test_forty_milliseconds_at_minus_25_in_noise_are_heard(name, rate):
    for at in (1000, 1003, 1007, 2511):
        sound = noise(4000, -32, rate, seed=at)
        begin = at * rate // 1000
        sound[begin : begin + 40 * rate // 1000] += key(name, 40, -25, rate)
        quiet = noise(4000, -32, rate, seed=at + 1)
        [found] = tones_in(wav(quiet, sound, rate=rate))
        assert (found.channel, found.key) == (1, name)
        assert at - 20 <= found.at_ms <= at + 20
        assert found.ms <= 80


def test_keys_one_after_the_other_are_told_apart():
    gap = np.zeros(8 * 50)
    pieces = [piece for name in "4929*#" for piece in (key(name, 60, -20), gap)]
    found = tones_in(wav(np.concatenate(pieces)))
    assert "".join(one.key for one in found) == "4929*#"
    assert [round(one.at_ms / 110) for one in found] == list(range(6))


def test_a_file_whose_header_was_never_finished_is_heard():
    data = wav(key("5", 100, -20), finished=False)
    assert [one.key for one in tones_in(data)] == ["5"]


def test_a_key_beside_a_voice_on_the_same_channel_is_heard():
    voice = tone(880, 1000)
    voice[4000:5280] += key("1", 160, -17)[:1280]
    assert [one.key for one in tones_in(wav(voice))] == ["1"]


VOICES = {440, 880, *RINGING_HZ, 425, 330, 500, 400, *(hz for _, hz in LENGTHS.values())}


def test_the_labs_voices_prompts_and_tones_are_no_keys():
    for one in VOICES:
        for two in VOICES:
            both = np.concatenate([tone(one, 500), tone(two, 500)])
            mixed = tone(one, 500) + tone(two, 500, 0.2)
            assert tones_in(wav(both, both[::-1], np.pad(mixed, (0, 4000)))) == []


def test_noise_like_speech_is_no_key():
    for seed in range(5):
        for db in (-35, -20, -12):
            assert tones_in(wav(noise(10_000, db, seed=seed))) == []


def test_a_rest_of_ten_milliseconds_in_silence_is_heard():
    """What a mask that came a little late leaves of a key."""
    sound = np.zeros(8000)
    sound[4000:4080] = key("5", 10, -20)
    assert [one.key for one in tones_in(wav(sound))] == ["5"]


def test_clicks_and_zeros_are_no_keys():
    sound = np.zeros(8000)
    sound[::1000] = 0.9
    assert tones_in(wav(sound)) == []
    assert tones_in(wav(np.zeros(8000))) == []
    assert tones_in(wav(np.zeros(0))) == []


def test_what_is_no_recording_is_refused():
    with pytest.raises(ValueError, match="no WAV file"):
        tones_in(b"ID3")


def test_a_key_within_ten_minutes_is_found():
    sound = np.tile(noise(60_000, -35), 10)
    sound[8000 * 300 : 8000 * 300 + 800] += key("7", 100, -20)
    [found] = tones_in(wav(sound))
    assert (found.key, round(found.at_ms, -2)) == ("7", 300_000)
