"""What the tokens of the HTTP interface may be used for. :mod:`ivr.tokens` keeps them."""

from __future__ import annotations

from enum import StrEnum

from ivr.tokens.token import Use

ENGINEER = "engineer"
"""The name of the secret that the running engine leaves for this host's commands. No token of
the file may have it."""


class Scope(StrEnum):
    """What a token may be used for."""

    READ = "calls:read"
    """See the calls in progress."""
    PAUSE = "recording:pause"
    """Pause and resume recordings."""
    MARK = "calls:mark"
    """Mark calls as abusive."""


USE = Use(
    scopes=tuple(scope.value for scope in Scope),
    command="ivr token",
    reader="the engine's user",
    setting="http.tokens in the site file",
    reserved=frozenset({ENGINEER}),
)
"""Of the engine's file."""
