"""``ivr doctor``: what it prints, and what it ends with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ivr.config.load import load
from ivr.doctor import on_host
from ivr.doctor.checks import CHECKS
from tests.cli.test_root import edit, ivr, site_file  # noqa: F401 # the fixture
from tests.doctor.conftest import DoctoredSwitch, switch  # noqa: F401 # the fixture
from tests.engine.served import Served

NAMES = [check.name for check in CHECKS]


def rows(*words: object) -> dict[str, dict[str, Any]]:
    result = ivr("doctor", "--json", *words)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["check"] for row in found] == NAMES
    return {row["check"]: row for row in found}


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this machine is not what is tested here."""
    monkeypatch.setattr(on_host, "ntp", lambda: True)


def test_a_host_that_is_well_ends_with_0(switch: DoctoredSwitch):  # noqa: F811 # the fixture
    result = ivr("doctor", "--site", switch.site_file)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    shown = [line for line in lines if not line.startswith(" ")]
    assert [line[11:].split("  ")[0].strip() for line in shown] == NAMES
    assert {line.split()[0] for line in shown} == {"ok", "warning", "unchecked"}
    (engine,) = [n for n, line in enumerate(lines) if line.startswith("warning    engine")]
    assert lines[engine + 1].strip().startswith("expected: one, or calls go where")
    assert lines[engine + 2].strip() == "do: systemctl start ivr (or `ivr serve`)"


def test_a_freeswitch_that_is_away_ends_with_1(site_file):  # noqa: F811 # the fixture
    result = ivr("doctor", "--site", site_file)
    assert result.exit_code == 1
    assert result.stderr == f"1 of {len(CHECKS)} checks: wrong\n"
    assert "wrong      freeswitch" in result.stdout
    assert "Connection refused" in result.stdout
    found = rows("--site", site_file)
    assert found["freeswitch"]["verdict"] == "wrong"
    assert found["freeswitch"]["expected"]
    assert found["freeswitch"]["do"]
    assert found["modules"]["verdict"] == "unchecked"


def test_a_password_that_is_refused(switch):  # noqa: F811 # the fixture
    switch.password = "changed"
    found = rows("--site", switch.site_file)
    assert found["freeswitch"]["verdict"] == "ok"
    assert found["password"]["verdict"] == "wrong"
    assert found["modules"]["found"] == "FreeSWITCH lets nobody in"
    assert "a password of its own" not in json.dumps(found)


def test_mistakes_are_listed_and_the_rest_goes_on(switch):  # noqa: F811 # the fixture
    root = switch.site_file.parent.parent
    edit(root / "dialplan/policy.yaml", "reminders: 2", "reminder: 2")
    edit(root / "dialplan/routes.yaml", "destination: hall", "destination: hal")
    result = ivr("doctor", "--site", switch.site_file)
    assert result.exit_code == 1
    assert "policy.yaml:11:5: " in result.stdout
    assert "routes.yaml:8:16: " in result.stdout
    found = rows("--site", switch.site_file)
    assert found["configuration"]["verdict"] == "wrong"
    assert found["password"]["verdict"] == found["modules"]["verdict"] == "ok"
    assert found["dialplan"]["found"] == "the configuration has mistakes"


def test_no_site_file(tmp_path):
    result = ivr("doctor", "--site", tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "none.yaml:1:1: the file is missing" in result.stdout
    assert "ok         ntp" in result.stdout


def test_another_dialplan_is_in_force(switch):  # noqa: F811 # the fixture
    assert rows("--site", switch.site_file)["dialplan"]["verdict"] == "ok"
    root = switch.site_file.parent.parent
    edit(root / "dialplan/destinations.yaml", "sofia/lab/desk", "sofia/lab/counter")
    found = rows("--site", switch.site_file)["dialplan"]
    assert found["verdict"] == "warning"
    assert len(found["more"]) == 2, "who talks, and who calls while no engine is there"
    for one in found["more"]:
        assert "sofia/lab/counter" in one
    assert "reloadxml" in found["do"]


def test_what_strangers_put_there_stays_on_its_line(switch):  # noqa: F811 # the fixture
    aside = load(switch.site_file).site.spool / "aside"
    aside.mkdir(parents=True)
    (aside / "x\n\x1b[31m.why").write_text("\x1b[2Jwhy\x07\n")
    result = ivr("doctor", "--site", switch.site_file)
    assert "warning    set aside" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


def test_beside_an_engine_that_runs(switch):  # noqa: F811 # the fixture
    edit(switch.site_file, "http:\n", "log:\n  format: json\nhttp:\n")
    one = Served(switch.site_file)
    one.until("FreeSWITCH is there")
    found = rows("--site", switch.site_file)
    one.process.terminate()
    assert one.ended() == 0
    assert (found["engine"]["verdict"], found["engine"]["found"]) == (
        "ok",
        f"process {one.process.pid} is ready, 0 calls in progress",
    )
    assert found["spool"]["verdict"] == found["recordings"]["verdict"] == "ok"
    assert found["open files"]["found"].startswith("the engine may have ")
    assert found["ports"]["verdict"] == "ok"
    assert not [row for row in found.values() if row["verdict"] == "wrong"]
    assert not [text for text in one.events if text.get("level") in ("warning", "error")]
