"""A small, right configuration with short prompts, each at a pitch of its own."""

from __future__ import annotations

import io
import math
import wave
from array import array
from functools import lru_cache
from pathlib import Path

from tests.noted import note_audio

ANNOUNCEMENT_HZ = 1300
REMINDER_HZ = 1700
LENGTHS = {
    "announcement": (2000, ANNOUNCEMENT_HZ),
    "reminder": (1500, REMINDER_HZ),
    "goodbye": (800, 2100),
    "busy": (600, 2500),
    "no-answer": (600, 2900),
    "unavailable": (600, 3300),
}
"""Each prompt's length in milliseconds and its pitch."""

NUMBER = "01427676676"
"""Goes to customer services, whose keys are the defaults."""
OWN_KEYS = "01427676690"
"""Goes to council tax: ``##`` opts out, ``9`` returns, and without a recording no call."""

FILES = {
    "dialplan/policy.yaml": """\
version: "2.0"
date: "2026-01-05"
officer: Assistant Director
defaults:
  language: en-GB
  opt_out:
    keys: "*#*"
    return_key: "1"
    inter_digit: "2s"
    confirm_wait: "3s"
    reminders: 2
  ring: "5s"
  longest_call: "10m"
  without_recording: connect
  without_engine: connect
""",
    "dialplan/teams/customer-services.yaml": "name: Customer Services\n",
    "dialplan/teams/council-tax.yaml": """\
name: Council Tax
opt_out:
  keys: "##"
  return_key: "9"
  inter_digit: "500ms"
  reminders: 0
without_recording: refuse
""",
    "dialplan/destinations.yaml": """\
desk:
  dial: "sofia/lab/desk"
hall:
  dial: "{origination_caller_id_name='Council Tax'}sofia/lab/hall|sofia/lab/annexe"
""",
    "dialplan/routes.yaml": f"""\
- name: main-line
  numbers: ["{NUMBER}"]
  team: customer-services
  destination: desk
- name: council-tax
  numbers: ["{OWN_KEYS}"]
  team: council-tax
  destination: hall
""",
    "prompts/en-GB.yaml": "language: en-GB\nvoice: test tones\nprompts:\n"
    + "".join(f'  {name}: {{version: "3", text: Said of {name}.}}\n' for name in LENGTHS),
}


def write(folder: Path, esl_port: int, *, password: str = "ClueCon", more: str = "") -> Path:
    """Write the configuration; its site's file. Ports to listen on are any that are free."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for rate in (8000, 16000):
        audio = folder / "prompts/en-GB" / str(rate)
        audio.mkdir(parents=True)
        for name, (ms, hz) in LENGTHS.items():
            tone(audio / f"{name}.wav", rate, ms, hz)
    note_audio(folder / "prompts", "en-GB")
    site = folder / "deploy/ivr.yaml"
    site.parent.mkdir()
    site.write_text(
        f"""\
outbound:
  listen: "127.0.0.1:0"
  engines: ["127.0.0.1:8084"]
freeswitch:
  port: {esl_port}
  password: "{password}"
spool: ../spool
http:
  listen: "127.0.0.1:0"
{more}"""
    )
    return site


def tone(path: Path, rate: int, ms: int, hz: int) -> None:
    """Write a tone as WAV."""
    path.write_bytes(_tone(rate, ms, hz))


@lru_cache(maxsize=100)
def _tone(rate: int, ms: int, hz: int) -> bytes:
    """The file; most tests of engines need the same few."""
    values = (
        round(16000 * math.sin(2 * math.pi * hz * n / rate)) for n in range(rate * ms // 1000)
    )
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array("h", values).tobytes())
    return made.getvalue()
