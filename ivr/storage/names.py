"""The one check that stands between a call's id and a path (R23)."""

from __future__ import annotations

import re

from ivr.errors import SpoolError

_CALL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def is_call_id(text: object) -> bool:
    """Whether this is an id as FreeSWITCH makes them: a lower-case UUID and nothing else."""
    return isinstance(text, str) and _CALL_ID.fullmatch(text) is not None


def checked_call_id(text: object) -> str:
    """The id, fit to become part of a path. Raises SpoolError for anything else."""
    if isinstance(text, str) and _CALL_ID.fullmatch(text):
        return text
    shown = repr(text)
    raise SpoolError(
        f"{shown[:60]}{'…' if len(shown) > 60 else ''} is not the id of a call\n"
        "  expected a lower-case UUID such as 8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
    )
