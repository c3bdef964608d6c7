"""A host of the run book whose engines are processes, as systemd starts and kills them."""

from __future__ import annotations

import signal
import socket as plain
from dataclasses import replace
from pathlib import Path

import gevent
from gevent import socket
from gevent.event import Event

from ivr.clock import RealClock
from ivr.config.load import load
from ivr.config.render import render
from ivr.config.settings import Address
from ivr.lab import CallScript, Destination, LabCall, LabSwitch
from ivr.lab.dialplan import read_dialplan
from tests.docs.scene import CALL, CALLS, FALLBACK, HTTP, SPOOL, Terminal
from tests.engine import site
from tests.engine.served import Served
from tests.engine.test_systemd import Systemd, serve

ANNOUNCEMENT_MS = 300
_PATIENCE_S = 1.0
"""How long a page of an engine is waited for that may be hung: ``curl -m 1``."""


class Unit:
    """A service and its socket, which is there while the engine is not."""

    def __init__(self, site_file: Path, notify: Path) -> None:
        self.site_file = site_file
        self._notify = str(notify)
        self.systemd = Systemd(self._notify)
        self.served: list[Served] = []
        self._socket: plain.socket | None = None
        self._port = 0

    @property
    def now(self) -> Served:
        """The engine that was started last."""
        return self.served[-1]

    @property
    def port(self) -> int:
        """Where calls come in, always."""
        return self._port

    def start(self) -> None:
        """Returns when the engine is ready."""
        if self._socket is None:
            self._socket = plain.socket()
            self._socket.setsockopt(plain.SOL_SOCKET, plain.SO_REUSEADDR, 1)
            self._socket.bind(("127.0.0.1", self._port))
            self._socket.listen(64)
            self._port = self._socket.getsockname()[1]
        self.systemd.told()  # what an earlier one said is in the way
        self.served.append(serve(self.site_file, self._notify, self._socket))
        self.now.until("FreeSWITCH is there")  # fails where it does not start
        self.systemd.until("READY=1")

    def stop(self, *, close: bool = False) -> None:
        """As ``systemctl stop`` does; with ``close``, of the socket too."""
        if close and self._socket is not None:
            self._socket.close()
            self._socket = None
        self.now.process.terminate()
        assert self.now.ended() == 0, self.now.text

    def restart(self) -> None:
        """As ``systemctl restart`` does."""
        self.stop()
        self.start()

    def hang(self) -> None:
        """The engine does nothing any more."""
        self.now.process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Leave nothing behind."""
        if self.now.process.poll() is None:
            self.now.process.send_signal(signal.SIGCONT)
            self.stop(close=True)
        elif self._socket is not None:
            self._socket.close()
        self.systemd.close()


class Host:
    """FreeSWITCH, one engine or two, and a terminal."""

    def __init__(self, folder: Path, *, engines: int = 1, dead_man_s: int = 60) -> None:
        """``dead_man_s``: a call waits so long for an engine that does nothing; in 60 s each host,
        however busy, has done what a page says."""
        self.switch = LabSwitch(RealClock(), log_path=folder / "switch.log")
        _host, port = self.switch.listen(("127.0.0.1", 0))
        more = f'render: {{dead_man: "{dead_man_s}s"}}\nlog: {{format: json}}\n'
        self.folder = folder
        self.spool = folder / "spool"
        first = site.write(folder, port, more=more)
        second = first.with_name("ivr-b.yaml")
        second.write_text(first.read_text().replace("../spool", "../spool-b"))
        self.units = [
            Unit(file, folder / f"notify-{number}")
            for number, file in enumerate((first, second)[:engines])
        ]
        self.terminal = Terminal(folder, lambda: self.switch)
        for shown, real in (
            (f"{SPOOL}-b", folder / "spool-b"),
            (SPOOL, self.spool),
            (FALLBACK, folder / "fallback"),
            ("/etc/ivr/ivr-b.yaml", second),
        ):
            self.terminal.name(shown, real)
        unit = self.unit
        self.terminal.acts.update(
            {
                "systemctl start ivr": self._start,
                "systemctl restart ivr": self._restart,
                "systemctl stop ivr.socket ivr": lambda: unit.stop(close=True),
                "systemctl kill --signal=KILL ivr": lambda: unit.now.kill(),
            }
        )

    @property
    def unit(self) -> Unit:
        """The first engine, which the pages tell of."""
        return self.units[0]

    def start(self) -> None:
        """Start all engines, and have the dialplan send calls to them."""
        for unit in self.units:
            unit.start()
        self._named()
        configuration = load(self.unit.site_file)
        engines = tuple(Address("127.0.0.1", unit.port) for unit in self.units)
        rendered = render(replace(configuration, site=replace(configuration.site, engines=engines)))
        self.switch.dialplan = read_dialplan(rendered)

    def close(self) -> None:
        """End everything."""
        for unit in self.units:
            if unit.served:
                unit.end()
        self.switch.close()

    def _start(self) -> None:
        self.unit.start()
        self._named()

    def _restart(self) -> None:
        self.unit.restart()
        self._named()

    def _named(self) -> None:
        told = self.unit.now.until("engine started")
        self.terminal.name(CALLS, told["calls_on"])
        self.terminal.name(HTTP, told["metrics_on"].removeprefix("http://").partition("/")[0])

    # Calls.

    def place(self) -> LabCall:
        """Somebody calls, and talks until told to hang up."""
        return self.switch.place(CallScript(dialled=site.NUMBER, destination=Destination()))

    def connected(self) -> LabCall:
        """People who talk; pages call it :data:`CALL`."""
        call = self.place()
        self.until(call, "Connected")
        self.terminal.name(CALL, call.uuid)
        self.terminal.name(CALL[:8], call.uuid[:8])
        return call

    def announced(self) -> LabCall:
        """A caller who hears the announcement, as the journal knows."""
        call = self.place()
        self.until(call, "PromptStarted")
        return call

    def until(self, call: LabCall, entry: str, unit: int = 0) -> None:
        """Wait until the journal of an engine has this of a call."""
        journal = (self.spool, self.folder / "spool-b")[unit] / "journal"
        while not _journalled(journal, call, entry):
            self.units[unit].now.get("/healthz")  # each answer is a turn of the engine

    def hang_up(self, call: LabCall) -> None:
        """The caller puts the telephone down."""
        call.leg.hang_up("NORMAL_CLEARING", by="caller")
        call.done.get()

    # What whoever reads a page looks at.

    @property
    def logged(self) -> list[str]:
        """See :class:`tests.docs.failure_page.World`."""
        return [str(one["event"]) for one in self.unit.now.events]

    def page(self, path: str) -> tuple[int, str] | None:
        """See :class:`tests.docs.failure_page.World`."""
        port = int(self.terminal.really(HTTP).rpartition(":")[2])
        try:
            with (
                gevent.Timeout(_PATIENCE_S, TimeoutError()),
                socket.create_connection(("127.0.0.1", port)) as connection,
            ):
                connection.sendall(f"GET {path} HTTP/1.0\r\nHost: here\r\n\r\n".encode())
                answer = b""
                while data := connection.recv(65_536):
                    answer += data
        except OSError:
            return None
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def run(self, command: str) -> list[str]:
        """See :class:`tests.docs.failure_page.World`."""
        return self.terminal.run(command, self.page, lambda: self.unit.now.text.splitlines())


def happens(call: LabCall, event: str) -> None:
    """Wait until this happens on the caller's leg."""
    heard = Event()
    call.leg.watchers.append(lambda name, _: heard.set() if name == event else None)
    heard.wait()


def _journalled(journal: Path, call: LabCall, entry: str) -> bool:
    lines = [line for path in journal.iterdir() for line in path.read_bytes().splitlines()]
    return any(call.uuid.encode() in one and f'"k":"{entry}"'.encode() in one for one in lines)
