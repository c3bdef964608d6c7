"""The key that signs check-points: Ed25519, in PEM files that ``openssl`` reads too."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ivr.errors import SetupError, UsageError
from ivr.storage.atomic import REAL, disk_error, sync_folder, write_all

_OTHERS = 0o007


def public_path(path: Path) -> Path:
    """Where the public half of a key lies: beside it, with ``.pub``."""
    return path.with_name(f"{path.name}.pub")


def make_key(path: Path) -> Path:
    """Make a private key (mode 0600) and, beside it, its public half; hands back the latter's path.

    Raises UsageError where either is there already: a key that is replaced takes the proof of all
    that it signed with it. Raises DiskError.
    """
    public = public_path(path)
    for each in (path, public):
        if os.path.lexists(each):
            raise UsageError(
                f"{each}: is there already, and is not replaced\n"
                "  give another name, or move it away if nothing signed by it is to be checked"
            )
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for each, data, mode in ((public, shown, 0o644), (path, secret, 0o600)):
        try:
            _write(each, data, mode)
        except OSError as error:
            raise disk_error("write", each, error) from error
    return public


def _write(path: Path, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        write_all(REAL, fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_folder(REAL, str(path.parent))


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise SetupError(
            f"{path}: the {what} cannot be read: {why}\n  `ivr audit key` makes one"
        ) from error


def load_private(path: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises SetupError, also where everybody may read it."""
    data = _read(path, "key of the audit trail")
    if path.stat().st_mode & _OTHERS:
        raise SetupError(f"{path}: others may read this key\n  chmod o= {path}")
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SetupError(_no_key(path, "private")) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SetupError(_no_key(path, "private"))
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """The key that check-points are checked with. Raises SetupError."""
    data = _read(path, "public key of the audit trail")
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SetupError(_no_key(path, "public")) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SetupError(_no_key(path, "public"))
    return key


def _no_key(path: Path, half: str) -> str:
    return (
        f"{path}: this is no {half} Ed25519 key in PEM without a password\n"
        "  `ivr audit key` makes one"
    )
