"""The shipped catalogues and their audio, as these tests read them."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

PROMPTS = Path(__file__).resolve().parents[2] / "prompts"
RATES = (8000, 16000)


@dataclass(frozen=True)
class ShippedPrompt:
    """One entry of a catalogue."""

    language: str
    name: str
    version: str
    text: str

    def path(self, rate: int) -> Path:
        """Where the audio of this rate belongs."""
        return PROMPTS / self.language / str(rate) / f"{self.name}.wav"

    def __str__(self) -> str:
        return f"{self.language}-{self.name}"


def shipped() -> list[ShippedPrompt]:
    """Every prompt of every language."""
    found = []
    for path in sorted(PROMPTS.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [
            ShippedPrompt(document["language"], name, entry["version"], entry["text"])
            for name, entry in document["prompts"].items()
        ]
    return found


def samples(path: Path) -> npt.NDArray[np.float64]:
    """The audio, 1.0 being full scale."""
    with wave.open(str(path), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pcm.astype(np.float64) / 32768
