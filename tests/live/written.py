"""The files of a site: dialplan, prompts and the site's own, for a FreeSWITCH on loopback."""

from __future__ import annotations

import hashlib
import json
import shutil
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.live.freeswitch import PASSWORD

ROOT = Path(__file__).parents[2]

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
    kinds: bool = False
    """It is one of :mod:`tests.live.kinds`."""
    short: bool = True
    """Prompts are cut to a few seconds."""
    ring: str = "12s"
    dead_man: str = "3s"
    least_free: str = "512MB"


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


def write_site(
    path: Path, plan: Plan, esl: int, listen: int, http: int, reached: list[int], spool: Path
) -> Path:
    path.parent.mkdir(exist_ok=True)
    engines = ", ".join(f'"127.0.0.1:{port}"' for port in reached)
    prompts = path.parent.parent / "prompts" if plan.short or plan.kinds else ROOT / "prompts"
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
