"""The units in deploy/ fit the engine, its shipped site file and each other (R19, R22)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from ivr.cli import main
from ivr.config.load import load
from ivr.config.settings import Site
from ivr.errors import FAULT_EXIT_CODE, ConfigError, UsageError

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
SPARE_FILES = 512
_UNITS_OF_TIME = {"ms": 0.001, "s": 1.0, "": 1.0, "min": 60.0}


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A unit's sections, each with its settings, each with all its values."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), defaultdict(list))
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            section[name].append(value)
    return found


def seconds(text: str) -> float:
    """A time such as systemd takes it."""
    found = re.fullmatch(r"(\d+)(ms|s|min|)", text)
    assert found is not None, text
    return int(found[1]) * _UNITS_OF_TIME[found[2]]


SERVICE = unit(UNITS / "ivr.service")
SOCKET = unit(UNITS / "ivr.socket")


@pytest.fixture(scope="module")
def site() -> Site:
    """The shipped one."""
    return load(ROOT / "deploy" / "ivr.yaml").site


def only(section: str, name: str) -> str:
    """A setting of the service that is there once."""
    (value,) = SERVICE[section][name]
    return value


def test_the_socket_is_where_the_dialplan_sends_calls(site: Site) -> None:
    (stream,) = SOCKET["Socket"]["ListenStream"]
    assert stream == str(site.listen)
    assert site.listen in site.engines


def test_calls_wait_in_the_socket_for_one_engine() -> None:
    assert SOCKET["Socket"]["Accept"] == ["no"]
    assert int(SOCKET["Socket"]["Backlog"][0]) >= 1024
    assert only("Unit", "Requires") == "%N.socket", "the engine has it when it is started by hand"
    assert only("Install", "Also") == "%N.socket"


def test_an_engine_that_is_gone_is_back_before_the_dead_man(site: Site) -> None:
    assert only("Service", "Restart") == "always"
    assert seconds(only("Service", "RestartSec")) < 1
    assert only("Unit", "StartLimitIntervalSec") == "0", "it is never given up"
    assert seconds(only("Service", "WatchdogSec")) <= site.render.dead_man_s
    codes = {int(code) for code in only("Service", "RestartPreventExitStatus").split()}
    assert codes == {ConfigError.exit_code, UsageError.exit_code}, "those that people must mend"
    assert FAULT_EXIT_CODE not in codes


def test_the_spools_disk_has_to_be_mounted_and_the_fallbacks_is_only_waited_for() -> None:
    """A mount point is an empty folder; a spare disk that is broken costs no call its engine."""
    assert only("Unit", "RequiresMountsFor") == "/var/lib/%N/spool"
    assert "var-lib-%N-fallback.mount" in SERVICE["Unit"]["After"]


def test_an_engine_that_cannot_start_does_not_hold_up_each_call() -> None:
    """The socket is closed then, and FreeSWITCH goes on without an engine."""
    assert seconds(SOCKET["Socket"]["TriggerLimitIntervalSec"][0]) >= 30
    assert 2 <= int(SOCKET["Socket"]["TriggerLimitBurst"][0]) <= 20


def test_it_is_waited_for_that_it_is_ready_and_that_it_stops(site: Site) -> None:
    assert only("Service", "Type") == "notify"
    stop_s = site.limits.stop_ms / 1000
    assert stop_s + 2 <= seconds(only("Service", "TimeoutStopSec")) <= stop_s + 10


def test_it_may_open_as_many_files_as_the_site_has_calls(site: Site) -> None:
    assert int(only("Service", "LimitNOFILE")) >= site.limits.connections + SPARE_FILES


def test_no_core_dump_holds_what_callers_keyed() -> None:
    """SIGABRT, which the watchdog sends unless told otherwise, would write one (R6)."""
    assert only("Service", "WatchdogSignal") == "SIGKILL"
    assert only("Service", "LimitCORE") == "0"


def test_the_commands_are_there() -> None:
    for setting in ("ExecStart", "ExecReload"):
        _program, command = only("Service", setting).split()
        assert command in main.commands


def test_it_has_few_rights(site: Site) -> None:
    service = SERVICE["Service"]
    assert only("Service", "User") == "ivr"
    assert service["CapabilityBoundingSet"] == [""]
    assert only("Service", "ProtectSystem") == "strict"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"):
        assert only("Service", name) == "yes"
    writable = only("Service", "ReadWritePaths").split()
    assert [path for path in writable if not path.startswith("-")] == ["/var/lib/%N/spool"]
    assert "RestrictSUIDSGID" not in service, "the folders of the spool are set-group-id"


# As systemd sees them.

_ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(_ANALYZE is None, reason="systemd is not installed here")


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(_ANALYZE), *words], capture_output=True, text=True, check=False)


def installed(folder: Path, name: str) -> list[str]:
    """The units under this name, with a program that is there; their paths."""
    paths = []
    for kind in ("service", "socket"):
        text = (UNITS / f"ivr.{kind}").read_text(encoding="utf-8")
        path = folder / f"{name}.{kind}"
        path.write_text(text.replace("/opt/ivr/bin/ivr ", "/bin/true "), encoding="utf-8")
        paths.append(str(path))
    return paths


@needs_systemd
@pytest.mark.parametrize("name", ["ivr", "ivr-b"])
def test_systemd_reads_them_without_a_word(tmp_path: Path, name: str) -> None:
    found = analyzed("verify", "--man=no", *installed(tmp_path, name))
    assert (found.returncode, found.stderr, found.stdout) == (0, "", "")


@needs_systemd
def test_systemd_has_a_word_for_a_setting_that_it_does_not_know(tmp_path: Path) -> None:
    service, socket = installed(tmp_path, "ivr")
    path = Path(service)
    path.write_text(path.read_text().replace("WatchdogSec", "WatchdogSecs"))
    assert "WatchdogSecs" in analyzed("verify", "--man=no", service, socket).stderr


@needs_systemd
def test_systemd_finds_that_it_has_few_rights(tmp_path: Path) -> None:
    """0 is none, 10 is all; a unit without any of it has 9.6."""
    found = analyzed("security", "--offline=true", "--threshold=20", installed(tmp_path, "ivr")[0])
    assert found.returncode == 0, found.stdout + found.stderr
