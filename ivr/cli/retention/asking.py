"""How people's commands ask the retention service, and what words they share (R16).

Whoever types them can read neither the archive nor the passwords. The service is asked over its
socket, and the operating system tells it who asks.
"""

from __future__ import annotations

import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.config.mistakes import quoted
from ivr.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ivr.retention.service.client import Client

_LARGEST_IDENTITY = 1 << 16
_RELATIVE = {"yesterday": -1, "today": 0, "tomorrow": 1}
TOKEN = "IVR_RETENTION_TOKEN"  # noqa: S105  # the variable's name, and no secret
"""The variable of the environment that has a program's token. On a command line others would see
it."""
DAY = "DAY"
"""How help calls a day's word."""

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
identity_option = click.option(
    "--identity",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the secret key of a sealed archive, where the service has none.",
)
case_option = click.option(
    "--case", default="", metavar="REF", help="The case that it is for, where your role needs one."
)
reason_option = click.option("--reason", default="", help="Why; goes into the audit trail.")


def service(site: Path) -> Client:
    """The retention service of a host, to be asked as whoever runs this; as the person of a token,
    where :data:`TOKEN` has one.

    Raises:
        ConfigError: the file that says where its socket is cannot be read.
        UsageError: what is given as a token cannot be one.
    """
    from ivr.config.retention_socket import socket_of
    from ivr.retention.service.client import Client

    return Client(socket_of(site), os.environ.get(TOKEN, "").strip())


def state_of(site: Path) -> Path:
    """The service's folder, by what the file says now; quickly, and with mistakes elsewhere in
    it."""
    from ivr.config.folders import resolved
    from ivr.config.reading import read

    document = read(site)
    return resolved(document, document.text("state") or "state")


def zone_of(site: Path) -> ZoneInfo | None:
    """By whose clock the site's days begin; None, which is the host's own, where the file does
    not say: the service says what is wrong with it."""
    from zoneinfo import ZoneInfo

    from ivr.config.reading import read

    try:
        return ZoneInfo(read(site).text("time_zone") or "")
    except (ValueError, KeyError, OSError):
        return None


def day_in(word: str | None, option: str, site: Path) -> date | None:
    """A day as people write it: ``2026-03-29``, ``yesterday``, ``today``, ``tomorrow``; None
    where nothing was written. Raises UsageError."""
    if word is None:
        return None
    text = word.strip().lower()
    if text in _RELATIVE:
        return datetime.now(zone_of(site)).date() + timedelta(days=_RELATIVE[text])
    try:
        if len(text) != len("2026-03-29"):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option}: {quoted(word)} is no day, expected one such as 2026-03-29,"
            " yesterday or today"
        ) from None


def identity_in(path: Path | None) -> str:
    """The secret key in a file; empty where no file was named. Raises UsageError."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_IDENTITY + 1)
        text = data.decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is no text"
        raise UsageError(f"--identity: {path} cannot be read: {why}") from error
    if len(data) > _LARGEST_IDENTITY or "AGE-SECRET-KEY-" not in text.upper():
        raise UsageError(f"--identity: {path} holds no key, expected what age-keygen wrote")
    return text


def at_terminal() -> bool:
    """Whether a person sees what is printed; else each row is one plain line."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
