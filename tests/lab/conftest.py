from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.lab.clock import TurnedClock
from ivr.lab.switch import LabSwitch, dialplan_for
from tests.lab.client import Client, Engine, Message, inbound, spawn


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    """A prompt of three seconds."""
    return make_prompt(tmp_path / "a.wav", 3000)


def make_prompt(path: Path, ms: int, rate: int = 8000) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x00\x10" * (ms * rate // 1000))
    return str(path)


@pytest.fixture
def switch(clock: TurnedClock, tmp_path: Path) -> Iterator[LabSwitch]:
    made = LabSwitch(clock, log_path=tmp_path / "switch.log", seed=1)
    yield made
    made.close()
    clock.settle()


@pytest.fixture
def engine(
    clock: TurnedClock, switch: LabSwitch
) -> Iterator[Callable[[Callable[[Client], object]], Engine]]:
    """Makes an engine that plays a part, and has the dialplan send every call to it."""
    made: list[Engine] = []

    def make(part: Callable[[Client], object]) -> Engine:
        one = Engine(clock, part)
        made.append(one)
        switch.dialplan = dialplan_for(one.address)
        return one

    yield make
    for one in made:
        one.close()
    clock.settle()


@pytest.fixture
def watch(clock: TurnedClock, switch: LabSwitch) -> Callable[..., list[Message]]:
    """Connects a second client that asks for events, filtered; what it has heard until now."""

    def begin(events: str, *filters: str) -> list[Message]:
        address = switch.listen(("127.0.0.1", 0))
        made = spawn(lambda: inbound(clock, address))
        clock.run_until(made.ready)
        client = made.get()

        def listen() -> None:
            for one in filters:
                client.ask(f"filter {one}")
            client.ask(f"event plain {events}")
            client.seen.clear()
            client.rest()

        spawn(listen)
        clock.settle()
        return client.seen

    return begin


@pytest.fixture
def visitor(clock, switch):
    """Asks the switch on an inbound connection."""
    address = switch.listen(("127.0.0.1", 0))
    made = spawn(lambda: inbound(clock, address))
    clock.run_until(made.ready)
    client = made.get()

    def ask(text: str):
        answer = spawn(lambda: client.ask(text))
        clock.run_until(answer.ready)
        return answer.get()

    ask.client = client
    return ask
