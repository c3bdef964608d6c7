"""The call in which a card number is keyed (R6, R7): shown without it, and searched for it."""

from __future__ import annotations

import re
import wave
from array import array
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.demo import traces, verdict
from ivr.demo.stage import Stage
from ivr.lab import script
from ivr.lab.call import CallOutcome, Happening
from ivr.lab.expect import STANDARD_EXPECTED
from ivr.lab.leg import Leg
from ivr.lab.record import Recording
from tests.demo.conftest import Shown, play_turned
from tests.demo.test_show import steps
from tests.demo.test_verdict import audio, call_of, change_recording, complaints, rewrite, spool
from tests.leaks.cards import CARDS
from tests.leaks.search import digits_in, keys_told

__all__ = ["spool"]

CALLER = script.PAYS_BY_CARD.number
EXPECTED = STANDARD_EXPECTED[script.PAYS_BY_CARD.name]


def play(folder: Path, meddle: Callable[[Stage], None] = lambda _stage: None) -> Shown:
    return play_turned(folder, (script.PAYS_BY_CARD,), meddle=meddle)


def test_the_steps_are_told_without_the_keys(good: Shown) -> None:
    assert steps(good, "pays by card") == [
        "hears the announcement",
        "the telephone rings",
        "talks to 1001, recorded",
        "the agent presses *7: recording is paused",
        "presses 16 keys, not shown",
        "the agent presses *8: recording goes on",
        "the agent hangs up",
        "✓ as the script says",
    ]
    assert digits_in(good.text, script.TEST_CARD) == []


def test_the_report_says_what_was_paused(good: Shown) -> None:
    short = call_of(good.stage.spool, CALLER)[:8]
    assert re.search(
        rf"^  {short}  from [\d.]+ to [\d.]+ s, by the agent: silent, and no file has the keys$",
        good.text,
        re.MULTILINE,
    )
    assert re.search(r'ivr_pauses_total\{by="agent"\} +1  ✓', good.text)
    assert f"ivr recording verify {short} --spool {good.stage.spool}" in good.text


def test_the_cleverer_search_finds_nothing_either(good: Shown) -> None:
    assert script.TEST_CARD in CARDS
    assert digits_in(good.stage.folder / "spool", script.TEST_CARD) == []
    for name in ("engine.log", "switch.log", "metrics.txt"):
        assert digits_in(good.stage.folder / name, script.TEST_CARD) == []
    assert call_of(good.stage.spool, CALLER) not in keys_told(good.stage.folder / "switch.log")


@pytest.mark.parametrize("width", [80, 120])
def test_the_time_line_shows_the_pause_and_dots_for_keys(tmp_path: Path, width: int) -> None:
    shown = play_turned(tmp_path / "d", (script.PAYS_BY_CARD,), width=width, plain=False)
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.text)
    rows = [line for line in bare.splitlines() if line.startswith("pays by card ")]
    assert re.fullmatch(r"pays by card +━+┄*●+░+·+░*●+┃ +✓ as the script says", rows[-1])
    counted = [int(one) for row in rows for one in re.findall(r"presses (\d+) keys$", row)]
    assert counted[-1] == 16
    assert all(now <= then for now, then in pairwise(counted))
    assert any(row.endswith("recording is paused") for row in rows)
    assert "░ paused" in bare
    assert "· keys not shown" in bare
    assert digits_in(bare, script.TEST_CARD) == []


def test_it_can_be_played_twice_on_one_stage(tmp_path: Path) -> None:
    shown = play_turned(tmp_path / "d", (script.PAYS_BY_CARD, script.PAYS_BY_CARD))
    assert shown.code == 0, shown.text
    assert shown.text.count("silent, and no file has the keys") == 2


# -- the whole demonstration with something broken ----------------------------------------------


def test_a_switch_that_does_not_hide_keys_makes_it_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Leg.true
    monkeypatch.setattr(Leg, "true", lambda leg, name: name != "sensitive_dtmf" and real(leg, name))
    shown = play(tmp_path / "d")
    assert shown.code == 1
    assert "the switch told of the keys of the card number" in shown.text
    assert "keys of the card number were sent on to 1001" in shown.text
    assert "switch.log has digits of the card number (one key a line)" in shown.text
    assert "not as it should be, see above" in shown.text
    assert digits_in(shown.text, script.TEST_CARD) == []


def test_a_mask_that_masks_nothing_makes_it_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recording, "mask", lambda _recording: None)
    shown = play(tmp_path / "d")
    assert shown.code == 1
    assert "the mask leaked, as loud as" in shown.text
    assert "metric ivr_masks_leaked_total is 1, the records say 0" in shown.text


def test_an_agent_who_does_not_pause_makes_it_fail(tmp_path: Path) -> None:
    agent = script.PAYS_BY_CARD.destination
    assert agent is not None
    silent = tuple(one for one in agent.steps if not isinstance(one, script.Keys))
    card = script.Keys(script.TEST_CARD)
    never = replace(
        script.PAYS_BY_CARD,
        steps=(script.WhenConnected(400), card),
        destination=replace(agent, steps=silent),
    )
    shown = play_turned(tmp_path / "d", (never,))
    assert shown.code == 1
    assert "paused by nobody, expected by agent" in shown.text
    assert "switch.log has digits of the card number (one key a line)" in shown.text
    assert digits_in(shown.text, script.TEST_CARD) == []


def test_a_caller_who_keys_nothing_proves_nothing(tmp_path: Path) -> None:
    shown = play_turned(tmp_path / "d", (replace(script.PAYS_BY_CARD, steps=()),))
    assert shown.code == 1
    assert "the caller did not key the card number: nothing was there to hide" in shown.text


def test_a_number_left_in_the_spool_makes_it_fail(tmp_path: Path) -> None:
    def leave(stage: Stage) -> None:
        real = stage.scrape

        def scrape() -> str:
            (stage.spool / "journal" / "note").write_text(f"card={script.TEST_CARD};")
            return real()

        stage.scrape = scrape  # type: ignore[method-assign] # the moment at which all calls are over

    shown = play(tmp_path / "d", leave)
    assert shown.code == 1
    assert "spool/journal/note has digits of the card number (in a row)" in shown.text


# -- a record or a recording that is not as it must be ---------------------------------------------


def loud(samples: array[int]) -> array[int]:
    """A single sample in the middle of the pause."""
    both = array("h", samples)
    both[2 * 8 * 3000] = 1
    return both


def after_only(samples: array[int]) -> array[int]:
    """The guard has grown over all that was said before."""
    return array("h", bytes(4 * 8 * 1700)) + samples[2 * 8 * 1700 :]


def before_only(samples: array[int]) -> array[int]:
    kept = 2 * 8 * 4000
    return samples[:kept] + array("h", bytes(2 * (len(samples) - kept)))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a leak in the audio": (
        lambda spool: rewrite(spool, loud, caller=CALLER),
        "the recording is not silent in the pause, but as loud as 1",
    ),
    "nothing before": (
        lambda spool: rewrite(spool, after_only, caller=CALLER),
        "the caller is not what is heard on the caller's channel before the pause",
    ),
    "nothing after": (
        lambda spool: rewrite(spool, before_only, caller=CALLER),
        "the agent is not what is heard on the agent's channel after it",
    ),
    "no pause": (
        lambda spool: change_recording(spool, CALLER, pauses=[]),
        "paused by nobody, expected by agent",
    ),
    "another's": (lambda spool: of_pause(spool, by="page"), "paused by page, expected by agent"),
    "never ended": (lambda spool: of_pause(spool, ended_by=""), "the pause was ended by nobody"),
    "stopped": (
        lambda spool: of_pause(spool, how="stopped"),
        "the pause is stopped, expected masked",
    ),
    "unproved": (
        lambda spool: of_pause(spool, verdict="unproved"),
        "the pause is unproved, expected verified or repaired",
    ),
    "keys": (lambda spool: of_pause(spool, keys_hidden=False), "keys were not hidden"),
    "leaked": (lambda spool: of_pause(spool, leaked_peak=9), "the mask leaked, as loud as 9"),
    "all of it": (
        lambda spool: of_pause(spool, start_ms=0),
        "nothing is heard before the pause",
    ),
}


def of_pause(spool: Path, **changed: object) -> None:
    record = verdict.read(spool, call_of(spool, CALLER))
    assert record is not None
    pause = record.recording.pauses[0].model_dump()
    change_recording(spool, CALLER, pauses=[{**pause, **changed}])


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_pause_is_complained_of(spool: Path, name: str) -> None:
    spoil, said = SPOILED[name]
    call = call_of(spool, CALLER)
    assert complaints(spool, call, EXPECTED) == ""
    spoil(spool)
    assert said in complaints(spool, call, EXPECTED)


def test_a_pause_where_nobody_should_pause_is_complained_of(spool: Path) -> None:
    call = call_of(spool, CALLER)
    wrong = complaints(spool, call, replace(EXPECTED, paused=()))
    assert wrong == "paused by agent, expected by nobody"


def seen(spool: Path, *masks: tuple[str, int]) -> CallOutcome:
    """What the switch saw of the call in which a card is keyed."""
    record = verdict.read(spool, call_of(spool, CALLER))
    assert record is not None
    return CallOutcome(
        uuid=record.call,
        script=script.PAYS_BY_CARD,
        cause="NORMAL_CLEARING",
        ended_by="destination",
        duration_ms=record.durations.total_ms,
        answered_ms=20,
        connected_ms=record.durations.to_connect_ms,
        heard_keys="",
        happenings=tuple(
            Happening(record.durations.to_connect_ms + ms, "caller", event) for event, ms in masks
        ),
    )


MASK, UNMASK = ("RECORD_MASK", 1700), ("RECORD_UNMASK", 5300)


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ((MASK, UNMASK), ""),
        ((), "the record has 1 pauses, the switch 0 masks"),
        (
            (MASK, UNMASK, ("RECORD_MASK", 5400), ("RECORD_STOP", 6000)),
            "the record has 1 pauses, the switch 2 masks",
        ),
        ((("RECORD_MASK", 700), UNMASK), "the switch a mask from 700 to 5300 ms"),
        ((MASK, ("RECORD_UNMASK", 6500)), "the switch a mask from 1700 to 6500 ms"),
    ],
)
def test_a_mask_that_the_record_does_not_know_is_complained_of(
    spool: Path, masks: tuple[tuple[str, int], ...], said: str
) -> None:
    wrong = "; ".join(verdict.of_call(spool, seen(spool, *masks), EXPECTED))
    assert said in wrong
    assert bool(wrong) == bool(said)


# -- the search ------------------------------------------------------------------------------------

NUMBER, CALL = "5436031030606378", "3deba8b7-2ff2-4ff4-8a2e-0a4b6a4c6a11"


def lines(form: str, between: str = "") -> bytes:
    return "".join(form.format(key) + "\n" + between for key in NUMBER).encode()


@pytest.mark.parametrize(
    "left",
    [
        NUMBER.encode(),
        b"\0\x01RIFF" + NUMBER[:10].encode() + b"\0",
        lines("{}"),
        lines(CALL + " RECV DTMF {}:1280"),
        lines(CALL + " RECV DTMF {}:1280", "another call's DTMF 7:800\n"),
        lines('{{"call": "' + CALL + '", "key": "{}"}}'),
    ],
)
def test_a_number_is_found_as_it_is_and_one_key_a_line(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "spool" / "new").mkdir(parents=True)
    (tmp_path / "spool" / "new" / "kept").write_bytes(b"before\n" + left + b"\nafter\n")
    (wrong,) = traces.of_number(tmp_path, NUMBER, CALL)
    assert wrong.startswith("spool/new/kept has digits of the card number (")
    assert digits_in(wrong, NUMBER, least=4) == []


def test_a_number_in_a_files_name_is_found(tmp_path: Path) -> None:
    (tmp_path / f"{NUMBER}.wav").write_bytes(b"")
    (wrong,) = traces.of_number(tmp_path, NUMBER, CALL)
    assert wrong.endswith(" has digits of the card number (its name)")


def test_other_digits_and_what_a_link_leads_to_are_no_traces(tmp_path: Path) -> None:
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "number").write_text(NUMBER)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "prompts").symlink_to(tmp_path / "apart")
    (tmp_path / "folder" / "log").write_text(f"1795514061757 {CALL} RECV DTMF *:1288\n{NUMBER[:9]}")
    assert traces.of_number(tmp_path / "folder", NUMBER, CALL) == []


def test_the_recording_of_the_call_is_whole(good: Shown) -> None:
    """It is the length of the conversation: a pause takes nothing out of it."""
    with wave.open(str(audio(good.stage.spool, CALLER)), "rb") as file:
        assert 6500 <= file.getnframes() * 1000 // file.getframerate() <= 7500
