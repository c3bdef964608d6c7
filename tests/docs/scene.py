"""Where failures of the run book are brought about: an engine, a lab switch, and a terminal.

The terminal does what the pages say. ``ivr`` is run as it is, and so is what belongs to every
host (``ls``, ``mv``); what belongs to the one host of the pages (``curl`` of the engine's
address, ``journalctl``, ``systemctl``, ``fs_cli``) is done by what stands for it here.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gevent
from click.testing import CliRunner

from ivr.cli import main
from ivr.config.load import load
from ivr.config.settings import Address
from ivr.engine.service import Engine
from ivr.engine.setup import PidFile
from ivr.lab import CallScript, Destination, LabCall
from ivr.storage.atomic import REAL, Disk
from ivr.storage.spool import Spool
from tests.docs.failure_page import as_logged
from tests.doctor import right
from tests.engine import house
from tests.engine.house import Call, House

CALL = "3deba8b7-291b-4a57-8511-68a5e1a242a9"
"""The call of the pages."""
SPOOL = "/var/lib/ivr/spool"
FALLBACK = "/var/lib/ivr/fallback"
SITE = "/etc/ivr/ivr.yaml"
HTTP = "127.0.0.1:9184"
CALLS = "127.0.0.1:8084"
FREESWITCH = "127.0.0.1:8021"

PASSWORD = "one of our own"
TALKING = CallScript(destination=Destination())
"""Somebody calls, and both talk until they are told to hang up."""

Act = Callable[[], object]


class Terminal:
    """Runs commands with the names of the pages, and prints with them."""

    def __init__(self, folder: Path, switch: Any) -> None:
        self._folder = folder
        self._switch = switch
        self._names: dict[str, str] = {}
        self.acts: dict[str, Act] = {}
        """Commands that a test carries out itself, word by word."""

    def name(self, shown: str, real: object) -> None:
        """What pages call this."""
        self._names[shown] = str(real)

    def run(self, text: str, get: Callable[[str], Any], log: Callable[[], list[str]]) -> list[str]:
        """What the command prints, errors too."""
        first, pipe, rest = text.partition(" | ")
        words = shlex.split(first, comments=True)
        if text in self.acts:
            printed = str(self.acts[text]() or "")
        elif words[0] == "ivr":
            printed = self._ivr([self.really(word) for word in words[1:]])
        elif words[0] == "curl":
            path = words[-1].removeprefix("http://").removeprefix(HTTP)
            answer = get(path)
            printed = "" if answer is None else answer[1]
        elif words[0] == "journalctl":
            printed = "".join(f"{line}\n" for line in log())
        elif words[0] == "fs_cli":
            command, _space, arg = words[-1].partition(" ")
            printed = self._switch().api(command, self.really(arg))
        else:
            printed, rest = self._shell(self.really(text), ""), ""
        if pipe and rest:
            printed = self._shell(self.really(rest), printed)
        return self._shown(printed).splitlines()

    def _ivr(self, words: list[str]) -> str:
        site = str(self._folder / "deploy/ivr.yaml")
        # In a thread: engine and switch live on this one's loop.
        run = gevent.get_hub().threadpool.apply
        result = run(CliRunner(env={"IVR_SITE": site}).invoke, (main, words))
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return str(result.output)

    def _shell(self, text: str, given: str) -> str:
        done = subprocess.run(
            ["sh", "-c", text],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C"},
        )
        return done.stdout

    def really(self, text: str) -> str:
        """The text with what is here for what the pages name."""
        for shown, real in self._names.items():
            text = text.replace(shown, real)
        return text

    def _shown(self, text: str) -> str:
        for shown, real in self._names.items():
            text = text.replace(real, shown)
        return text


class Scene(House):
    """A house whose engine says that it is there, as ``ivr serve`` does, and a terminal in it."""

    def __init__(self, folder: Path, logged: list[dict[str, Any]], **written: Any) -> None:
        folder.mkdir(exist_ok=True)
        super().__init__(folder, password=PASSWORD, **written)
        self.doctored()
        self._events = logged
        self._claim: PidFile | None = None
        self.terminal = Terminal(folder, lambda: self.switch)
        self.terminal.acts["systemctl restart ivr"] = self.restart
        for shown, real in (
            (SPOOL, self.spool),
            (FALLBACK, folder / "fallback"),
            (SITE, self.site_file),
            (FREESWITCH, f"127.0.0.1:{self.esl_port}"),
        ):
            self.terminal.name(shown, real)

    def start(self, disk: Disk = REAL, listening: Any = None) -> Engine:
        """See the house; it is told to others as ``ivr serve`` tells it."""
        configuration = load(self.site_file)
        Spool.prepare(configuration.site.spool, fallback=configuration.site.fallback)
        self._claim = claim = PidFile(configuration.site.spool, configuration.site.fallback)
        with patch.object(house, "Engine", partial(Engine, secret=claim.secret)):
            engine = super().start(disk, listening)
        claim.tell(Address("127.0.0.1", engine.http.port))
        self.terminal.name(HTTP, f"127.0.0.1:{engine.http.port}")
        self.terminal.name(CALLS, f"127.0.0.1:{engine.calls.port}")
        return engine

    def doctored(self) -> None:
        """The switch answers `ivr doctor` as a FreeSWITCH that is set up as it should be."""
        self.switch.password = PASSWORD
        answers, real = right.answers(load(self.site_file)), self.switch.api
        del answers["global_getvar core_uuid"]

        def api(command: str, arg: str) -> str:
            return answers.get(f"{command} {arg}".strip()) or real(command, arg)

        self.switch.api = api  # type: ignore[method-assign]  # for what doctor asks

    def stop(self) -> None:
        """See the house."""
        super().stop()
        self._unclaim()

    def close(self) -> None:
        """See the house."""
        super().close()
        self._unclaim()

    def _unclaim(self) -> None:
        if self._claim is not None:
            self._claim.__exit__(None, None, None)
            self._claim = None

    def restart(self) -> None:
        """What ``systemctl restart ivr`` does."""
        self.stop()
        self.start()

    def another_switch(self) -> None:
        """What ``systemctl restart freeswitch`` does."""
        self.switch = self.switch.successor()
        self.doctored()

    def connected(self, script: CallScript = TALKING) -> LabCall:
        """People who talk; pages call it :data:`CALL`."""
        call = self.place(script)
        self.until(call, "connected")
        self.clock.run(1_000)
        self.terminal.name(CALL, call.uuid)
        self.terminal.name(CALL[:8], call.uuid[:8])
        return call

    def hang_up(self, call: LabCall) -> Call:
        """The caller puts the telephone down; the call has its record."""
        call.leg.hang_up("NORMAL_CLEARING", by="caller")
        return self.over(call)

    # What whoever reads a page looks at.

    @property
    def logged(self) -> list[str]:
        """See :class:`tests.docs.failure_page.World`."""
        return [str(one["event"]) for one in self._events]

    def page(self, path: str) -> tuple[int, str] | None:
        """See :class:`tests.docs.failure_page.World`."""
        try:
            return self.get(path)
        except OSError:
            return None

    def run(self, command: str) -> list[str]:
        """See :class:`tests.docs.failure_page.World`."""
        printed = self.terminal.run(command, self.page, lambda: as_logged(self._events))
        self.clock.settle()
        return printed
