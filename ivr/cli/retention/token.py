"""``ivr retention token``: programs that ask the service for people (R16)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.retention.asking import state_of
from ivr.cli.retention.words import retention_option
from ivr.cli.token import Tokens, days_option, json_option, name_argument
from ivr.cli.words import examples
from ivr.errors import SetupError

if TYPE_CHECKING:
    from ivr.config.document import Document


@click.group()
def token() -> None:
    """Which programs may ask the service: add, list and revoke tokens.

    Whoever shows a token is the person token:NAME. What that one may, access.yaml says. The
    running service sees a change at once.
    """


@token.command(
    epilog=examples(
        "ivr retention token add desk",
        "ivr retention token add desk --days 365",
    )
)
@retention_option
@name_argument
@days_option
def add(site: Path, name: str, days: int | None) -> None:
    """Make a token and print it, this once: only its hash is kept.

    NAME says who has it, in lists and in the audit trail: token:NAME.
    """
    from ivr.retention.service.callers import RECORDINGS

    access = _access(site)
    _tokens(site, access).add(name, [RECORDINGS], days)
    if f"token:{name}" not in _users(access):
        click.echo(
            f"it may nothing yet: {access.path} has no token:{name} under people; the service"
            " takes that over at its next start",
            err=True,
        )


@token.command(
    "list", epilog=examples("ivr retention token list", "ivr retention token list --json")
)
@retention_option
@json_option
def list_(site: Path, as_json: bool) -> None:
    """List the tokens by name, with their end; never the tokens themselves."""
    _tokens(site, _access(site)).show(as_json)


@token.command(epilog=examples("ivr retention token revoke desk"))
@retention_option
@name_argument
def revoke(site: Path, name: str) -> None:
    """Forget a token; the running service refuses it from the next request on."""
    _tokens(site, _access(site)).revoke(name)


def _access(site: Path) -> Document:
    """Who may what, as it stands in the file. Raises ConfigurationError."""
    from ivr.config.folders import resolved

    retention = _whole(site)
    return _whole(resolved(retention, retention.text("access") or "access.yaml"))


def _whole(path: Path) -> Document:
    from ivr.config.load import ConfigurationError
    from ivr.config.reading import read

    document = read(path)
    if document.broken:
        raise ConfigurationError(document.mistakes)
    return document


def _tokens(site: Path, access: Document) -> Tokens:
    """The file that access.yaml names. Raises SetupError where it names none."""
    from ivr.config.access import tokens_of
    from ivr.retention.service.callers import USE

    path = tokens_of(access)
    if path is None:
        raise SetupError(
            f"{access.path}: names no file of tokens, so that the service takes none\n"
            "  name one in it, and start the service again: tokens: retention-tokens.json"
        )
    return Tokens(path, USE, state_of(site))


def _users(access: Document) -> set[str | None]:
    people = access.at("people")
    count = len(people) if isinstance(people, list) else 0
    return {access.text("people", n, "user") for n in range(count)}
