"""Where engines are killed: a switch, a spool, and one engine after the other (R22)."""

from __future__ import annotations

import os
import random
import shutil
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from ivr.config.load import load
from ivr.config.render import render
from ivr.config.settings import Address, Configuration
from ivr.engine.service import Engine
from ivr.lab import TurnedClock
from ivr.lab.dialplan import Condition, Extension, read_dialplan
from ivr.lab.session import Action
from ivr.storage.atomic import Disk
from tests.crash.books import Books
from tests.crash.callers import Callers
from tests.crash.killing import Death, Killed, Life
from tests.crash.prompts import LENGTHS
from tests.crash.switch import TruthfulSwitch
from tests.engine import site, town
from tests.noted import note_audio

COLLEAGUE = "4000"
"""An extension that the dialplan itself bridges."""


def write_site(folder: Path, esl_port: int, *, more: str = "") -> Path:
    """The configuration of the place; its site's file."""
    file = site.write(folder, esl_port, more=more)
    (folder / "dialplan/destinations.yaml").write_text(town.DESTINATIONS)
    (folder / "dialplan/routes.yaml").write_text(town.ROUTES)
    (folder / "dialplan/teams/council-tax.yaml").unlink()
    policy = folder / "dialplan/policy.yaml"
    text = policy.read_text().replace('confirm_wait: "3s"', 'confirm_wait: "1s"')
    policy.write_text(text.replace('inter_digit: "2s"', 'inter_digit: "500ms"'))
    for rate in (8000, 16000):
        for name, (ms, hz) in LENGTHS.items():
            site.tone(folder / f"prompts/en-GB/{rate}/{name}.wav", rate, ms, hz)
    note_audio(folder / "prompts", "en-GB")
    return file


SITES: list[Path] = []
"""A folder for the configuration that all places of this process share: each has a spool and ports
of its own, and nothing writes to the rest."""


@cache
def _configured() -> Configuration:
    return load(write_site(SITES[0], 1))


def dialplan_of(configuration: Configuration, *ports: int) -> tuple[Extension, ...]:
    """What `ivr dialplan render` writes for engines at these ports, and the extensions of staff."""
    engines = tuple(Address("127.0.0.1", port) for port in ports)
    text = render(replace(configuration, site=replace(configuration.site, engines=engines)))
    colleague = Action("bridge", "sofia/lab/colleague")
    asked = Condition("destination_number", f"^{COLLEAGUE}$", (colleague,))
    return (Extension("colleague", (asked,)), *read_dialplan(text))


_ANY = "127.0.0.1:1"
"""Stands in a dialplan for the engine that is there."""


@cache
def _dialplan() -> tuple[Extension, ...]:
    return dialplan_of(_configured(), 1)


def _dialplan_to(port: int, dialplan: Sequence[Extension]) -> tuple[Extension, ...]:
    """A dialplan for :data:`_ANY`, for an engine at this port: rendered and read once."""
    return tuple(
        replace(
            extension,
            conditions=tuple(
                replace(
                    condition,
                    actions=tuple(
                        replace(action, arg=action.arg.replace(f"{_ANY} ", f"127.0.0.1:{port} "))
                        for action in condition.actions
                    ),
                )
                for condition in extension.conditions
            ),
        )
        for extension in dialplan
    )


def _listening() -> socket.socket:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(1024)
    return one


def _empty(folder: Path) -> None:
    """Remove what is in it; the folder may be where a disk is mounted."""
    for each in folder.glob("*"):
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()


class Place:
    """All that a story needs; its engines can be killed."""

    def __init__(
        self,
        folder: Path,
        *,
        systemd: bool = False,
        spool: Path | None = None,
        fallback: Path | None = None,
    ) -> None:
        """Begin anew: what an earlier place left in the folder's spool is removed.

        With ``systemd`` calls come in on a socket that is there while no engine is. ``fallback``
        is the second folder for recordings, where there is to be one.
        """
        random.seed(1)  # the engine's back-off
        self.folder = folder
        self.spool = spool or folder / "spool"
        self.fallback = fallback
        copies = folder / "copies"
        for left in (self.spool, copies, *([fallback] if fallback is not None else [])):
            _empty(left)
        self.clock = TurnedClock()
        self.switch = TruthfulSwitch(self.clock, copies=copies, seed=1)
        _host, port = self.switch.listen(("127.0.0.1", 0))
        made = self.configured()
        # A small disk is to be filled, and is small.
        limits = replace(made.site.limits, least_free_bytes=1 << 20)
        freeswitch = replace(made.site.freeswitch, address=Address("127.0.0.1", port))
        self.configuration = replace(
            made,
            site=replace(
                made.site, spool=self.spool, freeswitch=freeswitch, fallback=fallback, limits=limits
            ),
        )
        self.may_miss_ms = 0
        """How much of a call the disk may keep from being recorded."""
        self.may_go_unrecorded = False
        """It may keep all of one from it."""
        self.forgotten = False
        """Some of the journal is lost."""
        self._listening = _listening() if systemd else None
        self.lives: list[Life] = []
        self.callers = Callers(self.switch)
        self.shown: Counter[str] = Counter()
        self.wrong: list[str] = []

    @staticmethod
    def configured() -> Configuration:
        """What engines here begin with."""
        return _configured()

    @staticmethod
    def dialplan() -> Sequence[Extension]:
        """What is rendered of it."""
        return _dialplan()

    # Engines.

    @property
    def life(self) -> Life:
        """The life of the engine that was started last."""
        return self.lives[-1]

    def start(self, death: Death | None = None, below: Disk | None = None) -> Life:
        """Start an engine, on the disk ``below``, which may be killed before it has started."""
        life = Life(self.clock, str(self.spool), death, below)
        self.lives.append(life)
        Life.current = life
        life.touched = self._touched
        life.shown = self._shown
        life.died = self.switch.engine_gone
        try:
            ready = self._listening
            given = None if ready is None else socket.socket(fileno=os.dup(ready.fileno()))
            engine = Engine(self.configuration, life.clock, life.disk(), listening=given)
            life.engine = engine
            engine.start()
            self.switch.engine_back()
        except Killed:
            return life
        self.switch.dialplan = _dialplan_to(engine.calls.port, self.dialplan())
        return life

    def kill_switch(self) -> None:
        """FreeSWITCH dies, with all its calls."""
        self.switch.kill()

    def start_switch(self) -> None:
        """systemd has started FreeSWITCH again."""
        self.switch = self.switch.successor()
        self.callers.move(self.switch)

    def _touched(self, path: str) -> None:
        if path in self.switch.recording:
            self.wrong.append(f"{path} was touched while the switch wrote it")

    def _shown(self, path: str) -> None:
        if os.path.dirname(path) == f"{self.spool}/new":
            self.shown[os.path.basename(path)] += 1

    def close(self) -> None:
        """End everything, without ceremony."""
        self.life.die()
        self.switch.close()
        if self._listening is not None:
            self._listening.close()
        self.clock.settle()

    # The end.

    @property
    def at_rest(self) -> bool:
        """The engine lives, and has nothing left to do for any call."""
        engine = self.life.engine
        return (
            engine is not None
            and not self.life.dead
            and engine.control.connected
            and not (engine.context.calls or engine.context.unknown)
            and not (engine.spool.waiting or engine.journal.open_calls)
        )

    def books(self) -> list[str]:
        """What is wrong."""
        books = Books(
            self.spool,
            self.switch.written,
            self.callers.calls,
            self.shown,
            fallback=self.fallback,
            may_miss_ms=self.may_miss_ms,
            may_go_unrecorded=self.may_go_unrecorded,
            forgotten=self.forgotten,
        )
        return [*self.wrong, *books.balance()]
