"""Notes of what prompts' audio was made from, as ``prompts/make_audio.py`` leaves them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml


def note_audio(prompts: Path, language: str) -> None:
    """Write ``made.json`` for a language of a test's own catalogue and audio."""
    catalogue = yaml.safe_load((prompts / f"{language}.yaml").read_text())
    notes = {}
    for name, prompt in catalogue["prompts"].items():
        files = (prompts / language).glob(f"*/{name}.wav")
        notes[name] = {
            "version": prompt["version"],
            "text_sha256": hashlib.sha256(" ".join(prompt["text"].split()).encode()).hexdigest(),
            "by": "a test",
            "audio_sha256": {
                file.parent.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files
            },
        }
    (prompts / language / "made.json").write_text(json.dumps(notes))
