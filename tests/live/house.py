"""A FreeSWITCH on loopback with one engine or two: built, started, and taken down again."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ivr.config.load import load
from ivr.config.render.queues import render_queues
from tests.live import kinds
from tests.live.between import Between
from tests.live.engines import Engine
from tests.live.freeswitch import FreeSwitch, More, free_ports, installed
from tests.live.place import Caller
from tests.live.talk import Journal
from tests.live.wait import until
from tests.live.written import Plan, write_dialplan, write_prompts, write_site

QUIET = "err,crit,alert"
"""What FreeSWITCH may log, as deploy/freeswitch has it (docs/freeswitch.md 14f)."""


@dataclass
class Site:
    """Engines and a FreeSWITCH that know each other."""

    folder: Path
    http: int
    switch: FreeSwitch
    engines: list[Engine]
    caller: Caller
    journal: Journal
    between: Between | None = None
    """What stands between the two, where something does."""
    fallback: Path | None = None
    listening: socket.socket | None = field(default=None, repr=False)

    @property
    def engine(self) -> Engine:
        return self.engines[0]

    @property
    def file(self) -> Path:
        return self.engine.file

    @property
    def spool(self) -> Path:
        return self.engine.spool

    @property
    def log(self) -> str:
        return self.engine.log

    def record(self, call_id: str) -> Path:
        """Where a call's record is, or is to be."""
        paths = [engine.spool / "new" / f"{call_id}.json" for engine in self.engines]
        return next((path for path in paths if path.exists()), paths[0])

    def read(self, call_id: str) -> dict[str, Any]:
        """The record."""
        record: dict[str, Any] = json.loads(self.record(call_id).read_text())
        return record

    def reached(self) -> None:
        """FreeSWITCH was started again: call through the new one."""
        switch = self.switch
        self.caller = Caller(switch.esl, switch.sip, switch.desk, self.caller)
        until(lambda: "RUNNING" in self.caller.api("sofia status"), "the SIP profile runs")


_QUIET = Plan(short=False, ring="2s")
"""As most tests have it: prompts are heard as callers hear them."""


@contextmanager
def opened(folder: Path, plan: Plan = _QUIET) -> Iterator[Site]:
    """Start all of it, and stop what is left of it."""
    program = installed()
    if program is None:
        pytest.skip(
            "no FreeSWITCH is installed here (FREESWITCH_PREFIX, PATH, /usr/local/freeswitch)"
        )
    esl, sip, desk, *ports = free_ports(3 + 2 * plan.engines)
    listen, http = ports[: plan.engines], ports[plan.engines :]
    between = Between(listen[0]) if plan.between else None
    write = kinds.write_dialplan if plan.kinds else write_dialplan
    write(folder / "dialplan", sip, plan.ring)
    if plan.kinds:
        kinds.write_prompts(folder / "prompts")
    elif plan.short:
        write_prompts(folder / "prompts")
    listening = None
    if plan.handed:
        listening = socket.create_server(("127.0.0.1", listen[0]), backlog=128)
    engines = []
    for number, port in enumerate(listen):
        spool = plan.spool or folder / f"spool{number + 1 if number else ''}"
        name = f"ivr{number + 1 if number else ''}"
        reached = [between.port] if between else listen
        file = folder / "deploy" / f"{name}.yaml"
        write_site(file, plan, esl, port, http[number], reached, spool)
        log = folder / f"{name.replace('ivr', 'engine')}.log"
        engines.append(Engine(file, spool, log, listening))
    levels = ("info", "info,notice,warning,err,crit,alert") if plan.loud else ("notice", QUIET)
    queues = render_queues(load(engines[0].file)) if plan.kinds else ""
    more = kinds.more(folder, sip, queues) if plan.kinds else More()
    switch = FreeSwitch(
        program, folder / "fs", engines[0].file, esl, sip, *levels, desk=desk, more=more
    )
    try:
        for engine in engines:
            engine.start()
        for engine in engines:
            engine.started()
        caller = Caller(esl, sip, desk)
        until(lambda: "RUNNING" in caller.api("sofia status"), "the SIP profile runs")
        folders = [engine.spool / "journal" for engine in engines]
        if plan.fallback:
            folders.append(plan.fallback / "journal")
        yield Site(
            folder,
            http[0],
            switch,
            engines,
            caller,
            Journal(*folders),
            between,
            plan.fallback,
            listening,
        )
    finally:
        try:
            for engine in engines:
                engine.close()
        finally:
            switch.kill()  # it would take five seconds to end by itself
            if between:
                between.close()
            if listening:
                listening.close()
    if os.environ.get("IVR_SHOW_LOG"):
        for engine in engines:
            print(engine.log)
