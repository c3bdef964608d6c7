"""What an archive can do, wherever it lies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol


class Item(NamedTuple):
    """A file that is to be put into the archive."""

    day: date
    name: str
    source: Path
    """In :attr:`Archive.scratch`; it is gone from there once it was put."""


class Archive(Protocol):
    """Files of recordings by day and name. Names are checked; anything else is StoreError.

    Safe to use from several threads. Whoever writes the same name twice at once gets one of them.
    """

    @property
    def scratch(self) -> Path:
        """A folder of this host in which what is to be put is made. What is left in it by a crash
        is worth nothing: :meth:`empty_scratch`."""

    def empty_scratch(self) -> None:
        """Remove all that a crash left in :attr:`scratch`. Only for who alone puts, before it puts
        the first. Raises DiskError."""

    def put(self, items: Sequence[Item]) -> None:
        """Put files, in this order; they survive any crash when it returns.

        One that has the same name is replaced as a whole. Raises DiskError or StoreError; some may
        then be there and all may be put again, of those whose source is still there.
        """

    def open(self, day: date, name: str) -> BinaryIO:
        """A file's bytes from its beginning; seekable. Raises StoreError."""

    def remove(self, names: Sequence[tuple[date, str]]) -> None:
        """Destroy files: when it returns they are gone, after any crash too, and were seen not to
        be there. One that is missing is well. Raises DiskError or StoreError."""

    def names(self, day: date) -> list[str]:
        """The names of a day, sorted; none where there is no such day. Raises StoreError."""

    def days(self) -> list[date]:
        """The days that have files, sorted. Raises StoreError."""

    def has(self, day: date, name: str) -> bool:
        """Whether there is such a file. Raises StoreError."""
