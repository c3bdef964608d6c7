"""Opting out in mid-call, and whatever may happen in each of its moments (R4, R6, R22).

The caller of these calls speaks only while opting out, so not one sample of that voice may be in
the recording, and no tone of a key; whatever becomes of the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.core import events
from ivr.lab import CallScript, Destination, LabCall, Moment
from ivr.lab.expect import CALLER_HZ, loudest
from ivr.lab.script import (
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    Hold,
    Keys,
    Speak,
    Unhold,
    Wait,
    WaitFor,
    WhenConnected,
)
from ivr.lab.session import Action
from tests.engine.house import House
from tests.engine.union import AUDIBLE, COLLEAGUE
from tests.leaks.tones import tones_in

PHASES = ("keying", "parting", "reminding", "deciding", "rejoining", "farewell")
KEEP, DESTROY = "keep", "destroy"


@pytest.fixture
def house(build: Callable[..., House], request: pytest.FixtureRequest) -> House:
    one = build()
    policy = one.folder / "dialplan/policy.yaml"
    recorded = getattr(request, "param", KEEP)
    text = policy.read_text()
    reminders = "    reminders: 2\n"
    policy.write_text(text.replace(reminders, f"{reminders}    connected: {recorded}\n"))
    one.extensions = {COLLEAGUE: (Action("bridge", f"sofia/lab/{COLLEAGUE}"),)}
    one.start()
    return one


class Told:
    """A call, brought to a moment of its caller's opting out."""

    def __init__(self, house: House, phase: str, *agent: Any) -> None:
        self.house, self.phase = house, phase
        self.now = Moment("the moment")
        back = (Wait(3000), Speak(aloud=False), Keys("1"))
        keys = Keys("*") if phase == "keying" else Keys("*#*")
        caller = (
            WhenConnected(),
            Speak(aloud=False),
            Wait(1500),
            keys,
            Speak(aloud=phase != "keying"),
            *(back if phase == "rejoining" else ()),
            Wait(14_000),
            HangUp(),
        )
        desk = Destination(
            steps=(WhenConnected(), Speak(aloud=False), WaitFor(self.now), *agent, Wait(60_000))
        )
        colleague = Destination(steps=(Speak(aloud=False), WhenConnected(5000), HangUp()))
        places = {"desk": desk, COLLEAGUE: colleague}
        self.call: LabCall = house.place(CallScript(steps=caller, destinations=places))
        house.until(self.call, "connected")
        house.until(self.call, phase)

    def record(self) -> dict[str, Any]:
        """Its record, after all that must hold of every such call."""
        house, call = self.house, self.house.over(self.call)
        house.clock.run_until(self.call.done.ready)
        paths = list(house.spool.rglob(f"{self.call.uuid}*.wav"))
        for path in paths:
            assert loudest(path, CALLER_HZ) < AUDIBLE, "the caller is heard"
            assert not tones_in(path.read_bytes())
        assert len(paths) == (call.record["recording"]["state"] == "kept")
        return call.record


def outcome(record: dict[str, Any]) -> tuple[str, str, str, int]:
    """Who ended it and why; how the opt-out was confirmed; how often the caller came back."""
    opted, ended = record["opt_out"], record["ended"]
    return ended["by"], ended["reason"], opted["how"], opted["returned"]


STANDS = ("engine", "opted-out", "timeout", 0)
"""The caller heard the reminder, did not come back, and was told goodbye."""
GOES_ON = ("caller", "", "", 0)
CAME_BACK = ("caller", "", "", 1)
LOST = ("caller", "", "lost", 0)
UNTOUCHED = (GOES_ON, STANDS, STANDS, STANDS, CAME_BACK, STANDS)
"""What the agent's telephone does makes no difference."""
ENDS: dict[str, tuple[tuple[str, str, str, int], ...]] = {
    "agent hangs up": (
        ("agent", "", "", 0),
        STANDS,
        STANDS,
        STANDS,
        ("agent", "", "", 1),
        STANDS,
    ),
    "caller hangs up": (
        GOES_ON,
        *(("caller", "", "hangup", 0),) * 3,
        CAME_BACK,
        ("caller", "opted-out", "timeout", 0),
    ),
    "blind transfer": (("agent", "", "", 0), *UNTOUCHED[1:]),
    "attended transfer": (("agent", "", "", 0), *UNTOUCHED[1:4], ("agent", "", "", 1), STANDS),
    "pause by key": UNTOUCHED,
    "pause by HTTP": UNTOUCHED,
    "hold": UNTOUCHED,
    "link lost": (GOES_ON, LOST, LOST, LOST, CAME_BACK, STANDS),
}
"""For each of the phases, how such a call ends."""
AGENT: dict[str, tuple[Any, ...]] = {
    "agent hangs up": (HangUp(),),
    "blind transfer": (BlindTransfer(COLLEAGUE),),
    "attended transfer": (AttendedTransfer(COLLEAGUE),),
    "pause by key": (Keys("*7"),),
    "hold": (Hold(), Wait(2000), Unhold()),
}
MOST = [(what, DESTROY) for what in ENDS] + [("agent hangs up", KEEP), ("link lost", KEEP)]


@pytest.mark.parametrize(("what", "house"), MOST, indirect=["house"])
def test_every_moment_has_its_end(house: House, what: str, request: pytest.FixtureRequest) -> None:
    destroys = DESTROY in request.node.name
    told = []
    for phase in PHASES:
        one = Told(house, phase, *AGENT.get(what, ()))
        one.now.now()
        match what:
            case "caller hangs up":
                one.call.leg.hang_up("NORMAL_CLEARING", by="caller")
            case "pause by HTTP":
                at = house.clock.monotonic_ms()
                house.engine.context.calls[one.call.uuid].ask(events.PauseAsked(at, "http"))
            case "link lost":
                house.lose(one.call)
        told.append(one)
    for one, expected in zip(told, ENDS[what], strict=True):
        record = one.record()
        assert outcome(record) == expected, one.phase
        gone = destroys and bool(expected[2])
        assert record["recording"]["state"] == ("destroyed" if gone else "kept"), one.phase
        [first, *more] = record["recording"]["pauses"]
        assert (first["by"], first["how"]) == ("opt-out", "masked")
        assert len(more) == (what == "pause by key" and one.phase == "rejoining")
    house.clock.run(20_000)
    assert not house.switch.legs(), "nobody waits for ever"


STOPPED = (GOES_ON, LOST, LOST, LOST, CAME_BACK, STANDS)


@pytest.mark.parametrize("house", [DESTROY], indirect=True)
def test_the_engine_is_stopped_in_any_moment(house: House) -> None:
    """FreeSWITCH joins the two again, and the next engine keeps nothing of a caller who has not
    come back."""
    for phase, expected in zip(PHASES, STOPPED, strict=True):
        one = Told(house, phase)
        house.stop()
        house.clock.run(1_500)
        house.start()
        record = one.record()
        assert outcome(record) == expected, phase
        assert record["recording"]["state"] == ("destroyed" if expected[2] else "kept"), phase
    house.clock.run(20_000)
    assert not house.switch.legs()
