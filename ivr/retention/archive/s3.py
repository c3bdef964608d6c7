"""The archive in a bucket of S3-compatible object storage: ``<prefix>/<day>/<name>`` (R12, R22).

Every upload carries two hashes that the server has to check (SHA-256 in the signature of the
request, MD5 in ``Content-MD5``), and its answer has to say that it got the same, or what lies there
is read back. Needs the extra ``s3`` (boto3). Blocks.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from ivr.config.settings_retention import S3Place
from ivr.errors import SetupError, StoreError
from ivr.retention.archive.abreast import AT_ONCE, each
from ivr.retention.archive.belonging import NAME, Belonging
from ivr.retention.archive.names import checked_name, day_of, named
from ivr.retention.archive.protocol import Item
from ivr.retention.archive.s3_client import GONE, Trouble, connect
from ivr.retention.archive.scratch import empty, prepare
from ivr.storage.atomic import REAL, Disk, disk_error

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 20
_LARGEST = 5 << 30
"""Bytes that one upload can have."""


@dataclass(frozen=True, slots=True)
class S3Limits:
    """How long is waited, and how much is done at once."""

    connect_s: float = 10
    read_s: float = 60
    attempts: int = 4
    """Tries of one request, the first included."""
    at_once: int = AT_ONCE
    """Requests at the same time."""


class S3Archive:
    """See :class:`~ivr.retention.archive.protocol.Archive`.

    Every trouble with the object storage is StoreError, and can be tried again.
    """

    def __init__(
        self,
        place: S3Place,
        scratch: Path,
        limits: S3Limits | None = None,
        *,
        disk: Disk = REAL,
        belonging: Belonging | None = None,
    ) -> None:
        """``scratch`` is a folder of this host; ``belonging`` is how another bucket is told apart.
        Nothing is asked of the storage yet: :meth:`check`.

        Raises SetupError where boto3 is missing, the credentials cannot be read, or the folder not
        be made.
        """
        self._place = place
        self._limits = limits or S3Limits()
        self._client = connect(
            place,
            connect_s=self._limits.connect_s,
            read_s=self._limits.read_s,
            attempts=self._limits.attempts,
            at_once=self._limits.at_once,
        )
        self._trouble = Trouble(place)
        self._scratch = scratch
        self._disk = disk
        self._belonging = belonging
        self._prefix = f"{place.prefix}/" if place.prefix else ""
        try:
            prepare(scratch, 0o700)
        except OSError as error:
            raise SetupError(
                f"{scratch}: cannot be made: {os.strerror(error.errno or 0)}\n"
                "  expected a folder that this user may write, for what is to go to the bucket"
            ) from error

    @property
    def scratch(self) -> Path:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        return self._scratch

    def empty_scratch(self) -> None:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        empty(self._scratch, self._disk)

    def check(self) -> None:
        """That the bucket is there and can destroy. Raises StoreError."""
        with self._trouble("look at"):
            self._client.head_bucket(Bucket=self._place.bucket)
        self._must_destroy()

    def put(self, items: Sequence[Item]) -> None:
        """See :class:`~ivr.retention.archive.protocol.Archive`; audio before records, otherwise in
        no order."""
        for item in items:
            checked_name(item.name)
            if item.source.parent != self._scratch:
                raise ValueError(f"{item.source} is not in {self._scratch}")
        self._must_be_ours(self._write_word)
        records = [item for item in items if item.name.split(".")[1] == "json"]
        each(self._put, [item for item in items if item not in records], self._limits.at_once)
        each(self._put, records, self._limits.at_once)

    def open(self, day: date, name: str) -> BinaryIO:
        """See :class:`~ivr.retention.archive.protocol.Archive`. It is read here whole, into a file
        without a name. Raises DiskError where there is no room for it."""
        key = self._key(day, name)
        try:
            # Closed by whoever gets it.
            file: BinaryIO = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115 # above
            try:
                for piece in self._pieces(key):
                    file.write(piece)
                file.seek(0)
            except BaseException:
                file.close()
                raise
        except OSError as error:
            raise disk_error("write in", self._scratch, error) from error
        return file

    def remove(self, names: Sequence[tuple[date, str]]) -> None:
        """See :class:`~ivr.retention.archive.protocol.Archive`. Raises StoreError, and removes
        nothing, where the bucket keeps versions: nothing would be destroyed for certain."""
        keys = [self._key(day, name) for day, name in names]
        if keys:
            self._must_be_ours(self._write_word)
            self._must_destroy()
            each(self._remove, keys, self._limits.at_once)

    def names(self, day: date) -> list[str]:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        prefix = f"{self._prefix}{day.isoformat()}/"
        keys = (one["Key"] for page in self._listed(prefix) for one in page.get("Contents", ()))
        return sorted(name for key in keys if named(name := key.removeprefix(prefix)))

    def days(self) -> list[date]:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        self._must_be_ours(None)
        folders = (
            one["Prefix"].removeprefix(self._prefix).rstrip("/")
            for page in self._listed(self._prefix)
            for one in page.get("CommonPrefixes", ())
        )
        return sorted(day for name in folders if (day := day_of(name)))

    def has(self, day: date, name: str) -> bool:
        """See :class:`~ivr.retention.archive.protocol.Archive`."""
        return self._is_there(self._key(day, name))

    def _must_be_ours(self, write: Callable[[str], None] | None) -> None:
        if self._belonging is not None:
            where = f"s3://{self._place.bucket}/{self._prefix}"
            self._belonging.check(where, self._word, write)
            if write is not None:
                self._belonging = None  # a bucket does not become another one while we run

    def _word(self) -> str:
        key = f"{self._prefix}{NAME}"
        if not self._is_there(key):
            return ""
        return b"".join(self._pieces(key)).decode("ascii", "replace").strip()

    def _write_word(self, word: str) -> None:
        key = f"{self._prefix}{NAME}"
        with self._trouble("put", key):
            self._client.put_object(Bucket=self._place.bucket, Key=key, Body=word.encode())

    def _key(self, day: date, name: str) -> str:
        return f"{self._prefix}{day.isoformat()}/{checked_name(name)}"

    def _put(self, item: Item) -> None:
        key = self._key(item.day, item.name)
        try:
            fd = self._disk.open(str(item.source), _FILE, 0)
            with os.fdopen(fd, "rb") as file:
                sha256, md5, size = _hashed(file)
                if size > _LARGEST:
                    raise StoreError(
                        f"{self._place.bucket}/{key}: {size} bytes, and object storage takes"
                        f" {_LARGEST} at once\n  keep it in a folder"
                    )
                file.seek(0)
                with self._trouble("put", key):
                    answer = self._client.put_object(
                        Bucket=self._place.bucket,
                        Key=key,
                        Body=file,
                        ContentMD5=b64encode(md5).decode(),
                    )
            if answer.get("ETag", "").strip('"') != md5.hex():
                self._read_back(key, sha256)
            self._disk.unlink(str(item.source))
        except OSError as error:
            raise disk_error("put", item.source, error) from error

    def _read_back(self, key: str, sha256: str) -> None:
        """Of a server that encrypts, its answer does not say what it got."""
        digest = hashlib.sha256()
        for piece in self._pieces(key):
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise StoreError(
                f"{self._place.bucket}/{key}: is not what was put there\n"
                f"  its SHA-256 is {digest.hexdigest()}, expected {sha256}; it is tried again"
            )

    def _pieces(self, key: str) -> Iterator[bytes]:
        with self._trouble("get", key):
            body = self._client.get_object(Bucket=self._place.bucket, Key=key)["Body"]
            try:
                while piece := body.read(_PIECE):
                    yield piece
            finally:
                body.close()

    def _remove(self, key: str) -> None:
        with self._trouble("destroy", key):
            self._client.delete_object(Bucket=self._place.bucket, Key=key)
        if self._is_there(key):
            raise StoreError(
                f"{self._place.bucket}/{key}: was removed and is still there\n"
                "  look what keeps it (a lock, a policy of the bucket); it is tried again"
            )

    def _is_there(self, key: str) -> bool:
        with self._trouble("look at", key) as trouble:
            try:
                self._client.head_object(Bucket=self._place.bucket, Key=key)
            except trouble.refusals as error:
                if trouble.code(error) in GONE:
                    return False
                raise
            return True
        raise AssertionError("it is there, or it is not, or there was an error")

    def _must_destroy(self) -> None:
        """That what is removed is gone. Raises StoreError."""
        with self._trouble("ask whether it keeps versions:") as trouble:
            try:
                said = self._client.get_bucket_versioning(Bucket=self._place.bucket)
            except trouble.refusals as error:
                if trouble.code(error) == "NotImplemented":
                    return  # a server without versions
                raise
        if said.get("Status"):
            raise StoreError(
                f"{self._place.bucket}: the bucket keeps versions ({said['Status']}), so that what"
                " is removed is not destroyed (R14)\n"
                "  use a bucket that never had versioning turned on; nothing was removed"
            )

    def _listed(self, prefix: str) -> Iterable[Any]:
        with self._trouble("list", prefix):
            pages = self._client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self._place.bucket, Prefix=prefix, Delimiter="/")


def _hashed(file: BinaryIO) -> tuple[str, bytes, int]:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    while piece := file.read(_PIECE):
        sha256.update(piece)
        md5.update(piece)
        size += len(piece)
    return sha256.hexdigest(), md5.digest(), size
