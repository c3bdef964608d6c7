"""What a database says when it refuses, as what a person can do about it."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from ivr.errors import StoreError

_DO = (
    (
        ("database is locked", "lock timeout", "locked"),
        "another process has been writing for too long; it is tried again",
    ),
    (
        ("readonly", "read-only", "unable to open", "permission denied", "not authorized"),
        "the file and its folder must belong to the service's user (retention.yaml: index), on a"
        " disk that can be written to",
    ),
    (
        ("malformed", "corrupt", "disk i/o error", "could not read"),
        "it is damaged: stop the service, look at the disk, and put its backup in its place, or"
        " move its files away and make it again from the archive and the audit trail:"
        " ivr index rebuild",
    ),
    (
        ("not a database", "file is encrypted"),
        "that is no index: name the right file (retention.yaml: index); where it was one, it is"
        " damaged: put its backup in its place, or move it away: ivr index rebuild",
    ),
    (("disk is full", "no space left"), "free space on its disk; it is tried again"),
    (
        ("connection", "connect", "timeout expired", "server closed", "terminating"),
        "PostgreSQL does not answer there; it is tried again (systemctl status postgresql;"
        " retention.yaml: index, index_password_file)",
    ),
)


def told(error: DBAPIError, name: str) -> StoreError:
    """The error for a person: what the database said, without the statement and its values."""
    # The statement's values may be a caller's number: they are not repeated (R14).
    said = " ".join(str(error.orig).split("\n")[0].split()) or type(error.orig).__name__
    lower = said.lower()
    for words, do in _DO:
        if any(word in lower for word in words):
            return StoreError(f"{name}: the index cannot be used: {said}\n  {do}")
    return StoreError(f"{name}: the index cannot be used: {said}")
