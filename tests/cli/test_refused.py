"""The command line where the machine refuses: one line that says so, and nothing half done."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ivr.cli import words as cli_words
from ivr.config.settings import Address
from ivr.engine import asking
from tests.cli.test_root import assert_one_line, ivr, site_file  # noqa: F401 # a fixture


@pytest.mark.parametrize("command", [("dialplan", "render"), ("diagram",)])
def test_output_that_cannot_be_written(site_file, command):  # noqa: F811 # the fixture
    words = ("--site", site_file) if command[0] == "dialplan" else ()
    result = ivr(*command, *words, "--output", "/nowhere/at/all.xml")
    assert result.exit_code == 3
    assert "cannot write /nowhere/at/all.xml: No such file or directory\n" in result.output


def test_schemas_that_cannot_be_written(tmp_path):
    (tmp_path / "site.json").mkdir()
    for folder, why in [("/proc/nope", "No such file"), (tmp_path, "Is a directory")]:
        result = ivr("schema", folder)
        assert result.exit_code == 3
        assert result.output.splitlines()[-1] == result.stderr.strip()
        assert re.fullmatch(rf"cannot write {folder}/\w+\.json: {why}.*\n", result.stderr)


@pytest.mark.parametrize("command", [("dialplan", "render"), ("diagram",)])
@pytest.mark.parametrize("output", ["", ".", "/", "folder"])
def test_output_that_is_no_file(site_file, tmp_path, monkeypatch, command, output):  # noqa: F811 # the fixture
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    words = ("--site", site_file) if command[0] == "dialplan" else ()
    result = ivr(*command, *words, "--output", output)
    assert result.exit_code == 2
    assert "Usage: " in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_output_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    target = tmp_path / "call.svg"
    target.write_text("old")

    def refuse(self, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    result = ivr("diagram", "--output", target)
    assert result.exit_code == 3
    assert result.output == f"cannot write {target}: No space left on device\n"
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "old"


def test_output_through_a_link_leaves_the_link(tmp_path):
    (tmp_path / "link").symlink_to("file")
    assert ivr("diagram", "--output", tmp_path / "link").exit_code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text().startswith("<svg")


def test_output_to_a_device_leaves_the_device(tmp_path):
    """As root, /dev/null would otherwise become a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert ivr("diagram", "-f", "mermaid", "--output", pipe).exit_code == 0
        assert os.read(reader, 15) == b"%% Drawn from i"
        assert pipe.is_fifo()
    finally:
        os.close(reader)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "words", ["check", "schema --print site", "diagram", "--help", "demo --plain"]
)
def test_standard_output_that_refuses(site_file, words):  # noqa: F811 # the fixture
    program = Path(sys.executable).with_name("ivr")
    done = subprocess.run(
        f"{shlex.quote(str(program))} {words} >/dev/full",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "IVR_SITE": str(site_file)},
    )
    assert done.stderr == "cannot write to standard output: No space left on device\n"
    assert done.returncode == 4


@pytest.mark.parametrize("words", [("check",), ("schema", "here"), ("check", "--site", "x.yaml")])
def test_in_a_folder_that_is_gone(tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.rmdir({str(gone)!r}); from ivr.cli import main; main({list(words)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=gone, capture_output=True, text=True, check=False
    )
    assert_one_line(done, 3, "the folder that this runs in cannot be used")


def test_a_folder_that_may_not_be_looked_into_has_no_site(monkeypatch):
    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", refuse)
        found = cli_words._default_site()
    assert found == Path("/etc/ivr/ivr.yaml")


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-something\r\n", b"HTTP/1.0 200 OK\r\n\r\n[]", b"HTTP/1.0 200 OK\r\n\r\n{}"]
)
def test_reload_where_something_else_has_the_port(answer):
    """It is not the engine, so no configuration is in force there."""
    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve_once() -> None:
            one, _ = other.accept()
            with one:
                one.recv(4096)
                one.sendall(answer)

        thread = threading.Thread(target=serve_once)
        thread.start()
        assert asking._health(Address("127.0.0.1", other.getsockname()[1])) is None
        thread.join()
