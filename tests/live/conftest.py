"""Starts a FreeSWITCH and an engine once for all live tests, or says why not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.acts import Acts
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
    journal: Journal
    between: Between | None = None
    """What stands between the two, where something does."""

    @property
    def log(self) -> str:
        return (self.folder / "engine.log").read_text()


def write_site(
    folder: Path, esl: int, sip: int, outbound: int, http: int, reached: int = 0
) -> Path:
    """The shipped dialplan and prompts, with destinations on this FreeSWITCH; ``reached`` is
    where FreeSWITCH finds the engine, if that is not where it listens."""
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
        "own": f"sofia/lab/agent-301-60{at}",
        "desk": f"sofia/lab/agent-302-60{at}",
        "two": f"sofia/lab/agent-303-60{at}",
        "hurried": f"sofia/lab/agent-304-60{at}",
        "pays": f"sofia/lab/1500{at}",
        "outside": f"sofia/lab/$number{at}",
    }
    text = "".join(f'{name}:\n  dial: "{dial}"\n' for name, dial in destinations.items())
    text = text.replace("\noutside:", "\n  payment_line: true\noutside:")
    (folder / "dialplan" / "destinations.yaml").write_text(text)
    routes = "".join(
        f'- name: {name}\n  numbers: ["{number}"]\n'
        f"  team: {'hurried' if name == 'hurried' else 'customer-services'}\n"
        f"  destination: {name}\n"
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
    hurried = 'name: Hurried\npause:\n  overdue: "1s"\n'
    (folder / "dialplan" / "teams" / "hurried.yaml").write_text(hurried)
    file = folder / "deploy" / "ivr.yaml"
    file.write_text(
        f"""outbound:
  listen: "127.0.0.1:{outbound}"
  engines: ["127.0.0.1:{reached or outbound}"]
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


@contextmanager
def opened(folder: Path, loud: bool = False) -> Iterator[Site]:
    """A FreeSWITCH and an engine. A loud FreeSWITCH logs what callers key, as it does unless told
    otherwise, and reaches its engine through :class:`tests.live.between.Between`."""
    program = installed()
    if program is None:
        pytest.skip(
            "no FreeSWITCH is installed here (FREESWITCH_PREFIX, PATH, /usr/local/freeswitch)"
        )
    esl, sip, outbound, http = free_ports(4)
    between = Between(outbound) if loud else None
    file = write_site(folder, esl, sip, outbound, http, between.port if between else 0)
    log = folder / "engine.log"
    site: Site | None = None
    engine = start_engine(file, log)
    levels = ("info", "info,notice,warning,err,crit,alert") if loud else ("notice", QUIET)
    switch = FreeSwitch(program, folder / "fs", file, esl, sip, *levels, 31000 if loud else 21000)
    try:
        until(lambda: "FreeSWITCH is there" in log.read_text(), "the engine finds FreeSWITCH")
        caller = Caller(esl, sip)
        until(lambda: "RUNNING" in caller.api("sofia status"), "the SIP profile runs")
        spool = folder / "spool"
        journal = Journal(spool / "journal")
        site = Site(folder, file, spool, http, outbound, switch, engine, caller, journal, between)
        yield site
    finally:
        engine = site.engine if site else engine
        engine.send_signal(signal.SIGTERM)
        try:
            engine.wait(20)
        finally:
            engine.kill()
            switch.kill(signal.SIGTERM)
            if between:
                between.close()
    if os.environ.get("IVR_SHOW_LOG"):
        print(log.read_text())


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(tmp_path_factory.mktemp("live")) as site:
        yield site


@pytest.fixture(scope="session")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(tmp_path_factory.mktemp("loud"), loud=True) as site:
        yield site


@pytest.fixture(scope="session")
def acts(request: pytest.FixtureRequest, site: Site) -> Iterator[Acts]:
    """All that people do in the modules that run, begun side by side at the first test."""
    modules = {
        item.module: None for item in request.session.items if isinstance(item, pytest.Function)
    }
    acts = Acts(site, [act for module in modules for act in getattr(module, "ACTS", ())])
    yield acts
    acts.end()
