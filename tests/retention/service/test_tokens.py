"""Programs that show a token are the person of that token, or nobody (R16, R17)."""

from __future__ import annotations

import getpass
import grp
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ivr.errors import RefusedError, SetupError, UsageError
from ivr.export.sounds import CopyError
from ivr.retention.model import Person
from ivr.retention.service import requests as ask
from ivr.retention.service.app import _refused
from ivr.retention.service.callers import RECORDINGS, USE, Callers
from ivr.retention.service.client import Client
from ivr.retention.service.running import Service
from ivr.tokens.file import TokenFile
from ivr.tokens.token import hashed, new_secret
from tests.retention.house import House

ME = getpass.getuser()
MY_GROUP = grp.getgrgid(os.getgid()).gr_name
DAY_MS = 86_400_000


@pytest.fixture
def house() -> Iterator[House]:
    """Whoever runs the tests is the data protection officer, their group audits; the desk opens
    cases."""
    with TemporaryDirectory(prefix="ivr-") as folder:  # a socket's path is short
        house = House(Path(folder))
        access = house.folder / "deploy/access.yaml"
        text = access.read_text()
        assert "\ngroups:\n" in text
        text = text.replace("\ngroups:\n", f"\ngroups:\n  {MY_GROUP}: [auditor]\n")
        access.write_text(
            f"{text}  - {{user: {ME}, name: I, roles: [data-protection-officer]}}\n"
            '  - {user: "token:desk", name: The desk, roles: [customer-services-officer]}\n'
            "tokens: tokens.json\n"
        )
        house.open()
        yield house


@pytest.fixture
def file(house: House) -> TokenFile:
    path = house.store.configuration.tokens
    assert path is not None
    return TokenFile(path, USE, now=lambda: house.now / 1000)


@pytest.fixture
def secret(file: TokenFile) -> str:
    return file.add("desk", [RECORDINGS])


@pytest.fixture
def service(house: House) -> Iterator[Service]:
    service = Service(house.store)
    running = threading.Thread(target=service.run)
    running.start()
    yield service
    service.stop()
    running.join()


@pytest.fixture
def desk(house: House, service: Service, secret: str) -> Client:
    return Client(house.store.site.socket, secret)


@pytest.fixture
def myself(house: House, service: Service) -> Client:
    return Client(house.store.site.socket)


def answered(path: Path, *headers: bytes) -> tuple[int, bytes, Any]:
    """Status, head and body of what is answered to a request to open a case."""
    body = b'{"ref": "C-9", "kind": "complaint"}'
    lines = (b"POST /v1/case-open HTTP/1.0", b"Content-Length: %d" % len(body), *headers)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        head, _, text = connection.makefile("rb").read().partition(b"\r\n\r\n")
    return int(head.split()[1]), head, json.loads(text)


def test_who_shows_a_token_is_its_person_and_the_trail_has_the_program_too(
    house: House, desk: Client
) -> None:
    desk.ask(ask.CaseOpen("C-1", "complaint"))
    told = house.audit("case-open")
    assert told == [("case-open", f"token:desk by {ME}", "done", "", "C-1")]
    case = house.store.cases.get("C-1")
    assert case is not None
    assert case.opened_by == "token:desk"


def test_the_trail_is_asked_for_the_person_and_for_the_program(
    house: House, desk: Client, myself: Client
) -> None:
    desk.ask(ask.CaseOpen("C-1", "complaint"))
    for who in ("token:desk", ME, f"token:desk by {ME}"):
        [line] = myself.ask(ask.AuditShow(who=who, actions=("case-open",)))
        assert line.who == f"token:desk by {ME}"
    for who in ("token:des", "desk", "by"):
        assert myself.ask(ask.AuditShow(who=who)) == []


def test_a_token_has_neither_the_rights_of_the_user_nor_of_its_groups(
    house: House, desk: Client, myself: Client
) -> None:
    assert myself.ask(ask.AuditVerify()).faults == ()
    for wanted in (ask.AuditVerify(), ask.AuditShow()):
        with pytest.raises(RefusedError, match="token:desk may not"):
            desk.ask(wanted)
    told = house.audit("audit-verify", "audit-show")
    assert [each[1:3] for each in told if "token" in each[1]] == [
        (f"token:desk by {ME}", "refused")
    ] * 2


def test_whose_token_it_is_is_in_no_group(file: TokenFile, house: House, secret: str) -> None:
    peer = Person("ivr-desk", frozenset({MY_GROUP}))
    callers = Callers(house.store.configuration.tokens)
    assert callers.of(peer, None) == peer
    for kind in ("Bearer", "bearer"):
        found = callers.of(peer, f"{kind} {secret}")
        assert found == Person("token:desk", frozenset(), "ivr-desk")
        assert found.told == "token:desk by ivr-desk"


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer {wrong}",
        "Bearer {secret}x",
        "Bearer {hash}",
        "Bearer {expired}",
        "Bearer {revoked}",
        "Bearer {secret}, Bearer {secret}",
        "Bearer",
        "Bearer ",
        "",
        "{secret}",
        "Basic {secret}",
        "Bearer \xff\xfe",
    ],
)
def test_what_is_nobodys_token_is_refused_and_never_the_user_who_shows_it(
    house: House, service: Service, file: TokenFile, secret: str, shown: str
) -> None:
    words = {
        "secret": secret,
        "wrong": new_secret(),
        "hash": hashed(secret),
        "expired": file.add("short", [RECORDINGS], days=1),
        "revoked": file.add("gone", [RECORDINGS]),
    }
    file.revoke("gone")
    house.now += DAY_MS
    header = f"Authorization: {shown.format(**words)}".encode("latin-1")
    status, head, told = answered(house.store.site.socket, header)
    assert (status, told["error"]) == (401, "RefusedError")
    assert b"\r\nWWW-Authenticate: Bearer" in head
    assert house.store.cases.get("C-9") is None
    assert house.audit() == [("token", ME, "refused", "", "")]
    for each in words.values():
        assert house.files_with(each) == []
        assert each not in told["text"]
    [entry] = house.store.trail.read()
    assert entry.detail.startswith("case-open: ")


def test_who_is_refused_gets_the_answer_however_much_was_asked(
    house: House, service: Service
) -> None:
    """What a Unix socket closes with something unread breaks off at the other end."""
    body = b"{}" + b" " * 100_000
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(house.store.site.socket))
        connection.sendall(
            b"POST /v1/case-list HTTP/1.0\r\nAuthorization: Bearer x\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        assert connection.makefile("rb").read().startswith(b"HTTP/1.0 401 ")


def test_twice_the_header_is_no_token(house: House, service: Service, secret: str) -> None:
    header = f"Authorization: Bearer {secret}".encode()
    assert answered(house.store.site.socket, header)[0] == 200
    assert answered(house.store.site.socket, header, header)[0] == 401
    assert answered(house.store.site.socket, header, b"Authorization: ")[0] == 401


def test_a_token_counts_from_the_next_request_on_and_no_longer(
    house: House, service: Service, file: TokenFile
) -> None:
    path = house.store.site.socket
    with pytest.raises(RefusedError, match="none of the service's"):
        Client(path, new_secret()).ask(ask.CaseList())
    desk = Client(path, file.add("desk", [RECORDINGS], days=1))
    assert desk.ask(ask.CaseList()) == []
    house.now += DAY_MS
    with pytest.raises(RefusedError, match="the token's time is over"):
        desk.ask(ask.CaseList())
    house.now -= DAY_MS
    assert desk.ask(ask.CaseList()) == []
    file.revoke("desk")
    with pytest.raises(RefusedError, match="it was revoked"):
        desk.ask(ask.CaseList())


@pytest.mark.parametrize("how", ["broken", "open", "another's"])
def test_a_file_that_cannot_be_used_takes_tokens_and_nobody_else_away(
    house: House, desk: Client, myself: Client, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    path = house.store.configuration.tokens
    assert path is not None
    before = path.read_bytes()
    if how == "open":
        path.chmod(0o644)
    else:
        path.write_bytes(b"{" if how == "broken" else before.replace(b"recordings", b"calls:read"))
    for _ in range(2):
        with pytest.raises(SetupError, match="cannot use its file of tokens") as caught:
            desk.ask(ask.CaseList())
        assert str(path) not in str(caught.value)
    assert myself.ask(ask.CaseList()) == []
    assert house.audit("token") == [("token", ME, "refused", "", "")] * 2
    said = capfd.readouterr()
    assert (said.out + said.err).count("no token is accepted: their file cannot be used") == 1
    path.write_bytes(before)
    path.chmod(0o600)
    assert desk.ask(ask.CaseList()) == []


def test_where_no_file_is_named_no_token_is_taken(house: House, secret: str) -> None:
    access = house.folder / "deploy/access.yaml"
    access.write_text(access.read_text().replace("tokens: tokens.json\n", ""))
    house.open()
    service = Service(house.store)
    running = threading.Thread(target=service.run)
    running.start()
    try:
        with pytest.raises(RefusedError, match="names no file of them"):
            Client(house.store.site.socket, secret).ask(ask.CaseList())
        assert Client(house.store.site.socket).ask(ask.CaseList()) == []
    finally:
        service.stop()
        running.join()


@pytest.mark.parametrize("token", ["ivr_\nX: y", "ivr_ x", "é", "\x00"])
def test_what_no_header_can_hold_is_no_token(house: House, token: str) -> None:
    with pytest.raises(UsageError, match="is none") as caught:
        Client(house.store.site.socket, token)
    assert token not in str(caught.value)


def test_an_error_comes_back_as_the_kind_that_it_is_one_of() -> None:
    """The other end knows the kinds of ivr.errors alone."""
    told = json.loads(_refused(CopyError("no")).get_data())
    assert (told["error"], told["exit_code"]) == ("StoreError", 7)
