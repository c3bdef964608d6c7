"""What stands between a call's id and a path (R23), and the names of its files."""

from __future__ import annotations

import re

from ivr.core.timeline import is_part_number
from ivr.errors import SpoolError

_AUDIO = re.compile(r"([^.]{36}(?:\.[0-9]+)?)\.wav(?:\..+)?", re.ASCII | re.DOTALL)
"""A recording, or its reason, whatever was added to its name by setting it aside."""
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


def stem_of(call_id: str, part: int) -> str:
    """The name, without its end, of a part of a call's recording: ``<call>``, ``<call>.2``.

    Raises SpoolError for what is no call's id.
    """
    checked = checked_call_id(call_id)
    return checked if part == 1 else f"{checked}.{part:d}"


def call_and_part(stem: str) -> tuple[str, int] | None:
    """The other way round: the call and the part; None for a name that is no recording's."""
    call, dot, number = stem.partition(".")
    if not is_call_id(call) or (dot and not is_part_number(number)):
        return None
    return call, int(number) if dot else 1


def audio_of(name: str) -> tuple[str, int] | None:
    """The call and the part that a file of this name holds, or that it is the reason of, under
    whatever name it was set aside; None where it is none."""
    named = _AUDIO.fullmatch(name)
    return call_and_part(named[1]) if named else None
