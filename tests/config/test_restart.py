"""What a reload takes over of the site's settings, and what takes a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.config.restart import taken_over, takes_restart
from ivr.config.settings import (
    Address,
    EventSocket,
    Limits,
    LogSettings,
    RenderSettings,
    Site,
)

ADDRESS = Address("127.0.0.1", 1)
RUNNING = Site(
    file=Path("/a/ivr.yaml"),
    listen=ADDRESS,
    engines=(ADDRESS,),
    freeswitch=EventSocket(ADDRESS, "a"),
    spool=Path("/a/spool"),
    http=ADDRESS,
    tokens=Path("/a/tokens.json"),
    log=LogSettings("json", "info", "masked"),
    limits=Limits(5000, 10),
    render=RenderSettings("public", "default", 10),
    dialplan=Path("/a/dialplan"),
    prompts=Path("/a/prompts"),
    fallback=Path("/a/fallback"),
)
OTHER = Address("127.0.0.2", 2)
CHANGES: list[tuple[dict[str, object], tuple[str, ...]]] = [
    ({"file": Path("/b/ivr.yaml")}, ()),
    ({"listen": OTHER}, ("outbound.listen",)),
    ({"engines": (OTHER,)}, ()),
    ({"freeswitch": EventSocket(ADDRESS, "b")}, ("freeswitch.password",)),
    ({"freeswitch": EventSocket(OTHER, "a")}, ("freeswitch.host", "freeswitch.port")),
    ({"spool": Path("/b")}, ("spool",)),
    ({"http": OTHER}, ("http.listen",)),
    ({"tokens": Path("/b")}, ()),
    ({"log": LogSettings("text", "info", "masked")}, ("log.format",)),
    ({"log": LogSettings("json", "debug", "full")}, ("log.level", "log.numbers")),
    ({"fallback": Path("/b")}, ("fallback",)),
    ({"fallback": None}, ("fallback",)),
    ({"limits": Limits(1, 1)}, ()),
    ({"limits": Limits(5000, 10, 1, 1)}, ()),
    ({"render": RenderSettings("b", "c", 1)}, ()),
    ({"dialplan": Path("/b")}, ()),
    ({"prompts": Path("/b")}, ()),
    ({"time_zone": ZoneInfo("Europe/London")}, ()),
]


def test_every_setting_is_looked_at_here() -> None:
    assert {name for change, _ in CHANGES for name in change} == set(Site.__dataclass_fields__)


@pytest.mark.parametrize(("change", "restart"), CHANGES)
def test_a_setting_is_taken_over_or_named(
    change: dict[str, object], restart: tuple[str, ...]
) -> None:
    new = replace(RUNNING, **change)  # type: ignore[arg-type]  # one field of its type
    assert takes_restart(RUNNING, new) == restart
    assert taken_over(RUNNING, new) == (RUNNING if restart else new)
    assert takes_restart(RUNNING, RUNNING) == ()
