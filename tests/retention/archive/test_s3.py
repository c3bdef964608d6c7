"""The archive in object storage: what its server says, and what is said when it does not."""

from __future__ import annotations

import builtins
import hashlib
import os
import socket
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ivr.config.settings_retention import S3Place
from ivr.errors import DiskError, SetupError, StoreError
from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.places import archive_at
from ivr.retention.archive.s3 import S3Archive, S3Limits
from tests.retention.archive.parts import DAY, JSON, NEXT, SECOND, WAV, item, put, read
from tests.storage.parts import EIO, Trace


def keys(bucket: S3Archive) -> list[str]:
    answer = bucket._client.list_objects_v2(Bucket=bucket._place.bucket)
    return [each["Key"] for each in answer.get("Contents", ())]


def on(bucket: S3Archive, event: str, call: Callable[..., Any]) -> None:
    bucket._client.meta.events.register(event, call)


def test_where_things_lie(bucket: S3Archive, place: S3Place, tmp_path: Path) -> None:
    put(bucket, WAV)
    assert keys(bucket) == [f"archive/of-us/2024-05-01/{WAV}"]
    plain = S3Archive(replace(place, prefix=""), tmp_path / "scratch")
    put(plain, JSON, day=NEXT)
    assert keys(bucket) == [f"2024-05-02/{JSON}", f"archive/of-us/2024-05-01/{WAV}"]
    assert (plain.days(), bucket.days()) == ([NEXT], [DAY])


def test_what_others_put_there_is_not_shown(bucket: S3Archive) -> None:
    put(bucket, WAV)
    for key in ("archive/of-us/2024-05-01/x.txt", "archive/of-us/notes/x", f"2024-05-03/{WAV}"):
        bucket._client.put_object(Bucket=bucket._place.bucket, Key=key, Body=b"")
    assert bucket.days() == [DAY]
    assert bucket.names(DAY) == [WAV]


def test_more_than_one_page(bucket: S3Archive) -> None:
    names = [f"{number:08x}-ceea-467f-a0e6-1b2c3d4e5f60.json" for number in range(30)]
    bucket.put([item(bucket, name, name.encode()) for name in names])

    def few(params: dict[str, Any], **_: object) -> None:
        params["MaxKeys"] = 7

    on(bucket, "provide-client-params.s3.ListObjectsV2", few)
    assert bucket.names(DAY) == names
    assert read(bucket, names[29]) == names[29].encode()
    bucket.remove([(DAY, name) for name in names])
    assert keys(bucket) == []


def test_a_large_file_streams(bucket: S3Archive) -> None:
    data = os.urandom(5 << 20)
    put(bucket, SECOND, data)
    assert read(bucket, SECOND) == data
    assert os.listdir(bucket.scratch) == []


def test_audio_goes_before_its_record(bucket: S3Archive) -> None:
    seen: list[str] = []
    on(bucket, "provide-client-params.s3.PutObject", lambda params, **_: seen.append(params["Key"]))
    bucket.put([item(bucket, JSON, b"{}"), item(bucket, WAV, b"1"), item(bucket, SECOND, b"2")])
    assert seen[-1].endswith(JSON)
    assert len(seen) == 3


def test_both_hashes_are_sent(bucket: S3Archive) -> None:
    sent: list[dict[str, str]] = []
    on(bucket, "before-send.s3.PutObject", lambda request, **_: sent.append(request.headers))
    put(bucket, WAV, b"sound")
    [headers] = sent
    md5 = hashlib.md5(b"sound", usedforsecurity=False).digest()
    assert headers["Content-MD5"] == b64encode(md5)
    assert headers["X-Amz-Content-SHA256"] == hashlib.sha256(b"sound").hexdigest().encode()


def test_what_is_damaged_on_its_way_does_not_count(bucket: S3Archive) -> None:
    def damage(request: Any, **_: object) -> None:
        request.body = b"s0und"

    on(bucket, "before-send.s3.PutObject", damage)
    made = item(bucket, WAV, b"sound")
    # A server that looks at the hashes refuses it; of one that does not, as here, its answer tells.
    with pytest.raises(StoreError, match=r"BadDigest|is not what was put there") as told:
        bucket.put([made])
    assert told.value.retry
    assert made.source.read_bytes() == b"sound"


def other_etag(parsed: dict[str, Any], **_: object) -> None:
    parsed["ETag"] = '"not the MD5, as where the server encrypts"'


def test_an_answer_that_says_nothing_is_read_back(bucket: S3Archive) -> None:
    on(bucket, "after-call.s3.PutObject", other_etag)
    gets: list[object] = []
    on(bucket, "before-send.s3.GetObject", lambda request, **_: gets.append(request))
    put(bucket, WAV, b"sound")
    assert len(gets) == 1
    assert read(bucket, WAV) == b"sound"


def test_what_reads_back_otherwise_was_not_put(bucket: S3Archive) -> None:
    on(bucket, "after-call.s3.PutObject", other_etag)

    def spoil(params: dict[str, Any], **_: object) -> None:
        params["Range"] = "bytes=0-3"

    on(bucket, "provide-client-params.s3.GetObject", spoil)
    made = item(bucket, WAV, b"sound")
    with pytest.raises(StoreError, match="is not what was put there"):
        bucket.put([made])
    assert made.source.exists()


def test_a_failed_batch_can_be_put_again(bucket: S3Archive) -> None:
    items = [item(bucket, WAV, b"1"), item(bucket, SECOND, b"2"), item(bucket, JSON, b"{}")]
    failing = [SECOND]

    def fail(request: Any, **_: object) -> None:
        if failing and failing[0] in request.url:
            raise ConnectionResetError("gone")

    on(bucket, "before-send.s3.PutObject", fail)
    with pytest.raises((StoreError, DiskError)):
        bucket.put(items)
    assert [each.source.exists() for each in items] == [False, True, True]
    failing.clear()
    bucket.put([each for each in items if each.source.exists()])
    assert bucket.names(DAY) == sorted([JSON, WAV, SECOND])


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_where_versions_are_kept_nothing_is_called_destroyed(
    bucket: S3Archive, status: str
) -> None:
    put(bucket, WAV)
    bucket.check()
    bucket._client.put_bucket_versioning(
        Bucket=bucket._place.bucket, VersioningConfiguration={"Status": status}
    )
    for call in (lambda: bucket.remove([(DAY, WAV)]), bucket.check):
        with pytest.raises(StoreError, match=rf"the bucket keeps versions \({status}\)") as told:
            call()
    assert "nothing was removed" in str(told.value)
    assert bucket.has(DAY, WAV)


def refusing(code: str, status: int) -> Callable[..., Any]:
    """As if the server had answered with this."""

    def answer(**_: object) -> Any:
        from botocore.awsrequest import AWSResponse

        body = f"<Error><Code>{code}</Code><Message>No {code}</Message></Error>".encode()
        raw = type("Raw", (), {"stream": lambda *_a, **_k: iter([body])})()
        return AWSResponse("http://x", status, {}, raw)

    return answer


def test_a_server_without_versions_can_destroy(bucket: S3Archive) -> None:
    put(bucket, WAV)
    on(bucket, "before-send.s3.GetBucketVersioning", refusing("NotImplemented", 501))
    bucket.remove([(DAY, WAV)])
    assert keys(bucket) == []


def test_who_may_not_ask_for_versions_may_not_destroy(bucket: S3Archive) -> None:
    put(bucket, WAV)
    on(bucket, "before-send.s3.GetBucketVersioning", refusing("AccessDenied", 403))
    with pytest.raises(StoreError, match=r"need s3:GetObject, .* and s3:GetBucketVersioning"):
        bucket.remove([(DAY, WAV)])
    assert bucket.has(DAY, WAV)


def test_what_cannot_be_removed_is_not_called_destroyed(bucket: S3Archive) -> None:
    put(bucket, WAV)
    on(bucket, "before-send.s3.DeleteObject", refusing("", 204))
    with pytest.raises(StoreError, match="was removed and is still there"):
        bucket.remove([(DAY, WAV)])


def test_no_bucket_is_told(place: S3Place, tmp_path: Path) -> None:
    archive = S3Archive(replace(place, bucket="not-made"), tmp_path / "scratch")
    for call in (archive.days, lambda: archive.names(DAY), lambda: read(archive, WAV)):
        with pytest.raises(StoreError, match=r"not-made.*: there is no such bucket\n  make it"):
            call()
    with pytest.raises(StoreError, match="not-made"):
        archive.check()
    with pytest.raises(StoreError, match="no such bucket"):
        put(archive, WAV)


def test_a_storage_that_is_away_is_told_and_may_be_tried_again(
    place: S3Place, tmp_path: Path
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        limits = S3Limits(connect_s=1, read_s=1, attempts=1)
        archive = S3Archive(replace(place, endpoint=endpoint), tmp_path / "scratch", limits)
        made = item(archive, WAV, b"sound")
        for call in (
            lambda: archive.put([made]),
            lambda: archive.remove([(DAY, WAV)]),
            lambda: archive.has(DAY, WAV),
            lambda: archive.open(DAY, WAV),
            archive.days,
            archive.check,
        ):
            with pytest.raises(StoreError, match=f"object storage at {endpoint}") as told:
                call()
            assert told.value.retry
        assert made.source.read_bytes() == b"sound"


def test_a_scratch_that_cannot_be_read_is_of_the_disk(place: S3Place, tmp_path: Path) -> None:
    trace = Trace()
    archive = S3Archive(place, tmp_path / "scratch", disk=trace.disk())
    made = item(archive, WAV, b"sound")
    trace.failing["open"] = EIO
    with pytest.raises(DiskError, match="Input/output error"):
        archive.put([made])
    made.source.unlink()
    made.source.symlink_to("/etc/hostname")
    trace.failing.clear()
    with pytest.raises(DiskError, match="cannot put"):
        archive.put([made])


def test_without_boto3_it_says_what_to_install(
    place: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith(("boto3", "botocore")):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(SetupError, match=r"boto3 is not installed\n  install the extra"):
        S3Archive(place, tmp_path / "scratch")


@pytest.mark.parametrize(
    "text", ["", "[default]\naws_access_key_id = secret-1\n", "[other]\nx = secret-1\n", "secret-1"]
)
def test_credentials_that_are_none_are_refused_and_not_shown(
    place: S3Place, tmp_path: Path, text: str
) -> None:
    assert place.credentials is not None
    place.credentials.write_text(text)
    with pytest.raises(SetupError, match=r"is no file of credentials\n  expected") as told:
        S3Archive(place, tmp_path / "scratch")
    assert "secret-1" not in str(told.value)
    assert told.value.__cause__ is None
    place.credentials.unlink()
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        S3Archive(place, tmp_path / "scratch")


def test_the_settings_say_which_archive(place: S3Place, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    assert isinstance(archive_at(tmp_path / "calls", tmp_path / "state"), FolderArchive)
    archive = archive_at(place, tmp_path / "state")
    assert archive.scratch == tmp_path / "state" / "scratch"
    put(archive, WAV)
    assert archive.days() == [DAY]
    with pytest.raises(SetupError, match="cannot be made"):
        archive_at(place, tmp_path / "missing")
