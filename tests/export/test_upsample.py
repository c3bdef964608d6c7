"""More samples a second: the same sound, the same silence."""

from __future__ import annotations

import numpy as np
import pytest

from ivr.export.upsample import Block, Upsampler


def upsampled(block: Block, factor: int, piece: int) -> Block:
    upsampler = Upsampler(factor, block.shape[1])
    made = [upsampler.take(block[at : at + piece]) for at in range(0, len(block), piece)]
    return np.concatenate([*made, upsampler.rest()])


def tone(rate: int, hertz: int) -> Block:
    wave = np.sin(2 * np.pi * hertz * np.arange(rate) / rate) * 1e9
    return np.stack([wave, np.zeros(rate)], 1).round().astype(np.int32)


@pytest.mark.parametrize("factor", [2, 3, 6])
@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_a_tone_of_the_telephone_stays_that_tone(factor: int, hertz: int) -> None:
    made = upsampled(tone(8000, hertz), factor, 1000)
    middle = slice(100 * factor, -100 * factor)
    error = made[middle].astype(float) - tone(8000 * factor, hertz)[middle]
    assert len(made) == 8000 * factor
    assert np.abs(error[:, 0]).max() < 1e9 * 10 ** (-90 / 20)
    assert not made[:, 1].any()


def test_every_old_sample_is_still_there_and_nothing_depends_on_the_pieces() -> None:
    source = np.random.default_rng(1).integers(-(2**30), 2**30, (5000, 2), np.int32)
    whole = upsampled(source, 2, 5000)
    assert np.array_equal(whole[::2], source)
    for piece in (1, 7, 47, 48, 49, 1000):
        assert np.array_equal(upsampled(source, 2, piece), whole)


def test_silence_stays_silence_to_the_last_bit() -> None:
    source = np.random.default_rng(1).integers(-(2**30), 2**30, (5000, 1), np.int32)
    source[2000:3000] = 0
    made = upsampled(source, 2, 512)
    assert not made[2 * 2024 : 2 * 2976].any()  # the filter reaches 24 samples into it


def test_what_is_too_loud_is_cut_and_does_not_turn_over() -> None:
    square = np.where(np.arange(4000) % 40 < 20, 2**31 - 1, -(2**31 - 1)).astype(np.int32)
    made = upsampled(square[:, None], 2, 4000)
    assert (np.sign(made[100:-100:2, 0]) == np.sign(square[50:-50])).all()
    assert made.max() == 2**31 - 1


def test_a_factor_of_one_changes_nothing() -> None:
    assert np.array_equal(Upsampler(1, 2).take(tone(8000, 440)), tone(8000, 440))
