"""The units of the retention layer fit its settings, its commands and each other (R12 to R19)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from ivr.cli import main
from ivr.cli.retention.words import INSTALLED_RETENTION
from ivr.config.kinds import milliseconds
from ivr.config.schema.retention import Mail
from ivr.errors import FAULT_EXIT_CODE, ConfigError, UsageError
from tests.deploy.test_systemd import SERVICE as ENGINE
from tests.deploy.test_systemd import UNITS, analyzed, needs_systemd, seconds, unit

NAMES = ("ivr-retention.service", "ivr-sweep.service", "ivr-sweep.timer")
Unit = Mapping[str, Mapping[str, list[str]]]
RUN = unit(UNITS / NAMES[0])
SWEEP = unit(UNITS / NAMES[1])
TIMER = unit(UNITS / NAMES[2])
SOCKET_FOLDER = (UNITS / "ivr-retention.conf").read_text(encoding="utf-8").splitlines()[-1]
README = (UNITS.parent / "README.md").read_text(encoding="utf-8")


def only(of: Unit, name: str, section: str = "Service") -> str:
    """A setting that is there once."""
    (value,) = of[section][name]
    return value


def command(line: str) -> click.Command:
    """What a unit has systemd run."""
    program, *words = line.split()
    assert program == "/opt/ivr/bin/ivr"
    found: click.Command = main
    for word in words:
        assert isinstance(found, click.Group)
        found = found.commands[word]
    return found


def test_the_commands_are_there() -> None:
    assert command(only(RUN, "ExecStart")).name == "run"
    assert command(only(SWEEP, "ExecStart")).name == "sweep"


@pytest.mark.parametrize("of", [RUN, SWEEP], ids=NAMES[:2])
def test_it_is_its_own_user_and_shares_the_spool_with_the_engine(of: Unit) -> None:
    assert only(of, "User") == only(of, "Group") == "ivr-retention"
    assert only(of, "SupplementaryGroups") == ENGINE["Service"]["Group"][0]
    assert only(of, "User") != ENGINE["Service"]["User"][0]
    assert only(of, "Environment") == f"IVR_RETENTION={INSTALLED_RETENTION}"
    assert only(of, "StateDirectoryMode") == "0700", "nobody else looks into it (R16)"
    assert "/var/lib/ivr/spool" in only(of, "RequiresMountsFor", "Unit")


@pytest.mark.parametrize("of", [RUN, SWEEP], ids=NAMES[:2])
def test_it_has_as_few_rights_as_the_engine(of: Unit) -> None:
    sandbox = ("Protect", "Private", "Restrict", "SystemCall", "Lock", "NoNew", "Capability")
    of_the_engine = {
        name: values for name, values in ENGINE["Service"].items() if name.startswith(sandbox)
    }
    assert len(of_the_engine) > 15
    assert {name: of["Service"][name] for name in of_the_engine} == of_the_engine
    assert only(of, "LimitCORE") == "0"
    assert only(of, "UMask") == "0077"


def test_it_is_never_given_up_but_for_mistakes_that_people_must_mend() -> None:
    assert only(RUN, "Restart") == "always"
    assert only(RUN, "StartLimitIntervalSec", "Unit") == "0"
    codes = {int(code) for code in only(RUN, "RestartPreventExitStatus").split()}
    assert codes == {ConfigError.exit_code, UsageError.exit_code}
    assert FAULT_EXIT_CODE not in codes


def test_a_mail_that_is_being_sent_is_waited_for() -> None:
    default_ms = milliseconds(str(Mail.model_fields["timeout"].default))
    assert seconds(only(RUN, "TimeoutStopSec")) * 1000 > default_ms


def test_what_is_due_goes_the_same_day_and_a_host_that_was_off_catches_up() -> None:
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d", only(TIMER, "OnCalendar", "Timer"))
    assert only(TIMER, "Persistent", "Timer") == "true"
    assert only(SWEEP, "Type") == "oneshot"
    assert "Install" not in SWEEP, "the timer starts it, nobody else"


def test_the_sockets_folder_is_the_groups() -> None:
    kind, path, mode, user, group = SOCKET_FOLDER.split()
    assert (kind, mode, user) == ("d", "2750", only(RUN, "User"))
    assert path in only(RUN, "ReadWritePaths")
    assert f"socket: {path}/socket" in README
    assert f"groupadd --system {group}" in README


def test_the_page_has_every_file_and_user() -> None:
    for name in (*NAMES, "ivr-retention.conf", "retention.rules.yaml"):
        assert name in README, name
    assert "useradd --system" in README
    assert re.search(r"usermod --append --groups ivr-spool ivr-retention", README)


# As systemd sees them.


def installed(folder: Path) -> list[str]:
    """The units, with a program that is there; their paths."""
    paths = []
    for name in NAMES:
        text = (UNITS / name).read_text(encoding="utf-8")
        path = folder / name
        path.write_text(text.replace("/opt/ivr/bin/ivr ", "/bin/true "), encoding="utf-8")
        paths.append(str(path))
    return paths


@needs_systemd
def test_systemd_reads_them_without_a_word(tmp_path: Path) -> None:
    found = analyzed("verify", "--man=no", *installed(tmp_path))
    assert (found.returncode, found.stderr, found.stdout) == (0, "", "")


@needs_systemd
def test_systemd_finds_that_they_have_few_rights(tmp_path: Path) -> None:
    for path in installed(tmp_path)[:2]:
        found = analyzed("security", "--offline=true", "--threshold=20", path)
        assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.skipif(
    shutil.which("systemd-tmpfiles") is None, reason="systemd is not installed here"
)
def test_systemd_makes_the_sockets_folder(tmp_path: Path) -> None:
    whole = (UNITS / "ivr-retention.conf").read_text(encoding="utf-8")
    mine = whole.replace(" ivr-retention ivr-recordings", " - -")
    conf = tmp_path / "ivr.conf"
    conf.write_text(mine, encoding="utf-8")
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={root}", str(conf)], check=True)
    assert (root / "run/ivr-retention").stat().st_mode & 0o7777 == 0o2750
