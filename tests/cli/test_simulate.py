"""``ivr simulate``: what it prints, keeps, and ends with."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.config.reading import read
from ivr.config.schema import json_schemas

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "dialplan/examples/simple-line"
SCRIPT = """\
at: "2026-11-24T10:00"
people:
  "1001": {does: [{wait: "2s"}, {hang_up: true}]}
calls:
  - from: "07700900123"
    to: "01427676676"
    expect:
      recorded: true
"""


def simulate(script: Path, *words: str) -> Result:
    site = str(EXAMPLE / "site.yaml")
    return CliRunner().invoke(main, ["simulate", str(script), "--site", site, *words])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "calls.yaml"
    path.write_text(SCRIPT)
    return path


def test_a_script_that_goes_as_it_says_ends_well(script: Path) -> None:
    result = simulate(script)
    assert result.exit_code == 0
    assert "07700900123     and 1001 are connected" in result.output
    assert "  recorded: yes" in result.output
    assert "left: 07700900123; right: 1001" in result.output
    assert "1001            is called" in result.output


def test_a_script_that_does_not_ends_with_one_and_says_where(script: Path) -> None:
    script.write_text(SCRIPT.replace("recorded: true", "recorded: false"))
    result = simulate(script)
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    assert last.endswith("calls.yaml:8:7: expected recorded: false, and it is true")


def test_json_is_one_object(script: Path) -> None:
    found = json.loads(simulate(script, "--json").output)
    assert found["well"]
    assert found["calls"][0]["connected_to"] == ["1001"]


def test_recordings_are_kept_where_that_is_asked_for(script: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert simulate(script, "--keep", str(kept)).exit_code == 0
    assert len(list((kept / "spool/new").glob("*.wav"))) == 1
    assert '"event": "call ended"' in (kept / "engine.log").read_text()
    again = simulate(script, "--keep", str(kept))
    assert again.exit_code == 3
    assert "is not empty, expected a new or empty folder for what the simulation" in again.stderr


def test_a_mistake_in_the_script_is_said_with_its_place(script: Path) -> None:
    script.write_text(SCRIPT.replace("hang_up", "hangup"))
    result = simulate(script)
    assert result.exit_code == 1
    assert "calls.yaml:3:34: unknown key" in result.stderr
    assert 'did you mean "hang_up"?' in result.stderr


def test_a_mistake_in_the_site_is_said_and_nothing_is_played(script: Path, tmp_path: Path) -> None:
    site = tmp_path / "ivr.yaml"
    site.write_text("spool: here\n")
    result = CliRunner().invoke(main, ["simulate", str(script), "--site", str(site)])
    assert result.exit_code == 1
    assert 'key "outbound" is missing' in result.stderr


SCRIPTS = sorted(
    path for path in (ROOT / "dialplan/examples").glob("*/*.yaml") if path.name != "site.yaml"
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_shipped_scripts_fit_the_schema_that_editors_read(path: Path) -> None:
    document = read(path)
    jsonschema.Draft202012Validator(json_schemas()["simulation"]).validate(document.value)
    first = document.data.decode().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    found = json.loads((path.parent / named).read_text())
    assert found == json_schemas()["simulation"]
