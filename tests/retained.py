"""A retention layer that answers commands at its socket, in a thread of the test."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest
from click.testing import CliRunner, Result

from ivr.cli import main
from ivr.retention.model import Person
from ivr.retention.office.office import open_office
from ivr.retention.outgoing.queue import Queue
from ivr.retention.service.app import make_app
from ivr.retention.service.callers import Callers
from ivr.retention.service.server import SocketServer
from tests.retention.house import DPO, House


class Served:
    """The house, its service, and who is at the terminal."""

    def __init__(self, house: House, socket: Path) -> None:
        self.house = house
        self.server = SocketServer(socket, make_app(house.office, callers_of(house)))
        self.person: Person = DPO

    def restart(self) -> None:
        """As after a change of the settings."""
        self.house.store.close()
        self.house.open()
        self.server.set_app(make_app(self.house.office, callers_of(self.house)))

    def mailing(self, queue: Queue) -> None:
        """From now on copies go into this queue."""
        office = open_office(self.house.store, queue)
        self.server.set_app(make_app(office, callers_of(self.house)))

    def ivr(self, *words: object) -> Result:
        """Run a command in this process, as :attr:`person`."""
        return ivr(*words, site=self.house.site)

    def started(self, *words: object, **more: str) -> CompletedProcess[bytes]:
        """Run a command in a process of its own; ``more`` are variables of its environment."""
        env = {**os.environ, "IVR_RETENTION": str(self.house.site), **more}
        command = [sys.executable, "-m", "ivr.cli", *map(str, words)]
        return run(command, capture_output=True, check=False, env=env)

    @property
    def last(self) -> tuple[str, str, str, str, str]:
        """The last entry of the audit trail: action, who, outcome, call, case."""
        return self.house.audit()[-1]


def callers_of(house: House) -> Callers:
    """Who asks, by the tokens of the house and its clock."""
    return Callers(house.store.configuration.tokens, lambda: house.now / 1000)


def ivr(*words: object, site: Path) -> Result:
    """Run a command in this process, and let no fault of the program pass."""
    result = CliRunner(env={"IVR_RETENTION": str(site)}).invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code != 70, result.output
    return result


@contextmanager
def serving(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str] | None = None
) -> Iterator[Served]:
    """Serve a house in this folder, with changes of its settings. Who asks is whom the test says,
    and not who runs it."""
    short = Path(tempfile.mkdtemp(prefix="ivr-"))
    socket = short / "socket"
    place = {"# socket: /run/ivr-retention/socket": f"socket: {socket}"}
    house = House(folder, changes={**place, **(changes or {})})
    served = Served(house, socket)
    server = served.server
    monkeypatch.setattr("ivr.retention.service.server.peer_of", lambda _connection: served.person)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        house.store.close()
        shutil.rmtree(short)
