"""Adding, listing and revoking tokens: what ``ivr token`` and ``ivr retention token`` share."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.words import say

if TYPE_CHECKING:
    from ivr.tokens.file import TokenFile
    from ivr.tokens.token import Use

name_argument = click.argument("name")
days_option = click.option(
    "--days", type=int, help="It is not accepted after so many.  [default: no end]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A file of tokens of this host, for its commands."""

    path: Path
    use: Use
    data: Path
    """A folder of whoever reads the file: where root makes it, it goes to the same user."""

    def _file(self) -> TokenFile:
        from ivr.tokens.file import Owner, TokenFile

        try:
            status = os.stat(self.data)
        except OSError:
            owner = None
        else:
            owner = Owner(status.st_uid, status.st_gid)
        return TokenFile(self.path, self.use, owner)

    def add(self, name: str, scopes: Collection[str], days: int | None) -> None:
        """Make a token and print it, this once. Raises UsageError, SetupError, DiskError."""
        secret = self._file().add(name, scopes, days)
        click.echo(f"in {self.path}; the token itself is shown only now:", err=True)
        say(secret)

    def show(self, as_json: bool) -> None:
        """Print them by name, with scopes and end; never the tokens themselves. Raises
        SetupError."""
        from ivr.tokens.file import read

        tokens = read(self.path, self.use)
        width = max((len(one.name) for one in tokens), default=0)
        for one in tokens:
            scopes = sorted(one.scopes)
            made = one.created.isoformat()
            expires = one.expires.isoformat() if one.expires else None
            if as_json:
                row = {"name": one.name, "scopes": scopes, "created": made, "expires": expires}
                say(json.dumps(row))
            else:
                end = f"until {expires}" if expires else "no end"
                say(f"{one.name:{width}}  {','.join(scopes)}  made {made}  {end}")
        if not tokens:
            click.echo("no tokens", err=True)

    def revoke(self, name: str) -> None:
        """Forget one. Raises UsageError, SetupError, DiskError."""
        self._file().revoke(name)
        say(f"revoked: {name}")
