"""The command line: what it says, and what it ends with."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from ivr import __version__, logs
from ivr.cli import main
from ivr.engine.setup import PidFile
from ivr.errors import FAULT_EXIT_CODE
from tests.engine import site
from tests.engine.served import Served


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """A right configuration, whose FreeSWITCH is away, logging JSON."""
    return site.write(tmp_path, free_port(), more="log:\n  format: json\n")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def ivr(*words: object) -> Result:
    """Run a command in this process."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def serve(site_file: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``ivr serve``, which is to fail, in a process of its own."""
    code = f"{before}\nfrom ivr.cli import main\nmain(['serve', '--site', {str(site_file)!r}])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


# check


def test_check_of_a_right_configuration(site_file):
    result = ivr("check", "--site", site_file)
    assert result.exit_code == 0
    assert re.fullmatch(
        r"well: 2 routes, 2 numbers, policy 2\.0 of 2026-01-05 \(Assistant Director\),"
        r" configuration [0-9a-f]{12}\n",
        result.stdout,
    )


def test_check_names_every_mistake_with_its_place(site_file):
    root = site_file.parent.parent
    edit(root / "dialplan/policy.yaml", "reminders: 2", "reminder: 2")
    edit(root / "dialplan/routes.yaml", "destination: hall", "destination: hal")
    result = ivr("check", "--site", site_file)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert all(re.match(r"/.+\.yaml:\d+:\d+: .+", line) for line in lines)
    assert any("policy.yaml:11:5: " in line and "did you mean" in line for line in lines)
    assert any("routes.yaml:8:16: " in line and '"hall"' in line for line in lines)


def test_the_sites_file_may_come_from_the_environment(site_file, monkeypatch):
    monkeypatch.setenv("IVR_SITE", str(site_file))
    assert ivr("check").exit_code == 0


def test_the_default_site_file_is_the_repositorys_then_the_installed_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = ivr("check")
    assert result.exit_code == 1
    assert "/etc/ivr/ivr.yaml" in result.output


def test_the_shipped_configuration_is_right(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    result = ivr("check")
    assert result.output.startswith("well: ")
    assert result.exit_code == 0


# A fault of the program's own.


def test_a_fault_at_the_start_has_a_code_of_its_own(site_file):
    """After that of the configuration a service manager would never start the engine again."""
    before = (
        "from ivr.engine import service\n"
        "def fail(*_, **__): raise RuntimeError('a fault, of 07700900123')\n"
        "service.Journal = fail"
    )
    done = serve(site_file, before)
    assert done.returncode == FAULT_EXIT_CODE
    told = json.loads(done.stderr.splitlines()[-1])
    assert (told["event"], told["level"]) == ("ended by a fault of the program", "error")
    assert told["exception"][0]["exc_type"] == "RuntimeError"
    assert "07700900123" not in done.stderr


@pytest.mark.parametrize("fault", [ValueError("x"), OSError(2, "gone", "/x"), MemoryError()])
def test_a_fault_of_any_command(site_file, monkeypatch, fault):
    def fail(_file):
        raise fault

    monkeypatch.setattr("ivr.config.load.check", fail)
    monkeypatch.setattr(logs, "set_up", lambda: None)
    with capture_logs() as logged:
        result = ivr("check", "--site", site_file)
    assert result.exit_code == FAULT_EXIT_CODE
    [told] = logged
    assert (told["event"], told["exc_info"]) == ("ended by a fault of the program", fault)


# serve: what a user can cause is one line, and no traceback.


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.returncode == code
    for word in words:
        assert word in done.stderr


def test_serve_with_mistakes(site_file):
    edit(site_file, "spool: ../spool", "spol: ../spool")
    done = serve(site_file)
    assert_one_line(done, 1, "ivr.yaml:", 'unknown key "spol"', 'did you mean "spool"')


def test_serve_without_a_sites_file(tmp_path):
    assert_one_line(serve(tmp_path / "none.yaml"), 1, "none.yaml")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("outbound", "cannot listen for calls on 127.0.0.1:{port}: Address already in use"),
        ("http", "cannot serve metrics on 127.0.0.1:{port}: Address already in use"),
    ],
)
def test_serve_where_a_port_is_taken(site_file, section, message):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        edit(
            site_file,
            f'{section}:\n  listen: "127.0.0.1:0"',
            f'{section}:\n  listen: "127.0.0.1:{port}"',
        )
        done = serve(site_file)
    assert_one_line(done, 3, message.format(port=port), f"{section}.listen in the site file")
    assert done.stderr.count("\n") == 1


def test_serve_with_an_address_that_is_not_this_hosts(site_file):
    edit(site_file, 'outbound:\n  listen: "127.0.0.1:0"', 'outbound:\n  listen: "203.0.113.1:8084"')
    assert_one_line(serve(site_file), 3, "cannot listen for calls on 203.0.113.1:8084")


def test_serve_where_the_spool_cannot_be_made(site_file):
    (site_file.parent.parent / "spool").write_text("not a folder")
    assert_one_line(serve(site_file), 3, "spool: cannot be made", "expected a folder")


def test_serve_where_a_folder_of_the_spool_is_none(site_file):
    spool = site_file.parent.parent / "spool"
    spool.mkdir()
    (spool / "journal").symlink_to("/")
    assert_one_line(serve(site_file), 3, "spool/journal: is not a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_serve_where_the_spool_is_not_writable(site_file):
    spool = site_file.parent.parent / "spool"
    spool.mkdir(mode=0o555)
    assert_one_line(serve(site_file), 3, "cannot be made or set up: Permission denied")


def test_serve_where_the_spool_refuses_files(site_file):
    """As :func:`test_serve_where_the_spool_is_not_writable`, for a test that root runs."""
    refuse = (
        "from ivr.storage import places\n"
        "def refuse(path, *_):\n"
        "    raise PermissionError(13, 'Permission denied', str(path))\n"
        "places.write_probe = refuse"
    )
    assert_one_line(serve(site_file, refuse), 3, "spool/recording/.probe", "Permission denied")


def test_serve_where_the_disk_is_full(site_file):
    full = (
        "import os\n"
        "real = os.statvfs\n"
        "def full(path):\n"
        "    found = list(real(path)); found[4] = 0; return os.statvfs_result(found)\n"
        "os.statvfs = full"
    )
    assert_one_line(serve(site_file, full), 3, "only 0 MiB are free, expected at least 64")


@pytest.fixture
def served(site_file: Path) -> Iterator[Served]:
    """An engine that runs, with an HTTP port that others can know."""
    edit(site_file, 'http:\n  listen: "127.0.0.1:0"', f'http:\n  listen: "127.0.0.1:{free_port()}"')
    one = Served(site_file)
    one.until("engine started")
    # What commands find it by comes a moment after.
    while PidFile.http(site_file.parent.parent / "spool") is None:
        assert one.process.poll() is None
    yield one
    one.kill()


def files_of(spool: Path) -> list[Path]:
    """But those by which the first engine looks, now and then, whether it may write."""
    return sorted(path for path in spool.rglob("*") if not path.name.startswith(".probe-"))


def test_a_second_engine_on_the_spool_is_refused_and_the_first_is_not_disturbed(served, site_file):
    other = site_file.with_name("other.yaml")
    other.write_text(re.sub(r"127\.0\.0\.1:\d+(?=\"\nl)", "127.0.0.1:0", site_file.read_text()))
    before = files_of(site_file.parent.parent / "spool")
    done = serve(other)
    pid = served.process.pid
    assert_one_line(done, 3, f"process {pid} is an engine on the spool", "already")
    assert files_of(site_file.parent.parent / "spool") == before
    assert served.process.poll() is None


def test_freeswitch_away_is_said_and_tried_again_and_sigterm_ends_it(served):
    served.until("FreeSWITCH is not there", nth=2)
    said = next(one for one in served.events if one["event"] == "FreeSWITCH is not there")
    assert re.search("refused", said["error"])
    served.process.send_signal(signal.SIGTERM)
    assert served.ended() == 0
    assert served.events[-1]["event"] == "engine stopped"
    assert "Traceback" not in served.text


def test_the_engines_first_line_says_where_everything_is(served, site_file):
    first = served.events[0]
    assert first["event"] == "engine started"
    assert first["version"] == __version__
    assert first["spool"] == str(site_file.parent.parent / "spool")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", first["metrics_on"])


def test_reload_takes_over_good_configuration_and_refuses_bad(served, site_file):
    policy = site_file.parent.parent / "dialplan/policy.yaml"
    edit(policy, 'version: "2.0"', 'version: "2.1"')
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 0
    assert re.fullmatch(r"configuration [0-9a-f]{12} is in force for new calls\n", result.output)
    assert served.until("configuration taken over")["policy"] == "2.1"
    edit(policy, "reminders: 2", "reminder: 2")
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 1
    assert "policy.yaml:11:5: " in result.output
    assert "reload refused" not in served.text, "the engine was not even asked"
    served.process.send_signal(signal.SIGHUP)
    assert "policy.yaml:11:5: " in served.until("reload refused")["mistake"]
    assert "Traceback" not in served.text


def test_reload_without_an_engine(site_file):
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 3
    assert result.output.startswith("no engine is running on the spool ")


def test_reload_after_an_engine_was_killed(served, site_file):
    served.kill()
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 3
    assert "no engine is running" in result.output


# The rest.


@pytest.mark.parametrize(
    "name",
    ["site", "policy", "team", "destinations", "routes", "prompts", "record", "retention"],
)
def test_a_schema_is_printed(name):
    result = ivr("schema", "--print", name)
    assert result.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(result.output))


def test_all_schemas_are_written(tmp_path):
    result = ivr("schema", tmp_path / "new/schemas")
    assert result.exit_code == 0
    written = sorted(one.stem for one in (tmp_path / "new/schemas").iterdir())
    assert written == [
        "access",
        "destinations",
        "policy",
        "prompts",
        "record",
        "retention",
        "routes",
        "schedule",
        "simulation",
        "site",
        "team",
    ]
    assert len(result.output.splitlines()) == 11


def test_a_schema_that_is_none():
    result = ivr("schema", "--print", "nothing")
    assert result.exit_code == 2
    assert "no schema 'nothing'; there are access, destinations, policy," in result.output
    assert ivr("schema").exit_code == 2


def test_the_dialplan_is_rendered(site_file, tmp_path):
    shown = ivr("dialplan", "render", "--site", site_file)
    assert shown.exit_code == 0
    assert f"^(?:{site.NUMBER})$" in shown.output
    assert "127.0.0.1:8084 async full" in shown.output
    target = tmp_path / "00_ivr.xml"
    written = ivr("dialplan", "render", "--site", site_file, "--output", target)
    assert written.exit_code == 0
    assert target.read_text() == shown.output
    assert ivr("dialplan", "render", "--site", site_file, "--extensions").output != shown.output


def test_the_dialplan_is_not_rendered_from_mistakes(site_file, tmp_path):
    edit(site_file.parent.parent / "dialplan/routes.yaml", "team: council-tax", "team: nobody")
    target = tmp_path / "00_ivr.xml"
    target.write_text("old")
    assert ivr("dialplan", "render", "--site", site_file, "--output", target).exit_code == 1
    assert target.read_text() == "old"


@pytest.mark.parametrize(("form", "begins"), [("svg", "<svg"), ("mermaid", "stateDiagram-v2")])
def test_the_diagram_is_drawn(form, begins):
    result = ivr("diagram", "-f", form)
    assert result.exit_code == 0
    assert begins in result.output


COMMANDS = [
    ("check",),
    ("serve",),
    ("reload",),
    ("schema",),
    ("dialplan", "render"),
    ("diagram",),
    ("demo",),
    ("spool", "ls"),
    ("spool", "show"),
    ("spool", "verify"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_has_examples(words, flag):
    result = ivr(*words, flag)
    assert result.exit_code == 0
    example = result.output.partition("Examples:")[2]
    assert f"ivr {' '.join(words)}" in example


def test_help_names_every_command_the_exit_codes_and_completion():
    result = ivr("--help")
    for words in COMMANDS:
        assert re.search(rf"^  {words[0]} ", result.output, re.M)
    assert "Exit codes: 0 well, 1 mistakes in the configuration" in result.output
    assert "_IVR_COMPLETE=bash_source" in result.output
    assert "IVR_SITE" in result.output


@pytest.mark.parametrize("words", [("nothing",), ("check", "--nothing"), ("check", "more")])
def test_wrong_words(words):
    result = ivr(*words)
    assert result.exit_code == 2
    assert "Usage: " in result.output


def test_the_version():
    assert ivr("--version").output == f"ivr, version {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell):
    """The script, and what it asks back; bash is asked for its version, which may be missing."""
    program = Path(sys.executable).with_name("ivr")
    env = {**os.environ, "_IVR_COMPLETE": f"{shell}_source"}
    done = subprocess.run([program], env=env, capture_output=True, text=True, check=False)
    assert "_IVR_COMPLETE" in done.stdout
    assert f"{shell}_complete" in done.stdout


def test_completion_knows_the_commands(monkeypatch):
    env = {"_IVR_COMPLETE": "bash_complete", "COMP_WORDS": "ivr s", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("ivr")
    done = subprocess.run(
        [program], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [
        "plain,schema",
        "plain,search",
        "plain,send",
        "plain,serve",
        "plain,show",
        "plain,simulate",
        "plain,spool",
    ]


def test_a_pipe_that_is_closed_early():
    program = Path(sys.executable).with_name("ivr")
    done = subprocess.run(
        f"{shlex.quote(str(program))} schema --print site | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
