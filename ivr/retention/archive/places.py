"""The archive that the settings name."""

from __future__ import annotations

from pathlib import Path

from ivr.config.settings_retention import S3Place
from ivr.retention.archive.belonging import Belonging
from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.protocol import Archive


def archive_at(place: Path | S3Place, state: Path) -> Archive:
    """The archive in a folder, or in a bucket with ``scratch`` of the state folder on its way.

    The state folder, which must be there, remembers which archive is its own; another one is told
    by the first ``put``, ``remove`` or ``days``.

    Raises SetupError where the folder cannot be made, or boto3 or its credentials are missing.
    """
    belonging = Belonging(state)
    if isinstance(place, Path):
        return FolderArchive(place, belonging=belonging)
    from ivr.retention.archive.s3 import S3Archive  # boto3 is an extra, and slow to import

    return S3Archive(place, state / "scratch", belonging=belonging)
