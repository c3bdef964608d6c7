"""Mails go to a real server, encrypted or not at all, and what came of it is known (R15)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from ivr.export.mail import GivenUpError, LaterError, UnknownError, send
from tests.export.authority import Authority
from tests.export.post_office import HOST, PASSWORD, SENDER, USER, Office, open_office

ADDRESS = "jo.bloggs@example.org"
MESSAGE = b"Subject: hello\r\nMessage-ID: <1@council.example>\r\n\r\n.a line with a dot\r\nend\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def office(authority: Authority) -> Iterator[Office]:
    with open_office(authority.issue(HOST).file) as office:
        yield office


def test_a_mail_is_taken_over_starttls(office: Office, authority: Authority) -> None:
    said = send(office.settings(ca_file=authority.file), ADDRESS, MESSAGE)
    assert said == "250 taken as 42"
    (got,) = office.got
    assert (got.mail_from, got.rcpt_tos) == (SENDER, [ADDRESS])
    assert got.original_content == MESSAGE  # the dot, too
    assert office.encrypted == [True]
    assert f"SIZE={len(MESSAGE)}" in got.mail_options


def test_implicit_tls(authority: Authority) -> None:
    with open_office(authority.issue(HOST).file, implicit=True) as office:
        send(office.settings(ca_file=authority.file, security="tls"), ADDRESS, MESSAGE)
        assert office.encrypted == [True]


def test_without_encryption_on_this_host_only() -> None:
    with open_office(None) as office:
        send(office.settings(security="none"), ADDRESS, MESSAGE)
        assert office.encrypted == [False]
    with pytest.raises(LaterError, match="not on this host") as refused:
        send(office.settings(security="none", host="mail.example.org"), ADDRESS, MESSAGE)
    assert refused.value.alarm


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("host", "days", "known", "why"),
    [
        ("mail.elsewhere.example", 1, True, "mismatch"),
        (HOST, -1, True, "expired"),
        (HOST, 1, False, "local issuer"),
    ],
)
def test_a_server_that_is_not_trusted_gets_nothing(  # one row of a table
    tmp_path: Path,
    authority: Authority,
    security: str,
    host: str,
    days: int,
    known: bool,
    why: str,
) -> None:
    ca_file = authority.file if known else Authority(tmp_path, "stranger").file
    issued = authority.issue(host, days=days)
    with open_office(issued.file, implicit=security == "tls") as office:
        with pytest.raises(LaterError, match=why) as refused:
            send(office.settings(ca_file=ca_file, security=security), ADDRESS, MESSAGE)
        assert refused.value.alarm
        assert "not trusted" in str(refused.value)
        assert office.got == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with open_office(None) as office:
        with pytest.raises(LaterError, match="offers no STARTTLS") as refused:
            send(office.settings(user=USER, password=PASSWORD), ADDRESS, MESSAGE)
        assert refused.value.alarm
        assert (office.got, office.logins) == ([], [])


def test_certificates_that_cannot_be_read(office: Office, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    for name in ("bad.pem", "away.pem"):
        with pytest.raises(LaterError, match="no certificates can be read") as refused:
            send(office.settings(ca_file=tmp_path / name), ADDRESS, MESSAGE)
        assert refused.value.alarm


def test_login(authority: Authority) -> None:
    with open_office(authority.issue(HOST).file, login=True) as office:
        right = office.settings(ca_file=authority.file, user=USER, password=PASSWORD)
        send(right, ADDRESS, MESSAGE)
        wrong = office.settings(ca_file=authority.file, user=USER, password="wrong one")
        with pytest.raises(LaterError, match="login of recordings was refused") as refused:
            send(wrong, ADDRESS, MESSAGE)
        assert refused.value.alarm
        assert "wrong one" not in str(refused.value)
        assert office.logins[0]
        assert not any(office.logins[1:])
        assert len(office.got) == 1


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [("450 4.2.1 later please", LaterError), ("550 5.1.1 nobody here", GivenUpError)],
)
def test_what_the_server_answers_decides(
    office: Office, authority: Authority, step: str, answer: str, error: type[Exception]
) -> None:
    setattr(office, step, answer)
    with pytest.raises(error, match=answer):
        send(office.settings(ca_file=authority.file), ADDRESS, MESSAGE)
    assert office.got == []


def test_a_connection_that_ends_before_the_answer_leaves_it_unknown(
    office: Office, authority: Authority
) -> None:
    office.drops = "data"
    with pytest.raises(UnknownError, match="may have been delivered"):
        send(office.settings(ca_file=authority.file), ADDRESS, MESSAGE)
    assert len(office.got) == 1


def test_a_server_that_takes_less_is_told_of_before_anything_is_sent(authority: Authority) -> None:
    with open_office(authority.issue(HOST).file, size=100_000) as office:
        settings = office.settings(ca_file=authority.file)
        with pytest.raises(GivenUpError, match=r"has 2\.0 MB, and 127\.0\.0\.1 takes 0\.1 MB"):
            send(settings, ADDRESS, b"x" * 2_000_000)
        assert office.got == []


def test_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind((HOST, 0))
        office = Office(port=held.getsockname()[1])
        with pytest.raises(LaterError, match="no connection") as refused:
            send(office.settings(), ADDRESS, MESSAGE)
    assert not refused.value.alarm


Script = Callable[[socket.socket], None]


@contextmanager
def scripted(script: Script) -> Iterator[Office]:
    """A server that does exactly this with one connection."""
    with socket.create_server((HOST, 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                script(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Office(port=listening.getsockname()[1])
        thread.join()


def answering(*answers: bytes, then: Script = lambda connection: None) -> Script:
    """Answer each line with the next of these."""

    def script(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        with connection.makefile("rb") as lines:
            for answer in answers:
                lines.readline()
                connection.sendall(answer)
            then(connection)

    return script


def until_closed(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


UP_TO_DATA = (b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_server_that_falls_silent_is_tried_later(step: int) -> None:
    script = answering(*UP_TO_DATA[:step], then=until_closed)
    with scripted(script) as office, pytest.raises(LaterError, match="timed out"):
        send(office.settings(security="none", timeout_s=0.2), ADDRESS, MESSAGE)


def test_a_server_that_never_greets_is_tried_later() -> None:
    with scripted(until_closed) as office, pytest.raises(LaterError, match="timed out"):
        send(office.settings(security="none", timeout_s=0.2), ADDRESS, MESSAGE)


def test_a_server_that_falls_silent_after_the_mail_leaves_it_unknown() -> None:
    script = answering(*UP_TO_DATA, then=until_closed)
    with scripted(script) as office, pytest.raises(UnknownError, match="timed out"):
        send(office.settings(security="none", timeout_s=0.2), ADDRESS, MESSAGE)


def test_an_answer_that_is_none_after_the_mail_leaves_it_unknown() -> None:
    def nonsense(connection: socket.socket) -> None:
        received = b""
        while not received.endswith(b"\r\n.\r\n"):
            received += connection.recv(65_536)
        connection.sendall(b"what?\r\n")

    with scripted(answering(*UP_TO_DATA, then=nonsense)) as office, pytest.raises(UnknownError):
        send(office.settings(security="none", timeout_s=5), ADDRESS, MESSAGE)


def test_a_connection_that_breaks_within_the_mail_is_tried_later() -> None:
    """No server delivers a mail whose end it never saw."""

    def reset(connection: socket.socket) -> None:
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with scripted(answering(*UP_TO_DATA, then=reset)) as office, pytest.raises(LaterError):
        send(office.settings(security="none"), ADDRESS, b"x" * 76 + b"\r\n" + b"y\r\n" * 5_000_000)


def test_what_a_server_says_stays_on_one_line() -> None:
    script = answering(b"250 ok\r\n", b"550-\x1b[31mno\r\n550 \xff never\r\n", then=until_closed)
    with scripted(script) as office, pytest.raises(GivenUpError) as refused:
        send(office.settings(security="none"), ADDRESS, MESSAGE)
    assert str(refused.value).isprintable()
    assert "\\x1b[31mno" in str(refused.value)


def test_a_server_that_greets_with_a_refusal_is_tried_later() -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(b"554 no service\r\n")
        until_closed(connection)

    with scripted(script) as office, pytest.raises(LaterError, match="554 no service"):
        send(office.settings(security="none"), ADDRESS, MESSAGE)


def test_it_is_a_mail_that_others_can_read(office: Office, authority: Authority) -> None:
    send(office.settings(ca_file=authority.file), ADDRESS, MESSAGE)
    read = message_from_bytes(office.got[0].original_content, policy=policy.default)
    assert read["Message-ID"] == "<1@council.example>"
