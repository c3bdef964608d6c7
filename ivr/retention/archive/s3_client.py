"""The connection to object storage: who we are, how long is waited, and what its errors mean."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ivr.config.settings_retention import S3Place
from ivr.errors import SetupError, StoreError

GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_REFUSED = frozenset(
    {
        "401", "403", "AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed",
        "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch",
    }
)  # fmt: skip
_RIGHTS = "s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and s3:GetBucketVersioning"


def connect(place: S3Place, *, connect_s: float, read_s: float, attempts: int, at_once: int) -> Any:
    """A client of boto3. Raises SetupError where boto3 is missing or there are no credentials."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise SetupError(
            f"the archive is in object storage (s3://{place.bucket}), and boto3 is not installed\n"
            "  install the extra: pip install 'ivr[s3]'"
        ) from error
    config = Config(
        connect_timeout=connect_s,
        read_timeout=read_s,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        max_pool_connections=at_once,
        signature_version="s3v4",
        # Not every storage knows Amazon's newer checksums; what we send ourselves, every one does.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "payload_signing_enabled": True,
            "addressing_style": "path" if place.endpoint else "auto",
        },
    )
    keys = {} if place.credentials is None else _keys(place.credentials)
    region = place.region or ("us-east-1" if place.endpoint else None)
    try:
        session = boto3.session.Session(region_name=region, **keys)
        return session.client("s3", endpoint_url=place.endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise SetupError(
            f"s3://{place.bucket}: {error}\n  mend endpoint, region or credentials of the archive"
        ) from error


def _keys(path: Path) -> dict[str, str]:
    """What a shared-credentials file has. Raises SetupError; never says what it holds."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text("utf-8"))
        section = parser["default"]
        keys = {name: section[name] for name in ("aws_access_key_id", "aws_secret_access_key")}
    except OSError as error:
        raise SetupError(f"{path}: cannot be read: {error.strerror}") from error
    except (configparser.Error, KeyError, UnicodeDecodeError):
        raise SetupError(
            f"{path}: is no file of credentials\n"
            "  expected [default] with aws_access_key_id and aws_secret_access_key"
        ) from None
    if token := section.get("aws_session_token"):
        keys["aws_session_token"] = token
    return keys


class Trouble:
    """Turns what boto3 raises into StoreError: ``with trouble("get", key): …``."""

    def __init__(self, place: S3Place) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        self._place = place
        self._kinds = (BotoCoreError, ClientError)
        self.refusals: type[Exception] = ClientError
        """What is raised where the storage answers, and refuses."""

    def code(self, error: Exception) -> str:
        """What the storage calls a refusal."""
        answer: Any = getattr(error, "response", {})
        return str(answer.get("Error", {}).get("Code", ""))

    @contextmanager
    def __call__(self, what: str, key: str = "") -> Iterator[Trouble]:
        """Raises StoreError."""
        try:
            yield self
        except self._kinds as error:
            where = f"{self._place.bucket}/{key}" if key else self._place.bucket
            raise StoreError(f"{where}: {self._said(what, error)}") from error

    def _said(self, what: str, error: Exception) -> str:
        code = self.code(error)
        if code == "NoSuchBucket":
            return "there is no such bucket\n  make it, or name the right one as the archive"
        if code in GONE and what == "get":
            return (
                "is not in the archive\n"
                "  the index names it; look who else may remove there, and for a copy"
            )
        said = f"cannot {what}: {error}"
        if code in _REFUSED:
            return f"{said}\n  the credentials of the archive need {_RIGHTS}"
        return (
            f"{said}\n  nothing is lost: it is tried again; look whether the object storage at"
            f" {self._place.endpoint or 'Amazon'} can be reached from here"
        )
