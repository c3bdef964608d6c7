"""Calls, days and files that are to be put."""

from __future__ import annotations

from datetime import date
from pathlib import Path

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
