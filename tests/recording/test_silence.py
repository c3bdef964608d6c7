"""Pauses are found in a file's samples, whatever shifted them, and made silent (R7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.core.record import Proof
from ivr.core.timeline import Span
from ivr.recording import silence as proving
from ivr.recording.audio import inspect_fd
from ivr.recording.silence import peak_between, quiet, silence, survey
from ivr.recording.sound import Sound
from tests.recording.wavs import (
    BLOCK,
    LOUD,
    RATE,
    frames,
    header,
    is_silent,
    is_speech,
    opened,
    put,
    talk,
)

HOUR = 3_600_000
HELD = 10_000
"""The peak of speech in these files."""


def span(begin: int, end: int, length: int | None, held: int = 20, **more: object) -> Span:
    """A pause that FreeSWITCH's mask held from ``held`` ms after its begin until its end."""
    masked = ((begin + held, end - held),) if held >= 0 and end - begin > 2 * held else ()
    made = Span(0, 1, begin, end, 250, masked, length)
    return replace(made, **more)  # type: ignore[arg-type] # any words


def prove(path: Path, *spans: Span) -> tuple[Proof, ...]:
    """Look, make silent, and look that it is."""
    with opened(path) as fd:
        audio = inspect_fd(fd, "x")
        proofs = survey(fd, audio, spans)
        silence(fd, audio, proofs)
        for proof in proofs:
            assert peak_between(fd, audio, proof.begin_ms, proof.end_ms) == 0
        return proofs


def test_an_exact_mask_is_widened_by_its_guard_and_no_more(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(60_000, [(20_000, 30_000)]))
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert proof == Proof(0, 1, 19_750, 30_250, HELD, 0)
    assert is_speech(path, 0, 19_750)
    assert is_silent(path, 19_750, 30_250)
    assert is_speech(path, 30_250, 60_000)


def test_what_was_silent_guard_and_all_is_only_verified(tmp_path: Path) -> None:
    data = talk(60_000, [(19_000, 31_000)])
    path = put(tmp_path / "x.wav", data)
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert (proof.peak, proof.leaked_peak) == (0, 0)
    assert path.read_bytes() == data


def test_zeros_that_end_30_ms_early_are_no_leak(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(60_000, [(19_970, 29_950)]))
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert (proof.peak, proof.leaked_peak) == (HELD, 0)
    assert is_silent(path, 19_750, 30_250)


@pytest.mark.parametrize("late_ms", [-700, 700])
@pytest.mark.parametrize("where", [1, 30, 55])
def test_a_clock_that_drifts_200_ppm_over_an_hour(tmp_path: Path, where: int, late_ms: int) -> None:
    """The file is that much longer or shorter than the host says, and all in it shifted."""
    length = HOUR + late_ms
    scale = length / HOUR
    begin, end = where * 60_000, where * 60_000 + 20_000
    path = tmp_path / "x.wav"
    with path.open("wb") as file:  # sparse: silence, but for speech about the pause
        file.write(header(frames(length) * BLOCK))
        file.truncate(44 + frames(length) * BLOCK)
        for a, b in ((begin - 10_000, begin), (end, end + 10_000)):
            file.seek(44 + frames(a * scale) * BLOCK)
            file.write(LOUD * (frames(b * scale) - frames(a * scale)))
    [proof] = prove(path, span(begin, end, HOUR))
    assert (proof.peak, proof.leaked_peak) == (HELD, 0)
    assert is_silent(path, begin * scale - 250, end * scale + 250)
    assert is_silent(path, begin - 250, end + 250), "and where the host has it"
    assert is_speech(path, begin * scale - 9_000, begin * scale - 2_000)
    assert is_speech(path, end * scale + 2_000, end * scale + 9_000)


def test_a_file_that_was_cut_short_loses_no_good_audio(tmp_path: Path) -> None:
    """The disk was full for the last ten minutes: the place by the file's end is wrong."""
    path = put(tmp_path / "x.wav", talk(700_000, [(650_000, 680_000)]))
    [proof] = prove(path, span(650_000, 680_000, 1_300_000))
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (649_750, 680_250, 0)
    assert is_speech(path, 0, 649_750)


def test_a_file_that_lost_its_beginning(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(700_000, [(50_000, 80_000)]))
    [proof] = prove(path, span(650_000, 680_000, 1_300_000))
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (49_750, 80_250, 0)
    assert is_speech(path, 80_250, 700_000)


def test_a_loss_before_and_after_leaves_nothing_between_both_places(tmp_path: Path) -> None:
    """The run lies at neither: nothing is believed, and no leak is claimed."""
    path = put(tmp_path / "x.wav", talk(100_000, [(50_000, 60_000)]))
    [proof] = prove(path, span(60_000, 70_000, 120_000))
    assert (proof.begin_ms, proof.end_ms) == (39_750, 70_250)
    assert proof.leaked_peak == 0


def test_a_cut_in_the_middle_of_the_mask(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(25_000, [(20_000, 25_000)]))
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (19_750, 25_000, 0)
    assert is_speech(path, 0, 19_750)


def test_a_leak_inside_the_mask_is_told_and_goes(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(60_000, [(20_000, 24_000), (24_100, 30_000)]))
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert proof.leaked_peak == HELD
    assert is_silent(path, 19_750, 30_250)
    assert is_speech(path, 0, 19_750)
    assert is_speech(path, 30_250, 60_000)


def test_a_mask_that_masked_nothing_is_told_and_goes(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(60_400))
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert proof.leaked_peak == HELD
    assert is_silent(path, 19_750, 30_650), "from the earlier to the later place"
    assert is_speech(path, 0, 19_750)
    assert is_speech(path, 30_650, 60_400)


def test_one_quiet_sample_in_the_mask_is_a_leak(tmp_path: Path) -> None:
    data = bytearray(talk(60_000, [(19_700, 30_300)]))
    data[44 + frames(25_000) * BLOCK + 2] = 1  # the agent's channel, as faint as can be
    path = put(tmp_path / "x.wav", bytes(data))
    [proof] = prove(path, span(20_000, 30_000, 60_000))
    assert (proof.peak, proof.leaked_peak) == (1, 1)


def test_two_pauses_close_together(tmp_path: Path) -> None:
    """Each finds its own run, and both guards are looked at before either is made silent."""
    data = talk(60_000, [(20_000, 25_000), (25_300, 32_000)])
    path = put(tmp_path / "x.wav", data)
    first, second = prove(
        path,
        span(20_000, 25_000, 60_000),
        replace(span(25_300, 32_000, 60_000), pause=1),
    )
    assert (first.begin_ms, first.end_ms, first.peak, first.leaked_peak) == (
        19_750, 25_250, HELD, 0,
    )  # fmt: skip
    assert (second.begin_ms, second.end_ms, second.peak, second.leaked_peak) == (
        25_050, 32_250, HELD, 0,
    )  # fmt: skip
    assert is_silent(path, 19_750, 32_250)


@pytest.mark.parametrize("more", [0, 400])
def test_a_pause_that_never_ended_is_silent_to_the_files_end(tmp_path: Path, more: int) -> None:
    path = put(tmp_path / "x.wav", talk(60_000 + more, [(50_000, 59_000)]))
    [proof] = prove(path, span(50_000, 60_000, 60_000, held=0, to_end=True))
    assert (proof.begin_ms, proof.end_ms) == (49_750, 60_000 + more)
    assert proof.leaked_peak == HELD, "the mask had to hold to the end"
    assert is_speech(path, 0, 49_750)


def test_a_pause_from_before_the_recording(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(20_000, [(0, 5_000)]))
    [proof] = prove(path, span(0, 5_000, 19_900, held=0, from_start=True))
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (0, 5_350, 0)


def test_where_nothing_was_masked_all_between_both_places_goes(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(58_000))
    [proof] = prove(path, span(20_000, 30_000, 60_000, held=-1))
    assert (proof.begin_ms, proof.end_ms) == (17_750, 30_250)
    assert (proof.peak, proof.leaked_peak) == (HELD, 0)


def test_where_the_end_is_not_known_only_the_beginning_counts(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(90_000, [(20_100, 30_100)]))
    [proof] = prove(path, span(20_000, 30_000, None))
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (19_750, 30_370, 0)


@pytest.mark.parametrize(("begin", "end"), [(5_000, 8_000), (35_000, 38_000)])
@pytest.mark.parametrize("silent", [False, True])
def test_a_leak_is_told_where_one_of_the_places_lies_outside_the_file(
    tmp_path: Path, begin: int, end: int, silent: bool
) -> None:
    """20 s of 40 s are missing, so one place lies outside."""
    at = begin if begin < 20_000 else begin - 20_000
    path = put(tmp_path / "x.wav", talk(20_000, [(at, at + 3_000)] if silent else ()))
    [proof] = prove(path, span(begin, end, 40_000))
    assert proof.leaked_peak == (0 if silent else HELD)


def test_a_mask_outside_the_file_has_not_leaked(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(2_000))
    [proof] = prove(path, span(5_000, 8_000, None))
    assert proof.leaked_peak == 0


def test_a_mask_that_was_lifted_for_a_moment_has_not_leaked(tmp_path: Path) -> None:
    """An end was begun and not carried through: between the masks there is speech, by right."""
    path = put(tmp_path / "x.wav", talk(60_000, [(20_000, 25_000), (25_500, 30_000)]))
    twice = replace(span(20_000, 30_000, 60_000), masked=((20_020, 25_000), (25_520, 29_980)))
    [proof] = prove(path, twice)
    assert proof.leaked_peak == 0
    assert is_silent(path, 19_750, 30_250)


def test_what_was_keyed_before_the_mask_is_found_by_the_masks_place(tmp_path: Path) -> None:
    """All stamps of the journal are 600 ms late: the digits lie before both places' guard."""
    path = put(tmp_path / "x.wav", talk(60_000, [(24_400, 39_400)]))
    digits = replace(span(20_000, 40_000, 60_000), masked=((25_000, 40_000),))
    [proof] = prove(path, digits)
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (19_250, 40_250, 0)


def test_a_short_pause_is_silent_though_it_proves_nothing(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(60_000, [(20_000, 20_300)]))
    [proof] = prove(path, span(20_000, 20_300, 59_900))
    assert (proof.begin_ms, proof.end_ms, proof.leaked_peak) == (19_750, 20_650, 0)


def test_a_pause_after_the_file_ended_has_no_audio(tmp_path: Path) -> None:
    path = put(tmp_path / "x.wav", talk(0))
    assert prove(path, span(1000, 2000, 3000)) == ()


@pytest.mark.parametrize(
    ("bits", "channels", "quietest"),
    [(8, 1, b"\x81"), (8, 2, b"\x80\x7f"), (16, 1, b"\1\0"), (24, 2, b"\0\0\0\1\0\0"),
     (32, 1, b"\1\0\0\0"), (16, 1, b"\xff\xff"), (16, 1, b"\0\x80")],
)  # fmt: skip
def test_every_width_has_its_silence(
    tmp_path: Path, bits: int, channels: int, quietest: bytes
) -> None:
    quiet_byte = b"\x80" if bits == 8 else b"\0"
    block = channels * bits // 8
    count = 3 * RATE
    data = bytearray(quiet_byte * (block * count))
    data[RATE * block : RATE * block + block] = quietest
    path = put(tmp_path / "x.wav", header(len(data), channels, RATE, bits) + bytes(data))
    with opened(path) as fd:
        audio = inspect_fd(fd, "x")
        assert peak_between(fd, audio, 0, 999) == 0
        assert peak_between(fd, audio, 1000, 1001) >= 1
        assert quiet(fd, audio).runs == ((0, 1000), (1000, 3000))
        silence(fd, audio, [Proof(0, 1, 500, 1500, 1, 0)])
    assert path.read_bytes()[44:] == quiet_byte * (block * count)


def test_the_loudest_sample_is_found_exactly(tmp_path: Path) -> None:
    samples = [0, 5, -6, 300, -301, 511, -512, 40, 32767, -32768, 1]
    for count in range(1, len(samples) + 1):
        data = b"".join(n.to_bytes(2, "little", signed=True) for n in samples[:count])
        path = put(tmp_path / "x.wav", header(len(data), 1) + data)
        with opened(path) as fd:
            sound = Sound(fd, inspect_fd(fd, "x"))
            assert sound.peak(0, count) == min(32767, max(map(abs, samples[:count])))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 40_000), st.integers(-32768, 32767), st.integers(0, 300)),
        max_size=6,
    )
)
def test_the_loudest_is_what_comparing_all_finds(
    tmp_path_factory: pytest.TempPathFactory, stretches: list[tuple[int, int, int]]
) -> None:
    samples: list[int] = []
    for count, value, spread in stretches:
        samples += [max(-32768, value - n % (spread + 1)) for n in range(count)]
    data = b"".join(n.to_bytes(2, "little", signed=True) for n in samples)
    path = put(tmp_path_factory.mktemp("w") / "x.wav", header(len(data), 1) + data)
    with opened(path) as fd:
        found = Sound(fd, inspect_fd(fd, "x")).peak(0, len(samples))
    assert found == min(32767, max(map(abs, samples), default=0))


def test_the_loudest_of_many_pieces(tmp_path: Path) -> None:
    data = bytearray(talk(20_000))
    data[44 + 500_000 : 44 + 500_002] = (-31_000).to_bytes(2, "little", signed=True)
    path = put(tmp_path / "x.wav", bytes(data))
    with opened(path) as fd:
        assert quiet(fd, inspect_fd(fd, "x")).peak == 31_000


def test_runs_of_silence_are_listed(tmp_path: Path) -> None:
    silent = [(0, 200), (1_000, 1_190), (2_000, 9_000), (9_500, 9_800), (19_700, 20_000)]
    path = put(tmp_path / "x.wav", talk(20_000, silent))
    with opened(path) as fd:
        found = quiet(fd, inspect_fd(fd, "x"))
    assert found.runs == ((0, 200), (2_000, 9_000), (9_500, 9_800), (19_700, 20_000))
    assert found.peak == HELD


_stretches = st.lists(
    st.tuples(st.integers(0, 9_000), st.integers(1, 3_000)).map(lambda t: (t[0], t[0] + t[1])),
    max_size=4,
)


@settings(deadline=None, max_examples=150)
@given(
    least=st.integers(1, 4_000),
    silent=st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 30_000)), max_size=6),
    count=st.integers(0, 40_000),
    begin=st.integers(0, 40_000),
    end=st.integers(0, 40_000),
)
def test_runs_are_what_counting_finds(
    tmp_path_factory: pytest.TempPathFactory,
    least: int,
    silent: list[tuple[int, int]],
    count: int,
    begin: int,
    end: int,
) -> None:
    data = bytearray(b"\1\0" * count)
    for a, size in silent:
        b = min(count, a + size)
        data[2 * a : 2 * b] = bytes(max(0, 2 * (b - a)))
    path = put(tmp_path_factory.mktemp("w") / "x.wav", header(len(data), 1) + bytes(data))
    expected, since = [], None
    for n in range(min(begin, count), min(end, count) + 1):
        zero = n < min(end, count) and data[2 * n : 2 * n + 2] == b"\0\0"
        if zero and since is None:
            since = n
        elif not zero and since is not None:
            if n - since >= least:
                expected.append((since, n))
            since = None
    with opened(path) as fd:
        sound = Sound(fd, inspect_fd(fd, "x"))
        assert list(sound.runs(begin, end, least)) == expected
        assert (sound.peak(begin, end) == 0) == (not any(data[2 * begin : 2 * max(begin, end)]))


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    begin = draw(st.integers(0, 9_000))
    end = begin + draw(st.integers(0, 5_000))
    masked = [
        (begin + a, min(end, begin + b))
        for a, b in draw(_stretches)
        if begin + a < min(end, begin + b)
    ]
    return Span(
        0,
        1,
        begin,
        end,
        draw(st.sampled_from([0, 1, 250, 1000])),
        tuple(masked),
        draw(st.none() | st.integers(0, 12_000)),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@settings(deadline=None, max_examples=200)
@given(
    length=st.integers(0, 9_000),
    silent=_stretches,
    spans=st.lists(_spans(), max_size=3),
)
@example(8_000, [(2_000, 6_000)], [span(2_000, 6_000, 8_000)])
@example(2_256, [], [Span(0, 1, 2, 2_256, 1, ((2, 1_254),))])
def test_whatever_the_file_and_the_spans(
    tmp_path_factory: pytest.TempPathFactory,
    length: int,
    silent: Iterable[tuple[int, int]],
    spans: list[Span],
) -> None:
    """Each span is silent at its place by the beginning, unless a run as long as its mask is at
    its other place; nothing changes outside what the proofs name; a second time changes nothing."""
    data = talk(length, silent)
    path = put(tmp_path_factory.mktemp("w") / "x.wav", data)
    proofs = prove(path, *spans)
    after = path.read_bytes()
    assert len(after) == len(data)
    kept = bytearray(data)
    for proof in proofs:
        a, b = proof.begin_ms * 8 * BLOCK, proof.end_ms * 8 * BLOCK
        kept[44 + a : 44 + b] = bytes(len(kept[44 + a : 44 + b]))
    assert after == bytes(kept), "exactly what the proofs name is silent now"
    assert len(proofs) == (len(spans) if length else 0)
    for each, proof in zip(spans, proofs, strict=False):
        shift = 0 if each.expected_ms is None else length - each.expected_ms
        begin = 0 if each.from_start else each.begin_ms
        end = length if each.to_end else each.end_ms
        first = max(0, min(begin, length) - each.guard_ms), min(length, end + each.guard_ms)
        begin, end = (
            (0 if each.from_start else begin + shift),
            (length if each.to_end else end + shift),
        )
        last = (
            max(0, min(max(begin, 0), length) - each.guard_ms),
            min(length, max(end, 0) + each.guard_ms),
        )
        covers = [proof.begin_ms <= a and (b <= proof.end_ms or a >= b) for a, b in (first, last)]
        assert any(covers)
        longest = max((b - a for a, b in each.masked), default=0)
        if longest < proving._BELIEVED_MS or not silent:
            assert all(covers), "without a run that can be believed, both places are silent"
        assert proof.leaked_peak <= proof.peak
    assert prove(path, *spans) is not None
    assert path.read_bytes() == after, "done again, it finds silence"


def test_without_the_proof_these_tests_would_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sabotage: a proof that finds nothing leaves what was said."""
    path = put(tmp_path / "x.wav", talk(60_000, [(20_000, 30_000)]))
    monkeypatch.setattr(Sound, "peak", lambda *_: 0)
    monkeypatch.setattr(Sound, "silence", lambda *_: None)
    prove(path, span(20_000, 30_000, 60_000))
    assert is_speech(path, 30_000, 30_250)
