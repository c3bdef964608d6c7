"""Nothing is left of the exempt extension's numbers, by whatever way a call came to it (R8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from ivr.lab import CallScript, Destination
from ivr.lab.expect import loudest
from ivr.lab.script import (
    EXEMPT_HZ,
    AttendedTransfer,
    BlindTransfer,
    HangUp,
    ThreeWay,
    Wait,
    WhenConnected,
)
from tests.engine import union
from tests.engine.house import House
from tests.leaks.search import digits_in

EXTENSION, OUTSIDE = "583920", "01632960481"
"""No six digits in a row of these stand in what engine and switch write of calls anyway."""
CUSTOMER = "07700900123"


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.add_log_level, capture])
    yield capture.entries
    structlog.reset_defaults()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    union.prepare(one)
    policy = tmp_path / "dialplan/policy.yaml"
    text = policy.read_text().replace(union.EXEMPT, EXTENSION).replace(union.OUTSIDE, OUTSIDE)
    policy.write_text(text)
    one.start()
    yield one
    one.close()


TALKS = Destination(hz=EXEMPT_HZ, steps=(WhenConnected(2000), HangUp()))


def ways() -> list[CallScript]:
    """Every way that telephones can take, besides picking up."""
    steps = (WhenConnected(8000), HangUp())
    scripts = []
    for move in (
        BlindTransfer(EXTENSION),
        BlindTransfer(OUTSIDE),
        AttendedTransfer(EXTENSION),
        ThreeWay(EXTENSION),
        BlindTransfer(union.COLLEAGUE),
    ):
        places = {
            "desk": Destination(steps=(WhenConnected(700), move, Wait(60_000))),
            EXTENSION: TALKS,
            union.COLLEAGUE: Destination(redirect=EXTENSION, answer_ms=200),
        }
        scripts.append(CallScript(steps=steps, destinations=places))
    away = (WhenConnected(700), BlindTransfer(EXTENSION), Wait(8000))
    for to, hz, does in (
        (EXTENSION, 880, steps),
        (f"9{OUTSIDE}", 880, steps),
        (f"9{CUSTOMER}", 880, away),
    ):
        scripts.append(
            CallScript(
                steps=does,
                number="1001",
                account="1001",
                dialled=to,
                context="default",
                hz=hz,
                destinations={EXTENSION: TALKS},
            )
        )
    own = {"number": EXTENSION, "account": EXTENSION, "context": "default", "hz": EXEMPT_HZ}
    scripts.append(CallScript(steps=steps, dialled=f"9{CUSTOMER}", **own))
    scripts.append(CallScript(steps=steps, dialled=OUTSIDE, destinations={EXTENSION: TALKS}))
    return scripts


def test_no_number_of_it_is_left(house: House, logged: list[Any]) -> None:
    calls = []
    for script in ways():
        calls.append(house.switch.place(script))
        house.clock.run(50)
    taken = house.switch.place(CallScript(steps=(Wait(9000), HangUp())))
    house.until(taken, "connected")
    house.clock.run(300)
    picks = CallScript(
        steps=(Wait(2000), HangUp()),
        dialled=f"pickup-{taken.uuid}",
        number=EXTENSION,
        account=EXTENSION,
        context="default",
        hz=EXEMPT_HZ,
    )
    calls += [taken, house.switch.place(picks)]
    said, states = {}, set()
    while not all(one.done.ready() for one in calls):
        house.clock.run(200)
        states |= {repr(one.state) for one in house.engine.context.calls.values()}
    house.clock.run(5_000)
    for path in ("/metrics", "/healthz"):
        said[path] = house.get(path)[1]
    reached = [leg for one in calls for number, leg in one.others if number == EXTENSION]
    assert len([leg for leg in reached if leg.times.bridged]) >= len(ways()) - 2
    assert house.metric("ivr_calls_exempt_total") >= 4
    sent = {
        name: data
        for name, data in house.switch.traffic.items()
        if name.endswith("from the client")
    }
    assert digits_in(house.switch.traffic, EXTENSION), "it is found where FreeSWITCH tells of it"
    for source in (house.spool, sent, said, repr(logged), "\n".join(states)):
        assert digits_in(source, EXTENSION, OUTSIDE) == []
    recordings = list(house.spool.rglob("*.wav"))
    assert len(recordings) == 7
    for path in recordings:
        assert loudest(path, EXEMPT_HZ) < union.AUDIBLE
