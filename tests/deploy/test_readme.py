"""What deploy/README.md shows is what is rendered, and its commands do what it says (R19, R20)."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ivr.config.load import load
from ivr.config.render import MOST_OFFERS, again_extension, fallback_extension, render

DEPLOY = Path(__file__).parents[2] / "deploy"
PAGE = (DEPLOY / "README.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())

Actions = list[tuple[str, str]]


def actions(xml: str) -> Actions:
    """The actions in it, in order."""
    return [(one.attrib["application"], one.get("data", "")) for one in ET.fromstring(xml)]


def rendered() -> dict[str, Actions]:
    """The extensions of the shipped dialplan, by name."""
    whole = ET.fromstring(render(load(DEPLOY / "ivr.yaml"), whole_context=False))
    return {
        one.attrib["name"]: [
            (action.attrib["application"], action.get("data", "")) for action in one.iter("action")
        ]
        for one in whole
    }


def test_the_offer_that_is_shown_is_what_is_rendered() -> None:
    (block,) = re.findall(r"```xml\n(.*?)```", PAGE, re.DOTALL)
    shown = actions(f"<x>{block}</x>")
    assert len(shown) > 4
    found = rendered()["ivr-main-line"]
    assert [one for one in found if one in shown] == shown
    assert found[-1] == shown[-1], "nothing comes after it"


def test_the_extensions_that_are_named_are_rendered() -> None:
    for name in (fallback_extension("main-line"), again_extension("main-line")):
        assert name in rendered()
        assert name in PAGE
    assert MOST_OFFERS == 10
    assert "or ten took it and did not keep it" in PROSE


@pytest.mark.skipif(shutil.which("sed") is None, reason="there is no sed")
def test_the_second_engine_has_a_socket_of_its_own(tmp_path: Path) -> None:
    (command,) = re.findall(r"^(sed '[^']+') deploy/systemd/ivr\.socket > \S+$", PAGE, re.MULTILINE)
    expression = command.removeprefix("sed ").strip("'")
    before = DEPLOY / "systemd" / "ivr.socket"
    after = subprocess.run(["sed", expression, before], capture_output=True, text=True, check=True)
    changed = set(after.stdout.splitlines()) - set(before.read_text().splitlines())
    assert changed == {"ListenStream=127.0.0.1:8085"}
    assert 'engines: ["127.0.0.1:8084", "127.0.0.1:8085"]' in PROSE


def test_what_is_said_of_the_units_is_in_them() -> None:
    service = (DEPLOY / "systemd" / "ivr.service").read_text(encoding="utf-8")
    socket = (DEPLOY / "systemd" / "ivr.socket").read_text(encoding="utf-8")
    for said, line in (
        ("`limits.connections` and 512 more", "LimitNOFILE=6600"),
        ("`limits.stop` and 5 s more", "TimeoutStopSec=15"),
        ("does nothing for ten seconds", "WatchdogSec=10"),
        (
            "`/var/lib/ivr/spool` and `/var/lib/ivr/fallback` only",
            "ReadWritePaths=/var/lib/%N/spool",
        ),
    ):
        assert said in PROSE
        assert line in service
    assert "after ten tries in a minute systemd closes the socket" in PROSE
    assert {"TriggerLimitIntervalSec=60", "TriggerLimitBurst=10"} <= set(socket.splitlines())
