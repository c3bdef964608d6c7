"""The host's clock, ports and limits, and the engine that runs."""

from __future__ import annotations

import json
import os
import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer

from ivr.config.settings import Address
from ivr.doctor import on_host
from ivr.doctor import patient as gathering
from ivr.doctor.on_host import _Timex
from ivr.doctor.patient import Health, Patient, Running, patient
from ivr.engine import setup
from ivr.engine.setup import PidFile
from ivr.storage.places import prepare

HTTP = Address.of("127.0.0.1:9184")
HEALTHY = Health(True, True, 3, "", (), "ok")


def running(well: Patient, **other: Any) -> Patient:
    """The same host, on which an engine runs whose page says this."""
    assert well.configuration is not None
    page = replace(HEALTHY, config=well.configuration.version)
    return replace(well, engine=Running(os.getpid(), HTTP, replace(page, **other)))


# Configuration.


def test_the_configuration(well):
    found = on_host.configuration(well)
    assert found.verdict == "ok"
    assert "2 routes, 2 numbers, policy 2.0" in found.found


def test_mistakes_are_each_named(well):
    found = on_host.configuration(
        replace(well, configuration=None, mistakes=("a:1:1: x", "b:2:2: y"))
    )
    assert (found.verdict, found.found, found.more) == (
        "wrong",
        "2 mistakes",
        ("a:1:1: x", "b:2:2: y"),
    )


def test_a_site_file_with_mistakes_is_all_that_is_known(site_file):
    site_file.write_text("spol: x\n")
    found = patient(site_file)
    assert found.site is None
    assert any('unknown key "spol"' in mistake for mistake in found.mistakes)


def test_mistakes_of_the_dialplan_leave_the_site(site_file):
    (site_file.parent.parent / "dialplan/routes.yaml").write_text("- {}\n")
    found = patient(site_file, ask=False)
    assert found.mistakes
    assert found.site is not None
    assert found.configuration is None


def test_audio_that_is_not_what_was_made(site_file):
    audio = site_file.parent.parent / "prompts/en-GB/8000/busy.wav"
    audio.write_bytes(audio.read_bytes()[:-2] + b"\1\1")
    found = on_host.configuration(patient(site_file, ask=False))
    assert found.verdict == "wrong"
    assert "is not the audio that was made of this prompt" in str(found)


# The engine.


def test_an_engine_that_is_ready(well):
    found = on_host.engine(running(well))
    assert (found.verdict, found.found) == (
        "ok",
        f"process {os.getpid()} is ready, 3 calls in progress",
    )


@pytest.mark.parametrize(
    ("other", "verdict", "says"),
    [
        ({"ready": False, "disk": "journal: no space\nmore"}, "wrong", "journal: no space"),
        ({"freeswitch": False}, "wrong", "no connection to FreeSWITCH"),
        ({"restart_for": ("spool",)}, "warning", "needs a restart for spool"),
        ({"config": "another"}, "warning", "has configuration another"),
    ],
)
def test_an_engine_that_is_not_well(well, other, verdict, says):
    found = on_host.engine(running(well, **other))
    assert found.verdict == verdict
    assert says in found.found
    assert found.do


def test_an_engine_whose_spool_is_gone(well):
    """Whoever starts another one now has it write into the empty mount point."""
    found = on_host.engine(replace(well, stray=True))
    assert found.verdict == "wrong"
    assert "the spool knows of none" in found.found
    assert "mount" in found.do.lower()


def test_an_engine_is_found_by_its_page_where_the_spool_knows_of_none(site_file, monkeypatch):
    asked = []
    monkeypatch.setattr(gathering, "health", lambda address: asked.append(address) or HEALTHY)
    found = patient(site_file, ask=False)
    assert found.stray
    assert found.site is not None
    assert asked == [found.site.http]


def test_no_engine(well):
    assert on_host.engine(well).verdict == "warning"
    assert on_host.engine(replace(well, engine=Running(1, None, None))).verdict == "warning"
    assert on_host.engine(replace(well, engine=Running(1, HTTP, None))).verdict == "wrong"
    unknown = replace(well, engine_unknown="cannot read x: Permission denied")
    assert on_host.engine(unknown).verdict == "unchecked"


def test_the_engine_is_found_by_its_spool(site_file):
    spool = site_file.parent.parent / "spool"
    assert patient(site_file, ask=False).engine is None
    prepare(spool, 0)
    page = {
        "ready": True,
        "freeswitch": False,
        "calls": 2,
        "config": "c",
        "restart_for": [],
        "disk": "ok",
    }

    def answer(_environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [])
        return [json.dumps(page).encode()]

    server = WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    with PidFile(spool) as claim:
        started = patient(site_file, ask=False)
        assert started.engine == Running(os.getpid(), None, None)
        claim.tell(Address("127.0.0.1", server.server_port))
        found = patient(site_file, ask=False)
        assert found.engine is not None
        assert found.engine.health == Health(True, False, 2, "c", (), "ok")
        page["calls"] = "many"  # another program
        again = patient(site_file, ask=False)
        assert again.engine is not None
        assert again.engine.health is None
    server.stop()
    assert patient(site_file, ask=False).engine is None


def test_whether_one_runs_may_be_hidden(site_file, monkeypatch):
    def refuse(spool: Path) -> int:
        from ivr.errors import SetupError

        raise SetupError("cannot read engine.pid, so whether an engine is running is not known")

    monkeypatch.setattr(PidFile, "read", staticmethod(refuse))
    assert patient(site_file, ask=False).engine_unknown.startswith("cannot read engine.pid")


def test_a_spool_whose_disk_is_hung(site_file, monkeypatch):
    over = threading.Event()
    monkeypatch.setattr("ivr.doctor.patient.LIMIT_S", 0.2)
    monkeypatch.setattr(PidFile, "read", staticmethod(lambda spool: over.wait()))
    found = patient(site_file, ask=False)
    over.set()
    assert found.engine is None
    assert found.engine_unknown.endswith("is its disk hung?")


def test_the_engines_user(well, tmp_path):
    assert well.user is None
    prepare(well.site.spool, 0)
    assert well.user is not None
    assert well.user.uid == os.getuid()
    away = replace(well, site=replace(well.site, spool=tmp_path / "none"))
    assert running(away).user is not None


# Ports.


def listens_at(well: Patient, port: int) -> Patient:
    return replace(well, site=replace(well.site, listen=Address("127.0.0.1", port)))


def test_ports_that_are_free(well):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    assert on_host.ports(listens_at(well, port)).found == "free"


def test_a_port_that_another_program_has(well):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        patient = listens_at(well, one.getsockname()[1])
        found = on_host.ports(patient)
        assert found.verdict == "wrong"
        assert f"is held by process {os.getpid()}" in found.found
        assert on_host.ports(running(patient)).found == "the engine's own"
        other = replace(running(patient), engine=Running(1 << 22, HTTP, HEALTHY))
        assert on_host.ports(other).verdict == "wrong"


def test_a_port_whose_holder_cannot_be_seen(well, monkeypatch):
    monkeypatch.setattr(on_host, "holder", lambda port: None)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        patient = listens_at(well, one.getsockname()[1])
        assert on_host.ports(patient).verdict == "unchecked"
        assert on_host.ports(running(patient)).verdict == "ok"


def test_an_engine_that_listens_elsewhere(well):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    found = on_host.ports(running(listens_at(well, port)))
    assert found.verdict == "wrong"
    assert "does not listen: outbound.listen" in found.found


def test_an_address_that_is_not_this_hosts(well):
    patient = replace(well, site=replace(well.site, http=Address("192.0.2.77", 9184)))
    found = on_host.ports(patient)
    assert found.verdict == "wrong"
    assert "http.listen 192.0.2.77:9184" in found.found


# Clock.


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (_Timex(0, 0x2001), True),
        (_Timex(5, 0x2001), False),
        (_Timex(0, 0x40), False),
        (None, None),
    ],
)
def test_what_the_kernel_says_of_the_clock(told, state):
    assert on_host.ntp(lambda: told) is state


def test_the_kernel_answers_here():
    assert on_host.ntp() in (True, False, None)


@pytest.mark.parametrize(
    ("state", "file", "verdict"),
    [
        (True, False, "ok"),
        (False, True, "ok"),
        (False, False, "warning"),
        (None, False, "warning"),
    ],
)
def test_a_clock_that_is_kept_or_not(well, monkeypatch, tmp_path, state, file, verdict):
    monkeypatch.setattr(on_host, "ntp", lambda: state)
    monkeypatch.setattr(on_host, "_SYNCED", tmp_path / "synchronized")
    if file:
        (tmp_path / "synchronized").touch()
    assert on_host.synchronised(well).verdict == verdict


def test_a_clock_that_went_back(well):
    spool = prepare(well.site.spool, 0)
    assert on_host.clock(well).verdict == "ok"
    record = spool.new / "x.json"
    record.touch()
    assert on_host.clock(well).verdict == "ok"
    later = well.wall_ms / 1000 + 90
    os.utime(record, (later, later))
    found = on_host.clock(well)
    assert found.verdict == "wrong"
    assert f"and {record} is of 20" in found.found


def test_a_clock_that_was_never_set(well):
    assert on_host.clock(replace(well, wall_ms=1_000)).verdict == "wrong"
    assert on_host.clock(replace(well, site=None)).verdict == "ok"


def test_the_time_zone(well, monkeypatch, tmp_path):
    monkeypatch.setattr(on_host, "_LOCALTIME", tmp_path / "localtime")
    found = on_host.zone(well)
    assert found.verdict == "warning"
    assert "No such file" in found.found
    (tmp_path / "localtime").write_bytes(b"nothing")
    assert on_host.zone(well).verdict == "warning"
    data = b"TZif" + b"\0" * 16 + b"\0" * 4 * 3 + b"\0\0\0\0" + b"\0\0\0\1" + b"\0\0\0\4"
    data += b"\0\0\0\0\0\0" + b"UTC\0"
    (tmp_path / "localtime").write_bytes(data)
    found = on_host.zone(well)
    assert found.verdict == "ok"
    assert found.found.startswith("its own, now ")


# Open files.


def test_as_many_files_as_calls_need():
    assert on_host.SPARE == setup._SPARE


def limited(well: Patient, connections: int) -> Patient:
    limits = replace(well.site.limits, connections=connections)
    return replace(well, site=replace(well.site, limits=limits))


def test_open_files(well):
    for host in (well, running(well)):
        assert on_host.files(limited(host, -500)).verdict == "ok"
    found = on_host.files(limited(running(well), 1 << 31))
    assert found.verdict == "wrong"
    assert f"LimitNOFILE={(1 << 31) + 512}" in found.do
    gone = replace(well, engine=Running(1 << 30, None, None))
    assert on_host.files(gone).verdict == "unchecked"


def test_a_shell_that_may_open_fewer(well, monkeypatch):
    monkeypatch.setattr(on_host.resource, "getrlimit", lambda which: (256, 1024))
    assert on_host.files(well).verdict == "warning"
