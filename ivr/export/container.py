"""Files in a ZIP that only a password opens, where a copy is too private for e-mail alone (R15).

AES-256 as WinZip defined it, which 7-Zip, WinZip and macOS's Keka open. Its key is made from the
password with little work, so a weak password is no protection and is refused. The password is not
kept, mailed or logged: whoever makes the container tells it to the customer in another way. The
names and sizes of the files are not hidden.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import pyzipper

from ivr.errors import UsageError

SUFFIX = ".zip"
"""How the name of a container ends."""
SHORTEST = 12
"""Letters of a password at least."""
LEAST_BITS = 64
"""What it takes at least to guess it, if its letters were drawn by lot."""
_FEWEST_LETTERS = 6
_CLASSES = ((str.islower, 26), (str.isupper, 26), (str.isdigit, 10))
_OTHERS = 33
# Nothing that is mistaken for something else when it is read out or copied.
_CLEAR = "abcdefghjkmnpqrstuvwxyz23456789"
_WHEN = (1980, 1, 1, 0, 0, 0)
"""All files of a container have this time: when it was made is nobody's business."""


def make_password() -> str:
    """A password of four groups of five letters, about 99 bits, that can be read out."""
    groups = ("".join(secrets.choice(_CLEAR) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def checked_password(password: str) -> str:
    """The password, where it is strong enough. Raises UsageError, which does not repeat it."""
    if not password.isascii() or not password.isprintable():
        raise UsageError(
            "the password must be of plain letters, digits and signs: programs do not agree on "
            "others"
        )
    if len(password) < SHORTEST:
        raise UsageError(
            f"the password has {len(password)} letters, expected {SHORTEST} or more; ivr can make "
            "one"
        )
    kinds = sum(size for is_one, size in _CLASSES if any(is_one(c) for c in password))
    if not all(c.isalnum() for c in password):
        kinds += _OTHERS
    if (
        len(set(password)) < _FEWEST_LETTERS
        or len(password) * math.log2(max(kinds, 2)) < LEAST_BITS
    ):
        raise UsageError(
            "the password is too easy to guess: expected more different letters, or more of them; "
            "ivr can make one"
        )
    return password


def seal(files: Sequence[Path], password: str, target: Path) -> int:
    """Put files, by their names, into the container ``target``; its size in bytes.

    ``target`` must not be there, and has mode 0600. Raises UsageError for a weak password and
    OSError where the disk refuses; then there is no ``target``.
    """
    checked_password(password)
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with (
            os.fdopen(fd, "r+b") as raw,
            pyzipper.AESZipFile(raw, "w", compression=pyzipper.ZIP_STORED) as made,
        ):
            made.setpassword(password.encode())
            made.setencryption(pyzipper.WZ_AES, nbits=256)
            for path in files:
                about = pyzipper.zipfile_aes.AESZipInfo(path.name, _WHEN)
                about.compress_type = pyzipper.ZIP_STORED
                about.external_attr = 0o600 << 16
                with open(path, "rb") as source, made.open(about, "w") as inside:
                    shutil.copyfileobj(source, inside, 1 << 20)
        return target.stat().st_size
    except BaseException:
        target.unlink(missing_ok=True)
        raise
