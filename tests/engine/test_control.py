"""The inbound connection: lost and back, refused, quiet (R21, R22)."""

from __future__ import annotations

import pytest
from gevent import socket
from gevent.server import StreamServer

from ivr.engine.control import FIRST_WAIT_MS, LONGEST_WAIT_MS
from ivr.lab import script
from tests.engine.house import House


def tries(logged) -> list[dict]:
    return [one for one in logged if one["event"] == "FreeSWITCH is not there"]


def test_it_is_there_from_the_start(house, logged):
    assert house.metric("ivr_freeswitch_connected") == 1
    assert house.metric("ivr_freeswitch_connects_total") == 1
    assert house.engine.control.connected
    assert tries(logged) == []


def test_lost_and_back(house, logged):
    house.inbound()[0].drop()
    house.clock.settle()
    assert house.metric("ivr_freeswitch_connects_total") == 2
    gone = [one for one in logged if one["event"] == "FreeSWITCH is gone"]
    assert gone[0]["reason"] == "FreeSWITCH closed the connection"
    assert house.call(script.LISTENS).record["recording"]["state"] == "kept"


def test_away_it_is_tried_again_with_back_off_and_calls_are_taken_meanwhile(house, logged):
    port = house.esl_port
    house.switch._server.stop()
    house.inbound()[0].drop()
    house.clock.settle()
    assert house.metric("ivr_freeswitch_connected") == 0
    assert house.call(script.LISTENS).record["recording"]["state"] == "kept"
    house.clock.run(300_000)
    waits = [one["again_in_s"] * 1000 for one in tries(logged)]
    for number, wait in enumerate(waits):
        most = min(FIRST_WAIT_MS * 2**number, LONGEST_WAIT_MS)
        assert most / 2 - 100 <= wait <= most + 100
    assert 14 <= len(waits) <= 30, "once in 30 s at last"
    assert tries(logged)[0]["address"] == f"127.0.0.1:{port}"
    assert "refused" in tries(logged)[0]["error"]
    house.switch.listen(("127.0.0.1", port))
    house.clock.run(LONGEST_WAIT_MS)
    assert house.metric("ivr_freeswitch_connected") == 1


def test_a_wrong_password_is_named_not_shown_and_tried_again(build, logged):
    house = build(password="not this one")
    house.start()
    house.clock.run(60_000)
    assert house.metric("ivr_freeswitch_connected") == 0
    seen = tries(logged)
    assert 5 <= len(seen) <= 12, "with back-off, though FreeSWITCH closes the connection"
    assert seen[0]["error"] == (
        "the password was refused (freeswitch.password in the site file):"
        " FreeSWITCH answered -ERR invalid"
    )
    assert "not this one" not in str(logged)
    house.switch.password = "not this one"
    house.clock.run(LONGEST_WAIT_MS)
    assert house.metric("ivr_freeswitch_connected") == 1


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (b"", "FreeSWITCH closed the connection"),
        (b"Content-Type: auth/request\n\n", "FreeSWITCH closed the connection"),
        (
            b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
            "FreeSWITCH's access list refuses this host (event_socket.conf.xml)",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "FreeSWITCH closed the connection"),
        (
            b"Content-Type: auth/request\nContent-Length: 99999999999\n\n",
            "FreeSWITCH announced a body of '99999999999' bytes",
        ),
    ],
)
def test_whoever_answers_at_freeswitchs_port(tmp_path, logged, greeting, error):
    """Something else, or a FreeSWITCH that refuses: said in one line, and tried again."""

    def answer(connection: socket.socket, _address: object) -> None:
        connection.sendall(greeting)

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    house = House(tmp_path)
    house.switch._server.stop()
    house.site_file.write_text(
        house.site_file.read_text().replace(
            f"port: {house.esl_port}", f"port: {server.server_port}"
        )
    )
    house.start()
    house.clock.run(3_000)
    server.stop()
    seen = tries(logged)
    assert 2 <= len(seen) <= 5
    assert seen[0]["error"].startswith(error)
    assert "ClueCon" not in str(logged)
    assert "\n" not in seen[0]["error"]
    house.close()


@pytest.mark.parametrize("greeting", [b"", b"Content-Type: auth/request\n\n"])
def test_a_freeswitch_that_says_nothing_is_given_up_on(tmp_path, logged, greeting):
    held: list[socket.socket] = []

    def answer(connection: socket.socket, _address: object) -> None:
        held.append(connection)
        connection.sendall(greeting)
        connection.recv(4096)
        connection.recv(4096)

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    house = House(tmp_path)
    house.site_file.write_text(
        house.site_file.read_text().replace(
            f"port: {house.esl_port}", f"port: {server.server_port}"
        )
    )
    house.start()
    house.clock.run(5_000)
    assert tries(logged)[0]["error"] == "no answer within 5 s"
    house.clock.run(5_700)
    assert len(held) == 2
    house.close()
    server.stop()


def test_a_freeswitch_without_a_heart_is_left_and_found_again(house, logged):
    house.clock.run(300_000)
    assert house.metric("ivr_freeswitch_connects_total") == 1, "while it beats"
    house.inbound()[0].offer = lambda event: None  # hangs, though the connection stands
    house.clock.run(66_000)
    assert house.metric("ivr_freeswitch_connects_total") == 2
    assert "no heartbeat for 65 s" in [one.get("reason") for one in logged]
