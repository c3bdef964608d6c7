"""Calls, days and files that are to be put."""

from __future__ import annotations

import io
import wave
from datetime import date
from pathlib import Path

import numpy as np
import pyrage

from ivr.retention.archive.protocol import Archive, Item
from ivr.retention.archive.sealing import Identities, Recipients
from tests.storage.parts import CALL, OTHER

DAY = date(2024, 5, 1)
NEXT = date(2024, 5, 2)
WAV = f"{CALL}.wav"
JSON = f"{CALL}.json"
SECOND = f"{OTHER}.2.flac.age"


def item(archive: Archive, name: str, data: bytes, day: date = DAY) -> Item:
    """A file in the scratch folder."""
    source = archive.scratch / name
    source.write_bytes(data)
    return Item(day, name, source)


def put(archive: Archive, name: str, data: bytes = b"sound", day: date = DAY) -> None:
    archive.put([item(archive, name, data, day)])


def read(archive: Archive, name: str, day: date = DAY) -> bytes:
    with archive.open(day, name) as file:
        return file.read()


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def age_keys() -> tuple[Recipients, bytes, Identities]:
    """A pair of keys: the public one, the file of the secret one, and what it is read as."""
    secret = pyrage.x25519.Identity.generate()
    file = f"# created: 2024-05-01\n# public key: {secret.to_public()}\n{secret}\n".encode()
    return Recipients([str(secret.to_public())]), file, Identities(file)


def talk(seconds: float, rate: int = 8000, channels: int = 2, seed: int = 7) -> np.ndarray:
    """Something like two people: noise that comes and goes, another on each channel."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    level = 6000 * np.abs(np.sin(np.arange(count) * 3 / rate))[:, None]
    return (rng.normal(0, 0.5, (count, channels)) * level).astype("<i2")


def to_wav(samples: np.ndarray, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((samples.shape[1], 2, rate, 0, "NONE", ""))
        out.writeframes(samples.tobytes())
    return file.getvalue()
