"""An evidence bundle: a recording that proves itself with tools that everybody has (R16, R17).

A ZIP file, not compressed, with the audio exactly as it was recorded, the record that has its hash,
what the audit trail says of the call, and a signed manifest. ``sha256sum`` and ``openssl`` check
it; ``README.txt`` says how. The same evidence makes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ivr.config.mistakes import quoted
from ivr.errors import UsageError
from ivr.export.readme import readme
from ivr.export.sounds import CopyError, Stream, sounds_of
from ivr.storage.names import checked_call_id
from ivr.storage.record_schema import PartModel, RecordModel, parse_record

_CASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_PIECE = 1 << 20
_WHEN = (1980, 1, 1, 0, 0, 0)
"""All files of a bundle have this time, so that the same evidence makes the same bytes."""
MANIFEST = "manifest.sha256"
SIGNATURE = "manifest.sha256.sig"
PUBLIC_KEY = "public-key.pem"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a bundle is made of."""

    call: str
    case: str
    record: bytes
    """As the engine wrote it."""
    audio: Sequence[Path]
    """The files of ``recording.parts`` that have a path, in their order, as plaintext: WAV bit for
    bit, or Opus where it was archived so."""
    audit: Sequence[str]
    """The audit trail's entries of the call and the case, each a JSON object on one line."""
    who: str
    """The person's user who asked for it."""
    at_ms: int
    """When; milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was made."""

    size: int
    """Bytes."""
    sha256: str
    """Of the whole file, lower-case hex, for the audit trail."""


def make_bundle(evidence: Evidence, target: Path, key: Ed25519PrivateKey) -> Bundle:
    """Write the bundle; ``target`` must not be there, and has mode 0600.

    Raises CopyError where the audio is not that of the record or a pause in it is not silent,
    SpoolError where the record cannot be read, UsageError for a name that cannot be, and OSError.
    Then there is no ``target``.
    """
    call = checked_call_id(evidence.call)
    record = parse_record(evidence.record, call)
    if record.call != call:
        raise CopyError(f"{call}: its record is that of {record.call}; look at it with ivr show")
    folder = f"evidence-{_checked_case(evidence.case).replace('/', '-')}-{call[:8]}"
    audit = "".join(f"{_one_line(line)}\n" for line in evidence.audit).encode()
    _silent(record, evidence.audio)
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "r+b") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as made:
                _fill(_Writing(made, folder), evidence, record, audit, key)
            raw.seek(0)
            whole = hashlib.file_digest(raw, "sha256").hexdigest()
        return Bundle(target.stat().st_size, whole)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def fingerprint(key: Ed25519PrivateKey) -> str:
    """SHA-256 of the public key in DER, hex: what a reader compares with what was published."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


@dataclass(slots=True)
class _Writing:
    """The ZIP file, and the hashes of what was written into it."""

    made: zipfile.ZipFile
    folder: str
    hashes: dict[str, str] = field(default_factory=dict)

    def _about(self, name: str) -> zipfile.ZipInfo:
        about = zipfile.ZipInfo(f"{self.folder}/{name}", _WHEN)
        about.create_system = 3
        about.external_attr = 0o100644 << 16
        return about

    def text(self, name: str, data: bytes) -> None:
        self.made.writestr(self._about(name), data)
        self.hashes[name] = hashlib.sha256(data).hexdigest()

    def file(self, name: str, path: Path) -> str:
        """Copy a file; the hash of what was copied."""
        digest = hashlib.sha256()
        with (
            open(path, "rb") as source,
            self.made.open(self._about(name), "w", force_zip64=True) as inside,
        ):
            while piece := source.read(_PIECE):
                digest.update(piece)
                inside.write(piece)
        self.hashes[name] = digest.hexdigest()
        return self.hashes[name]

    def manifest(self) -> bytes:
        """As sha256sum writes it."""
        return "".join(f"{each}  {name}\n" for name, each in self.hashes.items()).encode()


def _fill(
    into: _Writing, evidence: Evidence, record: RecordModel, audit: bytes, key: Ed25519PrivateKey
) -> None:
    names = []
    for part, path in zip(_parts(record), evidence.audio, strict=True):
        exact = not _is_ogg(path)
        name = part.path.removeprefix("new/")
        name = name if exact else name.removesuffix(".wav") + ".opus"
        names.append(name)
        found = into.file(name, path)
        if exact and found != part.sha256:
            raise CopyError(
                f"{name}: its SHA-256 is {found}, expected {part.sha256} by its record; no bundle "
                "is made\n  ivr audit verify says whether somebody changed the archive"
            )
    into.text("record.json", evidence.record)
    into.text("audit.jsonl", audit)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    into.text(PUBLIC_KEY, public)
    at = datetime.fromtimestamp(evidence.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    text = readme(record, evidence.case, evidence.who, at, names, fingerprint(key))
    into.text("README.txt", text.encode())
    manifest = into.manifest()
    into.text(MANIFEST, manifest)
    into.text(SIGNATURE, key.sign(manifest))


def _is_ogg(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"OggS"


def _parts(record: RecordModel) -> list[PartModel]:
    return [part for part in record.recording.parts if part.path]


def _silent(record: RecordModel, audio: Sequence[Path]) -> None:
    """Listen to every pause once more (R7). Raises CopyError."""
    for _block in Stream(sounds_of(record, audio), frozenset()).blocks():
        pass


def _checked_case(case: str) -> str:
    if not _CASE.fullmatch(case) or ".." in case:
        raise UsageError(
            f"{quoted(case)} is no reference of a case: expected letters, digits and . _ / - "
            "(at most 64)"
        )
    return case


def _one_line(line: str) -> str:
    try:
        whole = isinstance(json.loads(line), dict)
    except ValueError:
        whole = False
    if not whole or "\n" in line or "\r" in line:
        raise CopyError("an entry of the audit trail is not a JSON object on one line")
    return line
