"""Where people's commands reach the service, found out quickly and without any right (R16)."""

from __future__ import annotations

from pathlib import Path

from ivr.config.document import Document
from ivr.config.folders import resolved
from ivr.config.reading import read


def socket_of(path: Path) -> Path:
    """Where the service listens for people's commands, by ``retention.yaml``.

    Whoever asks need not be able to read passwords, the schedule or who may what, and mistakes in
    them do not matter. :class:`ivr.config.load.ConfigurationError` where the file itself cannot be
    read.
    """
    document = read(Path(path))
    if document.broken:
        from ivr.config.load import ConfigurationError

        raise ConfigurationError(document.mistakes)
    return socket_in(document)


def socket_in(document: Document) -> Path:
    """The same, of a file that was read."""
    state = document.text("state") or "state"
    return resolved(document, document.text("socket") or f"{state}/socket")
