"""Metrics and health over HTTP (R21)."""

from __future__ import annotations

import json
from pathlib import Path

import gevent
import jsonschema
import pytest
from gevent import socket

from ivr.api.access import Access
from ivr.api.http import HttpServer
from ivr.api.openapi import document
from ivr.api.tokens import USE, Scope
from ivr.errors import SetupError
from ivr.lab import CallScript, Destination
from ivr.metrics import Metrics
from ivr.tokens.file import TokenFile
from tests.api.fake import Answer, FakeCalls, parsed, received
from tests.engine.conftest import build, house, logged  # noqa: F401 # fixtures

NOBODY = Access(lambda: Path("no file"))


def test_health_of_an_engine_that_is_well(house):  # noqa: F811 # the fixture
    call = house.place(CallScript(destination=Destination.talks(1000)))
    house.until(call, "connected")
    status, body = house.get("/healthz")
    configuration = house.engine.context.configuration
    assert status == 200
    assert json.loads(body) == {
        "ready": True,
        "freeswitch": True,
        "calls": 1,
        "config": configuration.version,
        "policy": "2.0",
        "reloads": 0,
        "reload_refused": False,
        "restart_for": [],
        "version": json.loads(body)["version"],
        "disk": "ok",
    }
    assert house.get("/readyz") == (200, body)


def test_ready_though_freeswitch_is_away_from_the_inbound_connection(house):  # noqa: F811 # the fixture
    """Calls come by their own sockets; the page says what is missing."""
    house.switch._server.stop()
    house.inbound()[0].drop()
    house.clock.settle()
    status, body = house.get("/readyz")
    assert status == 200
    assert json.loads(body)["freeswitch"] is False


@pytest.mark.parametrize(
    "path", ["/", "/metrics/../etc/passwd", "/admin", "/healthz/x", "/%0d%0aX:%20y"]
)
def test_nothing_else_is_here(house, path):  # noqa: F811 # the fixture
    status, body = house.get(path)
    assert status == 404
    told = json.loads(body)
    assert told["type"] == "urn:ivr:problem:no-page"
    for one in ("/metrics", "/healthz", "/readyz", "/v1/openapi.json"):
        assert one in told["detail"]
    assert house.metric("ivr_http_refusals_total", status="404", reason="no-page") == 1


@pytest.mark.parametrize("request_", [b"\x00\xff\n\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_a_request_that_is_none_does_no_harm(house, capfd, request_):  # noqa: F811 # the fixture
    with socket.create_connection(("127.0.0.1", house.engine.http.port)) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert house.get("/healthz")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("ready", [True, False])
def test_health_and_readiness_differ(ready):
    server = HttpServer(
        ("127.0.0.1", 0),
        Metrics(),
        lambda: {"ready": ready, "disk": "why"},
        calls=FakeCalls(),
        access=NOBODY,
    )
    server.start()
    try:
        answers = {path: ask(server.port, path) for path in ("/healthz", "/readyz")}
    finally:
        server.stop()
    assert b" 200 " in answers["/healthz"]
    assert (b" 200 " if ready else b" 503 ") in answers["/readyz"]
    assert b"no-store" in answers["/readyz"]
    assert b"application/json" in answers["/readyz"]


def ask(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        found = b""
        while data := connection.recv(4096):
            found += data
    return found


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError) as caught:
            HttpServer(("127.0.0.1", port), Metrics(), dict, calls=FakeCalls(), access=NOBODY)
    assert str(caught.value) == (
        f"cannot serve metrics on 127.0.0.1:{port}: Address already in use;"
        " is another engine running? (http.listen in the site file)"
    )


def test_an_engines_calls_are_seen_paused_resumed_and_marked(house):  # noqa: F811 # the fixture
    """All the way, to a FreeSWITCH that confirms; and each answer is as the document says."""
    site = house.engine.context.configuration.site
    token = TokenFile(site.tokens, USE).add("crm", list(Scope))
    schema = {**document(), "$ref": "#/components/schemas/Call"}

    def ask_for(method: str, path: str) -> Answer:
        request = f"{method} {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n"

        def ask() -> bytes:
            with socket.create_connection(("127.0.0.1", house.engine.http.port)) as connection:
                connection.sendall(request.encode())
                return received(connection)

        asking = gevent.spawn(ask)
        house.clock.run_until(asking.ready)
        return parsed(asking.get())

    call = house.place(CallScript(destination=Destination.talks(60_000)))
    early = ask_for("POST", f"/v1/calls/{call.uuid}/recording/pause")
    assert early.json["type"] == "urn:ivr:problem:not-connected"
    house.until(call, "connected")
    listed = ask_for("GET", "/v1/calls").json["calls"]
    assert [one["call"] for one in listed] == [call.uuid]
    extension = listed[0]["extension"]
    for path, now in (
        (f"/v1/calls/{call.uuid}/recording/pause", {"recording": "paused", "pause": "on"}),
        (f"/v1/extensions/{extension}/recording/pause", {"pause": "on", "paused_by": "page"}),
        (f"/v1/extensions/{extension}/recording/resume", {"recording": "recording"}),
        (f"/v1/calls/{call.uuid}/marks/abuse", {"marks": ["abuse"], "pause": "off"}),
    ):
        answer = ask_for("POST", path)
        assert answer.status == 200
        jsonschema.validate(answer.json, schema)
        assert {name: answer.json[name] for name in now} == now
    written = [path for path in house.folder.rglob("*") if path.is_file()]
    assert any(path.parent.name == "journal" for path in written)
    assert [path for path in written if token[4:].encode() in path.read_bytes()] == []
