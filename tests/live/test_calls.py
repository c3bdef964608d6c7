"""The standard scripts over real SIP and RTP (R1, R2, R3, R5, R24)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.lab import script
from ivr.lab.expect import STANDARD_EXPECTED, Expected
from ivr.lab.script import CallScript, DuringPrompt, HangUp, Keys
from tests.live.acts import Acts
from tests.live.house import Site
from tests.live.place import PATIENCE_S
from tests.live.written import NUMBERS

pytestmark = pytest.mark.live

_STANDARD = {
    name: replace(expected, least_ms=expected.least_ms and 2000)
    for name, expected in STANDARD_EXPECTED.items()
}
"""Whoever answers here talks for at least two seconds."""

CALLS: dict[str, tuple[CallScript, str, Expected]] = {
    "listens and talks": (script.LISTENS, "stays", _STANDARD[script.LISTENS.name]),
    "agent hangs up": (
        CallScript(),
        "answers",
        Expected("kept", "agent", least_ms=2000),
    ),
    "opts out": (script.OPTS_OUT, "answers", _STANDARD[script.OPTS_OUT.name]),
    "opts out and returns": (
        script.OPTS_OUT_AND_RETURNS,
        "answers",
        _STANDARD[script.OPTS_OUT_AND_RETURNS.name],
    ),
    "stray keys before the sequence": (
        CallScript(steps=(DuringPrompt(500), Keys("5**#*"), DuringPrompt(300), HangUp())),
        "answers",
        Expected("none", "caller", announcement="partly", opt_outs=1, confirmed="hangup"),
    ),
    "wrong keys": (script.WRONG_KEYS, "answers", _STANDARD[script.WRONG_KEYS.name]),
    "wrong keys in the reminder": (
        CallScript(
            steps=(DuringPrompt(300), Keys("*#*"), *(DuringPrompt(300), Keys("7")) * 3),
        ),
        "answers",
        Expected(
            "none", "engine", "opted-out", announcement="partly", opt_outs=1, confirmed="wrong-keys"
        ),
    ),
    "hangs up in the announcement": (
        script.HANGS_UP_IN_ANNOUNCEMENT,
        "answers",
        _STANDARD[script.HANGS_UP_IN_ANNOUNCEMENT.name],
    ),
    "busy": (CallScript(), "busy", _STANDARD[script.BUSY.name]),
    "the second telephone answers": (
        CallScript(),
        "hunt",
        Expected("kept", "agent", least_ms=2000),
    ),
    "no answer": (CallScript(), "silent", _STANDARD[script.NO_ANSWER.name]),
    "nobody there": (CallScript(), "nobody", Expected("none", "engine", "unavailable")),
    "hangs up while it rings": (
        CallScript(steps=(DuringPrompt(14_500), HangUp())),
        "silent",
        Expected("none", "caller"),
    ),
}


@pytest.fixture(scope="session")
def placed(site: Site, acts: Acts) -> dict[str, object]:
    """All calls at once, as they come to a council."""
    calls = {
        name: site.caller.place(replace(told, name=name), NUMBERS[to])
        for name, (told, to, _expected) in CALLS.items()
    }
    return dict(calls)


@pytest.mark.parametrize("name", CALLS)
def test_a_real_call_ends_as_its_script_says(
    site: Site, placed: dict[str, object], name: str
) -> None:
    from tests.live.place import Placed
    from tests.live.wait import until

    call = placed[name]
    assert isinstance(call, Placed)
    assert call.over.wait(PATIENCE_S), f"the call goes on: {call.events}"
    record = site.spool / "new" / f"{call.a_leg}.json"
    until(record.exists, f"a record of {name}, {call.a_leg}")
    complaints = CALLS[name][2].complaints(site.spool, call.a_leg)
    assert complaints == [], f"{record.read_text()}\n{call.events}"
