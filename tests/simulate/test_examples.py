"""Every worked set-up of dialplan/examples is right, and its calls go as its script says (R9)."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.config.load import check

EXAMPLES = Path(__file__).parents[2] / "dialplan/examples"
FOLDERS = sorted(path.parent for path in EXAMPLES.glob("*/site.yaml"))
SCRIPTS = sorted(path for path in EXAMPLES.glob("*/*.yaml") if path.name != "site.yaml")


def test_there_are_enough_of_them() -> None:
    assert len(FOLDERS) >= 10
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"]({folder.name}/README.md)" in listed for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_has_no_mistakes_and_says_what_it_shows(folder: Path) -> None:
    assert check(folder / "site.yaml") == []
    assert (folder / "calls.yaml").exists()
    text = (folder / "README.md").read_text()
    assert text.startswith("# ")
    assert f"ivr simulate dialplan/examples/{folder.name}/calls.yaml" in text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_calls_of_an_example_go_as_its_script_says(script: Path) -> None:
    words = ["simulate", str(script), "--site", str(script.parent / "site.yaml")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
