"""With an exempt extension a recording is masked at each parting, and hears again whom it may (R5,
R8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.expect import CALLER_HZ
from ivr.lab.script import (
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Hold,
    Unhold,
    Wait,
    WhenConnected,
)
from ivr.lab.session import Action
from tests.engine.house import AGENT, CALLER, House

COLLEAGUE = "1002"
COLLEAGUE_HZ = 1900


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    one = build()
    policy = one.folder / "dialplan/policy.yaml"
    policy.write_text(policy.read_text() + 'exempt:\n  - extension: "1999"\n')
    one.extensions[COLLEAGUE] = (Action("bridge", f"sofia/lab/{COLLEAGUE}"),)
    one.start()
    return one


@pytest.mark.parametrize(
    "moves",
    [
        (BlindTransfer(COLLEAGUE),),
        (AttendedTransfer(COLLEAGUE),),
        (Hold(), Wait(2000), Unhold(), Wait(2000), AttendedTransfer(COLLEAGUE)),
        (Hold(), Wait(2000), BlindTransfer(COLLEAGUE)),
    ],
    ids=["blind", "attended", "held before", "on hold"],
)
def test_a_colleague_who_takes_the_call_is_heard(house: House, moves: tuple[Any, ...]) -> None:
    colleague = Destination(hz=COLLEAGUE_HZ, steps=(WhenConnected(4000), HangUp()))
    script = CallScript(
        steps=(WhenConnected(), Wait(60_000)),
        destination=Destination(steps=(WhenConnected(2000), *moves, Wait(60_000))),
        destinations={COLLEAGUE: colleague},
    )
    call = house.call(script)
    end = call.record["recording"]["duration_ms"]
    assert [leg["number"] for leg in call.record["legs"]] == ["desk", COLLEAGUE]
    assert call.loudness(CALLER, CALLER_HZ, end - 3500, end - 200) > 1000
    assert call.loudness(AGENT, COLLEAGUE_HZ, end - 3500, end - 200) > 1000
    assert house.metric("ivr_masks_leaked_total") == 0
