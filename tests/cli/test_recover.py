"""``ivr recover --dry-run``: what it prints, and what it ends with."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from typing import Any

import pytest

from ivr.core.entries import Connected, RecordingIntended, RecordingStarted
from ivr.doctor import left
from ivr.engine.setup import PidFile
from ivr.errors import SetupError
from ivr.storage.atomic import disk_error
from tests.cli.test_root import edit, ivr
from tests.doctor.conftest import switch  # noqa: F401 # the fixture
from tests.doctor.test_left import OURS, Left
from tests.storage.parts import CALL, OTHER, wav

SUM = "{} calls, {} headers to set right, {} places of the journal that cannot be read, "


@pytest.fixture
def spool(switch: Any) -> Left:  # noqa: F811 # the fixture
    return Left(switch)


def dry_run(spool: Left, *words: object) -> Any:
    return ivr("recover", "--dry-run", "--site", spool.site_file, *words)


def test_without_dry_run_it_refuses(spool):
    result = ivr("recover", "--site", spool.site_file)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "a start of the engine recovers" in result.stderr
    assert "`ivr recover --dry-run` shows" in result.stderr


def test_nothing_was_left(spool):
    result = dry_run(spool)
    assert result.exit_code == 0
    assert result.stdout == SUM.format(0, 0, 0) + "0 things set aside before\n"


def test_all_that_was_left(spool):
    path = spool.spool.recorded(CALL)
    spool.journal(CALL, OURS, RecordingIntended(path), RecordingStarted(path), Connected("leg"))
    spool.journal(CALL, more=b"nonsense\n")
    spool.recording(CALL, wav(8000, said=0))
    spool.recording(OTHER, b"no recording" * 9)
    spool.spool.set_aside(OTHER).write_text("ValueError: x\n")
    result = dry_run(spool)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{CALL}  connected since 2024-")
    assert lines[0].endswith("; FreeSWITCH has it no more")
    assert lines[1] == "    its record is written, its end is ended-unseen"
    assert lines[2] == f"    {path}: 1.0 s, 32044 bytes, its header is set right"
    assert lines[3] == f"{OTHER}  unknown; FreeSWITCH has it no more"
    assert "set aside (" in lines[5]
    assert lines[6] == "journal 0000000001.journal, line 5: its checksum does not fit"
    assert lines[7] == f"set aside before: {OTHER}.json: ValueError: x"
    assert lines[8] == SUM.format(2, 1, 1) + "1 things set aside before"


def test_as_json(spool):
    spool.journal(CALL, replace(OURS, switch="another"), more=b"torn")
    rows = [json.loads(line) for line in dry_run(spool, "--json").stdout.splitlines()]
    assert rows[0] == {"kind": "host", "engine": 0, "switch": ""}
    assert [row["kind"] for row in rows] == ["host", "call", "journal"]
    assert rows[1]["call"] == CALL
    assert rows[1]["then"].endswith("switch-lost")
    assert rows[2]["torn"] is True
    assert OURS.caller not in json.dumps(rows)


def test_an_engine_that_runs(spool):
    spool.journal(CALL, OURS)
    with PidFile(spool.spool.root):
        result = dry_run(spool)
    assert result.exit_code == 0
    first = result.stdout.splitlines()[0]
    assert first == f"process {os.getpid()} is an engine on this spool; it has these calls open"
    assert CALL in result.stdout


def test_freeswitch_away(spool):
    spool.journal(CALL, OURS)
    spool.switch.close()
    result = dry_run(spool)
    assert result.exit_code == 0
    assert result.stdout.startswith("FreeSWITCH could not be asked: Connection refused\n")


def test_mistakes_of_the_dialplan_are_said_and_do_not_stop_it(spool):
    spool.journal(CALL, OURS)
    edit(spool.site_file.parent.parent / "dialplan/policy.yaml", "reminders: 2", "reminder: 2")
    result = dry_run(spool)
    assert result.exit_code == 0
    assert "the configuration has mistakes" in result.stderr
    assert CALL in result.stdout


def test_mistakes_of_the_site_file_end_it(spool):
    edit(spool.site_file, "spool:", "spol:")
    result = dry_run(spool)
    assert result.exit_code == 1
    assert 'unknown key "spol"' in result.stderr


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (errno.EACCES, 3, "/somewhere: Permission denied; run this as root"),
        (errno.EIO, 4, "/somewhere: cannot be looked at: Input/output error"),
    ],
)
def test_folders_that_cannot_be_looked_at(spool, monkeypatch, number, code, says):
    def refuse(_places: Any) -> None:
        raise OSError(number, os.strerror(number), "/somewhere")

    monkeypatch.setattr(left, "_recorded", refuse)
    result = dry_run(spool)
    assert result.exit_code == code
    assert result.stderr.startswith(says)


@pytest.mark.parametrize(("number", "code"), [(errno.EACCES, 3), (errno.EIO, 4)])
def test_a_journal_that_cannot_be_looked_at(spool, monkeypatch, number, code):
    def refuse(folder: Any, _spare: Any) -> None:
        error = OSError(number, os.strerror(number))
        raise disk_error("list", folder, error) from error

    monkeypatch.setattr(left, "read", refuse)
    result = dry_run(spool)
    assert result.exit_code == code
    assert f"{spool.spool.journal}: cannot list: " in result.stderr


def test_whether_an_engine_runs_may_be_hidden(spool, monkeypatch):
    def refuse(_spool: Any) -> int:
        raise SetupError("cannot read engine.pid, so whether an engine is running is not known")

    monkeypatch.setattr(PidFile, "read", staticmethod(refuse))
    result = dry_run(spool)
    assert result.exit_code == 3
    assert "cannot read engine.pid" in result.stderr
