"""What a proof found before a crash is remembered, and stands for nothing but itself (R7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.core.entries import PauseEnded
from ivr.storage.places import Places, prepare
from tests.recording.wavs import is_silent, talk
from tests.storage.parts import CALL, EIO, Trace
from tests.storage.paused import HELD, LEAKED, MASKED, PAUSED, TWICE, file, names, put


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return prepare(tmp_path / "spool", 0)


def test_what_is_remembered_is_no_proof_of_other_pauses(places: Places) -> None:
    """The journal lost a line between the crash and the next start, and with it a number."""
    put(places, LEAKED)
    assert file(places, TWICE, Trace(failing={"pwrite:.wav": EIO})).error is not None
    assert names(places)["tmp"] == [f"{CALL}.proofs"]
    ended = next(n for n, each in enumerate(TWICE) if isinstance(each.entry, PauseEnded))
    filed = file(places, TWICE[:ended] + TWICE[ended + 1 :])
    assert filed.record is not None
    [pause] = filed.record.recording.pauses
    assert (pause.verdict, pause.start_ms, pause.end_ms) == ("repaired", 750, 6_750)
    assert is_silent(Path(places.audio(CALL)), 750, 6_750)


def proof(pause: int, begin: int, end: int, peak: int) -> str:
    where = f'"pause":{pause},"part":1,"begin_ms":{begin},"end_ms":{end}'
    return f'{{{where},"peak":{peak},"leaked_peak":7}}\n'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (proof(0, 1_000, 3_000, 20_000), (1_000, 5_250, 20_000, 7)),
        (proof(3, 7_000, 99_000, 0), (1_750, 8_000, HELD, 7)),
        (proof(0, 8_000, 9_000, 20_000), (1_750, 5_250, HELD, 0)),
        (proof(0, 1_000, 3_000, 20_000).replace("1000", '"1"'), (1_750, 5_250, HELD, 0)),
    ],
)
def test_what_is_remembered_only_widens(
    places: Places, line: str, expected: tuple[int, int, int, int]
) -> None:
    put(places, talk(8_000, [(1_500, 5_000)]))
    Path(places.proofs(CALL, 1)).write_text(line)
    filed = file(places, PAUSED)
    assert filed.record is not None
    [pause] = filed.record.recording.pauses
    assert (pause.start_ms, pause.end_ms, pause.peak, pause.leaked_peak) == expected
    assert is_silent(Path(places.audio(CALL)), pause.start_ms, pause.end_ms)


def test_what_is_remembered_of_another_version_is_left_out(places: Places) -> None:
    put(places, MASKED)
    Path(places.proofs(CALL, 1)).write_text('{"pause":0,"odd":1}\nnot json\n[]\n')
    filed = file(places, PAUSED)
    assert filed.record is not None
    assert filed.record.recording.pauses[0].peak == HELD
    assert names(places)["tmp"] == []
