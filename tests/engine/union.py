"""A house with an exempt extension, and the search for what may not be kept of it (R8)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ivr.lab import PICK_UP, CallScript, Destination, LabCall
from ivr.lab.expect import loudest
from ivr.lab.script import EXEMPT_HZ, HangUp, Wait, WhenConnected
from ivr.lab.session import Action
from tests.engine.house import House

EXEMPT = "1999"
"""The extension; every word of its telephone has it."""
NAME = "Branch Office"
"""The name that its telephone shows."""
OUTSIDE = "01427676691"
"""A number by which it is reached from outside."""
NEVER = (EXEMPT, NAME, OUTSIDE)
"""What nobody keeps."""
COLLEAGUE = "1002"
ROOM = "room"

POLICY = f"""\
exempt:
  - extension: "{EXEMPT}"
    numbers: ["{OUTSIDE}"]
    dial: "sofia/lab/{EXEMPT}"
"""
DESTINATIONS = 'outside:\n  dial: "sofia/lab/$number"\n'
ROUTES = """\
- name: staff
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  team: customer-services
  destination: outside
"""

AUDIBLE = 200
"""Of 8000, in a twentieth of a second: two milliseconds of that telephone are louder."""
STAYS = Destination(hz=EXEMPT_HZ)
"""The exempt telephone, talking until the other side hangs up."""


def prepare(house: House) -> None:
    """Write it into a house's configuration; before it starts."""
    for name, more in (
        ("policy", POLICY),
        ("destinations", DESTINATIONS),
        ("routes", ROUTES),
    ):
        path = house.folder / f"dialplan/{name}.yaml"
        path.write_text(path.read_text() + more)
    house.extensions |= {
        **PICK_UP,
        COLLEAGUE: (Action("bridge", f"sofia/lab/{COLLEAGUE}"),),
        ROOM: (Action("answer"), Action("conference", "k@default")),
    }


def with_agent(
    *agent: Any,
    exempt: Destination = STAYS,
    more: Mapping[str, Destination] | None = None,
    **script: Any,
) -> CallScript:
    """A caller who stays twenty seconds; from two seconds after the connection the agent does
    this."""
    steps = script.pop("steps", (WhenConnected(), Wait(20_000), HangUp()))
    desk = Destination(steps=(WhenConnected(2000), *agent, Wait(60_000)))
    places = {EXEMPT: exempt, "desk": desk, **(more or {})}
    return CallScript(steps=steps, destinations=places, **script)


def calls_from(to: str, *steps: Any, hz: int = EXEMPT_HZ) -> CallScript:
    """A call that the exempt telephone makes."""
    script = CallScript.of_staff(EXEMPT, to, *steps, hz=hz)
    places = {EXEMPT: STAYS}
    return CallScript(
        steps=script.steps,
        number=EXEMPT,
        caller=NAME,
        account=EXEMPT,
        dialled=to,
        context="default",
        hz=hz,
        destinations=places,
    )


def assert_nothing_kept(
    house: House, logged: Iterable[Any] = (), *, heard: Iterable[LabCall] = ()
) -> None:
    """No byte of what engines keep, say or set names the exempt extension, and no recording holds
    a piece of what was said there. ``heard`` are calls of whom it must have been able to hear, so
    that the search is not for what was never there."""
    for call in heard:
        assert call.at(EXEMPT).times.bridged, "the exempt telephone talked to nobody"
    for path in house.spool.rglob("*"):
        assert not _named(path.name.encode()), path
        if path.is_file() and path.suffix == ".wav":
            assert loudest(path, EXEMPT_HZ) < AUDIBLE, path
        elif path.is_file():
            assert not _named(path.read_bytes()), path
    assert not _named(repr(list(logged)).encode())
    for what in ("/metrics", "/healthz"):
        assert not _named(house.get(what)[1].encode())
    for path in (house.freeswitch / "cdr").glob("*.json"):
        for name, value in json.loads(path.read_text())["variables"].items():
            ours = name.startswith("ivr_") or name == "execute_on_post_bridge_ivr"
            assert not (ours and _named(f"{value}".encode())), f"{path}: {name}={value}"
    for command in house.commands:
        assert not _named(_without_ids(command)), command


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def _without_ids(text: str) -> bytes:
    return _ID.sub("", text).encode()


def _named(data: bytes) -> bool:
    text = _ID.sub("", data.decode("utf-8", "replace"))
    return any(re.search(rf"(?<!\d){re.escape(never)}(?!\d)", text) for never in NEVER)


def exempt_records(house: House) -> list[dict[str, Any]]:
    """The records of calls that were exempt from their beginning."""
    every = [json.loads(path.read_text()) for path in (house.spool / "new").glob("*.json")]
    return [one for one in every if one.get("exempt")]


def assert_bare(record: dict[str, Any]) -> None:
    """Such a record says that there was one that day, and nothing else: no number, no length."""
    assert set(record) == {"schema", "call", "exempt", "day", "host", "engine"}


def assert_ended_there(record: dict[str, Any], most_ms: int) -> None:
    """The record of a recorded call ends where it met the exempt extension."""
    assert (record["ended"]["by"], record["ended"]["reason"]) == ("engine", "exempt")
    assert len(record["legs"]) <= 1
    assert record["recording"]["state"] == "kept"
    assert record["recording"]["duration_ms"] <= most_ms
    assert record["durations"]["joined_ms"] <= most_ms
