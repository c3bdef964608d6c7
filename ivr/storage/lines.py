"""One line of the journal: bytes to entry and back (R22).

``{"c":<call>,"n":<number in the call>,"w":<wall ms>,"m":<monotonic ms>,"k":<kind>,
"d":{<fields>},"crc":<CRC-32 of the bytes before ',"crc":'>}`` and a line feed, in ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args, get_type_hints
from zlib import crc32

from ivr.core.entries import Entry, Stamp, Stamped
from ivr.errors import SpoolError
from ivr.storage.encode import Encoder, encoder
from ivr.storage.names import checked_call_id

KINDS: Mapping[str, type[Entry]] = {kind.__name__: kind for kind in get_args(Entry)}
"""Every kind of entry by its name on disk."""

_HEADS: Mapping[type[Entry], tuple[str, Encoder]] = {
    kind: (f'"k":"{name}","d":', encoder(kind)) for name, kind in KINDS.items()
}
_TYPES = {kind: get_type_hints(kind) for kind in KINDS.values()}
_CRC = b',"crc":'


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says."""

    call: str
    number: int
    """The entry's place in its call, from 0; the same number again is the same entry."""
    stamped: Stamped


def line_of(call: str, number: int, entry: Entry, stamp: Stamp) -> bytes:
    """The line for an entry. The call id must have been checked."""
    head, fields = _HEADS[entry.__class__]
    body = (
        f'{{"c":"{call}","n":{number},"w":{stamp.wall_ms},"m":{stamp.mono_ms},{head}{fields(entry)}'
    ).encode("ascii")
    return b'%b,"crc":%d}\n' % (body, crc32(body))


def parse(line: bytes) -> Line:
    """What a line (without its line feed) says. Raises SpoolError saying why it is bad."""
    body, mark, rest = line.rpartition(_CRC)
    if not mark or rest != b"%d}" % crc32(body):
        raise SpoolError("its checksum does not fit")
    try:
        data = json.loads(body + b"}")
        call, number, kind = checked_call_id(data["c"]), data["n"], KINDS[data["k"]]
        stamp = Stamp(data["w"], data["m"])
        fields = data["d"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SpoolError(f"it is not an entry of this version ({error!r})") from error
    if not (type(number) is type(stamp.wall_ms) is type(stamp.mono_ms) is int):
        raise SpoolError("its number or times are not integers")
    if not isinstance(fields, dict):
        raise SpoolError("its fields are no object")
    types = _TYPES[kind]
    # A field of a newer engine is left out, so that going back to an older one loses no call.
    known = {name: value for name, value in fields.items() if name in types}
    for name, value in known.items():
        if type(value) is not types[name]:
            raise SpoolError(f"{kind.__name__}.{name} has a value of another type")
    try:
        return Line(call, number, Stamped(stamp, kind(**known)))
    except TypeError as error:
        raise SpoolError(f"{kind.__name__} lacks a field ({error})") from error
