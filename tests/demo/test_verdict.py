from __future__ import annotations

import json
import shutil
import wave
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.demo import verdict
from ivr.lab.call import CallOutcome
from ivr.lab.expect import STANDARD_EXPECTED, Expected
from ivr.lab.script import LISTENS
from tests.demo.conftest import Shown


@pytest.fixture
def spool(good: Shown, tmp_path: Path) -> Path:
    """A spool of the standard calls, to be spoiled."""
    return Path(shutil.copytree(good.stage.spool, tmp_path / "spool"))


def call_of(spool: Path, caller: str) -> str:
    for path in (spool / "new").glob("*.json"):
        if json.loads(path.read_text())["caller"] == caller:
            return path.stem
    raise AssertionError(caller)


def change(spool: Path, caller: str = LISTENS.number, /, **changed: object) -> None:
    path = spool / "new" / f"{call_of(spool, caller)}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def change_recording(spool: Path, caller: str, /, **changed: object) -> None:
    path = spool / "new" / f"{call_of(spool, caller)}.json"
    change(spool, caller, recording={**json.loads(path.read_text())["recording"], **changed})


def audio(spool: Path, caller: str = LISTENS.number) -> Path:
    return spool / "new" / f"{call_of(spool, caller)}.wav"


def rewrite(
    spool: Path,
    mend: Callable[[array], array],
    channels: int = 2,
    caller: str = LISTENS.number,
) -> None:
    path = audio(spool, caller)
    with wave.open(str(path), "rb") as file:
        rate, samples = file.getframerate(), array("h", file.readframes(file.getnframes()))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(mend(samples).tobytes())


def swapped(samples: array) -> array:
    both = array("h", samples)
    both[::2], both[1::2] = samples[1::2], samples[::2]
    return both


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no record": (
        lambda spool: (spool / "new" / f"{call_of(spool, '07700900123')}.json").unlink(),
        "there is no record",
    ),
    "no JSON": (
        lambda spool: (spool / "new" / f"{call_of(spool, '07700900123')}.json").write_text("{"),
        "not a record of schema 4",
    ),
    "another schema": (lambda spool: change(spool, schema=5), "schema"),
    "heard partly": (
        lambda spool: change(spool, announcement="partly"),
        "announcement is 'partly', expected 'fully'",
    ),
    "no audio": (lambda spool: audio(spool).unlink(), ".wav is missing"),
    "no WAV": (lambda spool: audio(spool).write_bytes(b"RIFF" + bytes(40)), "is no WAV file"),
    "mono": (lambda spool: rewrite(spool, lambda samples: samples, 1), "1 channels, expected 2"),
    "short": (
        lambda spool: rewrite(spool, lambda samples: samples[:8000]),
        "500 ms long, expected at least 2000",
    ),
    "other audio": (
        lambda spool: rewrite(spool, lambda samples: samples[2:]),
        "the recording's hash is not the record's",
    ),
    "channels swapped": (
        lambda spool: rewrite(spool, swapped),
        "the caller is not what is heard on the caller's channel",
    ),
    "silence": (
        lambda spool: rewrite(spool, lambda samples: array("h", bytes(2 * len(samples)))),
        "the agent is not what is heard on the agent's channel",
    ),
}


def complaints(spool: Path, call: str, expected: Expected) -> str:
    return "; ".join(expected.complaints(spool, call))


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_call_is_complained_of(spool: Path, name: str) -> None:
    spoil, said = SPOILED[name]
    call, expected = call_of(spool, "07700900123"), STANDARD_EXPECTED[LISTENS.name]
    assert complaints(spool, call, expected) == ""
    spoil(spool)
    assert said in complaints(spool, call, expected)


def test_a_recording_where_there_should_be_none_is_complained_of(spool: Path) -> None:
    call = call_of(spool, "07700900124")
    shutil.copy(audio(spool), spool / "new" / f"{call}.wav")
    assert complaints(spool, call, STANDARD_EXPECTED["opts out"]).endswith(
        "is there and should not be"
    )


def test_what_else_lies_in_the_spool_is_complained_of(spool: Path, good: Shown) -> None:
    calls = [path.stem for path in (spool / "new").glob("*.json")]
    assert verdict.of_spool(spool, calls) == []
    (spool / "recording" / "left.wav").write_bytes(b"")
    (spool / "tmp" / "half.json").write_bytes(b"")
    wrong = verdict.of_spool(spool, calls[1:])
    assert wrong == [
        "tmp/half.json: being written, or cut off by a crash",
        f"{calls[0]}: a record of a call that nobody made",
        "recording/left.wav: left behind",
    ]


def test_metrics_that_disagree_or_are_missing_are_complained_of(good: Shown) -> None:
    text = (good.stage.folder / "metrics.txt").read_text()
    records = [
        record
        for path in (good.stage.spool / "new").glob("*.json")
        if (record := verdict.read(good.stage.spool, path.stem)) is not None
    ]
    assert verdict.disagreements(verdict.metrics(text, records, 8)) == []
    spoiled = text.replace("ivr_records_written", "ivr_written").replace(
        'ivr_opt_outs_total{step="returned"} 1.0', 'ivr_opt_outs_total{step="returned"} 2.0'
    )
    assert verdict.disagreements(verdict.metrics(spoiled, records, 8)) == [
        'metric ivr_opt_outs_total{step="returned"} is 2, the records say 1',
        "metric ivr_records_written_total is missing",
    ]


@pytest.mark.parametrize(
    ("seen", "changed", "said"),
    [
        ({}, {"connected_at": ""}, "not connected, the switch says connected after 14380 ms"),
        (
            {"ended_by": "destination"},
            {},
            "the record says the caller hung up, the switch the agent",
        ),
        (
            {},
            {
                "durations": {
                    "total_ms": 20_000,
                    "to_connect_ms": 14_380,
                    "connected_ms": 9_000,
                    "joined_ms": 9_000,
                    "wall_ms": 20_000,
                }
            },
            "ms were recorded of 9000 ms connected",
        ),
    ],
)
def test_a_call_that_the_switch_saw_otherwise_is_complained_of(
    spool: Path, seen: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    outcome = CallOutcome(
        uuid=call_of(spool, "07700900123"),
        script=LISTENS,
        cause="NORMAL_CLEARING",
        ended_by="caller",
        duration_ms=16_900,
        answered_ms=20,
        connected_ms=14_380,
        heard_keys="",
        happenings=(),
    )
    expected = STANDARD_EXPECTED[LISTENS.name]
    assert verdict.of_call(spool, outcome, expected) == []
    change(spool, **changed)
    (wrong,) = verdict.of_call(spool, replace(outcome, **seen), expected)
    assert said in wrong
