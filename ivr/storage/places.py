"""Where things lie in the spool, and whether the host is fit for it (R19, R22)."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ivr.errors import SetupError
from ivr.storage.known import is_known, remember
from ivr.storage.names import checked_call_id, stem_of

_FOLDERS = {
    "recording": 0o2770,
    "new": 0o2770,
    "tmp": 0o2750,
    "aside": 0o2770,
    "journal": 0o700,
}
"""Each folder's rights; set-group-id, so that files get the spool's group. The group may write
where FreeSWITCH does, and where the consumer takes, or destroys what is due (R14)."""

_IN_FALLBACK = ("recording", "journal")
"""What of these the fallback has as well."""

_ROOT = 0o2770
"""The rights of a spool that is made here, whatever the umask; one that is there keeps its own."""
_ABOVE = 0o711
"""The rights of folders made on the way to it: FreeSWITCH and the consumer come through them."""

_PROBE = ".probe-"
_TMP = os.sep + "tmp" + os.sep
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
ITS_DISK = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EUCLEAN, errno.ENODEV),
    *(errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH),
}
"""What a disk answers that is full, fails, is read-only, or is away."""
_NOWHERE = -1
"""The file system of a folder that is not there."""


@dataclass(frozen=True, slots=True)
class Places:
    """The spool's folders. Every path made of a call's id checks it (R23)."""

    root: Path
    fallback: Path | None = None
    """Where recordings and the journal go while the spool takes none; may lie on another disk."""
    devices: tuple[int, ...] = field(default=(), compare=False)
    """The file systems of the two as they were found at the start; see :func:`make_again`."""

    @property
    def recording(self) -> Path:
        """Where FreeSWITCH writes; group-writable."""
        return self.root / "recording"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that a recording may lie in: that of the spool, then the fallback's."""
        if self.fallback is None:
            return (self.recording,)
        return (self.recording, self.fallback / "recording")

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
        """What could not be used, each with a text that says why; the consumer destroys there what
        is due."""
        return self.root / "aside"

    @property
    def journal(self) -> Path:
        """The journal's segments."""
        return self.root / "journal"

    @property
    def spare_journal(self) -> Path | None:
        """Where segments go while :attr:`journal` takes none."""
        return None if self.fallback is None else self.fallback / "journal"

    def recorded(self, call_id: str, part: int = 1, folder: Path | None = None) -> str:
        """Where FreeSWITCH records this part of a call: in ``folder``, one of :attr:`folders`, or
        in the spool's own. Raises SpoolError for what is no id."""
        where = f"{self.root}/recording" if folder is None else folder
        return f"{where}/{stem_of(call_id, part)}.wav"

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

    def destroyed(self, call_id: str) -> str:
        """What is being destroyed of this call, until the record is there (R4). Raises SpoolError
        for what is no call's id."""
        return self.scratch(call_id, "destroyed")

    def set_aside(self, call_id: str) -> Path:
        """The text that says why this call has no record. Raises SpoolError for what is no id."""
        return self.aside / f"{checked_call_id(call_id)}.json.why"


def placed(root: Path, fallback: Path | None = None) -> Places:
    """The places as they are now, with the file systems that they lie on."""
    places = Places(root, fallback)
    return replace(places, devices=tuple(_device(top) for top in _tops(places)))


def _tops(places: Places) -> tuple[Path, ...]:
    return (places.root,) if places.fallback is None else (places.root, places.fallback)


def _device(folder: Path) -> int:
    try:
        return folder.stat().st_dev
    except OSError:
        return _NOWHERE


def prepare(root: Path, least_free_bytes: int, fallback: Path | None = None) -> Places:
    """Make the folders of the spool and of its fallback where they are missing, and check that
    they can be used.

    One of the two needs so much room. Blocks; for the start. Raises SetupError that says what is
    wrong and what to do.
    """
    places = Places(root, fallback)
    _make(root)
    device = root.stat().st_dev
    for name, mode in _FOLDERS.items():
        _folder(root / name, mode, device)
    _no_old_probes(places)
    if fallback is not None and is_known(root, fallback):
        _prepare_fallback(places, fallback)
    free = room(root)
    if free >= least_free_bytes:
        _probe(places)
    elif fallback is None or _room(fallback) < least_free_bytes:
        raise SetupError(
            f"{root}: only {free >> 20} MiB are free, expected at least {least_free_bytes >> 20}; "
            "free space, or have the consumer take finished records out of new/"
        )
    return placed(root, fallback)


def room(folder: Path) -> int:
    """Bytes that are free on a folder's file system. Raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _room(folder: Path) -> int:
    """The same; 0 where it cannot be asked."""
    try:
        return room(folder)
    except OSError:
        return 0


def _prepare_fallback(places: Places, fallback: Path) -> None:
    """A disk that is full, fails or takes nothing is no use now and may be later: it keeps no
    engine from starting that would do without. Raises SetupError for what is set up wrong."""
    try:
        _check_fallback(places, fallback)
        remember(places.root, fallback)
    except SetupError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in ITS_DISK:
            raise


def _check_fallback(places: Places, fallback: Path) -> None:
    _make(fallback)
    for name in _IN_FALLBACK:
        _folder(fallback / name, _FOLDERS[name], None)
        if os.path.samefile(fallback / name, places.root / name):
            raise SetupError(
                f"{fallback}: the fallback is the spool itself\n"
                "  expected another folder, best on another disk; set it in ivr.yaml, or leave"
                " fallback out"
            )
        probe = fallback / name / probe_name()
        try:
            write_probe(probe, b"")
            probe.unlink()
        except OSError as error:
            raise _unfit(fallback / name, "no use", error) from error


def _no_old_probes(places: Places) -> None:
    """Remove what an engine left that was killed while it looked; whether the folders can be used
    is seen later."""
    tops = ((places.root, tuple(_FOLDERS)), (places.fallback, _IN_FALLBACK))
    for folder in (top / name for top, names in tops if top is not None for name in names):
        with suppress(OSError):
            for name in os.listdir(folder):
                if name.startswith(_PROBE):
                    with suppress(OSError):  # somebody's folder of that name is in nobody's way
                        (folder / name).unlink()


def make_again(places: Places, only: int | None = None) -> None:
    """Make folders that somebody removed since the start, with their rights; ``only`` those of the
    spool (0), or of its fallback (1).

    Only on the file system on which they were: a mount point whose disk is gone must not be
    filled. Raises OSError and SetupError.
    """
    for number, (top, device) in enumerate(zip(_tops(places), places.devices, strict=False)):
        if only not in (None, number):
            continue
        names = _FOLDERS if top == places.root else _IN_FALLBACK
        missing = [name for name in names if not os.path.lexists(top / name)]
        if top == places.fallback and not is_known(places.root, top):
            continue
        if missing and device != _NOWHERE and _device(top) == device:
            for name in missing:
                _folder(top / name, _FOLDERS[name], device)


def _make(root: Path) -> None:
    """Make the spool's own folder, or the fallback's, where it is missing."""
    try:
        missing = [folder for folder in (root, *root.parents) if not folder.exists()]
        root.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            folder.chmod(_ROOT if folder == root else _ABOVE)
    except OSError as error:
        raise _unfit(root, "cannot be made", error) from error


def _unfit(path: Path, what: str, error: OSError) -> SetupError:
    return SetupError(
        f"{path}: {what}: {os.strerror(error.errno or 0)}\n"
        f"  expected a folder that user id {os.geteuid()} may read and write; "
        f"mend its owner or rights, or set another folder in ivr.yaml (spool, fallback)"
    )


def _folder(path: Path, mode: int, device: int | None) -> None:
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
    if device is not None and found.st_dev != device:
        raise SetupError(
            f"{path}: lies on another file system than {path.parent}, so that files cannot be "
            "moved whole; have the whole spool on one file system"
        )
    if mode & 0o020 and not found.st_mode & 0o020:
        raise SetupError(
            f"{path}: its group may not write (mode {stat.S_IMODE(found.st_mode):o}), so "
            f"FreeSWITCH or the consumer cannot; chmod {mode:o} {path}"
        )


def probe_name() -> str:
    """The name of the file that shows whether a folder takes one; no recording's."""
    return f"{_PROBE}{os.getpid()}"


def write_probe(path: str | Path, data: bytes, folder: int | None = None) -> None:
    """Write this file anew: whatever lies there, such as a link or a pipe, is neither followed nor
    waited for. ``folder`` is open, where the path is relative to it. Raises OSError."""
    try:
        fd = os.open(path, _NEW, 0o600, dir_fd=folder)
    except FileExistsError:
        os.unlink(path, dir_fd=folder)
        fd = os.open(path, _NEW, 0o600, dir_fd=folder)
    try:
        written = os.write(fd, data)
    finally:
        os.close(fd)  # a network file system may tell only now
    if written < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _probe(places: Places) -> None:
    """Write a file and move it through every folder that files go through."""
    probe = probe_name()
    at = places.recording
    try:
        write_probe(at / probe, b"")
        for folder in (places.journal, places.aside, places.tmp, places.new):
            (at / probe).rename(folder / probe)
            at = folder
        (at / probe).unlink()
    except OSError as error:
        raise _unfit(Path(error.filename2 or error.filename or at), "no use", error) from error
