"""``ivr route explain``: what it prints, and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from ivr.cli import main

ROOT = Path(__file__).parents[2]


def explain(*words: str, site: str = "dialplan/examples/simple-line/site.yaml") -> Result:
    return CliRunner().invoke(main, ["route", "explain", *words, "--site", str(ROOT / site)])


def test_each_step_is_a_line_with_its_place() -> None:
    result = explain("01427676676", "--at", "2026-11-24T10:00")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "01427676676 at Tue 2026-11-24 10:00"
    assert lines[1].startswith("recorded: yes: from the moment on at which caller and agent")
    (route,) = [line for line in lines if line.startswith("route ")]
    assert route.endswith("dialplan/routes.yaml:2:3]")


def test_json_has_the_same_with_names() -> None:
    result = explain("01427676676", "--at", "2026-11-24T10:00", "--json")
    found = json.loads(result.output)
    assert (found["verdict"], found["recorded"], found["route"]) == ("route", True, "main-line")
    (step,) = [step for step in found["steps"] if step["what"] == "route"]
    assert step["at"].endswith("dialplan/routes.yaml:2:3")


def test_a_number_that_nobody_claims_ends_with_one_and_names_near_ones() -> None:
    result = explain("01427676675")
    assert result.exit_code == 1
    assert 'did you mean "01427676676"' in result.output


def test_the_moment_and_the_caller_count() -> None:
    site = "dialplan/examples/opening-hours/site.yaml"
    closed = explain("01427676676", "--at", "2026-12-25 10:00", site=site)
    assert closed.exit_code == 0
    assert "recorded: no: the team is closed" in closed.output
    staff = explain("1002", "--from", "1001", site="dialplan/examples/internal-calls/site.yaml")
    assert staff.exit_code == 0
    assert "no route has calls among staff" in staff.output


def test_what_is_no_time_and_no_context_is_called_wrongly() -> None:
    for time in ("noon", "2026-12-25", "2026-13-25T10:00"):
        wrong = explain("01427676676", "--at", time)
        assert wrong.exit_code == 2
        assert 'expected a date and a time such as "2026-12-25T10:00"' in wrong.output
    assert explain("01427676676", "--context", "nowhere").exit_code == 2


def test_a_configuration_with_mistakes_explains_nothing(tmp_path: Path) -> None:
    site = tmp_path / "ivr.yaml"
    site.write_text("spool: here\n")
    result = CliRunner().invoke(main, ["route", "explain", "123", "--site", str(site)])
    assert result.exit_code == 1
    assert 'key "outbound" is missing' in result.stderr
