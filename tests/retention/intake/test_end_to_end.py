"""What an engine really leaves in its spool: calls of every kind, taken in (R12, R22)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.lab import CallScript, Destination
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from ivr.retention.archive.reader import Reader
from ivr.retention.model import Query
from tests.engine import union
from tests.engine.house import House

from .scene import Scene


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path / "town")
    union.prepare(one)
    policy = one.folder / "dialplan/policy.yaml"
    policy.write_text(
        policy.read_text().replace(
            "    reminders: 2\n", "    reminders: 2\n    connected: destroy\n"
        )
    )
    one.start()
    yield one
    one.close()


def talks(*agent: object, caller: tuple[object, ...] = (), **more: object) -> CallScript:
    return CallScript(
        steps=(WhenConnected(), *caller, Wait(12_000), HangUp()),
        destination=Destination(steps=(WhenConnected(300), *agent, Wait(60_000))),
        **more,
    )


CALLS: dict[str, Callable[[], CallScript]] = {
    "kept": lambda: talks(),
    "paused": lambda: talks(Keys("*7"), Wait(2000), Keys("*8")),
    "abuse": lambda: talks(Keys("*9")),
    "opted out": lambda: CallScript(steps=(Keys("*#*"), Wait(30_000))),
    "in mid-call": lambda: talks(caller=(Wait(2000), Keys("*#*"), Wait(30_000))),
    "not reached": lambda: CallScript(steps=(Wait(500), HangUp())),
    "two parts": lambda: talks(Keys("*7"), Wait(2000), Keys("*8")),
    "staff": lambda: CallScript(
        dialled="907700900125",
        number="1001",
        account="1001",
        context="default",
        steps=(Wait(60_000),),
        destinations={"07700900125": Destination(steps=(WhenConnected(3000), HangUp()))},
    ),
    "exempt": lambda: CallScript(dialled=union.OUTSIDE, steps=(WhenConnected(3000), HangUp())),
}


def test_all_that_an_engine_leaves_is_taken_in(house: House, build: Callable[..., Scene]) -> None:
    calls = {}
    for name, script in CALLS.items():
        if name == "two parts":
            house.switch.faults.refuse_mask(times=-1)
        placed = house.place(script())
        house.clock.run_until(placed.done.ready)
        house.clock.run(3_000)
        calls[name] = placed.uuid
    house.stop()
    left = {path.name: path.read_bytes() for path in (house.spool / "new").iterdir()}
    records = {
        name.removesuffix(".json"): json.loads(data)
        for name, data in left.items()
        if name.endswith(".json")
    }
    [exempt] = [call for call, made in records.items() if made.get("exempt")]
    calls["exempt"] = exempt

    scene = build(engines=[house.spool])
    came_to = scene.intake.take_in(now=True)
    assert (came_to.taken, came_to.error, dict(came_to.aside)) == (len(records), None, {})
    assert scene.waiting() == []
    assert scene.counted() == {
        **{("take-in", call): 1 for call in records},
        ("hold", calls["abuse"]): 1,
    }

    rows = {name: scene.recordings.get(call) for name, call in calls.items()}
    states = {name: row.state for name, row in rows.items() if row is not None}
    assert states == {
        "kept": "kept", "paused": "kept", "abuse": "kept", "two parts": "kept", "staff": "kept",
        "opted out": "none", "not reached": "none", "in mid-call": "destroyed", "exempt": "exempt",
    }  # fmt: skip
    reader = Reader(scene.archive)
    heard = {}
    for name, row in rows.items():
        assert row is not None
        assert reader.record(row) == left[f"{row.call}.json"]
        assert len(row.parts) == (0 if states[name] != "kept" else 2 if name == "two parts" else 1)
        for part in row.parts:
            with reader.audio(row, part) as file:
                heard[part.name] = hashlib.sha256(file.read()).digest()
    assert heard == {
        name: hashlib.sha256(data).digest() for name, data in left.items() if name.endswith(".wav")
    }
    assert [hold.kind for hold in scene.holds.of(calls["abuse"])] == ["abuse"]
    [staff] = scene.recordings.search(Query(number="07700 900125"))
    assert (staff.call, staff.agents, staff.direction) == (calls["staff"], ("1001",), "outbound")
    found = {row.call for row in scene.recordings.search(Query(agent="desk"))}
    assert found == {
        calls[name] for name in ("kept", "paused", "abuse", "two parts", "in mid-call")
    }
    paused = records[calls["paused"]]["recording"]["pauses"]
    assert [pause["by"] for pause in paused] == ["agent"]


def test_who_opts_out_in_one_spool_loses_what_another_left(
    house: House, build: Callable[..., Scene]
) -> None:
    """Of two engines that shared a call, the first has recorded some of it."""
    placed = house.place(CALLS["in mid-call"]())
    house.clock.run_until(placed.done.ready)
    house.clock.run(3_000)
    house.stop()
    from .records import deliver, record, sound

    first = build()
    deliver(first.spool, record(placed.uuid))
    assert first.intake.take_in().taken == 1
    first.close()
    scene = build(first, engines=[house.spool])
    assert len(scene.bytes_of(sound())) == 1
    assert scene.intake.take_in(now=True).taken == 1
    assert scene.bytes_of(sound()) == []
    row = scene.recordings.get(placed.uuid)
    assert row is not None
    assert row.state == "destroyed"
    assert [action for action, _ in scene.audit()] == ["take-in", "destroy", "take-in"]
