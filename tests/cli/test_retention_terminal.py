"""What people see at a terminal that programs do not: tables, and how far long work is."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.cli.retention.progress import progress
from tests.retained import Served, serving
from tests.retention.house import DPO, OFFICER

WIDTH = 150


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(tmp_path, monkeypatch) as served:
        yield served


def seen(served: Served, *words: object) -> str:
    """What a command shows at a terminal of its own, without colours."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "IVR_RETENTION": str(served.house.site), "COLUMNS": str(WIDTH)}
    env["TERM"] = "xterm-256color"
    command = [sys.executable, "-m", "ivr.cli", *map(str, words)]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=theirs, env=env) as running:
        os.close(theirs)
        told = b""
        try:
            while piece := os.read(ours, 4096):
                told += piece
        except OSError:  # how Linux says that nobody is at the other end any more
            pass
        os.close(ours)
    assert running.returncode == 0, told
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.decode())


def test_search_is_a_table_with_ids_that_commands_take(served: Served) -> None:
    call = served.house.call(1, ended="2026-05-01 10:00")
    table = seen(served, "search")
    assert "until" in table
    assert "1 recording" in table
    [shown] = re.findall(r"│ ([0-9a-f]{8}-[0-9a-f]{4})\s+│ 2026-05-01", table)
    assert call not in table
    assert served.ivr("show", shown).stdout.startswith(call)


def test_what_a_stranger_sent_is_no_markup(served: Served) -> None:
    call = served.house.call(1, caller_name="[red]\x1b]0;evil\x07[/red]")
    page = seen(served, "show", call)
    assert "[red]\\x1b]0;evil\\x07[/red]" in page


@pytest.mark.parametrize(
    ("words", "headings"),
    [
        (("case", "ls"), ("case", "kind", "state")),
        (("retention", "plan", "--at", "2027-01-01"), ("due", "rule", "recordings")),
        (("retention", "plan", "--at", "2027-01-01", "--list"), ("call", "action", "why")),
        (("audit", "show"), ("who", "action", "outcome")),
    ],
)
def test_lists_are_tables(
    served: Served, words: tuple[str, ...], headings: tuple[str, ...]
) -> None:
    served.house.call(1)
    served.house.office.keeping.open(OFFICER, "C-1", "complaint")
    served.person = DPO
    table = seen(served, *words)
    assert "┃" in table
    first = next(line for line in table.splitlines() if "┃" in line)
    assert all(heading in first for heading in headings)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("of_bytes", [False, True])
def test_long_work_has_a_bar_at_a_terminal(monkeypatch: pytest.MonkeyPatch, of_bytes: bool) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress("destroying", of_bytes=of_bytes) as update:
        update(3000, None)
        update(4000, 4000)
    assert "destroying" in screen.getvalue()
    assert ("4.0/4.0 kB" if of_bytes else "4000/4000") in screen.getvalue()


def test_long_work_says_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    with progress("destroying") as update:
        update(1, 2)
    assert file.getvalue() == ""
