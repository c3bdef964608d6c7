"""What strangers send to the port (R23): nothing stops it, and nothing is printed."""

from __future__ import annotations

import random

import pytest
from gevent import socket
from gevent.pywsgi import WSGIServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.api import connection
from ivr.api.problem import Kind
from tests.api.fake import ONE, Api, parsed, received

PAUSE = f"/v1/calls/{ONE.call}/recording/pause"


@pytest.fixture(autouse=True)
def quiet_and_alive(api, capfd):
    """After each test here."""
    yield
    assert api.ask("GET", "/healthz").status == 200
    printed = capfd.readouterr()
    assert printed.err == ""


def refused(api: Api, request: bytes, kind: Kind) -> None:
    answer = api.send(request)
    assert answer.status == kind.status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == f"urn:ivr:problem:{kind.reason}"
    assert answer.headers["Connection"] == "close"
    assert api.refusals() == {(str(kind.status), kind.reason): 1}
    assert api.calls.asked == []


def head(api: Api, *more: str) -> bytes:
    lines = (f"POST {PAUSE} HTTP/1.1", f"Authorization: Bearer {api.all}", *more, "", "")
    return "\r\n".join(lines).encode("latin-1")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\xff\n\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1\r\n\r\n",
        b"GET / HTTP/x.y\r\n\r\n",
        b"GET / FTP/1.1\r\n\r\n",
        b"POST /v1/calls\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        b"GET / HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n0123456789",
        b"GET / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n01",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n01",
        b"GET / HTTP/1.1\r\nContent-Length: 10\r\n\r\n01",
    ],
)
def test_what_is_no_request(api, request_):
    refused(api, request_, Kind.BAD_REQUEST)


def test_a_path_that_is_too_long(api):
    refused(api, b"GET /v1/" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n", Kind.LONG_PATH)


def test_a_long_path_that_still_fits(api):
    answer = api.ask("POST", f"/v1/calls/{'%ff' * 2000}/recording/pause")
    assert answer.status == 404


@pytest.mark.parametrize(
    "headers",
    [
        ["X: " + "a" * 20_000],
        ["X: " + "a" * 70_000],
        [f"X-{number}: y" for number in range(101)],
        ["X: " + "a" * 1000] * 20,
    ],
)
def test_headers_that_are_too_much(api, headers):
    refused(api, head(api, *headers), Kind.LARGE_HEADERS)


@pytest.mark.parametrize("length", [8193, 10**9, 10**30])
def test_a_body_that_is_too_large(api, length):
    refused(api, head(api, f"Content-Length: {length}") + b"x" * 50_000, Kind.LARGE_BODY)


def test_a_body_that_is_not(api):
    answer = api.send(head(api, "Content-Length: 8192", "Connection: close") + b"x" * 8192)
    assert answer.status == 200


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "gzip, chunked", "identity", "x"])
def test_a_body_in_chunks(api, coding):
    body = b"ffffffffffffffffffff\r\nzzz\r\n0\r\n\r\n"
    refused(api, head(api, f"Transfer-Encoding: {coding}") + body, Kind.NO_LENGTH)


def test_a_body_with_a_length_in_chunks_does_not_smuggle(api):
    inner = head(api)
    request = head(api, "Transfer-Encoding: chunked", f"Content-Length: {len(inner)}")
    refused(api, request + b"0\r\n\r\n" + inner, Kind.NO_LENGTH)


def test_a_body_is_not_taken_for_a_request(api):
    inner = head(api)
    answer = api.raw(head(api, f"Content-Length: {len(inner)}") + inner)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert len(api.calls.asked) == 1


def test_a_client_that_waits_for_leave_to_send_its_body(api):
    with socket.create_connection(("127.0.0.1", api.server.port)) as client:
        client.sendall(head(api, "Content-Length: 2", "Expect: 100-continue", "Connection: close"))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"{}")
        assert parsed(received(client)).status == 200


def test_requests_one_after_the_other_on_one_connection(api):
    answers = api.raw(head(api, "Content-Length: 2") + b"{}" + head(api) + head(api))
    assert answers.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "path",
    [
        "/v1/calls/%0d%0aSet-Cookie:x=y",
        "/v1/calls/%e2%80%ae",
        "/v1/calls/'%22<script>",
        "/v1/calls/\xff\xfe",
        "/v1/calls/${jndi:ldap://x}",
        "/v1/calls/%00/recording/pause",
        "http://elsewhere/v1/calls",
        "*",
    ],
)
def test_a_path_cannot_break_out(api, heard, path):
    answer = api.ask("GET", path)
    assert answer.status in (404, 405)
    assert "Set-Cookie" not in answer.headers
    assert b"<script>" not in answer.body
    assert heard == []


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_bytes(api, data):
    """Whatever comes, there is an answer or an end, and no call is touched without a token."""
    pieces = st.sampled_from(
        [
            b"GET ", b"POST ", PAUSE.encode(), b"/v1/calls", b" HTTP/1.1", b" HTTP/1.0", b"\r\n",
            b"\n", b"Authorization: Bearer ", b"Content-Length: ", b"Transfer-Encoding: chunked",
            b"Expect: 100-continue", b"Connection: keep-alive", b"Connection: upgrade",
            b"Upgrade: websocket", b"0", b"9", b": ", b" ", b"\x00", b"\xff", b"?team=", b"%",
        ]
    )  # fmt: skip
    request = b"".join(data.draw(st.lists(pieces | st.binary(max_size=8), max_size=30)))
    api.raw(request)
    assert api.calls.asked == []
    assert api.refusals().get(("500", "fault")) is None


def test_garbage(api):
    noise = random.Random(7)
    for size in (1, 100, 10_000, 1_000_000):
        api.raw(noise.randbytes(size))


# Time and number.


def test_a_client_that_is_too_slow(api, monkeypatch):
    monkeypatch.setattr(connection, "REQUEST_S", 0.01)
    with socket.create_connection(("127.0.0.1", api.server.port)) as client:
        client.sendall(head(api, "Content-Length: 5"))
        assert parsed(received(client)).json["type"] == "urn:ivr:problem:slow"
    assert api.calls.asked == []


def test_a_client_that_asks_nothing_is_left(api, monkeypatch):
    monkeypatch.setattr(connection, "IDLE_S", 0.01)
    with socket.create_connection(("127.0.0.1", api.server.port)) as client:
        client.sendall(b"POST /v1")
        assert received(client) == b""


def test_those_who_wait_longest_give_way(api, monkeypatch):
    monkeypatch.setattr(connection, "MOST", 3)
    slow = []
    for _ in range(3):
        slow.append(socket.create_connection(("127.0.0.1", api.server.port)))
        slow[-1].sendall(b"GET /v1/calls HTTP/1.1\r\nX-")
    assert api.ask("GET", "/v1/calls").status == 200
    assert received(slow[0]) == b""
    slow[1].sendall(b"Y: z\r\nConnection: close\r\n\r\n")
    assert parsed(received(slow[1])).status == 401, "the others are left alone"
    for client in slow:
        client.close()


def test_requests_that_are_under_way_do_not_give_way(api, monkeypatch):
    monkeypatch.setattr(connection, "MOST", 1)
    found = []

    def meanwhile() -> None:
        found.append(api.ask("GET", "/v1/calls"))

    api.calls.before_answer = meanwhile
    assert api.ask("POST", PAUSE).status == 200
    assert found[0].status == 503
    assert found[0].json["type"] == "urn:ivr:problem:crowded"
    assert found[0].headers["Retry-After"] == "1"


def test_a_stop_does_not_wait_for_who_asks_nothing(tmp_path_factory, monkeypatch):
    api = Api(tmp_path_factory.mktemp("stopped"))
    clients = [socket.create_connection(("127.0.0.1", api.server.port)) for _ in range(3)]
    assert api.ask("GET", "/healthz").status == 200, "so that all are accepted"
    real, left = WSGIServer.stop, []

    def stop(server: WSGIServer, timeout: float) -> None:
        left.append(len(server.idle))
        real(server, timeout)

    monkeypatch.setattr(WSGIServer, "stop", stop)
    api.close()
    assert left == [0], "none was left when the wait began"
    assert [received(client) for client in clients] == [b"", b"", b""]
