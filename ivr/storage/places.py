"""Where things lie in the spool, and whether the host is fit for it (R19, R22)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import SetupError
from ivr.storage.names import checked_call_id, stem_of

_FOLDERS = {
    "recording": 0o2770,
    "new": 0o2770,
    "tmp": 0o2750,
    "aside": 0o2750,
    "journal": 0o700,
}
"""Each folder's rights; set-group-id, so that files get the spool's group."""

_ROOT = 0o2770
"""The rights of a spool that is made here, whatever the umask; one that is there keeps its own."""
_ABOVE = 0o711
"""The rights of folders made on the way to it: FreeSWITCH and the consumer come through them."""

_TMP = os.sep + "tmp" + os.sep


@dataclass(frozen=True, slots=True)
class Places:
    """The spool's folders. Every path made of a call's id checks it (R23)."""

    root: Path

    @property
    def recording(self) -> Path:
        """Where FreeSWITCH writes; group-writable."""
        return self.root / "recording"

    @property
    def new(self) -> Path:
        """Finished records and their audio: what consumers take."""
        return self.root / "new"

    @property
    def tmp(self) -> Path:
        """Records that are being written."""
        return self.root / "tmp"

    @property
    def aside(self) -> Path:
        """What could not be used, each with a text that says why."""
        return self.root / "aside"

    @property
    def journal(self) -> Path:
        """The journal's segments."""
        return self.root / "journal"

    def recorded(self, call_id: str, part: int = 1) -> str:
        """Where FreeSWITCH records this part of a call. Raises SpoolError for what is no id."""
        return f"{self.root}/recording/{stem_of(call_id, part)}.wav"

    def audio(self, call_id: str, part: int = 1) -> str:
        """The finished audio of this part of a call. Raises SpoolError for what is no id."""
        return f"{self.root}/new/{stem_of(call_id, part)}.wav"

    def record(self, call_id: str) -> str:
        """The finished record of this call. Raises SpoolError for what is no call's id."""
        return f"{self.root}/new/{checked_call_id(call_id)}.json"

    def scratch(self, call_id: str, kind: str) -> str:
        """Where this call's record or audio is written before it is whole.

        Raises SpoolError for what is no call's id.
        """
        return f"{self.root}{_TMP}{checked_call_id(call_id)}.{kind}"

    def copied(self, call_id: str, part: int) -> str:
        """Where audio that is not ours to write is copied to. Raises SpoolError for what is no
        id."""
        return f"{self.root}{_TMP}{stem_of(call_id, part)}.wav"

    def proofs(self, call_id: str, part: int) -> str:
        """What was found of a part's pauses before they were made silent, until the record is
        there. Raises SpoolError for what is no id."""
        return f"{self.root}{_TMP}{stem_of(call_id, part)}.proofs"

    def set_aside(self, call_id: str) -> Path:
        """The text that says why this call has no record. Raises SpoolError for what is no id."""
        return self.aside / f"{checked_call_id(call_id)}.json.why"


def prepare(root: Path, least_free_bytes: int) -> Places:
    """Make the spool's folders where they are missing and check that they can be used.

    Blocks; for the start. Raises SetupError that says what is wrong and what to do.
    """
    places = Places(root)
    try:
        _make(root)
    except OSError as error:
        raise _unfit(root, "cannot be made", error) from error
    device = root.stat().st_dev
    for name, mode in _FOLDERS.items():
        _folder(root / name, mode, device)
    _probe(places)
    room = os.statvfs(root)
    free = room.f_bavail * room.f_frsize
    if free < least_free_bytes:
        raise SetupError(
            f"{root}: only {free >> 20} MiB are free, expected at least {least_free_bytes >> 20}; "
            "free space, or have the consumer take finished records out of new/"
        )
    return places


def _make(root: Path) -> None:
    """Make the spool's own folder where it is missing. Raises OSError."""
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        folder.chmod(_ROOT if folder == root else _ABOVE)


def _unfit(path: Path, what: str, error: OSError) -> SetupError:
    return SetupError(
        f"{path}: {what}: {os.strerror(error.errno or 0)}\n"
        f"  expected a folder that user id {os.geteuid()} may read and write; "
        f"mend its owner or rights, or set another spool folder in ivr.yaml"
    )


def _folder(path: Path, mode: int, device: int) -> None:
    try:
        path.mkdir(exist_ok=True)
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
            path.chmod(mode)
            found = path.lstat()
    except OSError as error:
        raise _unfit(path, "cannot be made or set up", error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise SetupError(f"{path}: is not a folder; expected one, not a link: move it away")
    if found.st_dev != device:
        raise SetupError(
            f"{path}: lies on another file system than {path.parent}, so that files cannot be "
            "moved whole; have the whole spool on one file system"
        )
    if mode & 0o020 and not found.st_mode & 0o020:
        raise SetupError(
            f"{path}: its group may not write (mode {stat.S_IMODE(found.st_mode):o}), so "
            f"FreeSWITCH or the consumer cannot; chmod {mode:o} {path}"
        )


def _probe(places: Places) -> None:
    """Write a file and move it through every folder that files go through."""
    probe = f".probe-{os.getpid()}"
    at = places.recording
    try:
        (at / probe).write_bytes(b"")
        for folder in (places.journal, places.aside, places.tmp, places.new):
            (at / probe).rename(folder / probe)
            at = folder
        (at / probe).unlink()
    except OSError as error:
        raise _unfit(Path(error.filename2 or error.filename or at), "no use", error) from error
