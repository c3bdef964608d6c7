"""Starts a FreeSWITCH and an engine once for all live tests, or says why not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.freeswitch import PASSWORD, FreeSwitch, free_ports, installed
from tests.live.place import Caller
from tests.live.wait import until

ROOT = Path(__file__).parents[2]

NUMBERS = {
    "answers": "01427676676",
    "stays": "01427676600",
    "busy": "01427676601",
    "hunt": "01427676604",
    "silent": "01427676602",
    "nobody": "01427676603",
    "pays": "01427676605",
}


@dataclass
class Site:
    """An engine and a FreeSWITCH that know each other."""

    folder: Path
    file: Path
    spool: Path
    http: int
    outbound: int
    switch: FreeSwitch
    engine: subprocess.Popen[bytes]
    caller: Caller

    @property
    def log(self) -> str:
        return (self.folder / "engine.log").read_text()


def write_site(folder: Path, esl: int, sip: int, outbound: int, http: int) -> Path:
    """The shipped dialplan and prompts, with destinations on this FreeSWITCH."""
    shutil.copytree(ROOT / "dialplan", folder / "dialplan")
    (folder / "deploy").mkdir()
    at = f"@127.0.0.1:{sip}"
    destinations = {
        "answers": f"sofia/lab/agent-300-3{at}",
        "stays": f"sofia/lab/agent-300-60{at}",
        "busy": f"sofia/lab/busy{at}",
        "hunt": f"sofia/lab/silent{at}|sofia/lab/agent-300-3{at}",
        "silent": f"sofia/lab/silent{at}",
        "nobody": f"sofia/lab/nobody{at}",
        "pays": f"sofia/lab/1500{at}",
        "outside": f"sofia/lab/$number{at}",
    }
    text = "".join(f'{name}:\n  dial: "{dial}"\n' for name, dial in destinations.items())
    text = text.replace("\noutside:", "\n  payment_line: true\noutside:")
    (folder / "dialplan" / "destinations.yaml").write_text(text)
    routes = "".join(
        f'- name: {name}\n  numbers: ["{number}"]\n'
        f"  team: customer-services\n  destination: {name}\n"
        for name, number in NUMBERS.items()
    )
    routes += (
        '- name: staff\n  direction: outbound\n  numbers: ["9*"]\n  strip: "9"\n'
        "  team: customer-services\n  destination: outside\n"
    )
    (folder / "dialplan" / "routes.yaml").write_text(routes)
    policy = folder / "dialplan" / "policy.yaml"
    policy.write_text(
        policy.read_text()
        .replace('ring: "45s"', 'ring: "2s"')
        .replace('confirm_wait: "10s"', 'confirm_wait: "1500ms"')
    )
    for team in (folder / "dialplan" / "teams").glob("*.yaml"):
        if team.stem != "customer-services":
            team.unlink()
    file = folder / "deploy" / "ivr.yaml"
    file.write_text(
        f"""outbound:
  listen: "127.0.0.1:{outbound}"
  engines: ["127.0.0.1:{outbound}"]
freeswitch:
  port: {esl}
  password: "{PASSWORD}"
spool: ../spool
http:
  listen: "127.0.0.1:{http}"
log:
  format: json
render:
  dead_man: "3s"
prompts: "{ROOT / "prompts"}"
"""
    )
    return file


def start_engine(file: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "ivr.cli", "serve", "--site", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    program = installed()
    if program is None:
        pytest.skip(
            "no FreeSWITCH is installed here (FREESWITCH_PREFIX, PATH, /usr/local/freeswitch)"
        )
    folder = tmp_path_factory.mktemp("live")
    esl, sip, outbound, http = free_ports(4)
    file = write_site(folder, esl, sip, outbound, http)
    log = folder / "engine.log"
    engine = start_engine(file, log)
    switch = FreeSwitch(program, folder / "fs", file, esl, sip, "err,crit,alert")
    try:
        until(lambda: "FreeSWITCH is there" in log.read_text(), "the engine finds FreeSWITCH")
        caller = Caller(esl, sip)
        until(lambda: "RUNNING" in caller.api("sofia status"), "the SIP profile runs")
        yield Site(folder, file, folder / "spool", http, outbound, switch, engine, caller)
    finally:
        engine.send_signal(signal.SIGTERM)
        try:
            engine.wait(20)
        finally:
            engine.kill()
            switch.kill(signal.SIGTERM)
    if os.environ.get("IVR_SHOW_LOG"):
        print(log.read_text())
