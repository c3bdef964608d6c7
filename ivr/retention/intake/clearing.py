"""Remove from a spool what is safe elsewhere: the records, then their audio, then one sync.

In this order a crash in between leaves audio without a record, which is known and removed at the
next start; never a record without its audio (``docs/spool.md``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ivr.errors import DiskError
from ivr.storage.atomic import Disk, sync_folder


def clear(disk: Disk, new: Path, records: Sequence[Path], audio: Sequence[Path]) -> None:
    """Remove files of ``new``, the records first. What is gone already is well.

    A link is removed, and what it leads to is left; so is a folder that is empty. All is tried.
    Raises DiskError for the first that could not be removed; no audio has gone then, unless it is
    audio that could not.
    """
    refused = _remove_all(disk, records)
    if refused is None:
        refused = _remove_all(disk, audio)
    try:
        sync_folder(disk, str(new))
    except OSError as error:
        refused = refused or error
    if refused is not None:
        raise DiskError(
            f"{refused.filename or new}: cannot be removed:"
            f" {os.strerror(refused.errno or 0)}\n"
            "  it is in the archive, and is tried again; the spool's new/ must be writable by this"
            " user's group (docs/spool.md)"
        ) from refused


def _remove_all(disk: Disk, paths: Sequence[Path]) -> OSError | None:
    refused: OSError | None = None
    for path in paths:
        try:
            disk.unlink(str(path))
        except FileNotFoundError:
            continue
        except (IsADirectoryError, PermissionError) as error:
            try:
                os.rmdir(path)
            except OSError:
                refused = refused or error
        except OSError as error:
            refused = refused or error
    return refused
