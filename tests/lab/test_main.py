from __future__ import annotations

import socket

from click.testing import CliRunner

from ivr.lab.__main__ import main


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_without_an_engine_every_call_ends_and_is_told_of():
    engine, inbound = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    result = CliRunner().invoke(main, ["--engine", engine, "--inbound", inbound, "--place", "1"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"lab switch: event socket on {inbound}, calls go to {engine}"
    assert len(lines) == 8
    assert "opts out: NORMAL_CLEARING, ended by switch after" in result.output


def test_an_address_that_is_none_is_named():
    result = CliRunner().invoke(main, ["--inbound", "here"])
    assert result.exit_code == 2
    assert "'here' is no address: expected host:port" in result.output


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(main, ["--inbound", address])
    assert result.exit_code == 3
    assert f"cannot listen on {address}" in result.output
