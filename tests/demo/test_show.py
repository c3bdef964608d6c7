from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli import main
from ivr.demo import run
from ivr.demo.site import fresh_folder, shipped
from ivr.demo.stage import Stage
from ivr.errors import ConfigError, SetupError
from ivr.lab import script
from ivr.lab.expect import STANDARD_EXPECTED
from tests.demo.conftest import Shown, play_turned


def steps(shown: Shown, name: str) -> list[str]:
    """What the lines of one call say, in order."""
    lines = re.findall(rf"^ *[\d.]+ s  {name}  +(\S.*)$", shown.text, re.MULTILINE)
    return [line.strip() for line in lines]


def test_all_standard_calls_end_as_their_scripts_say(good):
    assert good.code == 0, good.text
    assert good.text.count("✓ as the script says") == len(script.DEMONSTRATION)
    assert "✗" not in good.text


def test_each_step_of_a_call_is_a_line(good):
    assert steps(good, "opts out and returns") == [
        "hears the announcement",
        "presses *",
        "presses #",
        "presses *",
        "hears the reminder",
        "presses 1",
        "the telephone rings",
        "talks to 1001, recorded",
        "the agent hangs up",
        "✓ as the script says",
    ]
    assert steps(good, "opts out")[-4:] == [
        "hears the reminder",
        "hears the goodbye",
        "the call is ended",
        "✓ as the script says",
    ]
    assert steps(good, "destination busy")[1:3] == ["hears: line is busy", "the call is ended"]


def test_lines_come_in_the_order_of_time(good):
    times = [float(time) for time in re.findall(r"^ *([\d.]+) s  ", good.text, re.MULTILINE)]
    assert len(times) > 40
    assert all(now <= then + 0.1 for now, then in pairwise(times))
    assert times[-1] < 28


def test_the_table_says_what_became_of_each_call(good):
    table = good.text[good.text.index("call  ") : good.text.index("Recordings,")]
    rows = [re.split(r" {2,}", row.strip()) for row in table.splitlines()]
    by_story = {row[1]: row for row in rows if len(row) > 6}
    assert by_story["listens and"][2:5] == ["fully", "-", "1001"]
    assert by_story["opts out"][2:6] == ["partly", "confirmed", "nobody", "none"]
    assert by_story["opts out and"][3] == "returned"
    assert by_story["hangs up in the"][6:] == ["caller", "✓"]
    assert [row[-1] for row in by_story.values()].count("✓") == len(script.DEMONSTRATION)


def test_every_file_it_names_is_there(good):
    paths = [Path(path) for path in re.findall(r"^  (/\S+)$", good.text, re.MULTILINE)]
    assert [path for path in paths if not path.is_file()] == []
    kinds = [path.suffix for path in paths if path.parent.name == "new"]
    assert (kinds.count(".wav"), kinds.count(".json")) == (4, len(script.DEMONSTRATION))
    assert {"ivr.yaml", "metrics.txt", "switch.log"} <= {path.name for path in paths}


def test_the_commands_that_it_names_show_the_spool(good):
    commands = re.findall(r"^  ivr (spool .+)$", good.text, re.MULTILINE)
    assert [command.split()[1] for command in commands] == ["ls", "show", "verify"]
    for command in commands:
        done = CliRunner().invoke(main, shlex.split(command))
        assert done.exit_code == 0
        assert len(done.output.splitlines()) >= len(script.DEMONSTRATION)


def test_metrics_are_those_of_the_engines_own_page(good):
    page = (good.stage.folder / "metrics.txt").read_text()
    assert 'ivr_opt_outs_total{step="confirmed"} 1.0' in page
    assert re.search(r'ivr_opt_outs_total\{step="confirmed"\} +1  ✓', good.text)
    assert re.search(r"ivr_records_written_total +8  ✓", good.text)


@pytest.mark.parametrize("plain", [True, False])
def test_nothing_is_wider_than_the_terminal(good, tmp_path, plain):
    shown = play_turned(tmp_path / "d", (script.OPTS_OUT_AND_RETURNS,), plain=plain)
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.text)
    assert shown.code == 0
    long = [line for line in bare.splitlines() if len(line) > 80 and "/" not in line]
    assert long == []


def test_the_live_screen_grows_a_line_for_each_call(tmp_path):
    shown = play_turned(tmp_path / "d", (script.OPTS_OUT_AND_RETURNS,), width=120, plain=False)
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.text)
    rows = [line for line in bare.splitlines() if line.startswith("opts out and returns ")]
    assert len(set(rows)) > 10
    assert re.fullmatch(r"opts out and returns +━+\*#\*═+1┄*●+┃ +✓ as the script says", rows[-1])
    assert any("presses *#*" in row for row in rows)
    assert any("talks to 1001, recorded" in row for row in rows)


@pytest.mark.parametrize(
    ("width", "says"),
    [(80, "* and # keys; of several in one go, the first"), (120, "* and # keys")],
)
def test_the_live_screen_says_what_keys_are(tmp_path, width, says):
    shown = play_turned(tmp_path / "d", (script.OPTS_OUT,), width=width, plain=False)
    bare = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.text)
    legends = {line.strip() for line in bare.splitlines() if "0 to 9, * and # " in line}
    assert len(legends) == 1
    assert legends.pop().endswith(says)


def test_a_call_that_ends_otherwise_makes_it_fail(tmp_path):
    name = script.HANGS_UP_IN_ANNOUNCEMENT.name
    other = {**STANDARD_EXPECTED, name: replace(STANDARD_EXPECTED[name], by="agent", opt_outs=1)}
    shown = play_turned(tmp_path / "d", (script.HANGS_UP_IN_ANNOUNCEMENT,), other)
    assert shown.code == 1
    assert "by is 'caller', expected 'agent'; opt_outs is 0, expected 1" in shown.text
    assert "1 calls are not as their scripts say" in " ".join(shown.text.split())


def test_a_script_that_nobody_expects_anything_of_makes_it_fail(tmp_path):
    shown = play_turned(tmp_path / "d", (script.HANGS_UP_IN_ANNOUNCEMENT,), {})
    assert shown.code == 1
    assert "nothing says how 'hangs up in the announcement' must end" in shown.text


def test_a_record_that_never_comes_makes_it_fail(tmp_path):
    def lose(stage: Stage) -> None:
        stage.engine.context.finish = lambda _driver, _entries: None

    shown = play_turned(tmp_path / "d", (script.HANGS_UP_IN_ANNOUNCEMENT,), meddle=lose)
    assert shown.code == 1
    assert "there is no record" in shown.text
    assert "1 calls, but 0 records" in shown.text
    assert "metric ivr_records_written_total is 0, the records say 1" in shown.text


def test_a_metric_that_counts_wrongly_makes_it_fail(tmp_path):
    def count(stage: Stage) -> None:
        stage.engine.metrics.recorded_seconds.inc(3)

    shown = play_turned(tmp_path / "d", (script.HANGS_UP_IN_ANNOUNCEMENT,), meddle=count)
    assert shown.code == 1
    assert "✗ metric ivr_recorded_seconds_total is 3, the records say 0" in shown.text


def test_a_call_that_never_ends_makes_it_fail(tmp_path):
    stays = script.CallScript(name="stays", destination=script.Destination())
    shown = play_turned(tmp_path / "d", (stays,), {"stays": STANDARD_EXPECTED["listens and talks"]})
    assert shown.code == 1
    assert steps(shown, "stays")[-1] == "✗ it goes on after 90 s"


def test_every_standard_script_says_how_it_must_end():
    assert set(STANDARD_EXPECTED) == {each.name for each in script.DEMONSTRATION}
    assert len(script.DEMONSTRATION) >= 8


_PROGRAM = """
import sys
from pathlib import Path
from ivr.demo import run
from ivr.lab.script import HANGS_UP_IN_ANNOUNCEMENT, LISTENS
sys.exit(run(Path(sys.argv[1]), None, (HANGS_UP_IN_ANNOUNCEMENT, *(LISTENS,) * int(sys.argv[2]))))
"""


def start(folder: Path, longer: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-c", _PROGRAM, str(folder), str(longer)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_in_real_time_the_log_goes_to_a_file(tmp_path):
    process = start(tmp_path / "kept", 0)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"Everything is kept in {tmp_path / 'kept'}\n")
    assert '"event": "call ended"' in (tmp_path / "kept" / "engine.log").read_text()
    assert "\x1b" not in out


def test_ctrl_c_ends_it_without_a_traceback(tmp_path):
    process = start(tmp_path / "kept", 1)
    assert process.stdout is not None
    for line in process.stdout:
        if "hears the announcement" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, err) == (130, "")
    assert re.search(r"^Stopped: \d of \d calls were over", out, re.MULTILINE)


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SetupError, match=r"is not empty, expected a new or empty folder"):
        fresh_folder(tmp_path)


def test_a_file_for_a_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"file: cannot be used .*: File exists"):
        fresh_folder(tmp_path / "file")


def kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_folder_with_a_space_is_refused_before_anything_is_made(tmp_path, capsys):
    with pytest.raises(SetupError, match=r'with space has " " in it, .*(?s:.*)--folder$'):
        run(tmp_path / "with space")
    assert kept(tmp_path) == []
    assert capsys.readouterr().out == ""


def test_a_temporary_folder_with_a_space_is_refused_too(tmp_path, monkeypatch):
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a b"))
    with pytest.raises(SetupError, match='has " " in it'):
        run()
    assert kept(tmp_path / "a b") == []


def test_without_a_repository_no_folder_is_left(tmp_path, monkeypatch, capsys):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr("ivr.__file__", str(tmp_path / "site-packages" / "ivr" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    for folder in (None, tmp_path / "named"):
        with pytest.raises(SetupError, match="make demo"):
            run(folder)
    assert kept(tmp_path) == [tmp_path / "temporary"]
    assert kept(tmp_path / "temporary") == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("there", [False, True])
def test_with_mistakes_the_folder_is_left_as_it_was(tmp_path, monkeypatch, capsys, there):
    """They are said first, and the same command works once they are mended."""
    root = tmp_path / "root"
    shutil.copytree(shipped() / "dialplan", root / "dialplan")
    (root / "prompts").symlink_to(shipped() / "prompts")
    (root / "dialplan" / "routes.yaml").write_text("- name: x\n")
    monkeypatch.setattr("ivr.demo.show.shipped", lambda: root)
    place = tmp_path / "place"
    if there:
        place.mkdir()
    with pytest.raises(ConfigError, match=r"routes\.yaml:1:"):
        run(place)
    assert place.exists() == there
    assert not there or kept(place) == []
    assert kept(root) == [root / "dialplan", root / "prompts"]
    assert (shipped() / "prompts" / "en-GB.yaml").exists()
    assert capsys.readouterr().out == ""


def test_missing_prompts_are_said_clearly(tmp_path, monkeypatch):
    monkeypatch.setattr("ivr.__file__", str(tmp_path / "site-packages" / "ivr" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SetupError, match=r"dialplan/ and prompts/, and there are none in (?s:.*)make demo"
    ):
        shipped()
