"""``ivr reload``: what it says of an engine that runs as another process."""

from __future__ import annotations

import json
import os
import signal
import urllib.request

import pytest

from ivr.config.settings import Address
from ivr.engine.setup import PidFile
from tests.cli.test_root import edit, free_port, ivr, served, site_file  # noqa: F401 # fixtures
from tests.engine.served import Served


def health(one: Served) -> dict[str, object]:
    address = one.events[0]["metrics_on"].replace("/metrics", "/healthz")
    page: dict[str, object] = json.load(urllib.request.urlopen(address))
    return page


def test_it_waits_for_the_engine_also_where_nothing_has_changed(served, site_file):  # noqa: F811 # the fixture
    for count in (1, 2):
        assert ivr("reload", "--site", site_file).exit_code == 0
        taken = [one for one in served.events if one["event"] == "configuration taken over"]
        assert len(taken) == count
        assert health(served)["reloads"] == count


def test_settings_that_take_a_restart_are_named(served, site_file):  # noqa: F811 # the fixture
    edit(site_file, 'password: "ClueCon"', 'password: "other"')
    edit(site_file, "format: json", "format: json\n  level: debug")
    edit(site_file.parent.parent / "dialplan/policy.yaml", 'version: "2.0"', 'version: "2.1"')
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "not in force until the engine is restarted: freeswitch.password, log.level"
    ]
    assert health(served)["policy"] == "2.1", "and the rest is in force"


def test_the_engine_is_found_where_its_address_has_changed(served, site_file):  # noqa: F811 # the fixture
    port = int(served.events[0]["metrics_on"].rpartition(":")[2].removesuffix("/metrics"))
    edit(site_file, f'"127.0.0.1:{port}"', f'"127.0.0.1:{free_port()}"')
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 0
    assert result.output.endswith("until the engine is restarted: http.listen\n")


def test_an_engine_that_is_still_on_another_spool(served, site_file):  # noqa: F811 # the fixture
    edit(site_file, "spool: ../spool", "spool: ../other")
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 3
    assert "no engine is running on the spool" in result.output
    assert "where `spool` was changed in" in result.output


def test_any_free_port_will_do(site_file):  # noqa: F811 # the fixture
    one = Served(site_file)
    try:
        one.until("engine started")
        spool = site_file.parent.parent / "spool"
        while PidFile.http(spool) is None:
            assert one.process.poll() is None
        assert ivr("reload", "--site", site_file).exit_code == 0
    finally:
        one.kill()


def test_a_proxy_of_the_environment_is_not_asked(served, site_file, monkeypatch):  # noqa: F811 # the fixture
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert ivr("reload", "--site", site_file).exit_code == 0


def test_what_the_engine_refuses_is_said_at_once(served, site_file, monkeypatch):  # noqa: F811 # the fixture
    """The files change after this command has checked them."""
    real = os.kill

    def spoil(process: int, number: int) -> None:
        edit(site_file.parent.parent / "dialplan/policy.yaml", "reminders: 2", "reminder: 2")
        real(process, number)

    monkeypatch.setattr(os, "kill", spoil)
    result = ivr("reload", "--site", site_file)
    assert result.exit_code == 3
    assert result.output == (
        f"the engine, process {served.process.pid}, refused the configuration and keeps the old"
        " one; its log says why\n"
    )


def test_an_engine_that_still_starts_is_not_signalled(site_file, monkeypatch):  # noqa: F811 # the fixture
    """It would end of it."""
    spool = site_file.parent.parent / "spool"
    spool.mkdir()
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *words: told.append(words))
    with PidFile(spool):
        result = ivr("reload", "--site", site_file)
    assert result.exit_code == 3
    assert "is still starting" in result.output
    assert told == []


def test_an_engine_that_does_not_answer(site_file, monkeypatch):  # noqa: F811 # the fixture
    spool = site_file.parent.parent / "spool"
    spool.mkdir()
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *words: told.append(words))
    monkeypatch.setattr("ivr.engine.asking._LONGEST_S", 0.2)
    with PidFile(spool) as claim:
        claim.tell(Address("127.0.0.1", free_port()))
        result = ivr("reload", "--site", site_file)
    assert told == [(os.getpid(), signal.SIGHUP)]
    assert result.exit_code == 3
    assert "was told to reload and http://127.0.0.1:" in result.output


@pytest.mark.parametrize("text", ["", "nonsense", "127.0.0.1:", ":80", "h:0", "h:65536", "h:²"])
def test_an_address_that_is_none(tmp_path, text):
    with PidFile(tmp_path):
        (tmp_path / "engine.pid").write_text(f"{os.getpid()}\n{text}\n")
        assert PidFile.http(tmp_path) is None
        assert PidFile.read(tmp_path) == os.getpid()
    assert PidFile.http(tmp_path) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_where_an_engines_pages_are(tmp_path, host):
    with PidFile(tmp_path) as claim:
        assert PidFile.http(tmp_path) is None
        claim.tell(Address(host, 9184))
        assert PidFile.http(tmp_path) == Address(host, 9184)
        assert PidFile.read(tmp_path) == os.getpid()
