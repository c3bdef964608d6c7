"""A house with every kind of call: an exempt extension, calls that staff make, opting out in
mid-call, ring groups and a queue (R4, R8, R9, R10).

Its prompts are tones, each of its own pitch, so that it can be heard who hears which.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import wave
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import yaml

from tests.live.freeswitch import More
from tests.live.written import ROOT

EXEMPT = "618034"
"""The exempt extension: digits that do not come by chance."""
EXEMPT_FROM_OUTSIDE = "01427676699"
EXEMPT_TELEPHONE = "confidant"
EXEMPT_HZ = 1600
HELP = "999"

NUMBERS = {
    "stays": "01427676620",
    "destroys": "01427676621",
    "forwards": "01427676622",
    "slow": "01427676623",
    "together": "01427676624",
    "ordered": "01427676625",
    "turns": "01427676628",
    "queue": "01427676626",
    "short": "01427676627",
}
INSIDE = "7100"
"""An extension with which calls of colleagues are recorded."""
TOLD, UNTOLD = "8", "9"
"""What staff dial before a number whose holder is told that the call is recorded, or is not."""

HEARD = {
    "announcement": (2000, 1500),
    "reminder": (2200, 2500),
    "goodbye": (2400, 800),
    "unavailable": (2600, 800),
    "no-answer": (2700, 800),
    "queue-announcement": (2800, 500),
}
"""By prompt: its pitch in Hz, and how long it is in milliseconds."""
MUSIC_HZ, QUEUE_HZ, OTHERS_HZ = 3000, 3200, 2900
"""What an agent hears who waits for a caller, a caller who waits in the queue, and whoever hears
another prompt."""
STAYED_HZ, LEFT_HZ = 600, 300
"""The last of the tones by which an agent learns that the caller is back, or is gone."""

_DESTINATIONS = """
stays: {{dial: "{at}agent-300-60{end}"}}
slow: {{dial: "{at}agent-3000-60{end}"}}
forwards: {{dial: "{at}forwards{end}"}}
together:
  ring: at-once
  members: ["{at}busy{end}", "{at}agent-1500-60{end}", "{at}agent-400-61{end}"]
ordered:
  ring: in-order
  members: ["{at}busy{end}", "{at}silent{end}", "{at}agent-400-62{end}"]
turns:
  ring: round
  members: ["{at}agent-400-65{end}", "{at}agent-400-66{end}"]
queue:
  queue:
    members: ["{at}agent-400-63{end}"]
    music: "tone_stream://%(1000,0,{queue_hz});loops=-1"
    announcement: queue-announcement
    every: "5s"
    longest: "40s"
nobody-there:
  queue:
    members: ["{at}silent{end}"]
    music: "tone_stream://%(1000,0,{queue_hz});loops=-1"
    longest: "10s"
inside: {{dial: "{at}agent-300-64{end}"}}
outside: {{dial: "{at}$number{end}"}}
"""
_TEAMS = {
    "kinds": "name: Every kind\nopt_out: {connected: keep}\n",
    "destroyers": "name: Destroyers\nopt_out: {connected: destroy}\n",
    "overflowing": "name: Overflowing\noverflow:\n  - {destination: stays}\n",
}
_TEAM_OF = {"destroys": "destroyers", "short": "overflowing"}
_DESTINATION_OF = {"destroys": "stays", "short": "nobody-there"}
_TELEPHONES = """
<extension name="exempt telephone">
  <condition field="destination_number" expression="^{telephone}$">
    <action application="set" data="digits_dialed_filter=^(.+)$"/>
    <action application="answer"/>
    <action application="set" data="playback_terminators=none"/>
    <action application="playback" data="{tone}"/>
  </condition>
</extension>
<extension name="exempt voice"><condition field="destination_number" expression="^exempt-voice$">
  <action application="playback" data="{tone}"/></condition></extension>
<extension name="forwards"><condition field="destination_number" expression="^forwards$">
  <action application="redirect" data="sip:{exempt}@127.0.0.1:{sip}"/></condition></extension>
<extension name="rings"><condition field="destination_number" expression="^0611\\d+$">
  <action application="ring_ready"/><action application="sleep" data="400"/>
  <action application="transfer" data="07700900000"/></condition></extension>
<extension name="help"><condition field="destination_number" expression="^{help}$">
  <action application="answer"/><action application="playback" data="{help_tone}"/>
</condition></extension>
<extension name="meeting"><condition field="destination_number" expression="^meeting-(.+)$">
  <action application="answer"/><action application="conference" data="$1@default"/>
</condition></extension>
"""
_FEATURES = """
<extension name="pick-up">
  <condition field="destination_number" expression="^pickup-(.+)$">
    <action application="answer"/><action application="intercept" data="$1"/>
  </condition>
</extension>
<extension name="meeting"><condition field="destination_number" expression="^meeting-(.+)$">
  <action application="answer"/><action application="conference" data="$1@default"/>
</condition></extension>
"""
_CONFIGURATION = """
<configuration name="local_stream.conf"><directory name="default" path="{music}">
  <param name="rate" value="8000"/><param name="channels" value="1"/>
  <param name="interval" value="20"/><param name="timer-name" value="soft"/>
</directory></configuration>
<configuration name="conference.conf"><caller-controls/><profiles><profile name="default">
  <param name="rate" value="8000"/><param name="interval" value="20"/>
</profile></profiles></configuration>
{queues}
"""
_TONE = "tone_stream://%(1000,0,{hz});loops=-1"


def write_dialplan(folder: Path, sip: int, ring: str) -> None:
    """Policy, teams, destinations and routes of such a house."""
    shutil.copytree(ROOT / "dialplan", folder)
    at, end = "sofia/lab/", f"@127.0.0.1:{sip}"
    policy = yaml.safe_load((folder / "policy.yaml").read_text())
    policy["defaults"]["ring"] = ring
    policy["defaults"]["opt_out"]["confirm_wait"] = "1500ms"
    telephone = f"{at}{EXEMPT_TELEPHONE}{end}"
    policy["exempt"] = [
        {"extension": EXEMPT, "numbers": [EXEMPT_FROM_OUTSIDE], "dial": telephone},
    ]
    policy["emergency"] = {"numbers": [HELP], "dial": f"{at}$number{end}"}
    (folder / "policy.yaml").write_text(json.dumps(policy, indent=2))
    for team in (folder / "teams").glob("*.yaml"):
        team.unlink()
    for name, text in _TEAMS.items():
        (folder / "teams" / f"{name}.yaml").write_text(text)
    (folder / "destinations.yaml").write_text(
        _DESTINATIONS.format(at=at, end=end, queue_hz=QUEUE_HZ)
    )
    routes = [
        f'- name: {name}\n  numbers: ["{number}"]\n  team: {_TEAM_OF.get(name, "kinds")}\n'
        f"  destination: {_DESTINATION_OF.get(name, name)}\n"
        for name, number in NUMBERS.items()
    ]
    routes += [
        f'- name: {name}\n  direction: outbound\n  numbers: ["{prefix}*"]\n  strip: "{prefix}"\n'
        f"  announce: {told}\n  team: kinds\n  destination: outside\n"
        for name, prefix, told in (("told", TOLD, "true"), ("untold", UNTOLD, "false"))
    ]
    routes.append(
        f'- name: inside\n  direction: internal\n  numbers: ["{INSIDE}"]\n'
        "  team: kinds\n  destination: inside\n"
    )
    (folder / "routes.yaml").write_text("".join(routes))


def write_prompts(folder: Path) -> None:
    """Those of the shipped English catalogue, with tones in place of what is said."""
    audio = folder / "en-GB"
    for rate in (8000, 16_000):
        (audio / str(rate)).mkdir(parents=True)
    shutil.copy(ROOT / "prompts" / "en-GB.yaml", folder)
    catalogue = yaml.safe_load((folder / "en-GB.yaml").read_text())
    made = {}
    for name, prompt in catalogue["prompts"].items():
        hz, ms = HEARD.get(name, (OTHERS_HZ, 500))
        sums = {}
        for rate in (8000, 16_000):
            path = audio / str(rate) / f"{name}.wav"
            write_tone(path, hz, ms, rate)
            sums[str(rate)] = hashlib.sha256(path.read_bytes()).hexdigest()
        text = " ".join(prompt["text"].split())
        made[name] = {
            "version": prompt["version"],
            "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "audio_sha256": sums,
        }
    (audio / "made.json").write_text(json.dumps(made))


def write_tone(path: Path, hz: int, ms: int, rate: int = 8000) -> None:
    """A file with a tone."""
    samples = 10_000 * np.sin(2 * np.pi * hz * np.arange(rate * ms // 1000) / rate)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def more(folder: Path, sip: int, queues: str) -> More:
    """What FreeSWITCH needs for it; ``queues`` is its configuration of them."""
    music = folder / "music"
    music.mkdir()
    # So long that it does not end in a test: between two files there is silence.
    write_tone(music / "music.wav", MUSIC_HZ, 120_000)
    tone = escape(_TONE.format(hz=EXEMPT_HZ))
    return More(
        modules="local_stream conference callcenter",
        configuration=_CONFIGURATION.format(music=music, queues=queues),
        telephones=_TELEPHONES.format(
            telephone=EXEMPT_TELEPHONE,
            tone=tone,
            exempt=EXEMPT,
            sip=sip,
            help=HELP,
            help_tone=escape(_TONE.format(hz=1200)),
        ),
        features=_FEATURES,
    )
