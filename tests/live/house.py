"""A FreeSWITCH on loopback with one engine or two: built, started, and taken down again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.between import Between
from tests.live.freeswitch import PASSWORD, FreeSwitch, free_ports, installed
from tests.live.place import Caller
from tests.live.talk import Journal
from tests.live.wait import until

ROOT = Path(__file__).parents[2]
QUIET = "err,crit,alert"
"""What FreeSWITCH may log, as deploy/freeswitch has it (docs/freeswitch.md 14f)."""

NUMBERS = {
    "answers": "01427676676",
    "stays": "01427676600",
    "busy": "01427676601",
    "hunt": "01427676604",
    "silent": "01427676602",
    "nobody": "01427676603",
    "pays": "01427676605",
    "own": "01427676606",
    "desk": "01427676607",
    "two": "01427676608",
    "hurried": "01427676609",
    "kept": "01427676610",
    "strict": "01427676611",
    "slow": "01427676612",
    "slow-busy": "01427676613",
}
TEAMS = {
    "hurried": 'name: Hurried\npause:\n  overdue: "1s"\n',
    "kept": "name: Kept on hold\npause:\n  on_hold: record\n",
    "strict": "name: Strict\nwithout_recording: refuse\nwithout_engine: message\n",
}
"""Teams that decided otherwise, by the name of their number."""
_SHORT_MS = {"announcement": 6000}
_OTHERS_MS = 5000


class Plan(NamedTuple):
    """What is different about a house."""

    loud: bool = False
    """FreeSWITCH logs what callers key, as it does unless it is told otherwise."""
    between: bool = False
    """FreeSWITCH reaches its engine through :class:`tests.live.between.Between`."""
    engines: int = 1
    handed: bool = False
    """The engine is handed its listening socket, as by systemd."""
    spool: Path | None = None
    fallback: Path | None = None
    short: bool = True
    """Prompts are cut to a few seconds."""
    ring: str = "12s"
    dead_man: str = "3s"
    least_free: str = "512MB"


class Engine:
    """An engine that can be killed and started again."""

    def __init__(self, file: Path, spool: Path, log: Path, handed: socket.socket | None) -> None:
        self.file = file
        self.spool = spool
        self._log = log
        self._handed = handed
        self.starts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._prepared: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Have one wait that has read its program: what follows a death is the same then, however
        busy the host of the tests is."""
        handed = "" if self._handed is None else str(self._handed.fileno())
        keep = () if self._handed is None else (self._handed.fileno(),)
        with self._log.open("ab") as out:
            self._prepared = subprocess.Popen(
                [sys.executable, "-c", _PREPARED, handed, "serve", "--site", str(self.file)],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                pass_fds=keep,
            )

    def start(self) -> None:
        """Returns at once."""
        if self._prepared is None:
            self.prepare()
        assert self._prepared is not None
        self.process, self._prepared = self._prepared, None
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.starts += 1

    def started(self) -> None:
        """Return when FreeSWITCH was found as often as the engine was started."""
        until(
            lambda: self.log.count("FreeSWITCH is there") >= self.starts,
            f"the engine finds FreeSWITCH: {self.log[-2000:]}",
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        """As systemd does; it must end by itself."""
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            until(lambda: process.poll() is not None, "the engine stops", 20)
        finally:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Leave nothing of it."""
        if self._prepared is not None:
            self._prepared.kill()
            self._prepared.wait()
        self.stop()

    @property
    def log(self) -> str:
        return self._log.read_text()


_PREPARED = """
import os, sys
handed = sys.argv.pop(1)
if handed:  # as systemd does it
    os.dup2(int(handed), 3)
    os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
import ivr.api.access, ivr.config.load, ivr.engine.service, ivr.engine.setup, ivr.storage.spool
from ivr.cli import main
sys.stdin.read()
main()
"""


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

    def reached(self) -> None:
        """FreeSWITCH was started again: call through the new one."""
        self.caller = Caller(self.switch.esl, self.switch.sip, self.caller)
        until(lambda: "RUNNING" in self.caller.api("sofia status"), "the SIP profile runs")


def _dials(sip: int) -> Mapping[str, str]:
    at = f"@127.0.0.1:{sip}"
    telephones = {
        "answers": "agent-300-3",
        "stays": "agent-300-60",
        "busy": "busy",
        "silent": "silent",
        "nobody": "nobody",
        "own": "agent-301-60",
        "desk": "agent-302-60",
        "two": "agent-303-60",
        "hurried": "agent-304-60",
        "kept": "agent-305-60",
        "strict": "agent-306-60",
        "slow": "agent-4000-60",
        "slow-busy": "busy-9000",
        "pays": "1500",
        "outside": "$number",
    }
    dials = {name: f"sofia/lab/{telephone}{at}" for name, telephone in telephones.items()}
    return {**dials, "hunt": f"sofia/lab/silent{at}|sofia/lab/agent-300-3{at}"}


def write_dialplan(folder: Path, sip: int, ring: str) -> None:
    """The shipped one, with destinations on this FreeSWITCH."""
    shutil.copytree(ROOT / "dialplan", folder)
    dials = _dials(sip)
    text = "".join(f'{name}:\n  dial: "{dial}"\n' for name, dial in dials.items())
    (folder / "destinations.yaml").write_text(
        text.replace("\noutside:", "\n  payment_line: true\noutside:")
    )
    routes = "".join(
        f'- name: {name}\n  numbers: ["{number}"]\n'
        f"  team: {name if name in TEAMS else 'customer-services'}\n"
        f"  destination: {name}\n"
        for name, number in NUMBERS.items()
    )
    routes += (
        '- name: staff\n  direction: outbound\n  numbers: ["9*"]\n  strip: "9"\n'
        "  team: customer-services\n  destination: outside\n"
    )
    (folder / "routes.yaml").write_text(routes)
    policy = folder / "policy.yaml"
    policy.write_text(
        policy.read_text()
        .replace('ring: "45s"', f'ring: "{ring}"')
        .replace('confirm_wait: "10s"', 'confirm_wait: "1500ms"')
    )
    for team in (folder / "teams").glob("*.yaml"):
        if team.stem != "customer-services":
            team.unlink()
    for name, team_text in TEAMS.items():
        (folder / "teams" / f"{name}.yaml").write_text(team_text)


def write_prompts(folder: Path) -> None:
    """The shipped ones, cut short: most of these calls end, or lose their engine, in one."""
    shutil.copytree(ROOT / "prompts", folder)
    made_file = folder / "en-GB" / "made.json"
    made = json.loads(made_file.read_text())
    for path in folder.glob("en-GB/*/*.wav"):
        with wave.open(str(path)) as file:
            parameters = file.getparams()
            ms = _SHORT_MS.get(path.stem, _OTHERS_MS)
            data = file.readframes(parameters.framerate * ms // 1000)
        with wave.open(str(path), "wb") as file:
            file.setparams(parameters)
            file.writeframes(data)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        made[path.stem]["audio_sha256"][path.parent.name] = sha256
    made_file.write_text(json.dumps(made))


def _site_file(
    path: Path, plan: Plan, esl: int, listen: int, http: int, reached: list[int], spool: Path
) -> Path:
    path.parent.mkdir(exist_ok=True)
    engines = ", ".join(f'"127.0.0.1:{port}"' for port in reached)
    prompts = path.parent.parent / "prompts" if plan.short else ROOT / "prompts"
    fallback = f'fallback: "{plan.fallback}"\n' if plan.fallback else ""
    path.write_text(
        f"""outbound:
  listen: "127.0.0.1:{listen}"
  engines: [{engines}]
freeswitch:
  port: {esl}
  password: "{PASSWORD}"
spool: "{spool}"
{fallback}http:
  listen: "127.0.0.1:{http}"
log:
  format: json
limits:
  least_free: "{plan.least_free}"
render:
  dead_man: "{plan.dead_man}"
prompts: "{prompts}"
"""
    )
    return path


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
    esl, sip, *ports = free_ports(2 + 2 * plan.engines)
    listen, http = ports[: plan.engines], ports[plan.engines :]
    between = Between(listen[0]) if plan.between else None
    write_dialplan(folder / "dialplan", sip, plan.ring)
    if plan.short:
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
        _site_file(file, plan, esl, port, http[number], reached, spool)
        log = folder / f"{name.replace('ivr', 'engine')}.log"
        engines.append(Engine(file, spool, log, listening))
    levels = ("info", "info,notice,warning,err,crit,alert") if plan.loud else ("notice", QUIET)
    switch = FreeSwitch(program, folder / "fs", engines[0].file, esl, sip, *levels)
    try:
        for engine in engines:
            engine.start()
        for engine in engines:
            engine.started()
        caller = Caller(esl, sip)
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
