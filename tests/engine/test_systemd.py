"""What systemd hands over and is told: readiness, beats, and a socket that outlives an engine."""

from __future__ import annotations

import os
import signal
import socket as plain
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gevent import socket
from gevent.socket import wait_read

from ivr.clock import RealClock
from ivr.engine.server import CallServer
from ivr.engine.systemd import Handed, Notices, handed, listening
from ivr.errors import SetupError
from ivr.lab import TurnedClock
from tests.engine import site
from tests.engine.served import Served


class Systemd:
    """Hears what a service tells."""

    def __init__(self, address: str) -> None:
        self._socket = plain.socket(plain.AF_UNIX, plain.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def told(self) -> list[str]:
        """All that has come by now."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def until(self, line: str) -> list[str]:
        """Wait for a message with this line; all that came up to it, and with it."""
        found: list[str] = []
        while not any(line in one.split("\n") for one in found):
            wait_read(self._socket.fileno())
            found += self.told()
        return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    one = Systemd(str(tmp_path / "notify"))
    yield one
    one.close()


def given(tmp_path: Path, watchdog_us: int = 0) -> Handed:
    return Handed(notify=str(tmp_path / "notify"), watchdog_us=watchdog_us)


# What it says in the environment.


def test_all_of_it_is_read_and_taken_out() -> None:
    environment = {
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "WATCHDOG_USEC": "10000000",
        "WATCHDOG_PID": "77",
        "LISTEN_FDS": "1",
        "LISTEN_PID": "77",
        "LISTEN_FDNAMES": "calls",
        "PATH": "/bin",
    }
    assert handed(environment, 77) == Handed("/run/systemd/notify", 10_000_000, 1)
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("environment", "right"),
    [
        ({}, Handed()),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "78"}, Handed()),
        ({"LISTEN_FDS": "1"}, Handed()),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "78"}, Handed()),
        ({"WATCHDOG_USEC": "500000"}, Handed(watchdog_us=500_000)),
        ({"WATCHDOG_USEC": "-1", "LISTEN_FDS": "one", "LISTEN_PID": "77"}, Handed()),
    ],
)
def test_what_is_for_another_process_is_left_alone(
    environment: dict[str, str], right: Handed
) -> None:
    assert handed(environment, 77) == right


# What it is told.


def test_it_hears_of_readiness_beats_and_the_stop(tmp_path: Path, systemd: Systemd) -> None:
    clock = TurnedClock()
    notices = Notices(given(tmp_path, watchdog_us=10_000_000), clock)
    clock.run(60_000)
    assert systemd.told() == [], "a watchdog that begins before the engine is ready ends its start"
    notices.ready("takes calls")
    assert systemd.told() == ["READY=1\nSTATUS=takes calls", "WATCHDOG=1"]
    clock.run(4_999)
    assert systemd.told() == []
    clock.run(1)
    assert systemd.told() == ["WATCHDOG=1"]
    clock.run(10_000)
    assert systemd.told() == ["WATCHDOG=1"] * 2
    notices.stopping("lets go of calls")
    clock.run(5_000)
    assert systemd.told() == ["STOPPING=1\nSTATUS=lets go of calls", "WATCHDOG=1"]
    notices.close()
    clock.run(60_000)
    assert systemd.told() == []


def test_without_a_watchdog_there_are_no_beats(tmp_path: Path, systemd: Systemd) -> None:
    clock = TurnedClock()
    notices = Notices(given(tmp_path), clock)
    notices.ready("takes calls")
    clock.run(60_000)
    notices.close()
    assert systemd.told() == ["READY=1\nSTATUS=takes calls"]


def test_a_socket_that_is_in_no_folder(tmp_path: Path) -> None:
    name = f"ivr-{os.getpid()}-{tmp_path.name}"
    systemd = Systemd(f"\0{name}")
    notices = Notices(Handed(notify=f"@{name}"), TurnedClock())
    notices.ready("takes calls")
    notices.close()
    assert systemd.told() == ["READY=1\nSTATUS=takes calls"]
    systemd.close()


def test_without_systemd_nobody_is_told(logged: list[dict[str, object]]) -> None:
    clock = TurnedClock()
    notices = Notices(Handed(watchdog_us=10_000), clock)
    notices.ready("takes calls")
    notices.stopping("lets go of calls")
    clock.run(1_000)
    notices.close()
    assert logged == []


def test_that_it_does_not_hear_is_said_once(
    tmp_path: Path, logged: list[dict[str, object]]
) -> None:
    clock = TurnedClock()
    notices = Notices(given(tmp_path, watchdog_us=10_000_000), clock)
    notices.ready("takes calls")
    clock.run(60_000)
    assert [one["event"] for one in logged] == ["systemd could not be told"]
    systemd = Systemd(str(tmp_path / "notify"))
    clock.run(5_000)
    assert systemd.told() == ["WATCHDOG=1"]
    systemd.close()
    clock.run(5_000)
    notices.close()
    assert len(logged) == 2


def test_a_hub_that_is_busy_sends_no_beats(tmp_path: Path, systemd: Systemd) -> None:
    """A thread that beat for it would go on, and nobody would notice."""
    notices = Notices(given(tmp_path, watchdog_us=20_000), RealClock())
    notices.ready("takes calls")
    assert systemd.until("WATCHDOG=1")
    systemd.until("WATCHDOG=1")
    systemd.told()
    over = time.monotonic() + 0.1
    while time.monotonic() < over:
        pass
    assert systemd.told() == []
    assert systemd.until("WATCHDOG=1")
    notices.close()


# The socket that it hands over.


@pytest.fixture
def waiting() -> Iterator[plain.socket]:
    """As systemd makes it: it listens, and nobody accepts."""
    one = plain.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(64)
    yield one
    one.close()


def test_no_socket_is_none() -> None:
    assert listening(Handed()) is None


def test_several_sockets_are_refused() -> None:
    with pytest.raises(SetupError, match="hands over 2 sockets, expected the one for calls"):
        listening(Handed(sockets=2))


def test_it_is_closed_for_programs_that_this_one_starts(waiting: plain.socket) -> None:
    fd = os.dup(waiting.fileno())
    os.set_inheritable(fd, True)
    found = listening(Handed(sockets=1), fd)
    assert found is not None
    assert found.getsockname() == waiting.getsockname()
    assert not os.get_inheritable(fd)
    found.close()


@pytest.mark.parametrize("kind", ["file", "datagrams", "a connection", "unix"])
def test_what_no_call_can_come_in_by_is_refused(
    tmp_path: Path, waiting: plain.socket, kind: str
) -> None:
    with (
        (tmp_path / "file").open("w") as file,
        plain.socket(type=plain.SOCK_DGRAM) as datagrams,
        plain.create_connection(waiting.getsockname()) as connection,
        plain.socket(plain.AF_UNIX) as unix,
    ):
        unix.bind(str(tmp_path / "unix"))
        unix.listen()
        made = {"file": file, "datagrams": datagrams, "a connection": connection, "unix": unix}
        fd = os.dup(made[kind].fileno())
        with pytest.raises(SetupError, match="hands over"):
            listening(Handed(sockets=1), fd)
        if kind == "file":
            os.close(fd)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_a_server_that_stops_leaves_the_socket_to_the_next(waiting: plain.socket) -> None:
    taken: list[plain.socket] = []
    copy = waiting.dup()
    server = CallServer(("127.0.0.1", 0), taken.append, lambda: True, copy)
    assert server.port == waiting.getsockname()[1]
    server.stop()
    assert copy.fileno() == -1
    with socket.create_connection(waiting.getsockname()):
        accepted, _peer = waiting.accept()
        accepted.close()
    assert taken == []


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", 0, False),
        ("127.0.0.1", None, False),
        ("localhost", None, False),
        ("127.0.0.2", None, True),
        ("0.0.0.0", None, True),
        ("127.0.0.1", 8084, True),
        ("no-such-host.invalid", None, True),
    ],
)
def test_that_it_listens_elsewhere_than_configured_is_said(
    waiting: plain.socket, logged: list[dict[str, object]], host: str, port: int | None, said: bool
) -> None:
    real = waiting.getsockname()[1]
    configured = (host, real if port is None else port)
    server = CallServer(configured, lambda _: None, lambda: True, waiting.dup())
    server.stop()
    assert [one["event"] for one in logged] == said * [
        "calls are taken where systemd listens, not at outbound.listen"
    ]
    for one in logged:
        assert (one["listening"], one["configured"]) == (
            f"127.0.0.1:{real}",
            "{}:{}".format(*configured),
        )


# `ivr serve` as systemd starts it.

_AS_SYSTEMD = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.environ['LISTEN_PID'] = os.environ['WATCHDOG_PID'] = str(os.getpid()); "
    "os.execv(sys.argv[2], sys.argv[2:])"
)


def serve(site_file: Path, notify: str, waiting: plain.socket) -> Served:
    """Start the engine with the socket, and with beats every 50 ms."""
    fd = str(waiting.fileno())
    return Served(
        site_file,
        env={"NOTIFY_SOCKET": notify, "WATCHDOG_USEC": "100000", "LISTEN_FDS": "1"},
        before=(sys.executable, "-c", _AS_SYSTEMD, fd),
        fds=(waiting.fileno(),),
    )


def asked_to_connect(call: socket.socket) -> bool:
    """Whether an engine has taken the call, and says so."""
    said = b""
    while not said.endswith(b"\n\n"):
        data = call.recv(4096)
        if not data:
            return False
        said += data
    return said.startswith(b"connect\n\n")


def test_an_engine_under_systemd(tmp_path: Path, systemd: Systemd, waiting: plain.socket) -> None:
    """A call that comes between two engines waits for the second."""
    file = site.write(tmp_path, 1, more="log:\n  format: json\n")
    address = waiting.getsockname()
    notify = str(tmp_path / "notify")
    first = serve(file, notify, waiting)
    told = systemd.until("READY=1")
    assert told[0].split("\n")[1] == f"STATUS=takes calls on 127.0.0.1:{address[1]}"
    assert first.until("engine started")["calls_on"] == f"127.0.0.1:{address[1]}"
    systemd.until("WATCHDOG=1")
    with socket.create_connection(address) as call:
        assert asked_to_connect(call)
    first.process.send_signal(signal.SIGTERM)
    systemd.until("STOPPING=1")
    assert first.ended() == 0

    with socket.create_connection(address) as call:
        second = serve(file, notify, waiting)
        systemd.until("READY=1")
        assert asked_to_connect(call)
    second.process.terminate()
    assert second.ended() == 0
    assert "systemd could not be told" not in first.text + second.text


def test_a_socket_that_is_none_is_named_and_no_engine_starts(
    tmp_path: Path, systemd: Systemd
) -> None:
    file = site.write(tmp_path, 1)
    with (tmp_path / "file").open("w") as other:
        os.set_inheritable(other.fileno(), True)
        fd = str(other.fileno())
        one = Served(
            file,
            env={"LISTEN_FDS": "1"},
            before=(sys.executable, "-c", _AS_SYSTEMD, fd),
            fds=(other.fileno(),),
        )
        assert one.ended() == SetupError.exit_code
    assert "what systemd hands over is no socket" in one.text
    assert "Traceback" not in one.text
