"""``retention.yaml``, and with the files that it names the whole of the retention layer's
configuration, or every mistake in it at once (R20)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from ivr.config.access import read_access, tokens_of
from ivr.config.addresses import Address
from ivr.config.document import Document
from ivr.config.explain import validated
from ivr.config.folders import resolved
from ivr.config.kinds import Known, bytes_of, milliseconds
from ivr.config.load import ConfigurationError
from ivr.config.mistakes import Mistake
from ivr.config.reading import read
from ivr.config.retention_checks import (
    check_folders,
    check_s3,
    check_sealing,
    check_secrets,
    check_socket,
    index_url,
    mail_password,
)
from ivr.config.retention_socket import socket_in, socket_of
from ivr.config.schedule import kinds_of, read_schedule
from ivr.config.schema.retention import Mail, RetentionFile
from ivr.config.secret_files import key_file, written_by_anybody
from ivr.config.settings import LogSettings
from ivr.config.settings_retention import (
    Checkpoints,
    MailSettings,
    RetentionConfiguration,
    RetentionSite,
    S3Place,
    Sealing,
    Security,
)
from ivr.core.access import Access
from ivr.core.schedule import Period, Schedule
from ivr.errors import ConfigError

__all__ = ["check_retention", "load_retention", "read_retention", "socket_of"]

_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


def load_retention(path: Path) -> RetentionConfiguration:
    """The configuration that the file names; :class:`ConfigurationError` for mistakes.

    Reads the files of passwords, too: only the service's user can do that, and root.
    """
    found = _read(Path(path))
    if found.mistakes:
        raise ConfigurationError(found.mistakes)
    if found.site is None or found.schedule is None or found.access is None:
        raise ConfigError(f"{path} has a mistake that was not named; please report it")
    return RetentionConfiguration(found.site, found.schedule, found.access, found.tokens)


def check_retention(path: Path) -> list[Mistake]:
    """Every mistake in the file and those that it names, sorted; empty where all is well."""
    return sorted(set(_read(Path(path)).mistakes))


@dataclass(frozen=True, slots=True)
class _Found:
    """All that was read; complete where there are no mistakes."""

    mistakes: tuple[Mistake, ...]
    site: RetentionSite | None = None
    schedule: Schedule | None = None
    access: Access | None = None
    tokens: Path | None = None


def _read(path: Path) -> _Found:
    document = read(path)
    site = read_retention(document)
    if document.broken:
        return _Found(tuple(document.mistakes))
    # What else there is to say is said too, whatever is wrong in this file.
    schedule_file = read(resolved(document, document.text("schedule") or "schedule.yaml"))
    access_file = read(resolved(document, document.text("access") or "access.yaml"))
    schedule = read_schedule(schedule_file)
    access = read_access(access_file, kinds_of(schedule_file))
    documents = (document, schedule_file, access_file)
    for each in documents:
        written_by_anybody(each)
    mistakes = tuple(mistake for each in documents for mistake in each.mistakes)
    return _Found(mistakes, site, schedule, access, tokens_of(access_file))


def read_retention(document: Document) -> RetentionSite | None:
    """The site's settings; ``None`` with the mistakes noted in the document.

    Raises nothing; also where the result is not ``None`` mistakes may have been noted.
    """
    check_secrets(document)
    file = validated(document, RetentionFile, Known())
    if document.broken:
        return None
    state = resolved(document, document.text("state") or "state")
    spools = _spools(document)
    archive = _archive(document, state)
    check_folders(document, spools, archive if isinstance(archive, Path) else None, state)
    socket = socket_in(document)
    check_socket(document, socket)
    index = index_url(document, state)
    sealing = check_sealing(document, index)
    key_file(document, ("checkpoints", "key"), required=False)
    check_s3(document)
    password = mail_password(document)
    if file is None:
        return None
    return RetentionSite(
        file=document.path.absolute(),
        spools=tuple(spools.values()),
        archive=archive,
        index=index.render_as_string(hide_password=False) if index else "",
        state=state,
        socket=socket,
        http=Address.of(file.http.listen),
        zone=ZoneInfo(file.time_zone),
        format=file.format,
        sealing=Sealing(tuple(file.sealing.recipients), *sealing) if file.sealing else None,
        mail=_mail(document, file.mail, password) if file.mail else None,
        schedule=resolved(document, file.schedule),
        access=resolved(document, file.access),
        log=LogSettings(file.log.format, file.log.level, file.log.numbers),
        checkpoints=Checkpoints(
            _path(document, file.checkpoints.key),
            file.checkpoints.every,
            _path(document, file.checkpoints.copies),
        ),
        aside_keep=Period.of(file.aside_keep),
    )


def _path(document: Document, name: str | None) -> Path | None:
    return resolved(document, name) if name else None


def _spools(document: Document) -> dict[int, Path]:
    """The spools, by their place in the list."""
    listed = document.at("spools")
    count = len(listed) if isinstance(listed, list) else 0
    names = {n: document.text("spools", n) for n in range(count)}
    return {n: resolved(document, name) for n, name in names.items() if name}


def _archive(document: Document, state: Path) -> Path | S3Place:
    text = document.text("archive")
    if text is None:
        return state / "archive"
    scheme, colon, rest = text.partition("://")
    if not colon or scheme != "s3":
        return resolved(document, text)
    bucket, _, prefix = rest.partition("/")
    return S3Place(
        bucket,
        prefix.strip("/"),
        document.text("s3", "endpoint"),
        document.text("s3", "region"),
        _path(document, document.text("s3", "credentials")),
    )


def _mail(document: Document, mail: Mail, password: str) -> MailSettings:
    return MailSettings(
        host=mail.host,
        port=mail.port or _PORTS[mail.security],
        security=mail.security,
        user=mail.user or "",
        password=password,
        sender=mail.sender,
        timeout_s=milliseconds(mail.timeout) / 1000,
        largest=bytes_of(mail.largest),
        give_up_ms=milliseconds(mail.give_up),
        ca_file=_path(document, mail.ca_file),
        templates=resolved(document, mail.templates),
        format=mail.format,
    )
