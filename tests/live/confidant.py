"""The exempt extension's telephone, and whether anything of its calls was kept (R8)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.live.house import Site
from tests.live.kinds import EXEMPT, EXEMPT_FROM_OUTSIDE, EXEMPT_TELEPHONE
from tests.live.page import ask
from tests.live.talk import AGENT_HZ, CALLER_HZ, Sound, Talk
from tests.live.wait import until

ITS_NUMBERS = (EXEMPT, EXEMPT_FROM_OUTSIDE, EXEMPT_TELEPHONE)
EDGE_MS = 40
"""One frame each side of a transfer may hold the end of a voice."""


def exempt_calls(site: Site, number: str, *, desk: bool = True) -> str:
    """Its telephone calls; that telephone's leg, once the call is answered."""
    port = site.switch.desk if desk else site.switch.sip
    target = f"sofia/lab/{number}@127.0.0.1:{port}"
    variables = f"origination_caller_id_number={EXEMPT},absolute_codec_string=PCMU"
    said = site.caller.api(f"originate {{{variables}}}{target} exempt-voice XML public")
    assert said.startswith("+OK"), said
    return said.split()[1]


def is_with_exempt(talk: Talk, agent: str = "") -> None:
    """Return when the call is joined with the exempt telephone, which is not the leg ``agent``."""

    def joined() -> bool:
        leg = talk.api(f"uuid_getvar {talk.a_leg} bridge_to").strip()
        # The test's own connection may hear of it later.
        return len(leg) == 36 and leg != agent and talk.placed.b_leg == leg

    until(joined, lambda: f"{talk} is with the exempt extension")


def kept(site: Site) -> Iterator[tuple[str, bytes]]:
    """All that the engine keeps, says and shows, by where."""
    for path in sorted(site.spool.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(site.spool)), path.read_bytes()
    for engine in site.engines:
        yield "log", engine.log.encode()
    yield "metrics", ask(site, "GET", "/metrics").text.encode()


def found(site: Site, *numbers: str) -> list[str]:
    """Where one of these numbers stands, whole."""
    told = [re.escape(number).encode() for number in numbers]
    pattern = re.compile(rb"(?<!\d)(?:" + b"|".join(told) + rb")(?!\d)")
    return [
        f"{where}: {data[max(0, at.start() - 80) : at.end() + 80]!r}"
        for where, data in kept(site)
        if "wav" not in where
        for at in pattern.finditer(data)
    ]


def heard_in_files(site: Site, hz: int) -> dict[str, int]:
    """For how many milliseconds a voice of this pitch is in recordings, by file."""
    heard: dict[str, int] = {}
    for path in sorted(site.spool.rglob("*.wav")):
        sound = Sound(path)
        if ms := max(sound.heard_ms(side, hz) for side in (0, 1)):
            heard[path.name] = ms
    return heard


def caller_alone_ms(sound: Sound) -> int:
    """For how long the caller is heard in a recording and nobody on the other side of it."""
    return sound.alone_ms(0, CALLER_HZ, AGENT_HZ)


def exempt_records(spool: Path) -> list[dict[str, Any]]:
    """The records that say only that there was an exempt call."""
    records = [json.loads(path.read_text()) for path in (spool / "new").glob("*.json")]
    return [record for record in records if record.get("exempt") is True]
