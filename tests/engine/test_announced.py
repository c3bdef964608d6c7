"""Whom staff call hears the announcement first, and may opt out (R2, R3, R10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.expect import AGENT_HZ
from ivr.lab.script import DuringPrompt, HangUp, Keys, Wait, WhenConnected
from tests.engine import site
from tests.engine.house import AGENT, CALLER, Call, House
from tests.leaks.tones import tones_in

CUSTOMER = "07700900123"
CUSTOMER_HZ = 620
ROUTE = """\
- name: staff
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  team: customer-services
  destination: outside
  announce: true
"""


@pytest.fixture
def house(build: Callable[..., House], request: pytest.FixtureRequest) -> House:
    one = build()
    for name, more in (
        ("destinations", 'outside:\n  dial: "sofia/lab/$number"\n'),
        ("routes", ROUTE),
    ):
        path = one.folder / f"dialplan/{name}.yaml"
        path.write_text(path.read_text() + more)
    policy = one.folder / "dialplan/policy.yaml"
    recorded = getattr(request, "param", "keep")
    reminders = "    reminders: 2\n"
    policy.write_text(
        policy.read_text().replace(reminders, f"{reminders}    connected: {recorded}\n")
    )
    one.start()
    return one


def script(
    customer: tuple[Any, ...], staff: tuple[Any, ...] = (Wait(60_000),), **more: Any
) -> CallScript:
    return CallScript(
        dialled=f"9{CUSTOMER}",
        number="1001",
        account="1001",
        context="default",
        hz=AGENT_HZ,
        steps=staff,
        destinations={CUSTOMER: Destination(answer_ms=800, hz=CUSTOMER_HZ, steps=customer)},
        **more,
    )


def prompts(call: LabCall) -> list[str]:
    """What the called person heard, by name."""
    return [one.what.rsplit("/", 1)[-1].removesuffix(".wav") for one in call.at(CUSTOMER).heard]


def short(call: Call) -> tuple[str, str, str, str]:
    ended, record = call.record["ended"], call.record
    return ended["by"], ended["reason"], record["opt_out"]["how"], record["recording"]["state"]


def test_heard_first_connected_after_and_recorded_from_there_on(house: House) -> None:
    placed = house.place(script((WhenConnected(3000), HangUp())))
    call = house.over(placed)
    assert prompts(placed) == ["announcement"]
    assert not placed.leg.heard, "who calls hears it ring"
    outcome = placed.done.get()
    assert outcome.connected_ms >= 800 + 2000
    assert call.record["announcement"] == "fully"
    assert call.record["recording"]["duration_ms"] == pytest.approx(3000, abs=60)
    for channel, hz in ((CALLER, CUSTOMER_HZ), (AGENT, AGENT_HZ)):
        assert call.loudness(channel, hz, 0, 200) > 1000
        assert call.loudness(channel, hz, 2700, 2900) > 1000
    assert call.loudness(CALLER, site.ANNOUNCEMENT_HZ) < 100


@pytest.mark.parametrize(
    ("steps", "staff", "expected", "heard"),
    [
        (
            (DuringPrompt(500), Keys("*#*"), DuringPrompt(500), Keys("1"), WhenConnected(2000)),
            (Wait(60_000),),
            ("agent", "", "", "kept"),
            ["announcement", "reminder"],
        ),
        (
            (DuringPrompt(500), Keys("*#*"), Wait(60_000)),
            (Wait(60_000),),
            ("engine", "opted-out", "timeout", "none"),
            ["announcement", "reminder", "goodbye"],
        ),
        (
            (DuringPrompt(500), Keys("*#*"), DuringPrompt(500), HangUp()),
            (Wait(60_000),),
            ("engine", "opted-out", "hangup", "none"),
            ["announcement", "reminder"],
        ),
        (
            (DuringPrompt(500), HangUp()),
            (Wait(60_000),),
            ("engine", "customer-gone", "", "none"),
            ["announcement"],
        ),
        (
            (Wait(60_000),),
            (Wait(1500), HangUp()),
            ("caller", "", "", "none"),
            ["announcement"],
        ),
        (
            (DuringPrompt(500), Keys("*#*"), Wait(60_000)),
            (Wait(3000), HangUp()),
            ("caller", "", "hangup", "none"),
            ["announcement", "reminder"],
        ),
    ],
    ids=[
        "opts out and returns",
        "opts out",
        "opts out and hangs up",
        "hangs up",
        "who calls hangs up",
        "who calls hangs up meanwhile",
    ],
)
def test_before_the_two_are_connected(
    house: House,
    steps: tuple[Any, ...],
    staff: tuple[Any, ...],
    expected: tuple[str, str, str, str],
    heard: list[str],
) -> None:
    placed = house.place(script((*steps, HangUp()), staff))
    call = house.over(placed)
    assert short(call) == expected
    assert prompts(placed) == heard, "and no key but the last cut any of them"
    house.clock.run(5_000)
    assert not house.switch.legs()
    kept = expected[3] == "kept"
    assert bool(placed.done.get().connected_ms) == kept
    assert len(list(house.spool.rglob("*.wav"))) == kept


@pytest.mark.parametrize("at_ms", [400, 1500], ids=["while it rings", "while it is told"])
def test_the_engine_is_stopped_meanwhile(house: House, at_ms: int) -> None:
    """The two are connected, and nothing of it is recorded: nobody was told to the end."""
    placed = house.place(script((WhenConnected(3000), HangUp())))
    house.clock.run(at_ms)
    house.stop()
    house.clock.run(3_000)
    house.start()
    call = house.over(placed)
    assert placed.done.get().connected_ms
    assert call.record["recording"]["state"] != "kept"
    assert not list(house.spool.rglob("*.wav"))


def test_the_connection_of_the_called_person_never_comes(house: House) -> None:
    """FreeSWITCH connects the two; who was not told is not recorded."""
    connect = house.switch.connect
    house.switch.connect = lambda leg, words: None if leg.outbound else connect(leg, words)
    placed = house.place(script((WhenConnected(3000), HangUp())))
    call = house.over(placed)
    assert placed.done.get().connected_ms == pytest.approx(820, abs=30)
    assert call.record["announcement"] == "no"
    assert call.record["recording"]["state"] != "kept"
    assert not list(house.spool.rglob("*.wav"))


@pytest.mark.parametrize("house", ["keep", "destroy"], indirect=True)
def test_the_called_person_opts_out_in_mid_call(
    house: House, request: pytest.FixtureRequest
) -> None:
    """It is who called that waits and hears music and tones (R4)."""
    back = (WhenConnected(2000), Keys("*#*"), DuringPrompt(500), Keys("5"), DuringPrompt(500))
    ends = (Keys("1"), WhenConnected(2000), Keys("*#*"), Wait(60_000))
    placed = house.place(script((*back, *ends)))
    call = house.over(placed)
    keeps = "keep" in request.node.name
    assert short(call) == ("engine", "opted-out", "timeout", "kept" if keeps else "destroyed")
    opted = call.record["opt_out"]
    assert (opted["started"], opted["returned"], opted["reminders_repeated"]) == (2, 1, 1)
    assert prompts(placed) == ["announcement", *["reminder"] * 3, "goodbye"]
    heard = [one.what.partition("://")[0] for one in placed.leg.heard]
    assert heard == ["local_stream", "tone_stream", "local_stream", "tone_stream"]
    house.clock.run(5_000)
    assert not house.switch.legs()
    assert len(list(house.spool.rglob("*.wav"))) == keeps
    if keeps:
        first, second = call.record["recording"]["pauses"]
        assert call.loudness(CALLER, CUSTOMER_HZ, 100, first["start_ms"] - 50) > 1000
        for one in (first, second):
            for channel, hz in ((CALLER, CUSTOMER_HZ), (AGENT, AGENT_HZ)):
                assert call.loudness(channel, hz, one["start_ms"], one["end_ms"]) == 0
        assert call.loudness(AGENT, AGENT_HZ, first["end_ms"] + 400, second["start_ms"]) > 1000
        for path in call.parts:
            assert not tones_in(path.read_bytes())


@pytest.mark.parametrize("house", ["destroy"], indirect=True)
@pytest.mark.parametrize("who", ["customer", "who called"])
def test_one_of_the_two_hangs_up_while_the_called_person_opts_out(house: House, who: str) -> None:
    placed = house.place(script((WhenConnected(2000), Keys("*#*"), Wait(60_000))))
    house.until(placed, "deciding")
    leg, by = (placed.at(CUSTOMER), "destination") if who == "customer" else (placed.leg, "caller")
    leg.hang_up("NORMAL_CLEARING", by=by)
    call = house.over(placed)
    assert call.record["opt_out"]["how"] == "hangup"
    assert call.record["recording"]["state"] == "destroyed"
    house.clock.run(20_000)
    assert not house.switch.legs()
    assert not list(house.spool.rglob("*.wav"))
