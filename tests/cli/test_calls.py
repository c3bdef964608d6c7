"""``ivr calls``, ``pause``, ``resume`` and ``token``: what they say and end with."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import gevent
import pytest
import structlog
from click.testing import CliRunner, Result
from gevent.socket import wait_read
from rich.console import Console

from ivr.api.access import Access
from ivr.api.calls import CallNow, Why
from ivr.api.http import HttpServer
from ivr.api.tokens import Scope
from ivr.cli import calls as cli_calls
from ivr.cli import main
from ivr.cli import view as cli_view
from ivr.config.settings import Address
from ivr.engine.setup import PidFile
from ivr.errors import SetupError, UsageError
from ivr.metrics import Metrics
from tests.api.fake import ONE, OTHER, SINCE, FakeCalls
from tests.cli.test_root import edit, free_port, site_file  # noqa: F401 # fixtures


class Running:
    """What a running engine is to a command, in this process."""

    def __init__(self, site_file: Path) -> None:  # noqa: F811 # not the fixture
        self.spool = site_file.parent.parent / "spool"
        self.spool.mkdir()
        self.calls = FakeCalls(ONE, OTHER)
        self.claim = PidFile(self.spool)
        self.server = HttpServer(
            ("127.0.0.1", 0),
            Metrics(),
            lambda: {"ready": True},
            calls=self.calls,
            access=Access(lambda: site_file.parent / "tokens.json", self.claim.secret),
        )
        self.server.start()
        self.claim.tell(Address("127.0.0.1", self.server.port))

    def close(self) -> None:
        self.server.stop()
        self.claim.__exit__(None, None, None)


@pytest.fixture
def running(site_file: Path) -> Iterator[Running]:  # noqa: F811 # the fixture
    """An engine with two calls."""
    one = Running(site_file)
    with structlog.testing.capture_logs():  # whose place is not on a command's output
        yield one
    one.close()


def ivr(*words: object) -> Result:
    """Run a command in a thread, while this one serves."""
    run = CliRunner().invoke
    result: Result = gevent.get_hub().threadpool.apply(run, (main, [str(word) for word in words]))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


# calls


def test_calls_in_lines(running, site_file):  # noqa: F811 # the fixture
    running.calls.now[OTHER.call] = OTHER._replace(
        pause="on", recording="paused", paused_since=SINCE, paused_by="agent", overdue=True,
        keys_hidden=True, marks=("abuse",),
    )  # fmt: skip
    result = ivr("calls", "--site", site_file)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{ONE.call}  2026-03-02T10:00:00+00:00  customer-services/main-line  inbound  connected"
        "  **********961 - 1001  recording",
        f"{OTHER.call}  2026-03-02T10:00:00+00:00  revenues/main-line  inbound  connected"
        "  **********961 - 1002  paused  paused since 2026-03-02T10:01:00+00:00 by agent, overdue"
        "  abuse",
    ]


def test_a_pause_whose_keys_are_not_hidden_is_not_shown_as_any_other(running, site_file):  # noqa: F811 # the fixture
    paused = OTHER._replace(pause="on", paused_since=SINCE, paused_by="agent", recording="paused")
    running.calls.now[OTHER.call] = paused
    lines = ivr("calls", "--site", site_file).stdout.splitlines()
    assert ["keys not hidden" in line for line in lines] == [False, True]
    assert lines[1].endswith("by agent, keys not hidden")
    assert shown(paused).count("not hidden") == 1
    for one in (paused._replace(keys_hidden=True), paused._replace(pause="starting"), ONE):
        assert "hidden" not in cli_view.line(one)
        assert "hidden" not in shown(one)


def shown(call: CallNow) -> str:
    console = Console(width=200, file=open(os.devnull, "w"), record=True)  # noqa: SIM115 # for the test
    console.print(cli_view.table([call], datetime.now(UTC)))
    return console.export_text()


def test_calls_as_json(running, site_file):  # noqa: F811 # the fixture
    masked = [
        json.loads(line) for line in ivr("calls", "--site", site_file, "--json").stdout.splitlines()
    ]
    assert [call["call"] for call in masked] == [ONE.call, OTHER.call]
    assert masked[0]["caller"] == "**********961"
    whole = ivr("calls", "--site", site_file, "--json", "--numbers").stdout.splitlines()[0]
    assert json.loads(whole) == {**ONE._asdict(), "marks": []}


def test_no_calls(running, site_file):  # noqa: F811 # the fixture
    running.calls.now.clear()
    result = ivr("calls", "--site", site_file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no calls\n")


def test_what_a_stranger_sends_cannot_steer_a_terminal(running, site_file):  # noqa: F811 # the fixture
    bad = "\x1b[2J[bold]\n\u202e"
    running.calls.now = {ONE.call: ONE._replace(caller=bad, extension=bad)}
    result = ivr("calls", "--site", site_file, "--numbers")
    assert len(result.stdout.splitlines()) == 1
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    console = Console(width=200, file=open(os.devnull, "w"), record=True)  # noqa: SIM115 # for the test
    console.print(cli_view.table([ONE._replace(caller=bad)], datetime.now(UTC)))
    text = console.export_text()
    assert "[bold]" in text, "no markup"
    assert "\x1b" not in text


def test_another_spool_needs_no_site(running, tmp_path):
    assert ivr("calls", "--site", tmp_path / "none.yaml", "--spool", running.spool).exit_code == 0


def test_a_dialplan_with_mistakes_does_not_keep_a_pause_away(running, site_file):  # noqa: F811 # the fixture
    edit(site_file.parent.parent / "dialplan/policy.yaml", "reminders: 2", "reminder: 2")
    assert ivr("pause", "--site", site_file, "1001").exit_code == 0
    edit(site_file, "spool:", "spol:")
    result = ivr("pause", "--site", site_file, "1001")
    assert result.exit_code == 1
    assert "spol" in result.output


# pause, resume


@pytest.mark.parametrize("word", [ONE.call, ONE.call[:4], ONE.call[:8].upper(), "1001", " 1001 "])
def test_pause_and_resume(running, site_file, word):  # noqa: F811 # the fixture
    paused = ivr("pause", "--site", site_file, word)
    assert paused.exit_code == 0
    assert paused.stdout.endswith(f"  paused  paused since {SINCE} by engineer\n")
    assert ivr("resume", "--site", site_file, word).stdout.endswith("  recording\n")
    assert running.calls.asked == [
        ("pause", ONE.call, "engineer"),
        ("resume", ONE.call, "engineer"),
    ]


@pytest.mark.parametrize("word", ["3de", "1003", "100", "", "ffff", "\x1b[2J", ONE.call + "0", "é"])
def test_a_call_that_is_not_there(running, site_file, word):  # noqa: F811 # the fixture
    result = ivr("pause", "--site", site_file, "--", word)
    assert result.exit_code == 2
    assert result.stderr.startswith("no call in progress has the id or extension ")
    assert len(result.stderr.splitlines()) == 1
    assert "\x1b" not in result.stderr
    assert running.calls.asked == []


def test_several_calls_are_named(running, site_file):  # noqa: F811 # the fixture
    running.calls.now[OTHER.call] = OTHER._replace(extension="1001")
    result = ivr("pause", "--site", site_file, "1001")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "1001 is 2 calls, name one of them by its id:",
        f"  {ONE.call}",
        f"  {OTHER.call}",
    ]
    assert running.calls.asked == []


def call(number: int, extension: str = "") -> CallNow:
    return ONE._replace(call=f"1001{number:04}-0000-4000-8000-000000000000", extension=extension)


def test_an_extension_that_is_also_the_beginning_of_an_id():
    """Pausing the wrong one would record a card number."""
    with pytest.raises(UsageError, match="is 2 calls"):
        cli_calls.chosen([call(1), ONE], "1001")
    assert cli_calls.chosen([call(1, "1001")], "1001") == call(1, "1001"), "where it is one call"


def test_very_many_calls_are_not_all_named():
    with pytest.raises(UsageError) as caught:
        cli_calls.chosen([call(number) for number in range(13)], "1001")
    assert len(str(caught.value).splitlines()) == 12
    assert str(caught.value).endswith("and 3 more")


@pytest.mark.parametrize(
    ("why", "code", "text"),
    [
        (Why.AWAY, 5, "FreeSWITCH is away. The recording is recording; the pause is off."),
        (Why.NOT_CONFIRMED, 5, "did not confirm all of it"),
        (Why.BUSY, 5, "try again"),
        (Why.NOT_RECORDED, 2, "not recorded"),
        (Why.NOT_CONNECTED, 2, "not connected"),
        (Why.AT_PAYMENT_LINE, 2, "connected to a payment line: resume it once it has left"),
        (Why.ENDED, 2, "has ended"),
    ],
)
def test_what_the_engine_refuses(running, site_file, why, code, text):  # noqa: F811 # the fixture
    running.calls.why = why
    result = ivr("pause", "--site", site_file, "1001")
    assert result.exit_code == code
    assert text in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_fault_of_the_engine(running, site_file):  # noqa: F811 # the fixture
    running.calls.before_answer = lambda: 1 / 0
    result = ivr("pause", "--site", site_file, "1001")
    assert result.exit_code == 1
    assert result.stderr == "The engine failed at it; its log says why.\n"


# the engine


@pytest.mark.parametrize("words", [("calls",), ("pause", "1001"), ("resume", "1001")])
def test_no_engine(site_file, words):  # noqa: F811 # the fixture
    result = ivr(words[0], "--site", site_file, *words[1:])
    assert result.exit_code == 3
    assert "no engine is running on the spool" in result.stderr


def test_an_engine_that_still_starts(site_file):  # noqa: F811 # the fixture
    spool = site_file.parent.parent / "spool"
    spool.mkdir()
    with PidFile(spool):
        result = ivr("calls", "--site", site_file)
    assert result.exit_code == 3
    assert "is still starting" in result.stderr


def test_an_engine_that_does_not_answer(site_file):  # noqa: F811 # the fixture
    spool = site_file.parent.parent / "spool"
    spool.mkdir()
    with PidFile(spool) as claim:
        claim.tell(Address("127.0.0.1", free_port()))
        result = ivr("calls", "--site", site_file)
    assert result.exit_code == 3
    assert "does not answer at http://127.0.0.1:" in result.stderr


def test_a_secret_that_is_another_engines(running, site_file):  # noqa: F811 # the fixture
    (running.spool / "engine.secret").write_text("ivr_another\n")
    result = ivr("calls", "--site", site_file)
    assert result.exit_code == 3
    assert "restart the engine" in result.stderr


def test_something_else_at_the_engines_address(running, site_file):  # noqa: F811 # the fixture
    running.calls.now = {}
    running.calls.calls = lambda: [ONE._replace(call="x")]
    assert ivr("calls", "--site", site_file).exit_code == 0
    running.server._v1 = lambda environ, start: (start("200 OK", []), [b'{"calls": [{}]}'])[1]
    result = ivr("calls", "--site", site_file)
    assert result.exit_code == 1
    assert "not an engine of this version" in result.stderr
    running.server._v1 = lambda environ, start: (start("200 OK", []), [b"<html>"])[1]
    assert ivr("calls", "--site", site_file).exit_code == 1


def test_a_proxy_of_the_environment_is_not_asked(running, site_file, monkeypatch):  # noqa: F811 # the fixture
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert ivr("calls", "--site", site_file).exit_code == 0


def test_the_secret_is_private_new_each_time_and_gone_at_the_end(tmp_path):
    path = tmp_path / "engine.secret"
    old = os.umask(0)
    try:
        with PidFile(tmp_path) as first:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert PidFile.secret_of(tmp_path) == first.secret
            assert first.secret not in (tmp_path / "engine.pid").read_text()
        assert not path.exists()
        path.symlink_to(tmp_path / "elsewhere")
        with PidFile(tmp_path) as second:
            assert PidFile.secret_of(tmp_path) == second.secret != first.secret
            assert not (tmp_path / "elsewhere").exists(), "what lay there is not followed"
    finally:
        os.umask(old)


@pytest.mark.parametrize("how", ["open", "link", "folder", "none", "other"])
def test_a_secret_that_is_not_the_engines(tmp_path, monkeypatch, how):
    path = tmp_path / "engine.secret"
    with PidFile(tmp_path) as claim:
        path.rename(tmp_path / "aside")
        if how == "open":
            path.write_text(claim.secret)
            path.chmod(0o644)
        elif how == "link":
            path.symlink_to(tmp_path / "aside")
        elif how == "folder":
            path.mkdir(0o700)
        elif how == "other":
            (tmp_path / "aside").rename(path)
            real = os.fstat
            monkeypatch.setattr(
                os, "fstat", lambda fd: os.stat_result((*real(fd)[:4], 12345, *real(fd)[5:]))
            )
        with pytest.raises(SetupError, match=r"engine\.secret"):
            PidFile.secret_of(tmp_path)


# On a terminal.


def test_the_live_view_shows_and_ends_with_q(running, site_file):  # noqa: F811 # the fixture
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ivr.cli", "calls", "--site", str(site_file)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"},
    )
    os.close(theirs)
    text = _until(ours, rb"3deba8b7(.|\n)*q ends")
    assert b"1632960961" not in text
    running.calls.now[ONE.call] = ONE._replace(
        pause="on", recording="paused", paused_since=SINCE, paused_by="agent"
    )
    _until(ours, rb"by agent")
    os.write(ours, b"xq")
    _until(ours, None)
    assert process.wait() == 0
    os.close(ours)


def _until(terminal: int, wanted: bytes | None) -> bytes:
    """Read until it was shown; to the end where nothing is wanted."""
    found = b""
    while wanted is None or not re.search(wanted, found):
        wait_read(terminal)
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            data = b""
        if not data:
            assert wanted is None, found
            return found
        found += data
    return found


def test_a_live_view_whose_engine_ends(capsys):
    def gone() -> list[CallNow]:
        raise SetupError("the engine does not answer")

    with pytest.raises(SetupError):
        cli_view.live(gone, numbers=False)


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("2026-03-02T10:00:00+00:00", "1:02:03"),
        ("2026-03-02T11:00:00+00:00", "2:03"),
        ("2026-03-02T12:02:03+01:00", "0:00"),
        ("2027-03-02T12:02:03+01:00", "0:00"),
        ("", ""),
        ("nonsense", ""),
        ("2026-03-02T10:00:00", ""),
    ],
)
def test_how_long_a_call_lasts(since, shown):
    assert cli_view._lasting(since, datetime(2026, 3, 2, 11, 2, 3, tzinfo=UTC)) == shown


# token


def test_a_token_from_its_making_to_its_end(site_file):  # noqa: F811 # the fixture
    words = ("--site", site_file)
    added = ivr(
        "token", "add", *words, "payment-page", "--scope", "recording:pause",
        "--scope", "calls:read", "--days", "30",
    )  # fmt: skip
    assert added.exit_code == 0
    assert re.fullmatch(r"ivr_[A-Za-z0-9_-]{43}\n", added.stdout), "alone, to be piped"
    assert "shown only now" in added.stderr
    path = site_file.parent / "tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert added.stdout.strip() not in path.read_text()
    listed = ivr("token", "list", *words)
    assert listed.stdout.startswith("payment-page  calls:read,recording:pause  made 20")
    assert "until 20" in listed.stdout
    assert "ivr_" not in listed.stdout
    row = json.loads(ivr("token", "list", *words, "--json").stdout)
    assert (row["name"], row["scopes"]) == ("payment-page", ["calls:read", "recording:pause"])
    assert ivr("token", "revoke", *words, "payment-page").stdout == "revoked: payment-page\n"
    assert ivr("token", "list", *words).stderr == "no tokens\n"


@pytest.mark.parametrize(
    "words",
    [
        ("add", "crm"),
        ("add", "crm", "--scope", "all"),
        ("add", "A b", "--scope", "calls:read"),
        ("add", "there", "--scope", "calls:read"),
        ("add", "crm", "--scope", "calls:read", "--days", "0"),
        ("add", "crm", "--scope", "calls:read", "--days", "soon"),
        ("revoke", "crm"),
    ],
)
def test_words_that_do_not_fit(site_file, words):  # noqa: F811 # the fixture
    assert ivr("token", "add", "there", "--scope", "calls:read", "--site", site_file).exit_code == 0
    before = (site_file.parent / "tokens.json").read_bytes()
    result = ivr("token", words[0], "--site", site_file, *words[1:])
    assert result.exit_code == 2
    assert "ivr_" not in result.output
    assert (site_file.parent / "tokens.json").read_bytes() == before


def test_a_file_that_is_broken(site_file):  # noqa: F811 # the fixture
    (site_file.parent / "tokens.json").write_text("{")
    (site_file.parent / "tokens.json").chmod(0o600)
    for words in (("list",), ("revoke", "crm"), ("add", "crm", "--scope", "calls:read")):
        result = ivr("token", words[0], "--site", site_file, *words[1:])
        assert result.exit_code == 3
        assert "is no file of tokens" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_scopes_are_those_that_there_are():
    assert tuple(Scope) == cli_calls.SCOPES


def test_help_loads_nothing_slow():
    """What a person waits for at each Tab."""
    code = (
        "import sys; from ivr.cli import main\n"
        "slow = {'flask', 'gevent', 'pydantic', 'yaml'} & sys.modules.keys()\n"
        "sys.exit(f'loaded: {slow}' if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
