"""``ivr recording verify``: what a person is shown of pauses, and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ivr.storage.places import Places, prepare
from tests.cli.test_root import edit, ivr, site_file  # noqa: F401 # a fixture
from tests.recording.wavs import talk
from tests.storage.parts import CALL, whole_call
from tests.storage.paused import FIRST, MASKED, PAUSED, SECOND, STOPPED, file, put


@pytest.fixture
def spool(tmp_path: Path) -> Places:
    return prepare(tmp_path / "there", 0)


def test_a_pause_has_a_line(spool):
    put(spool, MASKED)
    file(spool, PAUSED)
    for what in (CALL, CALL[:6], spool.audio(CALL), spool.record(CALL)):
        result = ivr("recording", "verify", what, "--spool", spool.root)
        assert result.exit_code == 0
        headings, pause = result.output.splitlines()
        assert headings.split() == [
            "AT", "UNTIL", "BY", "PART", "SILENT", "FROM", "TO", "VERDICT", "FOUND", "LEAKED",
            "NOW",
        ]  # fmt: skip
        assert pause.split() == [
            "2024-05-01T09:30:03.250+00:00", "2024-05-01T09:30:06.250+00:00", "agent", "1",
            "1.750", "s", "5.250", "s", "repaired", "10000", "0", "0",
        ]  # fmt: skip
        assert headings.index("VERDICT") == pause.index("repaired"), "in columns"


def test_a_pause_that_is_not_silent_ends_with_6(spool):
    put(spool, MASKED)
    file(spool, PAUSED)
    Path(spool.audio(CALL)).write_bytes(MASKED)
    result = ivr("recording", "verify", CALL, "--spool", spool.root)
    assert result.exit_code == 6
    assert result.stdout.splitlines()[1].endswith("10000       0  10000")
    assert result.stderr == "1 of 1 pauses are not silent\n"
    assert ivr("recording", "verify", CALL, "--spool", spool.root, "--json").exit_code == 6


def test_pauses_as_json(spool):
    put(spool, FIRST, SECOND)
    file(spool, STOPPED)
    result = ivr("recording", "verify", CALL, "--spool", spool.root, "--json")
    assert result.exit_code == 0
    [pause] = [json.loads(line) for line in result.output.splitlines()]
    assert (pause["part"], pause["verdict"], pause["now"], pause["good"]) == (
        1,
        "repaired",
        0,
        True,
    )
    assert (pause["start_ms"], pause["end_ms"], pause["by"]) == (1_750, 2_030, "page")


def test_a_pause_without_audio_is_well_and_one_that_could_not_be_proved_is_not(spool):
    file(spool, PAUSED)
    result = ivr("recording", "verify", CALL, "--spool", spool.root)
    assert (result.exit_code, result.stdout.splitlines()[1].split()[-4:]) == (
        0, ["nothing", "0", "0", "-"],
    )  # fmt: skip
    Path(spool.record(CALL)).unlink()
    put(spool, b"OggS" + bytes(100))
    file(spool, PAUSED)
    result = ivr("recording", "verify", CALL, "--spool", spool.root)
    assert (result.exit_code, result.stdout.splitlines()[1].split()[-4]) == (6, "unproved")


def test_a_call_that_was_never_paused_says_so(spool):
    put(spool, talk(1_000))
    file(spool, whole_call())
    for more in ((), ("--json",)):
        result = ivr("recording", "verify", CALL, "--spool", spool.root, *more)
        assert (result.exit_code, result.stdout) == (0, "")
    assert ivr("recording", "verify", CALL, "--spool", spool.root).stderr == "no pauses\n"


def test_any_wav_file_has_its_silence_listed(tmp_path):
    path = tmp_path / "any.wav"
    path.write_bytes(talk(20_000, [(2_000, 12_500), (15_000, 15_250), (16_000, 16_100)]))
    result = ivr("recording", "verify", path)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "SILENT FROM  FOR",
        "    2.000 s  10.500 s",
        "   15.000 s   0.250 s",
        "loudest sample elsewhere: 10000 of 32767",
    ]
    result = ivr("recording", "verify", path, "--json")
    assert [json.loads(line) for line in result.output.splitlines()] == [
        {"start_ms": 2_000, "length_ms": 10_500},
        {"start_ms": 15_000, "length_ms": 250},
        {"peak": 10_000},
    ]


def test_the_sites_spool_is_looked_in_for_a_call(site_file, spool):  # noqa: F811 # the fixture
    edit(site_file, "spool: ../spool", "spool: ../there")
    put(spool, MASKED)
    file(spool, PAUSED)
    result = ivr("recording", "verify", CALL, "--site", site_file)
    assert result.exit_code == 0
    assert "repaired" in result.output


@pytest.mark.parametrize(
    ("what", "code", "says"),
    [
        ("beef", 6, "'ivr spool ls' lists the calls that are there"),
        ("8f1", 2, "expected a lower-case UUID"),
        ("none.wav", 6, "none.wav: cannot be read: No such file"),
        ("/none", 6, "/none: cannot be read: No such file"),
    ],
)
def test_what_is_not_there(spool, what, code, says):
    result = ivr("recording", "verify", what, "--spool", spool.root)
    assert result.exit_code == code
    assert says in result.output
