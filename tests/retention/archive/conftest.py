from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from ivr.config.settings_retention import S3Place
from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.protocol import Archive
from ivr.retention.archive.s3 import S3Archive

_LONDON = (
    b"<CreateBucketConfiguration><LocationConstraint>eu-west-2</LocationConstraint>"
    b"</CreateBucketConfiguration>"
)


@pytest.fixture
def folder(tmp_path: Path) -> FolderArchive:
    return FolderArchive(tmp_path / "archive")


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The address of an object storage of this process."""
    server = pytest.importorskip("moto.server")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def place(storage: str, tmp_path: Path) -> S3Place:
    """A bucket of its own, and the credentials for it."""
    keys = tmp_path / "credentials"
    keys.write_text("[default]\naws_access_key_id = us\naws_secret_access_key = a%secret\n")
    place = S3Place(f"calls-{uuid4()}", "archive/of-us", storage, "eu-west-2", keys)
    urlopen(Request(f"{storage}/{place.bucket}", _LONDON, method="PUT")).close()
    return place


@pytest.fixture
def bucket(place: S3Place, tmp_path: Path) -> S3Archive:
    return S3Archive(place, tmp_path / "scratch")


@pytest.fixture(params=["folder", "bucket"])
def archive(request: pytest.FixtureRequest) -> Archive:
    """The same tests run on every kind of archive."""
    found: Archive = request.getfixturevalue(request.param)
    return found
