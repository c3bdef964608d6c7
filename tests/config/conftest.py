"""A small, right configuration in a folder of its own, which tests then spoil."""

from __future__ import annotations

import io
import math
import wave
from array import array
from functools import lru_cache
from pathlib import Path

import pytest

from tests.noted import note_audio

GOOD = {
    "deploy/ivr.yaml": """\
outbound:
  listen: "127.0.0.1:8084"
  engines: ["127.0.0.1:8084", "10.0.0.2:8084"]
freeswitch:
  host: "127.0.0.1"
  port: 8021
  password: "ClueCon"
spool: ../var/spool
http:
  listen: "127.0.0.1:9184"
limits:
  command: "5s"
""",
    "dialplan/policy.yaml": """\
version: "2.0"
date: "2026-01-05"
officer: Assistant Director
defaults:
  language: en-GB
  opt_out:
    keys: "*#*"
    return_key: "1"
    inter_digit: "3s"
    confirm_wait: "10s"
    reminders: 2
  ring: "45s"
  longest_call: "4h"
  without_recording: connect
  without_engine: connect
""",
    "dialplan/teams/customer-services.yaml": """\
name: Customer Services
""",
    "dialplan/teams/council-tax.yaml": """\
name: Council Tax
language: en-GB
prompts:
  announcement: announcement-council-tax
opt_out:
  keys: "##"
  inter_digit: "1500ms"
  reminders: 0
ring: "1m"
without_recording: refuse
without_engine: message
""",
    "dialplan/destinations.yaml": """\
customer-services:
  dial: "user/1001,user/1002"
council-tax:
  dial: "{origination_caller_id_name='Tax & <Rates>'}user/1101|user/1102"
""",
    "dialplan/routes.yaml": """\
- name: main-line
  numbers: ["01427676676", "+441427676676"]
  team: customer-services
  destination: customer-services
- name: council-tax
  numbers: ["01427676690"]
  team: council-tax
  destination: council-tax
""",
    "prompts/en-GB.yaml": """\
language: en-GB
voice: test tones
prompts:
  announcement: {version: "3", text: This call is recorded.}
  announcement-council-tax: {version: "4", text: This call is recorded.}
  reminder: {version: "1", text: The call will end.}
  goodbye: {version: "1", text: Goodbye.}
  busy: {version: "1", text: Busy.}
  no-answer: {version: "1", text: No answer.}
  unavailable: {version: "1", text: Unavailable.}
  no-engine: {version: "1", text: Sorry.}
""",
}
"""The text of each file of a right configuration."""

PROMPTS = (
    "announcement",
    "announcement-council-tax",
    "reminder",
    "goodbye",
    "busy",
    "no-answer",
    "unavailable",
    "no-engine",
)


def tone(
    path: Path, rate: int, *, ms: int = 400, level: float = 0.5, channels: int = 1, width: int = 2
) -> None:
    """Write a tone as WAV; a level above 1 is cut off at full scale."""
    path.write_bytes(_tone(rate, ms, level, channels, width))


@lru_cache(maxsize=100)
def _tone(rate: int, ms: int, level: float, channels: int, width: int) -> bytes:
    frames = rate * ms // 1000
    values = (
        max(-32768, min(32767, round(32767 * level * math.sin(2 * math.pi * 440 * n / rate))))
        for n in range(frames)
        for _ in range(channels)
    )
    data = array("h", values).tobytes()
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data if width == 2 else bytes(frames * channels * width))
    return made.getvalue()


def build(root: Path) -> Path:
    """Write the right configuration below the folder; the site's file."""
    for name, text in GOOD.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for rate in (8000, 16000):
        folder = root / "prompts/en-GB" / str(rate)
        folder.mkdir(parents=True)
        tone(folder / "announcement.wav", rate)
        for name in PROMPTS[1:]:
            (folder / f"{name}.wav").write_bytes((folder / "announcement.wav").read_bytes())
    note_audio(root / "prompts", "en-GB")
    return root / "deploy/ivr.yaml"


@pytest.fixture
def site_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's file of a right configuration; the working folder is its root."""
    monkeypatch.chdir(tmp_path)
    return build(tmp_path)
