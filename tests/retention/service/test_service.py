"""The service over its socket and its metrics: who asks is the kernel's word (R16, R21, R23)."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ivr.errors import RefusedError, SetupError, StoreError, UsageError
from ivr.retention.model import Query
from ivr.retention.service import requests as ask
from ivr.retention.service.app import HANDLERS
from ivr.retention.service.client import Client
from ivr.retention.service.peer import peer_of
from ivr.retention.service.running import Service, once, rehearsal
from ivr.retention.service.server import SocketServer
from tests.retention.house import House, until
from tests.retention.intake.records import call_id, deliver, record, sound

ME = getpass.getuser()


@pytest.fixture
def house() -> Iterator[House]:
    with TemporaryDirectory(prefix="ivr-") as folder:  # a socket's path is short
        house = House(Path(folder))
        access = house.folder / "deploy/access.yaml"
        text = access.read_text()
        access.write_text(f"{text}  - {{user: {ME}, name: I, roles: [data-protection-officer]}}\n")
        house.open()
        yield house


@pytest.fixture
def service(house: House) -> Iterator[Service]:
    service = Service(house.store)
    running = threading.Thread(target=service.run)
    running.start()
    yield service
    service.stop()
    running.join()


@pytest.fixture
def client(house: House, service: Service) -> Client:
    return Client(house.store.site.socket)


def scraped(service: Service, path: str = "/metrics") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}{path}") as answer:
        text: str = answer.read().decode()
        return text


def test_what_lies_in_the_spool_is_taken_in_and_found(house: House, client: Client) -> None:
    call = call_id(1)
    deliver(house.spool, record(call))
    until(lambda: client.ask(ask.Search(Query())))
    [found] = client.ask(ask.Search(Query()))
    assert found.recording.call == call
    assert found.disposition.rule == "recordings"
    heard = BytesIO()
    name = client.fetch(ask.Listen(call, reason="a complaint"), heard)
    assert (name, heard.getvalue()) == (f"{call}.wav", sound())
    assert list((house.spool / "new").iterdir()) == []


def test_the_kernel_says_who_asks(house: House, client: Client) -> None:
    client.ask(ask.CaseOpen("C-1", "complaint"))
    [line] = client.ask(ask.AuditShow(actions=("case-open",)))
    assert (line.who, line.outcome, line.case) == (ME, "done", "C-1")


def test_a_peer_is_named_with_its_groups() -> None:
    one, other = socket.socketpair()
    with one, other:
        person = peer_of(one)
    assert person.user == ME
    assert person.groups


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_another_person_and_may_nothing(house: House, service: Service) -> None:
    path = house.store.site.socket
    for folder in (path, *path.parents):
        if folder != Path("/tmp"):
            os.chmod(folder, 0o777)
        if folder == house.folder:
            break
    answer = asked_as("nobody", path)
    assert answer.startswith("HTTP/1.0 403"), answer
    assert "nobody may not see cases" in answer
    told = [each for each in house.audit("case-show") if each[1] == "nobody"]
    assert [outcome for _, _, outcome, _, _ in told] == ["refused"]


def asked_as(user: str, path: Path) -> str:
    """What a process of another user is answered; a fork of this one, for it can read nothing."""
    other = pwd.getpwnam(user)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(other.pw_gid)
            os.setuid(other.pw_uid)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.sendall(b"POST /v1/case-list HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
                while data := connection.recv(65_536):
                    os.write(theirs, data)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def test_errors_come_back_as_what_they_are(client: Client) -> None:
    with pytest.raises(UsageError, match="there is no case"):
        client.ask(ask.CaseShow("C-9"))
    with pytest.raises(RefusedError, match="may not adopt a schedule"):
        client.ask(ask.ScheduleAdopt("1"))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"call": 7}', b"\xff", b'{"ref": "x", "more": {"a": ' * 500]
)
def test_bodies_that_are_none_are_refused(house: House, service: Service, body: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(house.store.site.socket))
        head = f"POST /v1/case-show HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        answer = connection.makefile("rb").read()
    assert b"400" in answer.splitlines()[0]
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"] == "UsageError"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET",
        b"GET /v1/search HTTP/1.0\r\n\r\n",
        b"\x00" * 5000 + b"\r\n\r\n",
        b"POST /v1/search HTTP/1.0\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /v1/search HTTP/1.0\r\nContent-Length: -4\r\n\r\n",
    ],
)
def test_who_sends_anything_else_harms_nobody(
    house: House, service: Service, client: Client, sent: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(house.store.site.socket))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert b" 200 " not in answer
    assert client.ask(ask.CaseList()) == []


def test_every_request_has_its_handler_and_its_answer() -> None:
    asked = {
        each
        for each in vars(ask).values()
        if isinstance(each, type) and each.__module__ == ask.__name__
    }
    assert asked == set(HANDLERS)
    assert asked == set(ask.ANSWERS) | set(ask.STREAMS)


def test_no_service_no_answer(house: House) -> None:
    with pytest.raises(SetupError, match="no retention service is there"):
        Client(house.store.site.socket).ask(ask.StatsShow())


def test_a_second_service_does_not_take_the_socket(house: House, service: Service) -> None:
    with pytest.raises(SetupError, match="another retention service listens here"):
        SocketServer(house.store.site.socket, lambda *_: [])


def test_a_socket_that_a_killed_service_left_is_replaced(house: House) -> None:
    path = house.store.site.socket
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    SocketServer(path, lambda *_: []).server_close()
    path.write_text("a file of somebody's")
    with pytest.raises(SetupError, match="no socket"):
        SocketServer(path, lambda *_: [])
    assert path.read_text() == "a file of somebody's"


def test_metrics_say_how_it_stands_and_nothing_of_any_caller(
    house: House, service: Service
) -> None:
    call = house.call(1, marks=("abuse",))
    (house.spool / "new/strange").write_text("x")
    deliver(house.spool, record(call_id(2)))
    house.store.meta.set("swept_ms", "1234000")
    service._look()
    until(lambda: 'taken_in_total{outcome="taken"} 1.0' in scraped(service))
    text = scraped(service)
    assert 'ivr_retention_recordings{rule="recordings"} 1.0' in text
    assert "ivr_retention_held_recordings 1.0" in text
    assert "ivr_retention_due_recordings 0.0" in text
    assert "ivr_retention_last_sweep_timestamp_seconds 1234.0" in text
    assert call not in text
    assert "01277" not in text
    assert json.loads(scraped(service, "/healthz")) == {"ready": True, "wrong": ""}


def test_what_stops_destruction_is_a_metric(house: House, service: Service) -> None:
    house.now -= 3 * 86_400_000
    service._look()
    assert 'ivr_retention_destruction_stopped{reason="clock-back"} 1.0' in scraped(service)


def test_what_is_refused_is_told_by_health(house: House, service: Service) -> None:
    def refused() -> bool:
        raise StoreError("the index is away")

    service._round("mails", refused)
    with pytest.raises(urllib.error.HTTPError) as answer:
        scraped(service, "/healthz")
    assert json.loads(answer.value.read())["wrong"] == "mails: the index is away"


def test_one_round_takes_in_and_sweeps(house: House) -> None:
    deliver(house.spool, record(call_id(1), ended_at="2025-01-01T12:00:00.000+00:00"))
    assert list(rehearsal(house.store)) == [
        "would take in: 1 records",
        "would destroy: 0 recordings",
    ]
    assert (house.spool / f"new/{call_id(1)}.json").exists()
    first, second = once(house.store)
    assert first == "taken in: 1; set aside: 0; still waiting: 0"
    assert second.startswith("destroyed: 1 recordings")


def test_the_command_runs_until_it_is_told_to_stop(house: House) -> None:
    house.store.close()
    running = subprocess.Popen(
        [sys.executable, "-m", "ivr.cli", "retention", "run", "--site", str(house.site)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    path = house.store.site.socket

    def answers() -> bool:
        try:
            return bool(Client(path).ask(ask.CaseList()) == [])
        except SetupError:
            return False  # its name is there a moment before it listens

    until(answers)
    running.send_signal(signal.SIGTERM)
    said = running.stderr.read()
    assert running.wait() == 0, said
    assert "retention service stopped" in said
    assert not path.exists()
